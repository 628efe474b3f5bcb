"""Writes the tables that say something about the code: how much each stage adds, which check provokes what, and what
each check has caught.

    python docs/make_tables.py

A test makes the pages too, and fails when one is stale.
"""

import ast
import difflib
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from wrong.table import WRONG  # noqa: E402

BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
FOLDERS = ["01_echo", "02_usernames", "03_broadcast", "04_tk_client"]
SUITES = ["echo", "usernames", "broadcast", "window"]
MISTAKES = 57


def changes(before: Path, after: Path) -> str:
    """Say how many lines are added and removed between two files."""
    lines = difflib.unified_diff(before.read_text("utf-8").splitlines(), after.read_text("utf-8").splitlines(), n=0)
    marks = [line[0] for line in lines if not line.startswith(("---", "+++"))]
    return f"+{marks.count('+')} -{marks.count('-')}" if marks else "the same, byte for byte"


def steps() -> str:
    """Return the table of the lines that each stage adds and removes, in Markdown."""
    rows = ["| from | to | server.py | client.py |", "|---|---|---|---|"]
    for before, after in itertools.pairwise(FOLDERS):
        folders = ROOT / "stages" / before, ROOT / "stages" / after
        cells = [changes(*(folder / name for folder in folders)) for name in ("server.py", "client.py")]
        rows.append(f"| {before} | {after} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows) + "\n"


def checks() -> str:
    """Return the table of the mistakes and the checks that provoke them, in Markdown."""
    found: dict[int, list[str]] = {number: [] for number in range(1, MISTAKES + 1)}
    for suite in SUITES:
        for check, numbers in marked(ROOT / "tests" / "suites" / f"{suite}.py"):
            for number in numbers:
                found[number].append(f"{suite}: `{check.removeprefix('test_')}`")
    rows = [f"| {number} | {', '.join(names)} |" for number, names in found.items()]
    return "\n".join(["| # | checks |", "|---|---|", *rows]) + "\n"


def catches() -> str:
    """Return the table of the checks and the wrong programs that they catch, in Markdown."""
    rows = ["| check | wrong programs |", "|---|---|"]
    for suite in SUITES:
        for check in functions(ROOT / "tests" / "suites" / f"{suite}.py"):
            caught = [
                f"**{wrong.name}**" if wrong.checks[0].partition("[")[0] == check.name else wrong.name
                for wrong in WRONG
                if check.name in {name.partition("[")[0] for name in wrong.checks}
            ]
            if check.name.startswith("test_"):
                rows.append(f"| {suite}: `{check.name.removeprefix('test_')}` | {'; '.join(caught)} |")
    return "\n".join(rows) + "\n"


def functions(suite: Path) -> list[ast.FunctionDef]:
    """Return the functions of a suite, from top to bottom."""
    return [node for node in ast.parse(suite.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]


def marked(suite: Path) -> Iterator[tuple[str, list[int]]]:
    """Yield each check of a suite that names mistakes, and their numbers."""
    for node in functions(suite):
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "teaches":
                yield node.name, [number for given in mark.keywords for number in ast.literal_eval(given.value)]


PAGES = {ROOT / "stages" / "README.md": [steps], ROOT / "docs" / "mistakes.md": [checks, catches]}


def fresh(page: Path) -> str:
    """Return a page as it would be with its tables made now."""
    tables = iter(PAGES[page])
    between = re.compile(f"(?<={BEGIN}).*?(?={END})", re.DOTALL)
    return between.sub(lambda _: next(tables)(), page.read_text("utf-8"))


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(fresh(page), "utf-8", newline="\n")
