"""Runs the suites up to a stage on somebody's programs, and reports.

The idea: a few processes of pytest share out the checks (record.py), since most of the time a check waits. Here their
records are read as they grow, and nothing more is begun once the answer is known: by default, what comes after the
first stage that fails says little. `run` is also what a notebook's `check("…")` calls.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import psutil
from suites.commands import address

from tester.learn import Problem
from tester.report import Report, Result
from tester.skeleton import still_to_write
from tester.workspace import PROGRAMS, ROOT, Workspace

SUITES = ROOT / "tests"
HELPERS = min((os.cpu_count() or 1) + 2, 8)  # processes that run checks; some more than processors, since checks wait
DEADLINE = 5.0  # seconds that a check waits for anything: what has not come until then is taken not to come
ENOUGH = 5  # failures, after which no more checks are begun: to wait for each of fifty helps nobody
ANSWER_LIMIT = 5  # seconds in which a server that runs already must let us in

Seen = Callable[[list[dict[str, Any]], list[Result]], None]  # told of all checks and of those that are done


class Trouble(Problem):
    """What keeps us from judging at all: a sentence for a person to read."""


@dataclass(frozen=True)
class Programs:
    """What is tested: a folder with server.py and client.py, or one of them; or commands; or a server that runs."""

    folder: Path | None = None
    server: str = ""
    client: str = ""
    target: str = ""

    def options(self, part: str = "") -> list[str]:
        """The same for pytest; of both programs, or of the one that is meant."""
        given = {"server": self.server, "client": self.client, "target": self.target}
        if self.folder:
            own = {name: str(self.folder / name) for name in there(self.folder)}
            given |= {name.removesuffix(".py"): quoted([sys.executable, path]) for name, path in own.items()}
        return [f"--{name}={value}" for name, value in given.items() if value and part in ("", name)]


def there(folder: Path) -> list[str]:
    """The programs that a folder has."""
    return [name for name in PROGRAMS if (folder / name).is_file()]


def quoted(words: Sequence[str]) -> str:
    """A command in one text, as --server takes it."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


@dataclass(frozen=True)
class Wish:
    """How a run is to be."""

    only: str = ""  # the name of one check
    part: str = ""  # "server" or "client": the checks of one program
    keep_going: bool = False  # beyond the first stage that fails
    most_failures: int = ENOUGH
    deadline: float = DEADLINE
    helpers: int = HELPERS
    seen: Seen = field(default=lambda checks, results: None)
    cancelled: Callable[[], bool] = field(default=lambda: False)


def check_workspace(workspace: Workspace, stage: int, wish: Wish) -> Report:
    """Judge the learner's own programs: both, or the one that is begun."""
    begun = [name for name in PROGRAMS if workspace.is_begun(name, stage)]
    part = begun[0].removesuffix(".py") if len(begun) == 1 else ""
    report = run(stage, Programs(workspace.folder), wish=replace(wish, part=part)) if begun else Report(stage)
    report.folder = workspace.folder
    report.untouched = [name for name in PROGRAMS if name not in begun]
    report.unwritten = {name: unwritten(workspace.folder / name) for name in begun}
    return report


def unwritten(program: Path) -> list[str]:
    return still_to_write(program.read_text(encoding="utf-8", errors="replace"))


def run(stage: int, programs: Programs, only: str = "", wish: Wish | None = None) -> Report:
    """Run the suites up to this stage, or one check of them, and report what became of each check."""
    wish = wish or Wish(only=only)
    report = Report(stage, could_not_start=why_nobody_answers(programs.target) if programs.target else "")
    if report.could_not_start:
        return report
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chat-check-") as folder:
        run = Run(Path(folder), stage, programs, wish)
        run.until_the_end()
    report.checks, report.results, report.could_not_start = run.checks, run.in_order(), run.could_not_start
    report.had_enough = run.had_enough
    report.seconds = time.monotonic() - began
    return report


def why_nobody_answers(target: str) -> str:
    """Why a server that should run already can't be talked to; empty when it can."""
    host, port = address(target)
    try:
        socket.create_connection((host, port), timeout=ANSWER_LIMIT).close()
    except (OSError, OverflowError) as error:
        return f"Nobody answers at {target}: {getattr(error, 'strerror', None) or error}."
    return ""


class Run:
    """Some processes of pytest that share out the checks, and what they have written so far."""

    def __init__(self, folder: Path, stage: int, programs: Programs, wish: Wish) -> None:
        self.folder = folder
        self.stage = stage
        self.programs = programs
        self.wish = wish
        self.checks: list[dict[str, Any]] = []  # all that will be run, in their order
        self.results: list[Result] = []  # as they come in
        self.records: list[IO[str]] = []
        self.was_cancelled = False
        self.could_not_start = ""  # why, with what the program printed
        self.last_stage = stage  # no check of a later one is begun
        self.had_enough = False  # failures

    def until_the_end(self) -> None:
        """Start the processes, read what they write, and end them, whatever happens."""
        helpers = [self.start(number) for number in range(1 if self.wish.only else self.wish.helpers)]
        try:
            while any(helper.poll() is None for helper in helpers) and not self.wish.cancelled():
                self.read()
                self.stop_when_enough_is_known()
                time.sleep(0.02)  # between two looks
            self.was_cancelled = any(helper.poll() is None for helper in helpers)
            self.read()
        finally:
            for helper in helpers:
                end_with_its_children(helper)
            for record in self.records:
                record.close()
        for number, helper in enumerate(helpers):
            if helper.returncode not in (0, 1) and not self.could_not_start and not self.was_cancelled:
                raise Trouble(self.why_pytest_failed(number, helper.returncode))

    def start(self, number: int) -> "subprocess.Popen[bytes]":
        record = self.folder / f"record-{number}.jsonl"
        record.touch()
        self.records.append(record.open(encoding="utf-8"))
        with (self.folder / f"output-{number}").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "pytest", *self.arguments(record)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(SUITES), "PYTHONUTF8": "1", **ONLY_WHAT_IS_NEEDED},
            )

    def arguments(self, record: Path) -> list[str]:
        module = next(SUITES.glob(f"test_{self.stage:02}_*.py"))
        files = [f"--record={record}", f"--claims={self.folder}", f"--rootdir={ROOT}", f"-c={ROOT / 'pyproject.toml'}"]
        plugins = [word for name in ("pytest_timeout", "tester.record", "no:cacheprovider") for word in ("-p", name)]
        wishes = {"--only": self.wish.only, "--deadline": self.wish.deadline}
        chosen = [f"{name}={value}" for name, value in wishes.items() if value]
        return [str(module), "-q", *plugins, *files, *self.programs.options(self.wish.part), *chosen]

    def read(self) -> None:
        """Read the lines that have been written since the last look. A line that isn't whole yet waits."""
        for record in self.records:
            while True:
                place = record.tell()
                line = record.readline()
                if not line.endswith("\n"):
                    record.seek(place)
                    break
                self.hear(json.loads(line))

    def hear(self, line: dict[str, Any]) -> None:
        if line["outcome"] == "collected":
            self.checks = line["checks"]
        elif line["outcome"] == "cannot start":
            self.could_not_start = line["text"]
        else:
            self.results.append(Result.read(line))
        self.wish.seen(self.checks, self.results)

    def stop_when_enough_is_known(self) -> None:
        """Begin nothing more that can't change the answer."""
        failed = [result for result in self.results if result.is_bad]
        last = self.stage
        if failed and not self.wish.keep_going:
            last = min(result.stage for result in failed)
            if len(failed) >= self.wish.most_failures:
                self.had_enough, last = True, 0
        if self.could_not_start:
            last = 0
        if last < self.last_stage:
            self.last_stage = last
            (self.folder / "new").write_text(str(last))
            (self.folder / "new").replace(self.folder / "stop")  # at once, so that nobody reads half of it

    def in_order(self) -> list[Result]:
        """What became of each check, in the order of the checks; what was claimed and never ended is an error."""
        place = {check["check"]: number for number, check in enumerate(self.checks)}
        claimed = [self.checks[int(path.name)] for path in self.folder.glob("[0-9]*")]
        heard = {result.check for result in self.results}
        lost = [Result.lost(check) for check in claimed if check["check"] not in heard]
        if self.was_cancelled or self.could_not_start:
            lost = []
        return sorted([*self.results, *lost], key=lambda result: place[result.check])

    def why_pytest_failed(self, number: int, status: int) -> str:
        if self.wish.only and status == 5:
            return f"There is no check named {self.wish.only} for stage {self.stage:02}."
        said = (self.folder / f"output-{number}").read_text(encoding="utf-8", errors="replace").strip()
        return f"The tester itself could not run (pytest ended with {status}). It said:\n{said[-2000:]}"


# Other plugins that happen to be installed cost more time than ours takes.
ONLY_WHAT_IS_NEEDED = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}


def end_with_its_children(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it has started, unless it has ended by itself."""
    if process.poll() is None:
        try:
            children = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        process.kill()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                pass  # it has ended just now
    process.wait()
