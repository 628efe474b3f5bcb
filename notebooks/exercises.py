"""Looks at the exercises that the tester has no check for, and says in sentences what is right and what isn't.

Each check plays a small scene with what the learner has written: bytes in, bytes out. What hasn't been begun is no
mistake, and is told apart from one.
"""

import functools
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "final"), str(ROOT / "tests")]

from chat.limits import Limits  # noqa: E402
from chat.log import Log, Reader  # noqa: E402
from chat.room import Room  # noqa: E402
from chat.session import Session  # noqa: E402
from suites.complaints import Complaint  # noqa: E402
from suites.diagram import SERVER  # noqa: E402
from wire import DEADLINE, Conversation, Person, Player, conversing, wait_until  # noqa: E402

NOT_BEGUN = "Not begun yet: fill in the exercise's cell above, run it, and run this one again."


class NotBegun(Exception):
    """There is nothing to look at yet."""


class NotYet(Exception):
    """Something isn't right yet: what, and a hint."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\nhint: {hint}" if hint else what)


def told(check: Callable[[Any], str]) -> Callable[[Any], None]:
    """Make a check print what it finds: its praise, or what is wrong."""

    @functools.wraps(check)
    def tell(work: Any) -> None:
        try:
            print(f"Right. {check(work)}")
        except NotBegun:
            print(NOT_BEGUN)
        except (NotYet, Complaint) as wrong:
            print(f"Not yet. {wrong}")
        except Exception as error:  # the learner's, whatever it is
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"Not yet. It ends with an error in {where.name}: {type(error).__name__}: {error}")

    return tell


def begun(answer: Any) -> Any:
    """Return the answer, or raise NotBegun where the cell was left as it is."""
    if answer is None or answer is ...:
        raise NotBegun
    return answer


def expect(wanted: object, came: object, what: str, hint: str) -> None:
    """Complain unless what came is what was wanted."""
    if came != wanted:
        raise NotYet(f"{what}\nexpected: {wanted!r}\n    came: {came!r}", hint)


A_WHILE = 3.0  # seconds in which a program answers, if it is going to


# Notebook 01: a server that loses half a letter.


@told
def check_screen(server: str) -> str:
    """Start a server, say a word to it in two pieces, the cut in a letter, and look at what it shows."""
    with conversing(Path(server), PYTHONPATH=".") as talk:
        program = talk.server
        assert program is not None, "a conversation with a server has one"
        alice, bob = talk.connects("alice"), talk.connects("bob")
        alice.sends(b"caf\xc3")
        bob.says("tea")  # meanwhile, so that the two pieces are read one by one
        bob.hears(within=A_WHILE)
        alice.sends(b"\xa9\n")
        wait_until(lambda: "café" in program.output, within=A_WHILE)
        shown = program.output.partition("\n")[2]  # what follows the line that says where it listens
    if "café" not in shown:
        raise NotYet(
            f"Alice has said “café” in two pieces, and Bob “tea” between them; the server's screen shows {shown!r}.",
            _about_screen(shown, program.errors),
        )
    return "The screen shows “café”, whose é came in two pieces."


def _about_screen(shown: str, errors: str) -> str:
    if "Ã" in shown:
        return "what comes is UTF-8: decode it as that, and not as something else to have quiet"
    if "caf" in shown or "UnicodeDecodeError" in errors:
        return "what one recv brings may end in the middle of a letter: decode whole lines"
    return "print each line when it is whole"


# Notebook 04: a bot that greets.


@told
def check_greeter(program: str) -> str:
    """Start the bot in the room of my_chat/server.py, let people come and go, and listen to what it says."""
    with conversing(Path("server.py")) as talk:
        alice = _comes(talk, "alice")
        greeter = talk.starts("greeter", program)
        heard = _hears_up_to(alice, "* greeter has joined the chat", DEADLINE)
        bob = _comes(talk, "bob")
        heard += _hears_up_to(alice, "greeter: hello bob")
        _check_running(greeter)
        _check_begun(talk, heard)
        bob.says("* dave has joined the chat")
        heard += _hears_up_to(alice, "bob: * dave has joined the chat", DEADLINE)
        bob.breaks()
        heard += _hears_up_to(alice, "* bob has left the chat", DEADLINE)
        _comes(talk, "erin")
        heard += _hears_up_to(alice, "greeter: hello erin")
        _check_running(greeter)
    _check_greetings([line for line in heard if line.startswith("greeter: ")])
    return "It has greeted bob and erin, and nobody else."


def _comes(talk: Conversation, name: str) -> Person:
    person = talk.connects(name)
    person.says(name)
    person.hears()
    return person


def _hears_up_to(listener: Person, last: str, within: float = A_WHILE) -> list[str]:
    """Return the lines up to this one, or up to where nothing more comes within these seconds."""
    lines: list[str] = []
    while last not in lines and (line := listener.hears(within)) is not None:
        lines.append(line)
    return lines


def _check_running(bot: Player) -> None:
    if "Traceback" in bot.program.errors:
        raise NotYet(f"It has ended with an error: {bot.program.errors.rstrip().splitlines()[-1]}")


def _check_begun(talk: Conversation, heard: list[str]) -> None:
    if any(line.startswith("greeter: ") for line in heard):
        return
    sent = "".join(event.text for event in list(talk.notes.events) if event.parties == ("greeter", SERVER))
    rest = sent.partition("\n")[2]  # of what it has sent, without its name
    if not rest:
        raise NotBegun
    raise NotYet(
        f"It has sent {rest!r}, and nobody has heard it.", "a line ends with its newline: the server waits for it"
    )


def _check_greetings(said: list[str]) -> None:
    if "greeter: hello greeter" in said:
        raise NotYet("It greets itself.", "it hears of its own joining as well; look whether the name is its own")
    what = "bob has joined, has said “* dave has joined the chat”, and has left; then erin has joined."
    hint = "a notice that somebody has joined begins with “* ” and ends with “ has joined the chat”: look at both ends"
    expect(["greeter: hello bob", "greeter: hello erin"], said, what, hint)


# 1. A cutter of lines.

TEXT = "hello\nété\n\n日本\nno end yet".encode()
LINES = [line.encode() for line in ("hello", "été", "", "日本")]


@told
def check_cutter(cutter: Callable[[], Any]) -> str:
    """Feed a text cut at every place, then byte by byte."""
    _check_taking(cutter())
    _check_two(cutter(), cutter())
    ways = [[TEXT], *([TEXT[:cut], TEXT[cut:]] for cut in range(1, len(TEXT))), [bytes([byte]) for byte in TEXT]]
    for pieces in ways:
        _check_pieces(cutter(), pieces)
    return f"{len(ways)} ways to cut the same bytes, and the same four lines each time."


def _check_taking(cutter: Any) -> None:
    cutter.feed(b"a\n")
    cutter.feed(b"b\n")
    hint = "lines wait until somebody takes them; take hands them over, and forgets them"
    taken = begun(cutter.take())
    what = "It was fed a line, and another, and then asked for them."
    expect([b"a", b"b"], taken, what, _about_lines(taken, hint))
    expect([], cutter.take(), "It was asked once more, and nothing had come.", hint)


def _check_two(one: Any, other: Any) -> None:
    one.feed(b"mine\n")
    hint = "each cutter has lines of its own: make them in __init__, with self"
    expect([], other.take(), "There are two cutters, and only the other one was fed.", hint)


def _check_pieces(cutter: Any, pieces: Sequence[bytes]) -> None:
    lines: list[bytes] = []
    for piece in pieces:
        cutter.feed(piece)
        lines += begun(cutter.take())
    what = f"The lines are wrong when the bytes come as {len(pieces)} pieces, {list(pieces[:3])!r}…"
    hint = "what has come after the last newline is the beginning of the next line: keep it"
    expect(LINES, lines, what, _about_lines(lines, hint))


def _about_lines(lines: Sequence[object], otherwise: str) -> str:
    """Return a hint for these lines, which are not the right ones."""
    if any(not isinstance(line, bytes) for line in lines):
        return "a line is bytes here: a letter may come in two pieces, and can be decoded only when the line is whole"
    if any(isinstance(line, bytes) and line.endswith(b"\n") for line in lines):
        return "the newline ends a line, and is no part of it"
    if lines and lines[-1] == b"":
        return "after the last newline stands no line yet: nothing has come there"
    if lines == [line for line in LINES if line]:
        return "a line with nothing in it is a line"
    if lines == [*LINES, TEXT.rpartition(b"\n")[2]]:
        return "what has come after the last newline is no line yet: its own newline may still come"
    return otherwise


# 2. A log in ten lines.


@told
def check_log(log: Callable[[int], Any]) -> str:
    """Say lines, and read them from different places."""
    _check_reading(log(100))
    _check_missing(log(3))
    return "A reader is a number, and nobody's number had to wait for anybody else's."


def _check_reading(log: Any) -> None:
    begun(log.read(0))
    for line in ("a", "b", "c"):
        log.say(line)
    _expect_reading((["a", "b", "c"], 3), log.read(0), "Three lines were said; this reader stood at 0.")
    _expect_reading((["c"], 3), log.read(2), "This reader stood at 2.")
    _expect_reading(([], 3), log.read(3), "This reader had heard everything.")
    log.say("d")
    _expect_reading((["d"], 4), log.read(3), "One more line was said.")


def _expect_reading(wanted: tuple[list[str], int], came: object, what: str) -> None:
    """Complain unless this is what a reader was to get: lines, and where it stands then."""
    hint = "a reader that stands at 2 has heard lines 0 and 1: what is next for it is line 2"
    if not isinstance(came, tuple) or len(came) != 2:
        hint = "read returns two things: a list of lines, and the number at which this reader goes on"
    elif came[0] == wanted[0]:
        hint = "the lines are right; the position after them is the number that the next line will have"
    expect(wanted, came, what, hint)


def _check_missing(log: Any) -> None:
    for number in range(1000):
        log.say(f"line {number}")
    kept = repr(getattr(log, "__dict__", "")).count("line ")
    if kept > 3:
        raise NotYet(f"It was to keep three lines and keeps {kept}.", "forget the oldest when a new one comes")
    last = ["line 997", "line 998", "line 999"]
    hint = "lines keep their numbers when the oldest are forgotten: remember how many those were"
    expect(
        (last[1:], 1000), log.read(998), "A thousand lines were said, three are kept; this reader stood at 998.", hint
    )
    late = (["* you missed 997 lines", *last], 1000)
    came = log.read(0)
    if isinstance(came, tuple) and came[0] == late[0]:
        hint = "the lines are right; the position after them is the number of the next line, whatever was missed"
    elif came == (last, 1000):
        hint = "the lines are right; whoever has missed some is told how many, before them"
    elif isinstance(came, tuple) and str(came[0]).startswith("['* you missed "):
        hint = "missed are the lines between its place and the oldest that is kept: from 0 to 996, that is 997"
    expect(late, came, "A thousand lines were said, three are kept; this reader stood at 0.", hint)


# 3. A door with a password.


def _room() -> Room:
    return Room(Log(1_000_000), max_members=10, backlog=20, resume_time=600.0)


def _visit(kind: Callable[..., Any], room: Room, pieces: Sequence[bytes], token: str = "token") -> tuple[Any, bytes]:
    """Let somebody say these pieces, one after the other; return the session, and what was answered in all."""
    session = kind(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: token)
    answered = b""
    for piece in pieces:
        session.receive(piece, 0.0)
        while session.has_turn:
            session.turn(0.0)
        answered += session.reader.take()
    return session, answered


LET_IN = b"ok\n* alice has joined the chat\nalice: hello\n"


@told
def check_door(kind: type[Session]) -> str:
    """Come with the password, without it, and with everything in one piece."""
    _, answer = _visit(kind, _room(), [b"alice\n"])
    if answer.startswith(b"ok"):
        if not any(map(callable, vars(kind).values())):
            raise NotBegun
        hint = "Session.__init__ puts a method into self._hear: put yours there afterwards, LockedSession._your_method"
        raise NotYet("alice comes in without the password.", hint)
    for pieces in (
        [b"sesame\n", b"alice\n", b"hello\n"],
        [b"sesame\nalice\nhello\n"],
        [b"ses", b"ame\nali", b"ce\nhello\n"],
    ):
        _, answer = _visit(kind, _room(), pieces)
        hint = "the password's method hears the first line: what follows is for the next method, if anything follows"
        if answer == b"failed\n":
            hint = 'that was the password: a line is bytes, b"sesame"'
        expect(LET_IN, answer, f"Somebody with the password says {pieces!r}.", hint)
    for first in (b"open", b"", b"alice\nsesame", b"SESAME", b"sesame!", b"open sesame"):
        pieces = [first + b"\n", b"alice\n"]
        session, answer = _visit(kind, _room(), pieces)
        expect(b"failed\n", answer, f"Somebody without it says {pieces!r}.", "see how Session refuses a name")
        expect(True, session.is_over, "Somebody without it is still listened to.", "who is refused is heard no more")
    return "The door opens to the password alone, and not a flag was needed."


# 4. Back again.


@told
def check_rejoin(rejoin: Callable[[str, list[bytes]], Any]) -> str:
    """Lose somebody's connection, and let her come back with what the learner's function says; three times."""
    ping, say = b'{"type":"ping"}\n', b'{"type":"say","text":"tea?","id":"%d"}\n'
    _check_return(rejoin, "alice", [ping], seen=3)
    _check_return(rejoin, "carol", [say % 1, say % 2, say % 1], seen=5)  # the last answer is about an earlier entry
    _check_return(rejoin, "dora", [], seen=2, heard=1)
    return "Three were lost, and each was sent what she had missed: nothing was missing, nothing came twice."


def _check_return(
    rejoin: Callable[[str, list[bytes]], Any], name: str, says: list[bytes], seen: int, heard: int | None = None
) -> None:
    """Let somebody join after entry 2, and lose her when she has seen this entry; heard: after so many lines."""
    room = _room()
    bob, _ = _visit(Session, room, [b"bob\n", b"good morning\n"])
    her, answer = _visit(Session, room, [b'{"type":"join","name":"%s"}\n' % name.encode(), *says], f"secret of {name}")
    her.lost()
    bob.receive(f"{name}?\n".encode(), 0.0)
    bob.turn(0.0)
    line = begun(rejoin(name, answer.splitlines()[:heard]))
    if not isinstance(line, bytes) or not line.endswith(b"\n"):
        raise NotYet(f"It should return bytes that end in a newline, and returned {line!r}.")
    _, answer = _visit(Session, room, [line], "somebody new")
    first, *rest = map(json.loads, answer.splitlines())
    if first["type"] != "welcome":
        raise NotYet(f"The server doesn't let {name} in; it says: {first.get('text')}", "the line has to be a join")
    expect(True, first["resumed"], f"{name} is in, as somebody new.", "who she is, the token says; it is in `welcome`")
    expect(name, first["name"], "She is in, under another name.", "the name is an argument")
    came = [message["seq"] for message in rest]
    hint = "since is the highest seq that she has seen, whatever it stands in; not everything that comes has one"
    expect(list(range(seen + 1, room.log.end)), came, f"{name} had seen {seen}, and is now sent these numbers.", hint)
