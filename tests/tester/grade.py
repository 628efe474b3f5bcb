"""Judges a folder of submissions, several at a time, each in processes of its own with limits; makes a table.

The idea: nothing that a submission does may stop the grading. So each is copied to a folder of its own and watched from
outside: whoever takes too long, fills the memory or starts too many processes is ended, with all that it has started,
and is judged by the checks that were done until then.

What this does not protect against: a submission is an ordinary program, with the rights of whoever grades. It can read
and delete their files, and use the network. For programs of people whom you don't trust, grade in a virtual machine.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tester.check import quoted
from tester.learn import Problem
from tester.report import Report, Result, junit
from tester.workspace import PROGRAMS, ROOT

MEGABYTE = 1024 * 1024
LOOK = 0.2  # seconds between two looks at what a submission does
MOST_PROCESSES = 60  # that a submission may have at a time; a right one has about six
MARK = "CHAT_GRADING"  # in the environment of all that a submission starts, with a word for each submission
OURS = 400 * MEGABYTE  # what a process of the tester may fill itself: more means that it drowns in what was printed


@dataclass
class Submission:
    """Somebody's programs, and what became of them."""

    folder: Path
    stage: int
    missing: list[str] = field(default_factory=list)
    report: Report = field(default_factory=lambda: Report(1))
    stopped: str = ""  # why its run was ended before its time
    seconds: float = 0

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def result(self) -> str:
        """The verdict in a word or two."""
        if self.stopped:
            return "stopped"
        if self.report.could_not_start:
            return "not started"
        if len(self.missing) == len(PROGRAMS):
            return "no program"
        if self.report.bad or not self.report.results:
            return "failed"
        return "incomplete" if self.missing else "passed"

    @property
    def note(self) -> str:
        """What a teacher should know besides."""
        missing = f"There is no {' and no '.join(self.missing)}." if self.missing else ""
        said = self.report.could_not_start.strip()
        return " ".join(filter(None, (self.stopped, missing, said.splitlines()[-1].strip() if said else "")))

    def passed(self, stage: int | None = None) -> int:
        return sum(
            one.outcome != "failed" and not one.is_bad for one in self.report.results if stage in (None, one.stage)
        )

    def of(self, stage: int | None = None) -> int:
        return sum(stage in (None, check["stage"]) for check in self.report.checks)

    @property
    def text(self) -> str:
        """Its own report."""
        return "\n\n".join(filter(None, (f"{self.name}: {self.result}", self.note, self.report.text))) + "\n"


def grade(options: argparse.Namespace) -> int:
    """Judge them all, write what was asked for, and print the table."""
    found = [Submission(path, options.stage) for path in sorted(options.folder.iterdir()) if is_submission(path)]
    if not found:
        raise Problem(
            f"There are no submissions in {options.folder}: each is a folder with a server.py and a client.py."
        )
    reports = options.reports or options.csv.with_name(f"{options.csv.stem}_reports")
    reports.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        for number, submission in enumerate(pool.map(lambda one: judged(one, options), found), 1):
            (reports / f"{submission.name}.txt").write_text(submission.text, encoding="utf-8")
            print(f"{number} of {len(found)}: {submission.name}: {submission.result}", file=sys.stderr, flush=True)
    write_csv(options.csv, found, options.stage)
    if options.junit:
        write_junit(options.junit, found)
    print(table(found, options.stage))
    print(f"\nThe table is in {options.csv}, a report on each in {reports}.")
    return 0


def is_submission(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith((".", "_"))


# ---- One submission ----


def judged(submission: Submission, options: argparse.Namespace) -> Submission:
    """Copy a submission, run the checks on the copy under watch, and read what became of them."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chat-grade-", ignore_cleanup_errors=True) as folder:
        copy, diary = Path(folder) / "program", Path(folder) / "diary.jsonl"
        shutil.copytree(submission.folder, copy, symlinks=True)
        programs, submission.missing = programs_of(copy)
        if programs:
            job = {"stage": submission.stage, "programs": programs, "diary": str(diary), "memory": options.memory_limit}
            job |= {"seconds": options.time_limit, "deadline": options.deadline, "helpers": 2}
            submission.stopped = Watched(job, copy).until_the_end()
        submission.report = report_from(diary, submission.stage)
    submission.seconds = submission.report.seconds = time.monotonic() - began
    return submission


def programs_of(folder: Path) -> tuple[dict[str, str], list[str]]:
    """How to start a submission's programs, and which of them it doesn't have."""
    commands = dict(line_of(line) for line in lines_of(folder / "run.txt"))
    for name in PROGRAMS:
        part = name.removesuffix(".py")
        if part not in commands and (folder / name).is_file():
            commands[part] = quoted([sys.executable, str(folder / name)])
    given = {part: commands[part] for part in ("server", "client") if commands.get(part)}
    return given, [name for name in PROGRAMS if name.removesuffix(".py") not in given]


def lines_of(path: Path) -> Iterable[str]:
    """The lines of a run.txt that say something, as `server: node server.js {port}`."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line for line in lines if ":" in line and not line.lstrip().startswith("#")]


def line_of(line: str) -> tuple[str, str]:
    part, _, command = line.partition(":")
    return part.strip().lower(), command.strip()


def report_from(diary: Path, stage: int) -> Report:
    """Read what was written down, whole or not."""
    report = Report(stage)
    for line in diary.read_text(encoding="utf-8").splitlines() if diary.is_file() else []:
        try:
            written = json.loads(line)
        except ValueError:
            continue  # the last line, cut off in the middle
        report.checks = written.get("checks", report.checks)
        report.could_not_start = written.get("could_not_start", report.could_not_start)
        if "result" in written:
            report.results.append(Result.read(written["result"]))
    place = {check["check"]: number for number, check in enumerate(report.checks)}
    report.results.sort(key=lambda result: place[result.check])
    return report


class Watched:
    """The processes of one submission, with an eye on them."""

    def __init__(self, job: dict[str, Any], folder: Path) -> None:
        self.job = job
        self.mark = uuid.uuid4().hex
        paths = {"PYTHONPATH": str(ROOT / "tests"), MARK: self.mark}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tester.confined", json.dumps(job)],
            cwd=folder,
            env={**os.environ, **paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # on POSIX all that it starts is in its session, unless it leaves that
        )

    def until_the_end(self) -> str:
        """Wait until it ends; say why, when it had to be ended."""
        until = time.monotonic() + self.job["seconds"]
        why = ""
        try:
            while self.process.poll() is None and not why:
                time.sleep(LOOK)
                why = self.what_is_wrong(until)
        finally:
            self.end_all()
        return why

    def what_is_wrong(self, until: float) -> str:
        if time.monotonic() > until:
            return f"Ended after {self.job['seconds']} seconds."
        members = self.members()
        ours = [one for one in members if is_ours(one, self.process.pid)]
        theirs = [one for one in members if one not in ours]
        if len(theirs) > MOST_PROCESSES:
            return f"Ended, for it had {len(theirs)} processes at a time."
        used = sum(map(memory, theirs)) // MEGABYTE
        if used > self.job["memory"]:
            return f"Ended, for it used {used} MB of memory."
        if any(memory(one) > OURS for one in ours):
            return "Ended, for it printed without end."
        return ""

    def members(self) -> list[psutil.Process]:
        """All that has been started for this submission, also what has left its parents."""
        return [one for one in psutil.process_iter() if self.is_member(one)]

    def is_member(self, one: psutil.Process) -> bool:
        try:
            if sys.platform != "win32" and os.getsid(one.pid) == self.process.pid:
                return one.status() != psutil.STATUS_ZOMBIE
            return one.environ().get(MARK) == self.mark
        except (psutil.Error, OSError):
            return False  # it has ended just now, or it is somebody else's

    def end_all(self) -> None:
        """End every member. First all are stopped: what is ended one by one may start new ones meanwhile."""
        for _ in range(50):
            members = self.members()
            if not members:
                break
            for act in ("suspend", "kill"):
                for one in members:
                    try:
                        getattr(one, act)()
                    except psutil.Error:
                        pass  # it has ended just now
            psutil.wait_procs(members, timeout=1)
        self.process.wait()


def is_ours(one: psutil.Process, root: int) -> bool:
    """Whether a process is the tester's: the one that runs the checks, pytest's, or a screen."""
    try:
        return root in (one.pid, one.ppid()) or one.name().startswith("Xvfb")
    except psutil.Error:
        return True  # it has ended just now, and counts for nobody


def memory(one: psutil.Process) -> int:
    try:
        used: int = one.memory_info().rss
    except psutil.Error:
        return 0
    return used


# ---- What is told of all ----


def rows(found: list[Submission], stage: int) -> list[dict[str, str]]:
    """The table: a row for each submission."""
    return [
        {
            "submission": one.name,
            "result": one.result,
            "passed": str(one.passed()),
            "of": str(one.of()),
            **{f"stage {number:02}": f"{one.passed(number)}/{one.of(number)}" for number in range(1, stage + 1)},
            "first failing": one.report.first.check if one.report.first and one.result == "failed" else "",
            "seconds": f"{one.seconds:.1f}",
            "note": one.note,
        }
        for one in found
    ]


def write_csv(path: Path, found: list[Submission], stage: int) -> None:
    written = rows(found, stage)
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # with the mark by which Excel knows UTF-8
        writer = csv.DictWriter(file, list(written[0]))
        writer.writeheader()
        writer.writerows({name: as_text(value) for name, value in row.items()} for row in written)


def as_text(value: str) -> str:
    """A value that a spreadsheet takes for text, and not for a formula that a submission has thought up."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def write_junit(path: Path, found: list[Submission]) -> None:
    """One file for all, or one for each in a folder."""
    if path.suffix == ".xml":
        path.write_bytes(junit({one.name: one.report for one in found}))
        return
    path.mkdir(parents=True, exist_ok=True)
    for one in found:
        (path / f"{one.name}.xml").write_bytes(junit({one.name: one.report}))


def table(found: list[Submission], stage: int) -> str:
    """The same for the screen, in columns."""
    written = rows(found, stage)
    lines = [list(written[0]), *(list(row.values()) for row in written)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]) - 1)]
    return "\n".join("  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines)
