"""Reads the tracebacks that a program has printed, of Python and of Node, and tells them shortly.

The program's own lines come first, since that is where its author can do something. Knows nothing of checks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath

PYTHON_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<where>.+))?')
BEGINNING = re.compile(r"Exception in thread|Traceback ")  # of the next traceback: two threads may fail at once
NODE_FRAME = re.compile(r"\s+at (?:(?P<where>.+?) \()?(?P<file>.+?):(?P<line>\d+):\d+\)?")
ERROR = re.compile(r"(?P<kind>[A-Za-z_][\w.]*)(?: \[\w+\])?(?:: (?P<message>.*))?")

STARTS = ("Traceback (most recent call last)", "Fatal Python error")
LIBRARIES = ("/lib/python", "\\lib\\", "/site-packages/", "\\site-packages\\", "<frozen", "node:", "/suites/probe.py")


@dataclass(frozen=True)
class Frame:
    """One line of a program that was on the way to an error."""

    file: str
    line: int
    where: str = ""
    code: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is the program's, not a library's."""
        return not any(sign in self.file.replace("\\\\", "\\").casefold() for sign in LIBRARIES)

    def __str__(self) -> str:
        name = (PureWindowsPath if "\\" in self.file else PurePosixPath)(self.file).name
        where = f", in {self.where}" if self.where and self.where != "<module>" else ""
        return f"{name}, line {self.line}{where}" + f": {self.code}" * bool(self.code)


@dataclass(frozen=True)
class Failure:
    """An error that got away, and the way there."""

    kind: str  # of the error: ConnectionResetError
    message: str = ""
    frames: list[Frame] = field(default_factory=list)

    @property
    def own(self) -> list[Frame]:
        """The program's own lines, the one nearest to the error last."""
        return [frame for frame in self.frames if frame.is_own]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


def failures(errors: str) -> Iterator[Failure]:
    """Yield the failures that a program has printed on standard error, in their order."""
    yield from python_failures(errors)
    yield from node_failures(errors)


def python_failures(errors: str) -> Iterator[Failure]:
    """Yield the failures of Python: frames, each with its code below it, then the error, which stands at the margin."""
    frames: list[Frame] = []
    lines = errors.splitlines()
    for number, line in enumerate(lines):
        if BEGINNING.match(line):
            frames = []  # of a thread whose traceback another one's runs into
        if frame := PYTHON_FRAME.fullmatch(line):
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            code = "" if PYTHON_FRAME.fullmatch(below) or BEGINNING.match(below) else below
            frames.append(Frame(frame["file"], int(frame["line"]), frame["where"] or "", code))
        elif frames and (error := ERROR.fullmatch(line)):
            yield Failure(error["kind"].rpartition(".")[2], error["message"] or "", frames)
            frames = []


def node_failures(errors: str) -> Iterator[Failure]:
    """Yield the failures of Node: the error at the margin, then its frames."""
    lines = errors.splitlines()
    for number, line in enumerate(lines):
        error = ERROR.fullmatch(line)
        if error is None or not (number + 1 < len(lines) and NODE_FRAME.fullmatch(lines[number + 1])):
            continue
        found = []
        for below in lines[number + 1 :]:
            if not (frame := NODE_FRAME.fullmatch(below)):
                break
            found.append(Frame(frame["file"].removeprefix("file://"), int(frame["line"]), frame["where"] or ""))
        yield Failure(error["kind"], error["message"] or "", found[::-1])


def has_failed(errors: str) -> bool:
    """Whether an error got away, in whatever thread of a program."""
    return any(sign in errors for sign in STARTS) or any(True for _ in node_failures(errors))


def retold(errors: str, most: int = 6) -> list[str]:
    """Tell what is on standard error in a few lines: the last failure, its own lines first; else the last lines."""
    last = next(reversed(list(failures(errors))), None)
    if last is None:
        return errors.splitlines()[-most:]
    return [*map(str, last.own[-(most - 1) :]), str(last)]
