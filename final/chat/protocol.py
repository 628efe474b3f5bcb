"""The wire: bytes cut into lines, lines read as requests, and one conversation written in two forms.

PROTOCOL.md is the same in prose. The plain form is for people at nc and for the course's clients, the rich form (one
JSON object a line) for programs. What is said is an event; it can be written in either form, and log.py keeps the
result, so that it happens once however many are listening.

This module knows the shape of everything and the meaning of nothing: not who is here, not what a request leads to.
"""

import json
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

VERSION = 1
# The longest line a client may send, newline included: room for a long paragraph, and what one client can make the
# server hold before it has finished a line.
MAX_LINE = 4096
# The longest line the server sends: a client's longest, with each byte replaced by U+FFFD (three bytes), and what
# stands around it.
MAX_SERVER_LINE = 16_384
MAX_ID = 64


class Form(Enum):
    """How a client is written to."""

    PLAIN = 0
    RICH = 1


# --- Lines ------------------------------------------------------------------------------------------------------------

TOO_LONG = b"\n"  # stands for a line that was longer than MAX_LINE; no real line holds a newline


class LineReader:
    """Cuts what arrives into lines, whatever pieces it arrives in.

    Feed it bytes as they come; take lines, without their newline, as you have time for them. Holds at most what was fed
    and not taken, and less than MAX_LINE of a line that has not ended.
    """

    __slots__ = ("_lines", "_tail")

    def __init__(self) -> None:
        # Whole lines that nobody has taken yet.
        self._lines: list[bytes] = []
        # The beginning of a line; None while the rest of one that was too long is being skipped.
        self._tail: bytes | None = b""

    def feed(self, data: bytes) -> None:
        """Take in bytes, in whatever pieces they arrived."""
        if self._tail is None:
            data = self._skip(data)
        if self._tail is not None:
            data = self._tail + data
            *lines, tail = data.split(b"\n")
            # Most lines are neither too long nor ended by \r\n; to look at all at once is cheaper than at each.
            if b"\r" in data or max(map(len, lines), default=0) >= MAX_LINE:
                lines = list(map(_checked, lines))
            self._lines += lines
            self._keep(tail)

    def take(self, count: int) -> list[bytes]:
        """Return the next lines, at most count of them. TOO_LONG stands in for each that was too long."""
        taken, self._lines = self._lines[:count], self._lines[count:]
        return taken

    @property
    def has_lines(self) -> bool:
        """Whether whole lines wait to be taken."""
        return bool(self._lines)

    @property
    def has_part(self) -> bool:
        """Whether a line has begun and not ended."""
        return self._tail != b""

    def _skip(self, data: bytes) -> bytes:
        _, newline, rest = data.partition(b"\n")
        if newline:
            self._tail = b""
        return rest

    def _keep(self, tail: bytes) -> None:
        if len(tail) < MAX_LINE:  # with its newline it can still fit
            self._tail = tail
        else:
            self._lines.append(TOO_LONG)
            self._tail = None


def _checked(line: bytes) -> bytes:
    return line.removesuffix(b"\r") if len(line) < MAX_LINE else TOO_LONG


# --- Events: what is said to people -----------------------------------------------------------------------------------


class Said(NamedTuple):
    """Somebody said something to everybody. id is the speaker's own for it, or None."""

    name: str
    text: str
    id: str | None = None


class Joined(NamedTuple):
    """Somebody came."""

    name: str


class Left(NamedTuple):
    """Somebody went."""

    name: str


class Whispered(NamedTuple):
    """Somebody said something to one other person."""

    name: str
    to: str
    text: str
    id: str | None = None


class Notice(NamedTuple):
    """The server's word to everybody: code is for programs, text is a sentence for people."""

    code: str
    text: str


Event = Said | Joined | Left | Whispered | Notice

CLOSING = Notice("closing", "the server is closing; goodbye")


def encode_plain(events: Sequence[Event]) -> list[bytes]:
    """Write events as lines that a person can read, a line for each."""
    # Most events are somebody saying something; these don't go through the match below.
    return [
        (f"{event.name}: {event.text}\n" if type(event) is Said else _plain_line(event)).encode() for event in events
    ]


def _plain_line(event: Event) -> str:
    match event:
        case Said(name, text):
            return f"{name}: {text}\n"
        case Joined(name):
            return f"* {name} has joined the chat\n"
        case Left(name):
            return f"* {name} has left the chat\n"
        case Whispered(name, to, text):
            return f"* {name} whispers to {to}: {text}\n"
        case Notice(_, text):
            return f"* {text}\n"


def encode_rich(seq: int, time: float, event: Event) -> bytes:
    """Write an event as a line of JSON. time is in seconds since 1970."""
    at = timestamp(time)
    match event:
        case Said(name, text, id):
            return _json(type="said", seq=seq, time=at, name=name, text=text, id=id)
        case Joined(name):
            return _json(type="joined", seq=seq, time=at, name=name)
        case Left(name):
            return _json(type="left", seq=seq, time=at, name=name)
        case Whispered(name, to, text, id):
            return _json(type="whisper", seq=seq, time=at, name=name, to=to, text=text, id=id)
        case Notice(code, text):
            return _json(type="notice", seq=seq, time=at, code=code, text=text)


def timestamp(time: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC with milliseconds: 2026-01-31T12:34:56.789Z."""
    from datetime import UTC, datetime  # late: no window needs it to open

    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Made once: json.dumps would make an encoder at every call.
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(**fields: Any) -> bytes:
    """One line of JSON; fields that are None are left out."""
    present = {key: value for key, value in fields.items() if value is not None}
    return _dumps(present).encode() + b"\n"


# --- Answers: what the server says to one client ----------------------------------------------------------------------

PLAIN_OK = b"ok\n"
PLAIN_FAILED = b"failed\n"
PING = _json(type="ping")


def notice(form: Form, code: str, sentence: str, id: str | None = None) -> bytes:
    """The server's word to one client: code is for programs, the sentence for people."""
    if form is Form.PLAIN:
        return f"* {sentence}\n".encode()
    return _json(type="notice", code=code, text=sentence, id=id)


def failed(code: str, sentence: str) -> bytes:
    """A rich client isn't let in. (A plain one gets PLAIN_FAILED: the course's clients look for that word alone.)"""
    return _json(type="failed", reason=code, text=sentence)


def welcome(
    name: str, token: str, seq: int, resumed: bool, people: list[list[str]], server: str, limits: dict[str, float]
) -> bytes:
    """A rich client is in. seq: the newest there was before it came; people: who was here, as `batches` cuts them."""
    first, *rest = people
    line = _json(
        type="welcome",
        version=VERSION,
        server=server,
        name=name,
        token=token,
        seq=seq,
        resumed=resumed,
        limits=limits,
        people=first,
        more=bool(rest),
    )
    return line + _people_lines(rest)


def pong(data: str | None) -> bytes:
    """The answer to a ping, with what it carried."""
    return _json(type="pong", data=data)


def duplicate(id: str, seq: int) -> bytes:
    """The answer to something that was said before, under the same id: it is in the conversation as seq."""
    return _json(type="duplicate", id=id, seq=seq)


def missed(form: Form, first: int, count: int) -> bytes:
    """To a client that has fallen off the end of the log: count entries from first are gone."""
    if form is Form.PLAIN:
        return f"* you fell behind and missed {count} lines; connect again to go on\n".encode()
    return _json(type="missed", **{"from": first}, count=count)


def people(form: Form, names: list[list[str]]) -> bytes:
    """Who is here, cut by `batches`, a line for each."""
    if form is Form.RICH:
        return _people_lines(names)
    heads = [f"* {sum(map(len, names))} here: ", *["* and "] * (len(names) - 1)]
    return "".join(f"{head}{', '.join(batch)}\n" for head, batch in zip(heads, names, strict=True)).encode()


def _people_lines(batches: list[list[str]]) -> bytes:
    last = len(batches) - 1
    return b"".join(_json(type="people", names=batch, more=i < last) for i, batch in enumerate(batches))


def batches(names: Iterable[str]) -> list[list[str]]:
    """Cut names into runs, each of which fits into a line of MAX_LINE bytes with room to spare; at least one run."""
    runs: list[list[str]] = [[]]
    used = 0
    for name in names:
        cost = 2 * len(name.encode()) + 3  # doubled, because JSON may have to escape
        if used + cost > MAX_LINE - 1024:
            runs.append([])
            used = 0
        runs[-1].append(name)
        used += cost
    return runs


HELP = b"""* what you type is said to everybody, except for these:
* /who             who is here
* /msg NAME TEXT   say it to one person alone
* /quit            leave
* /help            this
* //               begins a line that is said with one slash in front
"""


# --- Requests: what a client asks for ---------------------------------------------------------------------------------


class Join(NamedTuple):
    """Let me in. With a token and since: let me go on after that entry."""

    name: str
    token: str | None = None
    since: int | None = None
    version: int = VERSION


class Say(NamedTuple):
    """Say this to everybody."""

    text: str
    id: str | None = None


class Whisper(NamedTuple):
    """Say this to one person."""

    to: str
    text: str
    id: str | None = None


class Who(NamedTuple):
    """Tell me who is here."""


class Help(NamedTuple):
    """Tell me what I can do (plain form only)."""


class Ping(NamedTuple):
    """Are you there?"""

    data: str | None = None


class Pong(NamedTuple):
    """I am here."""


class Leave(NamedTuple):
    """Goodbye."""


Request = Join | Say | Whisper | Who | Help | Ping | Pong | Leave


class BadRequest(ValueError):
    """A line that isn't a request. `code` is for programs, str() is one sentence for people."""

    def __init__(self, code: str, sentence: str, id: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.id = id


def is_rich(first_line: bytes) -> bool:
    """Whether a client's first line asks for the rich form. (No name begins with a brace.)"""
    return first_line.lstrip(b" \t").startswith(b"{")


def parse_plain(text: str) -> Request:
    """Read a plain line. Everything that isn't exactly a command is said as it stands; raises BadRequest for a /msg
    that doesn't say what to whom."""
    if not text.startswith("/"):
        return Say(text)
    command, _, rest = text.partition(" ")
    match command, rest.strip():
        case "/who", "":
            return Who()
        case "/help", "":
            return Help()
        case "/quit", "":
            return Leave()
        case "/msg", to_and_text:
            return _parse_msg(to_and_text)
    return Say(text[1:]) if text.startswith("//") else Say(text)


def _parse_msg(to_and_text: str) -> Whisper:
    to, _, text = to_and_text.partition(" ")
    if not text.strip():
        raise BadRequest("field", "/msg needs a name and a text: /msg NAME TEXT")
    return Whisper(to, text.strip())


def parse_rich(line: bytes) -> Request:
    """Read a line of JSON, or raise BadRequest with a sentence that says what is wrong with it."""
    fields = _parse_object(line)
    id = _optional_text(fields, "id", MAX_ID)
    try:
        return _parse_fields(fields, id)
    except BadRequest as error:
        error.id = id
        raise


def _parse_object(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode())  # decoded here: json would take UTF-16 for an answer too
    # RecursionError: four thousand brackets. ValueError: everything else, text that isn't UTF-8 included.
    except (ValueError, RecursionError):
        raise BadRequest("json", "that line isn't a JSON object") from None
    if not isinstance(fields, dict):
        raise BadRequest("json", "that line isn't a JSON object")
    return fields


def _parse_fields(fields: dict[str, Any], id: str | None) -> Request:
    match fields.get("type"):
        case "join":
            version = _whole_number(fields, "version", VERSION)
            return Join(_text(fields, "name"), _optional_text(fields, "token"), _since(fields), version)
        case "say":
            return Say(_text(fields, "text"), id)
        case "whisper":
            return Whisper(_text(fields, "to"), _text(fields, "text"), id)
        case "who":
            return Who()
        case "ping":
            return Ping(_optional_text(fields, "data", MAX_ID))
        case "pong":
            return Pong()
        case "leave":
            return Leave()
        case str(other):
            raise BadRequest("type", f"this server knows no message of type {_shortened(other)}")
    raise BadRequest("field", 'a message needs a "type", which is text')


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise BadRequest("field", f'"{key}" has to be there and be text')
    return value


def _optional_text(fields: dict[str, Any], key: str, longest: int = MAX_LINE) -> str | None:
    value = fields.get(key)
    if value is not None and not (isinstance(value, str) and len(value) <= longest and value.isprintable()):
        raise BadRequest("field", f'"{key}" has to be text of at most {longest} printable characters')
    return value


def _since(fields: dict[str, Any]) -> int | None:
    return None if fields.get("since") is None else _whole_number(fields, "since", 0)


def _whole_number(fields: dict[str, Any], key: str, otherwise: int) -> int:
    value = fields.get(key, otherwise)
    # bool is a kind of int in Python, and isn't one on the wire.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise BadRequest("field", f'"{key}" has to be a whole number from 0 to 2^53 - 1')
    return value


def _shortened(word: str) -> str:
    return json.dumps(re.sub(r"[^\x20-\x7e]", "?", word[:32]))
