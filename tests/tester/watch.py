"""Checks again whenever a file of the workspace is saved, on a screen that says what is done, current and next.

The idea: look at the files' times and sizes again and again. That works on every system and on network drives, where
nobody tells us of a change. The screen is that of a plain terminal; where there is none, each verdict is printed once.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tester.check import Wish, check_workspace
from tester.learn import Problem, remember
from tester.report import Report, Result, shortened, told
from tester.workspace import Workspace, the_workspace

LOOK = 0.4  # seconds between two looks at the files
DRAW = 0.2  # seconds between two pictures of the same run
SHOWN = 3  # checks that come next

Snapshot = dict[str, tuple[int, int]]


def watch(options: argparse.Namespace) -> int:
    """Check, wait for a file to be saved, and check again, until Ctrl-C, which is a good end."""
    workspace = the_workspace()
    screen = Screen()
    try:
        while True:
            before = snapshot(workspace)
            check_once(workspace, options.stage or workspace.stage, before, screen)
            while snapshot(workspace) == before:
                time.sleep(LOOK)
    except KeyboardInterrupt:
        return 0


def check_once(workspace: Workspace, stage: int, before: Snapshot, screen: "Screen") -> None:
    """Check up to the first failure, and show it as it goes; give up when a file is saved meanwhile."""
    now = Throttle(LOOK)
    drawing = Throttle(DRAW)

    def is_stale() -> bool:
        return now.is_due() and snapshot(workspace) != before

    def seen(checks: list[dict[str, Any]], results: list[Result]) -> None:
        if drawing.is_due():
            screen.passes(head(stage), going_on(checks, results))

    screen.passes(head(stage), "looking …")
    try:
        report = check_workspace(workspace, stage, Wish(most_failures=1, seen=seen, cancelled=is_stale))
    except Problem as problem:
        screen.stays(head(stage), str(problem))
        return
    if snapshot(workspace) == before:
        remember(workspace, report)
        screen.stays(head(stage), verdict(report))


def snapshot(workspace: Workspace) -> Snapshot:
    """What can be seen of the programs without reading them: a saved file has another time or size."""
    found: Snapshot = {}
    for path in sorted(workspace.folder.glob("*.py")):
        try:
            about = path.stat()
        except OSError:
            continue  # an editor that replaces a file has just taken it away
        found[path.name] = (about.st_mtime_ns, about.st_size)
    return found


class Throttle:
    """Says yes, and then not again before some time has passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.last = 0.0

    def is_due(self) -> bool:
        due = time.monotonic() - self.last >= self.seconds
        if due:
            self.last = time.monotonic()
        return due


# ---- What is shown ----


def head(stage: int) -> str:
    return f"stage {stage:02}    {datetime.now():%H:%M:%S}    Ctrl-C ends this\n"


def going_on(checks: Sequence[dict[str, Any]], results: Sequence[Result]) -> str:
    """How far a run is: what is done, the check that is current, those that come next."""
    done = {result.check for result in results}
    left = [check for check in checks if check["check"] not in done]
    lines = [f"done     {line}" for line in counts(checks, results)]
    lines += [f"current  {shortened(check['about'])}" for check in left[:1]]
    return "\n".join(lines + nexts(left[1:]))


def verdict(report: Report) -> str:
    """What a run has shown: all is done, or the check that is current, and why it fails."""
    if report.first is None:
        return report.text
    failure = report.first
    tried = [check["check"] for check in report.checks]
    after = report.checks[tried.index(failure.check) + 1 :]
    lines = [f"done     {line}" for line in counts(report.checks, report.results)]
    lines += [f"current  {shortened(failure.about)}", *nexts(after)]
    return "\n".join([*lines, "", told(failure), "", report.what_now()])


def counts(checks: Sequence[dict[str, Any]], results: Sequence[Result]) -> list[str]:
    """For each stage, how many of its checks pass."""
    lines = []
    for stage in sorted({check["stage"] for check in checks}):
        there = [check for check in checks if check["stage"] == stage]
        passed = sum(result.stage == stage and not result.is_bad for result in results)
        lines.append(f"{stage:02} {there[0]['suite']:10} {bar(passed, len(there))} {passed} of {len(there)}")
    return lines


def bar(done: int, of: int, width: int = 20) -> str:
    full = done * width // of
    return "[" + "#" * full + "." * (width - full) + "]"


def nexts(checks: Sequence[dict[str, Any]]) -> list[str]:
    return [f"next     {shortened(check['about'])}" for check in checks[:SHOWN]]


class Screen:
    """A terminal that is written over and over, or, where there is none, a place to print verdicts."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        if self.is_terminal and sys.platform == "win32":
            os.system("")  # wakes the console's understanding of escape sequences

    def passes(self, *parts: str) -> None:
        """Show what will soon be written over."""
        if self.is_terminal:
            self.stays(*parts)

    def stays(self, *parts: str) -> None:
        """Show what is to be read."""
        text = "\n".join(parts)
        if self.is_terminal:  # from the top; each line clears what was there, and the last all that is below
            text = "\x1b[H" + text.replace("\n", "\x1b[K\n") + "\x1b[K\x1b[J"
        print(text, flush=True)
