"""What stands in the workspace at first, and what a later stage adds: both are read out of the stages.

The idea: a skeleton is the stage's own program, with the bodies taken out that are the learner's to write. So it can't
drift from the stage: the names, the command line and the docstrings are the stage's. Nothing here runs what it reads.
"""

import ast
from pathlib import Path

# What the skeleton of stage 01 leaves out. What is left in is the command line, the screen and the end of the program.
TO_WRITE = {
    "server.py": (
        "start_server",
        "accept_client",
        "serve_client",
        "receive_messages",
        "send_message_to_clients",
        "send_line",
        "read_lines",
    ),
    "client.py": ("connect_to_server", "talk", "send_message", "next_line", "read_lines"),
}


def skeleton(program: Path) -> str:
    """The text of a program without the bodies that are to be written."""
    text = program.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for function in reversed(functions_of(text)):  # from the last on, so that the numbers of the lines before hold
        if function.name in TO_WRITE[program.name]:
            indent = " " * function.body[0].col_offset
            place = f'{indent}raise NotImplementedError("{function.name} is still to be written")\n'
            lines[end_of_docstring(function) : function.end_lineno] = [place]
    return "".join(lines)


def functions_of(text: str) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]


def end_of_docstring(function: ast.FunctionDef) -> int:
    """How many lines of the file come before the function's first statement."""
    return function.body[0].end_lineno or function.lineno


def still_to_write(text: str) -> list[str]:
    """The functions in which nothing stands yet but our place to fill in."""
    try:
        functions = functions_of(text)
    except SyntaxError:
        return []
    return [function.name for function in functions if any(map(is_a_place, function.body))]


def is_a_place(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and "NotImplementedError" in ast.unparse(statement)


def title(program: Path) -> str:
    """What a stage's program is about: the first line of its docstring, without the stage's number."""
    first = (ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    return first.partition(": ")[2] or first


def what_is_new(before: Path, after: Path) -> str:
    """What has to be added to one stage's program to make it the next one's, in words."""
    old = {unit.name: ast.unparse(unit) for unit in units_of(before)}
    new = units_of(after)
    lines = [f"  new      {signature(unit)}\n             {about(unit)}" for unit in new if unit.name not in old]
    changed = [unit.name for unit in new if unit.name in old and ast.unparse(unit) != old[unit.name]]
    gone = [name for name in old if name not in {unit.name for unit in new}]
    lines += [f"  changes  {', '.join(changed)}"] * bool(changed) + [f"  goes     {', '.join(gone)}"] * bool(gone)
    return "\n".join(lines) or "  nothing: it stays as it is"


def units_of(program: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    body = ast.parse(program.read_text(encoding="utf-8")).body
    return [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def signature(unit: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(unit, ast.ClassDef):
        return f"class {unit.name}"
    return f"{unit.name}({', '.join(argument.arg for argument in unit.args.args)})"


def about(unit: ast.FunctionDef | ast.ClassDef) -> str:
    return (ast.get_docstring(unit) or "").partition("\n")[0]
