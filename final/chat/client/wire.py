"""Our side of the conversation, without its socket: bytes in, events out; requests in, bytes out.

A Dialogue outlives its connections. For each new one, call `begin` and send what it returns; hand what arrives to
`receive`, send what `outgoing` gives after that, and call `end` when it has ended. It keeps what makes it possible to
come back: the token by which the server knows us again, the highest number that we have seen, and what we said that
hasn't come back yet. That is said again under the id it had, and the server, which remembers our last ids, says
nothing twice.

The first line asks for the rich form. A server that knows only plain lines takes it for a name that isn't allowed, and
answers in its own way: then `receive` raises SpeaksPlain, and on another connection the name goes out as a plain line.
(A greeting by the server would make the second connection unnecessary; the course's servers wait for the name.)

This module knows nothing of sockets, threads and clocks, and nothing of what is shown to anybody.
"""

import json
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Any

from ..protocol import MAX_LINE, MAX_SERVER_LINE, VERSION, Form, Leave, Ping, Request, Say, Whisper, Who
from ..text import clean
from .events import (
    Acknowledged,
    Came,
    Closing,
    Event,
    Line,
    Missed,
    Notice,
    People,
    Refused,
    Said,
    Unsure,
    Welcome,
    Went,
    Whispered,
)

# How many ids a server remembers, if it doesn't say: no more than that may be on their way at once.
REMEMBERED_IDS = 256
# Reasons against letting us in that pass by themselves: worth another try by somebody who was in before.
PASSING_REASONS = {"full", "address"}
# For how many tries "taken" passes too, once a verdict was lost: we may have been let in without hearing of it, and the
# name be taken by ourselves until the server notices, within a minute or so.
PATIENT_TRIES = 8


class SpeaksPlain(Exception):
    """The server doesn't know the rich form. Begin again, with plain lines, on another connection."""


class NotAChat(Exception):
    """What answered isn't a chat server."""


class Stage(Enum):
    """How far the connection has come."""

    AWAY = "away"  # there is none
    ASKING = "asking"  # the name is on its way, or its verdict is
    IN = "in"
    REFUSED = "refused"
    REPLACED = "replaced"  # we are in through another connection: to come again would throw out ourselves


class _Unacknowledged:
    """A line with an id that hasn't come back."""

    __slots__ = ("line", "sent")

    def __init__(self, line: bytes, sent: bool) -> None:
        self.line = line
        self.sent = sent


class Dialogue:
    """One person's conversation with a server, over as many connections as it takes."""

    def __init__(self, name: str, form: Form = Form.RICH) -> None:
        self.name = name
        self.form = form
        self.stage = Stage.AWAY
        # How often we were let in.
        self.welcomes = 0
        # What lets us go on where we were: the secret that the server gave us, and the highest number we have seen.
        self._token: str | None = None
        self._seen: int | None = None
        # For how many more tries it may be ourselves who have our name.
        self._may_be_ourselves = 0
        # The newest number when we came in: what is up to there is history.
        self._history_ends = 0
        # What we said that hasn't come back yet, oldest first, by its id; and how much of it is on its way.
        self._outbox: dict[str, _Unacknowledged] = {}
        self._on_their_way = 0
        self._may_be_on_their_way = REMEMBERED_IDS
        # Bytes to be sent; the beginning of a line that hasn't ended; whether the list of people goes on.
        self._out = bytearray()
        self._tail = b""
        self._people_go_on = False

    @property
    def may_resume(self) -> bool:
        """Whether to come again makes sense: we were in, and weren't sent away."""
        return self._token is not None and self.stage not in (Stage.REFUSED, Stage.REPLACED)

    # What whoever owns the socket calls

    def begin(self) -> bytes:
        """Start on a new connection; return the line to send first."""
        self.stage = Stage.ASKING
        self._out.clear()
        self._tail = b""
        self._on_their_way = 0
        if self.form is Form.PLAIN:
            return f"{self.name}\n".encode("utf-8", "replace")
        resume = {} if self._token is None else {"token": self._token, "since": self._seen}
        return _json(type="join", name=self.name, version=VERSION, **resume)

    def end(self) -> None:
        """Note that the connection has ended: what is asked for from now on hasn't been sent to anybody."""
        if self.stage is Stage.ASKING:
            self._may_be_ourselves = PATIENT_TRIES
        if self.stage in (Stage.ASKING, Stage.IN):
            self.stage = Stage.AWAY

    def receive(self, data: bytes) -> Iterator[Event]:
        """Take in bytes; yield what happened. Raises SpeaksPlain or NotAChat when that makes no sense."""
        *lines, self._tail = (self._tail + data).split(b"\n")
        if len(self._tail) > MAX_SERVER_LINE:
            raise NotAChat
        for line in lines:
            yield from self._hear(line.removesuffix(b"\r"))

    def outgoing(self) -> bytes:
        """Return what is to be sent now; it won't be returned again."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def request(self, request: Request) -> None:
        """Ask for something. What has an id waits here until the server has acknowledged it."""
        line = encode(request, self.form)
        id = getattr(request, "id", None)
        if id is not None and self.form is Form.RICH:
            self._outbox[id] = _Unacknowledged(line, sent=False)
            self._send_waiting()
        elif self.stage is Stage.IN:
            self._out += line

    # What it may hear next

    def _hear(self, line: bytes) -> Iterable[Event]:
        match self.stage, self.form:
            case Stage.ASKING, Form.RICH:
                return self._hear_rich_verdict(line)
            case Stage.ASKING, Form.PLAIN:
                return self._hear_plain_verdict(line)
            case Stage.IN, Form.PLAIN:
                return (Line(_readable(line)),)
            case Stage.IN, Form.RICH:
                return self._hear_rich(line)
        return ()

    def _hear_plain_verdict(self, line: bytes) -> Iterable[Event]:
        if line == b"ok":
            self.stage = Stage.IN
            self.welcomes += 1
            return (Welcome(self.name, Form.PLAIN, False, None, MAX_LINE),)
        if line == b"failed":
            self.stage = Stage.REFUSED
            return (Refused(Form.PLAIN),)
        raise NotAChat

    def _hear_rich_verdict(self, line: bytes) -> Iterable[Event]:
        fields = _parse(line)
        if fields is None:
            raise SpeaksPlain
        match fields:
            case {"type": "welcome", "name": str(name), "token": str(token), "seq": int(seq), "resumed": bool(resumed)}:
                return self._enter(clean(name), token, seq, resumed, fields)
            case {"type": "failed", "reason": str(reason), "text": str(sentence)}:
                return self._be_refused(reason, clean(sentence))
        raise NotAChat

    def _be_refused(self, reason: str, sentence: str) -> Iterable[Event]:
        if self._token is not None and self._will_pass(reason):
            self.stage = Stage.AWAY  # the server ends the connection, and there will be another try
            return ()
        self.stage = Stage.REFUSED
        return (Refused(Form.RICH, reason, sentence),)

    def _will_pass(self, reason: str) -> bool:
        if reason == "taken" and self._may_be_ourselves:
            self._may_be_ourselves -= 1
            return True
        return reason in PASSING_REASONS

    def _enter(self, name: str, token: str, seq: int, resumed: bool, fields: dict[str, Any]) -> Iterator[Event]:
        limits = fields.get("limits") if isinstance(fields.get("limits"), dict) else {}
        self.stage = Stage.IN
        self.welcomes += 1
        self._may_be_ourselves = 0
        self._history_ends = seq
        self._may_be_on_their_way = _whole(limits, "ids", REMEMBERED_IDS)
        self._people_go_on = fields.get("more") is True
        if not resumed:
            self._seen = None
        yield Welcome(name, Form.RICH, resumed, _names(fields.get("people")), _whole(limits, "line", MAX_LINE))
        same_person, self._token = token == self._token, token
        yield from self._sort_out(same_person)
        self._send_waiting()

    def _hear_rich(self, line: bytes) -> Iterator[Event]:
        fields = _parse(line) or {}
        match fields:
            case {"type": str(type), "seq": int(seq), "time": str(time)}:
                event = self._entry(type, seq, _seconds(time), fields)
                if event is not None and self._is_new(seq):
                    self._acknowledge(getattr(event, "id", None))
                    yield event
            case {"type": "duplicate", "id": str(id)}:
                self._acknowledge(id)
                yield Acknowledged(id)
            case {"type": "notice", "code": str(code), "text": str(sentence)}:
                yield self._notice(code, clean(sentence), _id(fields))
            case {"type": "people", "names": list(names)}:
                yield People(_names(names), self._people_go_on)
                self._people_go_on = fields.get("more") is True
            case {"type": "missed", "count": int(count)}:
                yield Missed(count)
            case {"type": "ping"}:
                self._out += _json(type="pong")
        self._send_waiting()

    def _entry(self, type: str, seq: int, time: float, fields: dict[str, Any]) -> Event | None:
        """Read an entry of the log; None if it is none, or one of a kind that we don't know."""
        live = seq > self._history_ends
        match type, fields:
            case "said", {"name": str(name), "text": str(text)}:
                return Said(seq, time, clean(name), clean(text), _id(fields))
            case "whisper", {"name": str(name), "to": str(to), "text": str(text)}:
                return Whispered(seq, time, clean(name), clean(to), clean(text), _id(fields))
            case "joined", {"name": str(name)}:
                return Came(seq, time, clean(name), live)
            case "left", {"name": str(name)}:
                return Went(seq, time, clean(name), live)
            case "notice", {"text": str(sentence)}:
                return Closing(seq, time, clean(sentence))
        return None

    def _is_new(self, seq: int) -> bool:
        """Whether this number wasn't seen before; from now on it was."""
        if self._seen is not None and seq <= self._seen:
            return False
        self._seen = seq
        return True

    def _notice(self, code: str, sentence: str, id: str | None) -> Event:
        if code == "replaced":
            self.stage = Stage.REPLACED
        self._acknowledge(id)
        return Notice(code, sentence, id)

    # What was said and hasn't come back

    def _sort_out(self, same_person: bool) -> Iterator[Event]:
        """After a welcome: everything is to be sent again if the server still knows what it has from us.

        If it doesn't, what it may have had can't be said again without the risk of saying it twice.
        """
        for id, waiting in list(self._outbox.items()):
            if waiting.sent and not same_person:
                del self._outbox[id]
                yield Unsure(id)
            waiting.sent = False

    def _send_waiting(self) -> None:
        if self.stage is not Stage.IN:
            return
        # What is on its way is the beginning of the outbox: it leaves in the order in which it was said.
        for waiting in islice(self._outbox.values(), self._on_their_way, self._may_be_on_their_way):
            self._out += waiting.line
            waiting.sent = True
            self._on_their_way += 1

    def _acknowledge(self, id: str | None) -> None:
        waiting = self._outbox.pop(id, None) if id is not None else None
        if waiting is not None and waiting.sent:
            self._on_their_way -= 1


# --- Requests, written ------------------------------------------------------------------------------------------------


def encode(request: Request, form: Form) -> bytes:
    """Write a request as a line. In the plain form there is only talk, and the end of the connection."""
    match form, request:
        case Form.PLAIN, Say(text):
            return f"{text}\n".encode("utf-8", "replace")
        case Form.RICH, Say(text, id):
            return _json(type="say", text=text, id=id)
        case Form.RICH, Whisper(to, text, id):
            return _json(type="whisper", to=to, text=text, id=id)
        case Form.RICH, Who():
            return _json(type="who")
        case Form.RICH, Ping(data):
            return _json(type="ping", data=data)
        case Form.RICH, Leave():
            return _json(type="leave")
    return b""


def _json(**fields: Any) -> bytes:
    present = {key: value for key, value in fields.items() if value is not None}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


# --- What the server sends, read --------------------------------------------------------------------------------------


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _readable(line: bytes) -> str:
    return clean(line.decode("utf-8", "replace"))


def _id(fields: dict[str, Any]) -> str | None:
    id = fields.get("id")
    return id if isinstance(id, str) else None


def _names(names: object) -> tuple[str, ...]:
    return tuple(clean(name) for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _whole(fields: Any, key: str, otherwise: int) -> int:
    value = fields.get(key)
    return value if isinstance(value, int) and value > 0 else otherwise


def _seconds(time: str) -> float:
    """Seconds since 1970; 0 for what isn't a time."""
    from datetime import datetime  # late: no window needs it to open

    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return 0.0
