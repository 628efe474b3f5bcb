"""Runs the notebooks from the top, each in a fresh kernel, and stores what comes out.

    python notebooks/make.py          all of them
    python notebooks/make.py 02 03    these

tests/test_notebooks.py runs them the same way and compares: `stale` says which outputs aren't those of a run. A
learner's my_chat/ is never touched: the workspace is a folder of its own, which is empty at first.
"""

import os
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
LIMIT = 120  # seconds for one cell

Output = Any  # nbformat's dictionaries have no types


def notebooks() -> list[Path]:
    """Return the notebooks that there are, in their order."""
    return sorted(HERE.glob("[0-9]*.ipynb"))


def read(path: Path) -> Any:
    """Return a notebook as it is stored."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def run(path: Path) -> Any:
    """Return a notebook with the outputs of a run from the top, in a fresh kernel and an empty workspace."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as workspace:
        environment = {**os.environ, "CHAT_WORKSPACE": workspace, "CHAT_SCREEN": "virtual", "PYTHONWARNINGS": ""}
        client = NotebookClient(notebook, timeout=LIMIT, resources={"metadata": {"path": str(HERE)}})
        client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell began and ended: nobody's business, and always another
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def stale(stored: Any, fresh: Any) -> list[str]:
    """Return a sentence for each cell whose stored outputs aren't those of a run; times, ports and ids don't count."""
    found = []
    for number, (before, now) in enumerate(zip(stored.cells, fresh.cells, strict=True), start=1):
        if before.cell_type != "code":
            continue
        was, is_now = outputs(before), outputs(now)
        if was != is_now:
            found.append(f"cell {number}, which begins {before.source[:50]!r}:\nstored: {was}\n   now: {is_now}")
    return found


def outputs(cell: Any) -> list[Any]:
    """Return what of a cell's outputs has to be the same in every run. Text that came in pieces is one text."""
    comparable: list[Any] = []
    for output in cell.outputs:
        part = essence(output)
        if isinstance(part, str) and comparable and isinstance(comparable[-1], str):
            comparable[-1] += part
        else:
            comparable.append(part)
    return comparable


def essence(output: Output) -> Any:
    """Return what of one output has to be the same in every run."""
    if output.output_type == "stream":
        return without_chance(output.text)
    if output.output_type == "error":
        return [output.ename, without_chance(output.evalue)]
    if "conversation" in output.metadata:
        return who_said_what(output.metadata["conversation"])
    if "passed" in output.metadata:
        return [output.metadata["passed"], without_chance(output.data["text/plain"].partition("\n")[0])]
    return [sorted(output.data), without_chance(output.data.get("text/plain", ""))]


def without_chance(text: str) -> str:
    """Put aside what is another in every run: times, ports, ids, the colours of a terminal."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"0x[0-9a-f]+", "0x…", text)
    return re.sub(r"\d+\.\d+(?= ?m?s\b)|\b\d{4,5}\b", "…", text)


def who_said_what(events: list[list[str]]) -> dict[str, str | list[str]]:
    """Return what each has sent to each, joined: where the reads cut the bytes is another in every run.

    And what each did beside that, sorted: the wire has a thread for each connection, and which notes first is chance.
    """
    said: defaultdict[str, str] = defaultdict(str)
    did: defaultdict[str, list[str]] = defaultdict(list)
    for *parties, text in events:
        if len(parties) == 2:
            said[" to ".join(parties)] += text
        elif parties != ["server"] and text != "closes":  # whether the last goodbye was still noted is chance
            did[parties[0]].append(without_chance(text))
    return {**said, **{who: sorted(remarks) for who, remarks in did.items()}}


def main() -> None:
    for path in notebooks():
        if len(sys.argv) < 2 or path.name[:2] in sys.argv[1:]:
            notebook = run(path)
            nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
            print(path.name)


if __name__ == "__main__":
    main()
