"""The notebooks lead where they say: step by step to the stages, and everything that they show has just happened."""

import difflib
import importlib
import json
import re
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tester.check import Programs, Wish, run

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))

import make  # noqa: E402
import steps  # noqa: E402

NOTEBOOKS = make.notebooks()
STAGES = sorted(path.name for path in (ROOT / "stages").iterdir() if path.is_dir())
LEADING = [path for path in NOTEBOOKS if path.stem in STAGES]  # those that lead to a stage
PROGRAMS = ("server.py", "client.py")

MOST = 25  # changed lines in one step
USUAL = 8  # changed lines in the median
IN_A_ROW = 4  # steps before there is something to see again
LONGEST = 40  # lines of one output

# Where people, packages and temporary files are, on whatever system, and where this checkout is.
MACHINES = re.compile(rf"/home/|/root/|/tmp/|/Users/|[A-Z]:\\\\|site-packages|{re.escape(str(ROOT))}")

everyone = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
leading = pytest.mark.parametrize("path", LEADING, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in make.read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    return "\n\n".join(cell.source for cell in make.read(path).cells if cell.cell_type == "markdown")


def programs_of(stage: str) -> dict[str, str]:
    """Return the programs of a stage; nothing for the empty folder before the first."""
    folder = ROOT / "stages" / stage
    return {name: (folder / name).read_text("utf-8") if stage else "" for name in PROGRAMS}


def before(path: Path) -> str:
    """Return the stage that a notebook begins with."""
    return ["", *STAGES][STAGES.index(path.stem)]


def replay(path: Path) -> list[tuple[steps.Step, str, str]]:
    """Take the steps of a notebook, and return each with its file before and after it."""
    programs = programs_of(before(path))
    taken = []
    for cell in code_cells(path):
        for step in steps.steps_of(cell.source):
            text = programs[step.file]
            programs[step.file] = steps.take(step, text)
            taken.append((step, text, programs[step.file]))
    return taken


def changed(old: str, new: str) -> tuple[list[str], list[str]]:
    """Return the lines that have gone and those that have come, by the shortest difference there is."""
    a, b = old.splitlines(), new.splitlines()
    kept = longest_common(a, b)
    gone = [line for index, line in enumerate(a) if index not in kept]
    come = [line for index, line in enumerate(b) if index not in set(kept.values())]
    return gone, come


def longest_common(a: list[str], b: list[str]) -> dict[int, int]:
    """Pair the lines of the longest common subsequence. (difflib's is readable, and not always the longest.)"""
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            length[i][j] = length[i + 1][j + 1] + 1 if a[i] == b[j] else max(length[i + 1][j], length[i][j + 1])
    pairs, i, j = {}, 0, 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs[i] = j
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def size(old: str, new: str) -> int:
    """Count the lines that a step changes, the empty ones aside; one that is replaced counts once."""
    gone, come = (sum(bool(line.strip()) for line in lines) for lines in changed(old, new))
    return max(gone, come)


@everyone
def test_it_is_a_valid_notebook(path: Path) -> None:
    """Every program that reads notebooks can read it."""
    notebook = make.read(path)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))


@leading
def test_the_steps_lead_to_the_stage(path: Path) -> None:
    """Applied to the stage before, the steps give this stage, byte for byte."""
    programs = programs_of(before(path))
    programs |= {step.file: after for step, _, after in replay(path)}
    for name, wanted in programs_of(path.stem).items():
        difference = difflib.unified_diff(
            programs[name].splitlines(), wanted.splitlines(), "steps", "stage", lineterm=""
        )
        assert programs[name] == wanted, f"{name} is another:\n" + "\n".join(difference)


@leading
def test_every_step_compiles(path: Path) -> None:
    """After every step the file is a program, if not yet a whole one."""
    for step, _, after in replay(path):
        compile(after, step.file, "exec")


@leading
def test_every_step_changes_something_for_good(path: Path) -> None:
    """Each changed line between the stages is brought by one step, and no step brings what does not stay."""
    for name in PROGRAMS:
        gone, come = changed(programs_of(before(path))[name], programs_of(path.stem)[name])
        mine = [(step, *changed(old, new)) for step, old, new in replay(path) if step.file == name]
        idle = [step for step, removed, added in mine if not (removed or added)]
        assert not idle, f"changes nothing: {idle}"
        brought = Counter(line for _, _, added in mine for line in added if line.strip())
        taken = Counter(line for _, removed, _ in mine for line in removed if line.strip())
        assert not brought - Counter(come), f"{name}: lines that do not stay, or were there already"
        assert not taken - Counter(gone), f"{name}: lines that were taken out, and are there in the end"


@leading
def test_steps_are_small(path: Path) -> None:
    """What a step changes can be seen at a glance."""
    sizes = {step.code or step.replace: size(old, new) for step, old, new in replay(path)}
    too_large = {code[:200]: lines for code, lines in sizes.items() if lines > MOST}
    assert not too_large
    assert statistics.median(sizes.values()) <= USUAL, sorted(sizes.values())


@leading
def test_a_step_that_is_taken_again_changes_nothing(path: Path) -> None:
    """Whoever runs a cell a second time, now or at the end, loses nothing."""
    final = programs_of(path.stem)
    for step, _, after in replay(path):
        assert steps.take(step, after) == after, f"at once: {step}"
        assert steps.take(step, final[step.file]) == final[step.file], f"at the end: {step}"


@leading
def test_every_step_has_something_to_see(path: Path) -> None:
    """After some steps, before the next, comes a cell that shows what they have done: a check, or a run."""
    unseen: list[str] = []
    for cell in code_cells(path):
        if steps.steps_of(cell.source):
            unseen.append(cell.source)
            assert len(unseen) <= IN_A_ROW, f"nothing to see before:\n{cell.source}"
        elif re.search(r"check\(|conversation\(|alone\(|assert |load\(|%run ", cell.source):
            unseen.clear()
    assert not unseen, "nothing to see after the last steps"


@everyone
@pytest.mark.timeout(900)
def test_what_is_stored_is_what_a_run_shows(path: Path) -> None:
    """It runs from the top in a fresh kernel; its checks pass, but those meant to fail; it shows what is stored."""
    stored, fresh = make.read(path), make.run(path)
    for cell in fresh.cells:
        for output in cell.get("outputs", []):
            if "passed" in output.get("metadata", {}):
                wanted = "fails" not in cell.metadata.get("tags", [])
                assert output.metadata["passed"] == wanted, f"{cell.source}\n\n{output.data['text/plain']}"
    if not sys.platform.startswith("linux"):
        return  # where they are made; other systems have other words for the same errors
    found = make.stale(stored, fresh)
    assert not found, "stale; python notebooks/make.py mends it:\n" + "\n\n".join(found)


@everyone
def test_outputs_are_short(path: Path) -> None:
    """No output scrolls for pages."""
    for cell in code_cells(path):
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            lines = text.count("\n") + 1
            assert lines <= LONGEST, f"{lines} lines after {cell.source[:60]!r}"


@everyone
def test_nothing_of_a_machine_is_stored(path: Path) -> None:
    """Outputs tell nothing about the computer on which they were made."""
    for cell in code_cells(path):
        assert not MACHINES.search(json.dumps(cell.outputs)), f"a path of a machine after {cell.source[:60]!r}"


@everyone
def test_pictures_are_told_in_words(path: Path) -> None:
    """Every picture has an alternative text, the drawn ones and those of windows too."""
    for text, target in re.findall(r"!\[(.*?)\]\((.*?)\)", prose(path)):
        assert len(text) > 10, f"{target} has no alternative text"
        assert target.startswith("attachment:") or (path.parent / target).is_file(), f"{target} isn't there"
    for cell in code_cells(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert output.metadata.get("image/png", {}).get("alt"), f"no words for the picture of {cell.source!r}"
            if svg := output.get("data", {}).get("image/svg+xml"):
                assert "<title>" in svg
                assert 'role="img"' in svg


@everyone
def test_the_places_that_hints_name_are_there(path: Path) -> None:
    """Whoever fails a check is told a notebook and a heading: it is there."""
    topics = vars(importlib.import_module("suites.topics")).values()
    wanted = {topic.heading for topic in topics if getattr(topic, "notebook", "") == path.stem}
    headings = set(re.findall(r"^#+ (.+?)\s*$", prose(path), re.MULTILINE))
    assert not wanted - headings


@leading
def test_there_are_questions_and_exercises(path: Path) -> None:
    """A reader predicts, tries, and does something alone: answers are folded away, exercises are checked by a cell."""
    text = prose(path)
    assert text.count("<details>") == text.count("</details>") >= 3
    assert len(re.findall(r"^#+ Exercise", text, re.MULTILINE)) >= 3


SOLUTIONS = re.findall(
    r"^<!-- stage (\d), (server|client): (.+?) -->\n+```python\n(.*?)^```",
    (ROOT / "notebooks" / "solutions.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize(("stage", "part", "checks", "code"), SOLUTIONS, ids=[row[2] for row in SOLUTIONS])
def test_solutions_solve(stage: str, part: str, checks: str, code: str, tmp_path: Path) -> None:
    """Every solution passes the checks of its exercise; they stand in a comment over it."""
    (tmp_path / f"{part}.py").write_text(code, "utf-8")
    for name in checks.split(", "):
        report = run(int(stage), Programs(tmp_path), wish=Wish(only=f"test_{name.replace(' ', '_')}", part=part))
        assert report.passed, report.text
