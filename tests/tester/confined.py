"""Runs the checks of one submission in a process with limits, and writes down what became of each as it goes.

Whoever starts this may have to end it: then what was written until then counts. On POSIX the limits are the system's,
and hold for all that is started from here; on Windows there are none, and grade.py watches alone.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tester.check import Programs, Trouble, Wish, run
from tester.report import Result

MEGABYTE = 1024 * 1024
MOST_IN_A_FILE = 100 * MEGABYTE
MORE_THREADS = 500  # than the user has already; the system counts threads as processes


def confine(memory: int, seconds: int) -> None:
    """Set limits that can't be raised again. They stand behind grade.py's own, which are narrower."""
    if sys.platform == "win32":
        return
    import resource

    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": MOST_IN_A_FILE,
        "RLIMIT_DATA": 4 * memory * MEGABYTE,  # of one process; the stacks of its threads count, used or not
        "RLIMIT_NPROC": threads_of_this_user() + MORE_THREADS,
    }
    for name, wanted in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError):
            pass  # a system that has this limit in name alone


def threads_of_this_user() -> int:
    import psutil

    me = psutil.Process().username()
    found = psutil.process_iter(["username", "num_threads"])
    return sum(one.info["num_threads"] or 1 for one in found if one.info["username"] == me)


class Diary:
    """A file in which stands what has become of the checks so far, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self.has_checks = False

    def seen(self, checks: list[dict[str, Any]], results: list[Result]) -> None:
        if checks and not self.has_checks:
            self.has_checks = True
            self.write({"checks": checks})
        for result in results[self.written :]:
            self.write({"result": result.as_json})
        self.written = len(results)

    def write(self, line: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as diary:
            diary.write(json.dumps(line) + "\n")


def main(job: dict[str, Any]) -> None:
    confine(job["memory"], job["seconds"])
    diary = Diary(Path(job["diary"]))
    programs = Programs(**job["programs"])
    wish = Wish(keep_going=True, deadline=job["deadline"], helpers=job["helpers"], seen=diary.seen)
    try:
        report = run(job["stage"], programs, wish=wish)
    except Trouble as trouble:
        diary.write({"could_not_start": str(trouble)})
        return
    if report.could_not_start:
        diary.write({"could_not_start": report.could_not_start})
    diary.write({"end": True})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
