"""What a learner does around the checks: start, hint, solution, reset, progress.

The idea: a learner decides how much they want to be told. A hint says a little more each time it is asked for; what is
right is shown by `solution` alone. Nothing that they have written is lost (workspace.py).
"""

import argparse
import difflib
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

from tester.skeleton import skeleton, title, what_is_new
from tester.workspace import PROGRAMS, Workspace, stage_folder, the_workspace

if TYPE_CHECKING:
    from tester.report import Report, Result

COMMAND = "py course.py" if sys.platform == "win32" else "python3 course.py"
STAGES = (1, 2, 3, 4)
HINTS = ("question", "idea", "place")  # of a topic, from the least to the most


class Problem(Exception):
    """Something that ends the command: a sentence for a person to read."""


# ---- start ----


def start(options: argparse.Namespace) -> int:
    """Make the workspace, or go on with it."""
    workspace = the_workspace()
    stage = options.stage or stage_to_start(workspace)
    if options.from_solution and stage == 1:
        raise Problem("Before stage 01 there is none whose solution could be taken. Without --from-solution it begins.")
    for name in PROGRAMS:
        print(provide(workspace, name, stage, options.from_solution))
    workspace.remembers(stage=stage)
    note = workspace.folder / f"stage_{stage:02}.txt"
    note.write_text(what_to_do(stage), encoding="utf-8")
    print(f"\n{what_to_do(stage)}\n(The same stands in {note}.)")
    return 0


def stage_to_start(workspace: Workspace) -> int:
    """The stage that one is at, or the next when that one is done."""
    done = str(workspace.stage) in workspace.knows()["passed"]
    return min(workspace.stage + done, STAGES[-1])


def provide(workspace: Workspace, name: str, stage: int, from_solution: bool) -> str:
    """See to it that a program is there at the start of a stage, and say in a line what was done."""
    path = workspace.folder / name
    if path.is_file() and not from_solution:
        if not workspace.first_version(name, stage).is_file():
            workspace.note_the_start(name, stage)
        return f"{path}: yours, as it is."
    text = skeleton(stage_folder(1) / name) if stage == 1 else reference(name, stage - 1)
    copy = workspace.put(name, text)
    workspace.note_the_start(name, stage)
    kept = f" What stood there is in {copy}." if copy else ""
    return f"{path}: {'a skeleton to fill in' if stage == 1 else f'the solution of stage {stage - 1:02}'}.{kept}"


def reference(name: str, stage: int) -> str:
    return (stage_folder(stage) / name).read_text(encoding="utf-8")


def what_to_do(stage: int) -> str:
    """What this stage asks for, program by program."""
    folder = stage_folder(stage)
    parts = [f"Stage {stage:02}: {title(folder / 'server.py' if stage < 4 else folder / 'client.py')}", ""]
    for name in PROGRAMS:
        if stage == 1:
            parts += [f"{name}: fill in what raises NotImplementedError, from the top."]
        else:
            parts += [f"{name}, compared with the solution of stage {stage - 1:02}:"]
            parts += [what_is_new(stage_folder(stage - 1) / name, folder / name)]
    parts += ["", f"Is it right?                  {COMMAND} check", f"The same, whenever you save:  {COMMAND} watch"]
    return "\n".join(parts) + "\n"


# ---- reset and solution ----


def named(name: str | None) -> tuple[str, ...]:
    """The programs that are meant: one, or both."""
    if name is not None and name not in PROGRAMS:
        raise Problem(f"{name!r} is none of the programs; they are {' and '.join(PROGRAMS)}.")
    return (name,) if name else PROGRAMS


def reset(options: argparse.Namespace) -> int:
    """Put a program back to what it was when its stage was started, and keep a copy."""
    workspace = the_workspace()
    names = named(options.file)
    for name in names:
        first = workspace.first_version(name, workspace.stage)
        if not first.is_file():
            raise Problem(f"What {name} was at the start of this stage isn't known; {COMMAND} start makes a beginning.")
    for name in names:
        first = workspace.first_version(name, workspace.stage)
        copy = workspace.put(name, first.read_text(encoding="utf-8"))
        told = (
            f"as at the start of stage {workspace.stage:02}. What stood there is in {copy}." if copy else "unchanged."
        )
        print(f"{workspace.folder / name}: {told}")
    return 0


def solution(options: argparse.Namespace) -> int:
    """Show how the learner's programs differ from the stage's own."""
    workspace = the_workspace()
    stage = options.stage or workspace.stage
    for name in named(options.file):
        theirs = workspace.folder / name
        mine = theirs.read_text(encoding="utf-8", errors="replace") if theirs.is_file() else ""
        answer = stage_folder(stage) / name
        lines = difflib.unified_diff(
            mine.splitlines(),
            reference(name, stage).splitlines(),
            f"yours: {theirs}",
            f"one solution: {answer}",
            lineterm="",
        )
        print("\n".join(lines) or f"{theirs} is the same as {answer}.")
    return 0


# ---- hint ----


def hint(options: argparse.Namespace) -> int:
    """Say a little more about the first failure than the last time."""
    from tester.check import Wish, check_workspace

    workspace = the_workspace()
    stage = options.stage or workspace.stage
    report = check_workspace(workspace, stage, Wish(most_failures=1))
    remember(workspace, report)
    failure = report.first
    if failure is None or report.could_not_start:
        print(report.text if report.status else f"Nothing fails: stage {stage:02} needs no hint.")
        return report.status
    given = int(workspace.knows()["hints"].get(failure.check, 0))
    print(hint_text(failure, given))
    workspace.remembers(hints={**workspace.knows()["hints"], failure.check: min(given + 1, len(HINTS))})
    return 0


def hint_text(failure: "Result", given: int) -> str:
    """The next hint of three; when all were given, all of them."""
    about = f"{failure.about}\n({failure.check})\n"
    topic = failure.topic
    if topic is None:
        return f"{about}\n{failure.hint or failure.what}"
    hints = [topic[name] for name in HINTS]
    if failure.hint and failure.hint not in hints[1]:
        hints[1] = f"{failure.hint} {hints[1]}"  # what was seen of this program says more than what is always so
    if given < len(HINTS):
        more = f"For more, type it again: {COMMAND} hint" if given + 1 < len(HINTS) else ALL_GIVEN
        return f"{about}\nHint {given + 1} of {len(HINTS)}: {hints[given]}\n\n{more}"
    numbered = "\n".join(f"{number}. {hint}" for number, hint in enumerate(hints, 1))
    return f"{about}\nAll three hints:\n{numbered}\n\n{ALL_GIVEN}"


ALL_GIVEN = f"That was the last hint. To see a solution beside yours: {COMMAND} solution"


# ---- progress ----


def remember(workspace: Workspace, report: "Report") -> None:
    """Note what a check of the workspace has shown."""
    if not report.results:
        return
    passed: dict[str, Any] = workspace.knows()["passed"]
    if report.passed:
        passed = {**passed, str(report.stage): f"{date.today()}"}
    first = report.first
    last = {
        "stage": report.stage,
        "passed": sum(result.outcome == "passed" for result in report.results),
        "of": len(report.checks),
        "first failing": first.check if first else "",
    }
    workspace.remembers(passed=passed, last_check=last)


def progress(options: argparse.Namespace) -> int:
    """Say how far the learner is."""
    workspace = the_workspace()
    if not workspace.folder.is_dir():
        print(f"There is no {workspace.folder} yet. To begin: {COMMAND} start")
        return 0
    known = workspace.knows()
    for stage in STAGES:
        here = "->" if stage == workspace.stage else "  "
        print(f"{here} {stage_folder(stage).name:14} {state_of(stage, known)}".rstrip())
    hints = sum(known["hints"].values())
    print(f"\nHints asked for: {hints}. All of this stands in {workspace.progress}.")
    return 0


def state_of(stage: int, known: dict[str, Any]) -> str:
    last = known["last check"]
    done = known["passed"].get(str(stage))
    if last.get("stage") == stage and last.get("first failing"):
        return f"{last['passed']} of {last['of']} checks pass; the first that fails: {last['first failing']}"
    return f"done, {done}" if done else ""
