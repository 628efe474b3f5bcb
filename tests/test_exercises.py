"""The exercises with checks of their own can be done, and whoever does them wrong reads what is wrong."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "notebooks"), str(ROOT / "final")]

import exercises  # noqa: E402
import make  # noqa: E402
from chat.protocol import Form  # noqa: E402
from chat.session import Session  # noqa: E402

NOTEBOOK = ROOT / "notebooks" / "05_final.ipynb"
CHECKS = {
    "Cutter": exercises.check_cutter,
    "TinyLog": exercises.check_log,
    "LockedSession": exercises.check_door,
    "rejoin": exercises.check_rejoin,
}
everyone = pytest.mark.parametrize("name", CHECKS)

# Each is the solution with one thing wrong, and what its author is told.
WRONG = [
    ("Cutter", "self.tail + data", "data", "keep it"),
    ("Cutter", "self.lines += lines", "self.lines = lines", "wait until somebody takes"),
    ("Cutter", "taken, self.lines = self.lines, []", "taken = self.lines", "forgets them"),
    ("Cutter", "self.tail = b", "tail = b", "AttributeError"),
    ("Cutter", "self.lines += lines", "self.lines += [line for line in lines if line]", "with nothing in it"),
    ("Cutter", "self.lines += lines", "self.lines += [line.decode() for line in lines]", "a line is bytes here"),
    ("Cutter", "self.lines += lines", 'self.lines += [line + b"\\n" for line in lines]', "no part of it"),
    (
        "Cutter",
        "return taken",
        'taken, self.tail = [*taken, *([self.tail] if b"yet" in self.tail else [])], b""; return taken',
        "no line yet",
    ),
    ("Cutter", "return taken", 'return taken + [b""] * bool(taken)', "stands no line yet"),
    (
        "Cutter",
        "    def __init__(self):\n        self.lines = []\n",
        "    lines = []\n\n    def __init__(self):\n",
        "lines of its own",
    ),
    ("TinyLog", "self.lines[max(0, position - self.first) :]", "self.lines[position:]", "keep their numbers"),
    ("TinyLog", "            self.first += 1\n", "", "remember how many"),
    ("TinyLog", "if len(self.lines) > self.keep:", "if False:", "it was to keep three"),
    ("TinyLog", "if missed else []", "if False else []", "is told how many"),
    ("TinyLog", "self.first - position)", "self.first - position - 1)", "that is 997"),
    ("TinyLog", ", self.first + len(self.lines)", "", "returns two things"),
    ("TinyLog", "self.first + len(self.lines)", "self.first + len(self.lines) - 1", "the lines are right"),
    ("LockedSession", "        if rest:\n            self._hear(self, rest, now)\n", "", "if anything follows"),
    (
        "LockedSession",
        "        if rest:\n            self._hear",
        "        if True:\n            self._hear",
        "ValueError",
    ),
    ("LockedSession", "            return\n", "", "says"),
    ("LockedSession", 'first != b"sesame"', "False", "without it"),
    ("LockedSession", "        self._hear = LockedSession._hear_password\n", "", "without the password"),
    ("LockedSession", 'first != b"sesame"', 'first != "sesame"', 'b"sesame"'),
    ("LockedSession", 'first != b"sesame"', 'b"sesame" not in first', "without it"),
    ("LockedSession", 'first != b"sesame"', 'first.lower() != b"sesame"', "without it"),
    (
        "TinyLog",
        ", self.first + len(self.lines)",
        ", position + len(news + self.lines[max(0, position - self.first) :])",
        "whatever was missed",
    ),
    ("rejoin", "max(message.get", "max(message['type'] == 'said' and message.get", "highest seq"),
    (
        "rejoin",
        'max(message.get("seq", 0) for message in messages)',
        '[m["seq"] for m in messages if "seq" in m][-1]',
        "highest seq",
    ),
    ("rejoin", '"name": name', '"name": "alice"', "the name is an argument"),
    ("rejoin", "for message in messages)", "for message in messages[1:])", "ValueError"),
    ("rejoin", '"token": token, ', "", "somebody new"),
    ("rejoin", "max(message.get", "min(message.get", "highest seq"),
    ("rejoin", '.encode() + b"\\n"', ".encode()", "end in a newline"),
    ("rejoin", '"type": "join"', '"type": "say"', "has to be a join"),
]


def code_of(name: str) -> str:
    """Return the solution in which this is defined."""
    section = (ROOT / "notebooks" / "solutions.md").read_text("utf-8").partition("\n## 05")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return next(block for block in blocks if re.search(rf"^(class|def) {name}\b", block, re.MULTILINE))


def untouched(name: str) -> str:
    """Return the cell of the notebook in which this is to be written, as it is handed out."""
    cells: list[str] = [cell.source for cell in make.read(NOTEBOOK).cells if cell.cell_type == "code"]
    return next(cell for cell in cells if re.search(rf"^(class|def) {name}\b", cell, re.MULTILINE))


def says(name: str, code: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run this code where the notebook has got to, and return what the check says about it."""
    names: dict[str, Any] = {"json": json, "Session": Session, "Form": Form}
    exec(compile(ast.parse(code), name, "exec"), names)
    CHECKS[name](names[name])
    return capsys.readouterr().out


# The same for the bot: what is replaced in its solution, by what, and what its author is told.
BOTS = [
    ("pass", "pass", "Right. "),
    (' and name != "greeter"', "", "Not yet. It greets itself."),
    ('if line == f"* {name} has joined the chat"', 'if "has joined the chat" in line', "look at both ends"),
    ('if line == f"* {name} has joined the chat"', 'if line.startswith("* ")', "look at both ends"),
    ('removesuffix(" has joined the chat")', "removesuffix()", "TypeError"),
    ("server.sendall", "print", exercises.NOT_BEGUN),
    ("\\n", "", "the server waits for it"),
    ("            print(line, flush=True)\n", "", "Right. "),
]


def bot_of_solution() -> str:
    """Return the bot as the notebook hands it out, with the solution in place of its loop."""
    notebook = make.read(ROOT / "notebooks" / "04_tk_client.ipynb")
    frame: str = next(cell.source for cell in notebook.cells if cell.source.startswith("%%experiment greeter.py"))
    solutions = (ROOT / "notebooks" / "solutions.md").read_text("utf-8")
    loop = re.findall(r"```python\n(while True:.*?)```", solutions, re.DOTALL)
    return frame.partition("\n")[2].partition("while True:")[0] + str(*loop)


@pytest.mark.parametrize(("right", "wrong", "told"), BOTS)
def test_the_bot(
    right: str,
    wrong: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The solution of 04's exercise greets whom it should; one with a mistake is told which."""
    bot = bot_of_solution()
    assert right in bot
    for program in (ROOT / "stages" / "04_tk_client").glob("*.py"):
        (tmp_path / program.name).write_bytes(program.read_bytes())
    (tmp_path / "greeter.py").write_text(bot.replace(right, wrong), "utf-8")
    monkeypatch.chdir(tmp_path)
    exercises.check_greeter("greeter.py")
    assert told in capsys.readouterr().out


# And for the first exercise of 01: the server's loop, and what is said of what its screen shows.
WHOLE_LINES = """\
        with client.makefile("rb") as lines:
            for line in lines:
                print(line.decode(), end="", flush=True)
                client.sendall(line)
"""
WHAT_A_RECV_BRINGS = """\
        while data := client.recv(4096):
            print(data.decode(), end="", flush=True)
            client.sendall(data)
"""
SCREENS = [
    (WHOLE_LINES, "Right. "),
    (WHOLE_LINES.replace("decode()", 'decode("latin-1")'), "what comes is UTF-8"),
    (WHAT_A_RECV_BRINGS, "in the middle of a letter"),
    (WHAT_A_RECV_BRINGS.replace("decode()", 'decode(errors="replace")'), "in the middle of a letter"),
    (WHOLE_LINES.replace("print", "str"), "print each line"),
]


@pytest.mark.parametrize(("loop", "told"), SCREENS)
def test_the_screen(loop: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who decodes whole lines is told that it is right; who gets round it, by what it can be seen."""
    notebook = make.read(ROOT / "notebooks" / "01_echo.ipynb")
    frame: str = next(cell.source for cell in notebook.cells if cell.source.startswith("%%experiment exercise_1.py"))
    before, _, rest = frame.partition("\n")[2].partition("        while data")
    server = f"{before}{loop}\n\nwith socket.create_server{rest.partition('with socket.create_server')[2]}"
    (tmp_path / "exercise_1.py").write_text(server, "utf-8")
    exercises.check_screen(str(tmp_path / "exercise_1.py"))
    assert told in capsys.readouterr().out


@everyone
def test_the_solution_is_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in solutions.md passes the check."""
    assert says(name, code_of(name), capsys).startswith("Right. ")


@everyone
def test_an_exercise_that_was_not_begun_is_no_mistake(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever runs all cells is told that there is something to do, and nothing more."""
    assert says(name, untouched(name), capsys) == f"{exercises.NOT_BEGUN}\n"


@pytest.mark.parametrize(("name", "right", "wrong", "told"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(
    name: str, right: str, wrong: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, with what was done and what came of it, and no traceback."""
    code = code_of(name)
    assert right in code
    said = says(name, code.replace(right, wrong), capsys)
    assert said.startswith("Not yet. ")
    assert told.lower() in said.lower()
