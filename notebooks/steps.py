"""A step puts one small piece of code into a program.

A cell that begins with `%%put server.py` is a step: below that line stands the code, as it will stand in the file.
The rest of the line says where it goes; text goes in, text comes out. Knows nothing of notebooks or files.
"""

import argparse
import ast
import shlex
from dataclasses import dataclass
from typing import NoReturn

IMPORTS = ("import ", "from ")
DEFINITIONS = ("def ", "class ", "async def ", "@")


class Lost(Exception):
    """The piece can't be put in: a sentence for the learner, and no traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


@dataclass(frozen=True)
class Step:
    """One piece, and its place: a line of the file, or as much of its beginning as tells which, or `def name`."""

    file: str
    code: str = ""  # to be put in, as it will stand there; with nothing to put in, what it replaces is taken out
    after: str = ""
    before: str = ""
    replace: str = ""
    to: str = ""  # the last line to be replaced, when there are several
    within: str = ""  # the function, or the class, in which the place is looked for


class _Words(argparse.ArgumentParser):
    """The words after %%put. A wrong one is told in a sentence; argparse would end the notebook."""

    def error(self, message: str) -> NoReturn:
        raise Lost(f"%%put: {message}.")


def parser() -> argparse.ArgumentParser:
    """Return the parser of what stands after %%put or %cut."""
    words = _Words(prog="%%put", add_help=False, allow_abbrev=False)
    words.add_argument("file")
    words.add_argument("--after", default="")
    words.add_argument("--before", default="")
    words.add_argument("--replace", default="")
    words.add_argument("--to", default="")
    words.add_argument("--in", dest="within", default="")
    return words


def put_step(line: str, code: str) -> Step:
    """Return the step that `%%put LINE` with this code below it asks for."""
    return Step(code=code.rstrip() + "\n", **vars(parser().parse_args(shlex.split(line))))


def cut_step(line: str) -> Step:
    """Return the step that `%cut FILE LINE [--to LINE] [--in FUNCTION]` asks for: take this out."""
    file, replace, *rest = shlex.split(line)
    return Step(**{**vars(parser().parse_args([file, *rest])), "replace": replace})


def steps_of(cell: str) -> list[Step]:
    """Return the steps that a cell takes; a cell that is no step takes none."""
    first, _, code = cell.partition("\n")
    if first.startswith("%%put "):
        return [put_step(first.removeprefix("%%put "), code)]
    return [cut_step(line.removeprefix("%cut ")) for line in cell.splitlines() if line.startswith("%cut ")]


def take(step: Step, text: str) -> str:
    """Return the text of the file with the piece in its place; unchanged if it is there already."""
    if is_taken(step, text):
        return text
    lines = text.splitlines()
    code = step.code.strip("\n").splitlines()
    if are_imports(step, code) and any(line.startswith(IMPORTS) for line in lines):
        new = with_imports(code, lines)
    elif step.replace or stands(name_of(code), lines):
        start, stop = place(step, step.replace or name_of(code), lines, step.to)
        new = [*lines[:start], *code, *lines[stop:]] if code else without(lines, start, stop)
    elif step.before:
        start, _ = place(step, step.before, lines)
        new = [*lines[:start], *code, *[""] * gap(step, lines, start, start + 1), *lines[start:]]
    elif step.after:
        start, stop = place(step, step.after, lines)
        new = [*lines[:stop], *[""] * gap(step, lines, start, stop), *code, *lines[stop:]]
    else:
        new = [*lines, *[""] * (gap(step, lines, len(lines) - 1, len(lines)) if lines else 0), *code]
    return compiled(step, "".join(f"{line}\n" for line in new))


def is_taken(step: Step, text: str) -> bool:
    """Whether the piece is there already: its lines stand in its place, in their order, others between them or not."""
    lines = text.splitlines()
    code = [line for line in step.code.splitlines() if line.strip()]
    if are_imports(step, code):
        return set(code) <= set(lines)
    if not code:
        return not found(step.replace, lines, *region(step, lines))
    if step.replace and step.replace.strip() not in step.code and found(step.replace, lines, *region(step, lines)):
        return False
    start, stop = region(step, lines)
    if stands(name_of(code), lines):
        start, stop = found(name_of(code), lines, start, stop)[0]
    elif step.after and (anchors := found(step.after, lines, start, stop)):
        start = anchors[0][1]
    rest = iter(lines[start:stop])
    return all(line in rest for line in code)


def place(step: Step, words: str, lines: list[str], to: str = "") -> tuple[int, int]:
    """Return where the only place of these words begins and ends, in lines from 0."""
    start, stop = region(step, lines)
    places = found(words, lines, start, stop)
    where = f"in {step.within} of {step.file}" if step.within else f"in {step.file}"
    if not places:
        raise Lost(f"Nothing was changed: {words!r} doesn't stand {where}. Have a look at the file, or begin again.")
    if len(places) > 1:
        raise Lost(
            f"Nothing was changed: {words!r} stands {len(places)} times {where}, and only one place can be meant."
        )
    start, end = places[0]
    if to:
        ends = found(to, lines, start, stop)
        if not ends:
            raise Lost(f"Nothing was changed: {to!r} doesn't stand below {words!r} {where}.")
        end = ends[0][1]
    return start, end


def region(step: Step, lines: list[str]) -> tuple[int, int]:
    """Return where the function or class that the step names begins and ends; the whole file if it names none."""
    if not step.within:
        return 0, len(lines)
    start, stop = 0, len(lines)
    for name in step.within.split("."):
        inside = [block for block in blocks(name, lines) if start <= block[0] < stop]
        if not inside:
            raise Lost(f"Nothing was changed: there is no {step.within} in {step.file}.")
        start, stop = inside[0]
    return start, stop


def found(words: str, lines: list[str], start: int, stop: int) -> list[tuple[int, int]]:
    """Return every place that these words can mean: a whole function for `def name`, a line otherwise."""
    if words.startswith(("def ", "class ")):
        return [block for block in blocks(bare_name(words), lines) if start <= block[0] < stop]
    wanted = words.strip()
    whole = [(index, index + 1) for index in range(start, stop) if lines[index].strip() == wanted]
    return whole or [(index, index + 1) for index in range(start, stop) if lines[index].strip().startswith(wanted)]


def blocks(name: str, lines: list[str]) -> list[tuple[int, int]]:
    """Return where each function or class of this name begins, its decorators included, and ends."""
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError as error:
        raise Lost(f"Nothing was changed: the file doesn't compile as it is, see its line {error.lineno}.") from None
    return [
        (min(part.lineno for part in (node, *node.decorator_list)) - 1, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name
    ]


def bare_name(words: str) -> str:
    """Return the name in `def name(…) -> …:` or `class Name:`."""
    return words.split(None, 1)[1].partition("(")[0].partition(":")[0].strip()


def name_of(code: list[str]) -> str:
    """Return `def name` for code that is one function at the left margin, `class Name` for a class, else nothing."""
    heads = [line for line in code if line.startswith(("def ", "class "))]
    others = [line for line in code if line[:1].strip() and not line.startswith((*DEFINITIONS, "#", ")"))]
    return f"{heads[0].split()[0]} {bare_name(heads[0])}" if len(heads) == 1 and not others else ""


def stands(name: str, lines: list[str]) -> bool:
    """Whether the function or class of this name is in the file."""
    return bool(name) and bool(blocks(bare_name(name), lines))


def are_imports(step: Step, code: list[str]) -> bool:
    """Whether the piece is imports alone, which know their place by themselves."""
    return not (step.replace or step.after or step.before) and all(line.startswith(IMPORTS) for line in code)


def with_imports(code: list[str], lines: list[str]) -> list[str]:
    """Put each import in its alphabetical place, those with `from` below the others."""
    for new in code:
        start = next(index for index, line in enumerate(lines) if line.startswith(IMPORTS))
        stop = next((index for index in range(start, len(lines)) if not lines[index].startswith(IMPORTS)), len(lines))
        block = sorted({*lines[start:stop], new}, key=lambda line: (line.startswith("from "), line))
        lines = [*lines[:start], *block, *lines[stop:]]
    return lines


def gap(step: Step, lines: list[str], start: int, stop: int) -> int:
    """Count the empty lines between the piece and its neighbour: those of the cell, and as many as definitions need."""
    wanted = len(step.code) - len(step.code.lstrip("\n"))
    code = step.code.strip("\n").splitlines()
    first = next((line for line in code if line.strip() and not line.lstrip().startswith("#")), code[0])
    neighbour = lines[start] if step.before or step.after else next(filter(None, reversed(lines[:stop])))
    at_the_margin = not first.startswith(" ")
    if first.lstrip().startswith(DEFINITIONS):
        return max(wanted, 2 if at_the_margin else 1)
    if at_the_margin and neighbour.startswith((" ", *DEFINITIONS)):  # after a function, or after its last line
        return max(wanted, 2)
    return wanted


def without(lines: list[str], start: int, stop: int) -> list[str]:
    """Take these lines out; where they stood between empty ones, or first, the empty ones on one side go with them."""
    above, below = lines[:start], lines[stop:]
    if below and not below[0].strip():
        if above and not above[-1].strip():
            above = trimmed(above)
        elif not above or above[-1].endswith(":"):
            below = trimmed(below[::-1])[::-1]
    return [*above, *below]


def trimmed(lines: list[str]) -> list[str]:
    """Return the lines without the empty ones at their end."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def compiled(step: Step, text: str) -> str:
    """Return the text if it is a program; a piece in a wrong place would be found out much later otherwise."""
    try:
        compile(text, step.file, "exec")
    except SyntaxError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise Lost(f"Nothing was changed: with this piece, {step.file} would not compile ({where}).") from None
    return text
