"""PROTOCOL.md is true: its examples are played, and its tables of errors provoked, against a real server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .chatting import Person, ServerProcess

Serve = Callable[..., ServerProcess]

DOCUMENT = (Path(__file__).resolve().parents[2] / "final" / "PROTOCOL.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```chat\n(.*?)^```", DOCUMENT, re.M | re.S)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TOKEN = re.compile(r"[0-9a-f]{32}")


class Play:
    """One example: each name is a connection, opened when it is first mentioned."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.people: dict[str, Person] = {}
        # The tokens that the document made up -> those that the server did.
        self.tokens: dict[str, str] = {}

    def line(self, line: str) -> None:
        who, direction, text = re.fullmatch(r"(\w+)([<>]) (.*)", line).groups()  # type: ignore[union-attr]
        person = self.people.get(who) or self.people.setdefault(who, self.server.comes())
        if direction == "<":
            self.expect(text, person.line())
        elif text == "(lost)":
            person.resets()
        else:
            for made_up, real in self.tokens.items():
                text = text.replace(made_up, real)
            person.says(text.replace("␛", "\x1b").replace("⇤", "\u202e"))

    def expect(self, wanted: str, got: str) -> None:
        if wanted.startswith("{"):
            assert list(json.loads(wanted)) == list(json.loads(got)), f"other fields: {got}"
            assert self.settled(json.loads(wanted), json.loads(got)) == json.loads(got)
        else:
            assert got == wanted

    def settled(self, wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
        """What is wanted, with the time and the secret that only the server can know, if they are well formed."""
        if "time" in wanted and TIME.fullmatch(got["time"]):
            wanted["time"] = got["time"]
        if "token" in wanted and TOKEN.fullmatch(got["token"]):
            assert self.tokens.setdefault(wanted["token"], got["token"]) == got["token"]
            wanted["token"] = got["token"]
        return wanted


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_goes_as_written(example: str, server: ServerProcess) -> None:
    """Every line of the example is sent, or is what comes."""
    play = Play(server)
    for line in example.splitlines():
        play.line(line)


def rows(heading: str) -> list[list[str]]:
    """The table whose first column has this heading, without its first two lines."""
    table = re.search(rf"^\| `{heading}` \| when \|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT, re.M)
    assert table is not None
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table[1].splitlines()]


def code(cell: str) -> str:
    """What stands between the first backticks."""
    return cell.strip().strip("|").strip().split("`")[1]


REFUSALS = [(code(row[0]), row[2] if len(row) > 2 else "") for row in rows("reason")]
NOTICES = [(code(row[0]), row[2] if len(row) > 2 else "") for row in rows("code")]


def test_every_row_of_the_errors_is_either_an_example_or_has_a_test() -> None:
    """A new row without an example needs a test of its own, named here."""
    without = {name for name, example in REFUSALS + NOTICES if "`" not in example}
    assert without == {"full", "address", "tls", "long", "rate"}
    endings = re.findall(r"^\| `(\w+)` \| \w", DOCUMENT.partition("These end the connection")[2], re.M)
    assert endings == ["code", "line", "silent", "replaced", "closing"]


@pytest.mark.parametrize(("reason", "example"), [row for row in REFUSALS if "`" in row[1]])
def test_a_refusal_has_its_reason(reason: str, example: str, server: ServerProcess) -> None:
    """The client is told why, in a sentence, and the connection ends."""
    if "while alice is here" in example:
        server.comes("alice")
    client = server.comes().says(code(example))
    answer = json.loads(client.line())
    assert (answer["type"], answer["reason"]) == ("failed", reason)
    assert " " in answer["text"]
    client.hears("(end)")


@pytest.mark.parametrize(("code_wanted", "example"), [row for row in NOTICES if "`" in row[1]])
def test_a_notice_has_its_code_and_changes_nothing(code_wanted: str, example: str, server: ServerProcess) -> None:
    """The client is told, with the id of what it is about, and goes on; nobody else notices."""
    bob = server.comes("bob")
    alice = rich(server, "alice")
    bob.hears("* alice has joined the chat")
    sent = code(example)
    alice.says(sent, '{"type":"say","text":"still here"}')
    answer = json.loads(alice.line())
    assert (answer["type"], answer["code"]) == ("notice", code_wanted)
    assert answer.get("id") == (json.loads(sent).get("id") if sent.startswith("{") else None)
    assert json.loads(alice.line())["text"] == "still here"
    bob.hears("alice: still here")


def test_the_plain_form_has_the_same_errors_in_sentences(server: ServerProcess) -> None:
    """One line each, which begins like every line of the server's."""
    alice = server.comes("alice")
    alice.says("/msg").hears("* /msg needs a name and a text: /msg NAME TEXT")
    alice.says("/msg carol psst").hears("* nobody called carol is here")
    alice.says("x" * 4096).hears("* that line was longer than 4096 bytes and wasn't said")


def test_a_line_that_is_too_long_is_answered_once_and_skipped(server: ServerProcess) -> None:
    """In the rich form too; what follows is heard."""
    alice = rich(server, "alice")
    alice.sends(b'{"type":"say","text":"' + b"x" * 100_000 + b'"}\n').says('{"type":"ping"}')
    answer = json.loads(alice.line())
    assert (answer["type"], answer["code"]) == ("notice", "long")
    assert json.loads(alice.line()) == {"type": "pong"}


def test_the_longest_line_is_said_and_one_byte_more_is_not(server: ServerProcess) -> None:
    """4,096 bytes with the newline."""
    alice = server.comes("alice")
    alice.says("x" * 4095).hears("alice: " + "x" * 4095)
    alice.says("x" * 4096).hears("* that line was longer than 4096 bytes and wasn't said")


def test_no_line_of_the_server_is_longer_than_it_says(server: ServerProcess) -> None:
    """Not even one in which every byte had to be replaced, under the longest name, with the longest id."""
    name = "𠮷" * 32
    program = rich(server, "bob")
    person = server.comes(name)
    person.sends(b"\xff" * 4095 + b"\n")
    line = f"{name}: " + "\ufffd" * 4095
    person.hears(line)
    assert len(line.encode()) < 16_384
    program.line()
    assert len(program.line().encode()) < 16_384


def rich(server: ServerProcess, name: str) -> Person:
    """Somebody in the rich form who has heard everything up to their own joining."""
    person = server.comes().says(json.dumps({"type": "join", "name": name}))
    while True:
        line = json.loads(person.line())
        assert line["type"] != "failed", line
        if line["type"] == "joined" and line["name"] == name:
            return person
