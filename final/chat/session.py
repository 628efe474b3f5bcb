"""One client's conversation: what it may say next, and what that does.

What a client may say next is the method that will hear it: first `_hear_name`, then `_hear_plain` or `_hear_rich`, at
the end `_hear_nothing`. Whoever owns the socket hands in bytes and the time, gives the session a turn for as long as
it `has_turn`, calls `tick` when `deadline` has come, and sends what the reader gives. When the session `is_over`,
what is left to send is sent and the connection closed.

This module knows nothing of sockets or clocks, and leaves to the room what is about more than one client.
"""

from collections.abc import Callable
from math import inf
from typing import TypeVar

from . import __version__, protocol
from .limits import Allowance, Limits
from .log import Reader
from .names import MAX_LENGTH, enforce
from .protocol import BadRequest, Form, Help, Join, Leave, LineReader, Ping, Pong, Request, Say, Whisper, Who
from .refusal import Reason, Refused
from .room import REMEMBERED_IDS, Identity, Member, Room, Welcome
from .text import clean

# How many lines of one client are heard before the others have their turn.
LINES_PER_TURN = 256

# How a handshake of TLS begins (RFC 8446, section 5.1). It may have no newline in it, and whoever has sent it waits for
# an answer: one that is no TLS tells it enough.
_TLS = b"\x16\x03"

Line = TypeVar("Line", str, bytes)

SERVER = f"chat/{__version__}"


class Session:
    """One client, from its first byte to its last. Times are in seconds on a clock that doesn't go back."""

    __slots__ = (
        "_allowance",
        "_asked_at",
        "_hear",
        "_heard_at",
        "_heard_nothing",
        "_lines",
        "_member",
        "_new_token",
        "_opened_at",
        "_part_at",
        "_refusal",
        "limits",
        "reader",
        "room",
    )

    def __init__(
        self,
        room: Room,
        reader: Reader,
        limits: Limits,
        now: float,
        new_token: Callable[[], str],
        refusal: Refused | None = None,
    ) -> None:
        self.room = room
        self.reader = reader
        self.limits = limits
        self._new_token = new_token
        # Why it can't stay whatever its name is, or None. It is told when it has spoken: only then is its form known.
        self._refusal = refusal
        self._lines = LineReader()
        self._hear: Callable[[Session, list[bytes], float], None] = Session._hear_name
        self._heard_nothing = True
        # Set while it is in the room.
        self._member: Member | None = None
        self._allowance = Allowance(limits, now)
        # When it came; when it last sent or took something; when the line it is in the middle of began; when it was
        # asked whether it is there.
        self._opened_at = self._heard_at = now
        self._part_at: float | None = None
        self._asked_at: float | None = None

    # What whoever owns the socket calls

    def receive(self, data: bytes, now: float) -> None:
        """Take in bytes. Nothing comes of them until `turn`, unless they can't become a line."""
        if data.startswith(_TLS) and self._heard_nothing:
            self._refuse(Form.PLAIN, Refused(Reason.NOT_A_JOIN, "this server doesn't speak TLS"))
        self._heard_nothing = False
        self._lines.feed(data)
        self._is_there(now)
        if not self._lines.has_part:
            self._part_at = None
        elif self._part_at is None or b"\n" in data:  # another line than the one that was begun before
            self._part_at = now

    def takes(self, now: float) -> None:
        """Note that the client has taken some of what it was behind with. It may not have been read from meanwhile, so
        its line has time again."""
        self._is_there(now)
        if self._part_at is not None:
            self._part_at = now

    @property
    def has_lines(self) -> bool:
        """Whether there are lines that haven't been heard. While there are, no more should be received."""
        return self._lines.has_lines

    @property
    def is_choked(self) -> bool:
        """Whether it has more answers waiting than it may. Until they are sent, nothing more should be received."""
        return self.reader.own_bytes > self.limits.reply_bytes

    @property
    def has_turn(self) -> bool:
        """Whether `turn` would do something."""
        return self.has_lines and not self.is_choked

    def turn(self, now: float) -> None:
        """Hear some of the lines that are there; the others' turn comes before the rest."""
        if self.has_turn:
            self._hear(self, self._lines.take(LINES_PER_TURN), now)

    @property
    def is_over(self) -> bool:
        """Whether the client is to be parted from, once it has been sent what its reader has."""
        return self._hear is Session._hear_nothing

    @property
    def is_member(self) -> bool:
        """Whether it is in the room."""
        return self._member is not None

    def deadline(self) -> float:
        """Return when `tick` is to be called next, at the latest."""
        if self.is_over:
            return inf
        if self._member is None:
            return self._opened_at + self.limits.name_time
        part = inf if self._part_at is None else self._part_at + self.limits.line_time
        return min(part, self._silence_ends())

    def tick(self, now: float) -> None:
        """Do what is due."""
        if now < self.deadline():
            return
        if self._member is None:
            self._refuse(Form.PLAIN, Refused(Reason.DEADLINE, "no name was given in time"))
        elif self._part_at is not None and now >= self._part_at + self.limits.line_time:
            self._end("line", f"a line has to be finished within {self.limits.line_time:g} seconds; goodbye")
        elif self._asked_at is None:
            self._asked_at = now
            self.reader.tell(protocol.PING)
        else:
            self._end("silent", "nothing was heard from you; goodbye")

    def fell(self) -> None:
        """Deal with the reader having fallen off the log: a program is told and goes on, a person is let go."""
        self.room.counts.fallen += 1
        if self._member is not None and self.reader.form is Form.RICH:
            self.reader.catch_up()
        else:
            first = self.reader.position
            self.lost()
            self.reader.cut(protocol.missed(self.reader.form, first, self.room.log.first - first))

    def close(self) -> None:
        """End it because the server does. What the room has said last is still sent; nobody is told who leaves."""
        self._member = None
        self._over()

    def lost(self) -> None:
        """Leave the room, because the connection is gone or about to be."""
        self._leave()
        self._over()

    # What it may say next

    def _hear_name(self, lines: list[bytes], now: float) -> None:
        first, *rest = lines
        form = Form.RICH if protocol.is_rich(first) else Form.PLAIN
        try:
            self._join(form, first)
        except Refused as refused:
            self._refuse(form, refused)
        self._hear(self, rest, now)

    def _hear_plain(self, lines: list[bytes], now: float) -> None:
        """Lines that are simply said are said together: a few hundred of them may have come in one go."""
        texts: list[str] = []
        for line in lines:
            text = line.decode("utf-8", "replace")
            if text and not text.startswith("/") and not text.isspace():
                texts.append(clean(text))
            elif text.startswith("/"):
                self._say_all(texts, now)
                texts = []
                self._do(protocol.parse_plain, text, now)
            elif line is protocol.TOO_LONG:
                self._tell("long", f"that line was longer than {protocol.MAX_LINE} bytes and wasn't said")
        self._say_all(texts, now)

    def _hear_rich(self, lines: list[bytes], now: float) -> None:
        for line in lines:
            if line is protocol.TOO_LONG:
                self._tell("long", f"that line was longer than {protocol.MAX_LINE} bytes and wasn't read")
            elif line and not line.isspace():
                self._do(protocol.parse_rich, line, now)

    def _hear_nothing(self, lines: list[bytes], now: float) -> None:
        pass

    # Joining

    def _join(self, form: Form, line: bytes) -> None:
        if self._refusal is not None:
            raise self._refusal
        if form is Form.RICH:
            self._join_rich(line)
        else:
            self._join_plain(line)

    def _join_plain(self, line: bytes) -> None:
        try:
            wanted = line.decode()
        except UnicodeDecodeError:
            raise Refused(Reason.NOT_ALLOWED, "that name isn't UTF-8") from None
        self._member = self.room.enter_plain(enforce(wanted), self.reader, self._replaced)
        self._hear = Session._hear_plain

    def _join_rich(self, line: bytes) -> None:
        join = _parse_join(line)
        name = enforce(join.name)
        identity = self.room.identity(join.token, self._new_token)
        self._member = self.room.enter_rich(
            name, identity, join.since, self.reader, self._replaced, lambda answer: self._welcome(answer, identity)
        )
        self._hear = Session._hear_rich

    def _welcome(self, answer: Welcome, identity: Identity) -> bytes:
        people = self.room.people
        name, token = answer.member.shown, identity.token
        line = protocol.welcome(name, token, answer.seq, answer.resumed, people, SERVER, _told_limits(self.limits))
        return line + protocol.missed(Form.RICH, *answer.missed) if answer.missed else line

    def _refuse(self, form: Form, refused: Refused) -> None:
        self.room.counts.refused_joins += 1
        rich = protocol.failed(refused.reason.value, str(refused))
        self.reader.finish(rich if form is Form.RICH else protocol.PLAIN_FAILED)
        self._over()

    def _replaced(self) -> None:
        self._end("replaced", "you came in through another connection; goodbye")

    # Talking

    def _say_all(self, texts: list[str], now: float) -> None:
        """Say what the client's allowance allows, and tell it, once in a row, when that wasn't everything."""
        if texts and self._member is not None:
            refused_before = self._allowance.refused
            granted = self._allowance.take(len(texts), self.limits, now)
            self.room.say_all(self._member, texts[:granted])
            if granted < len(texts):
                self._refuse_lines(len(texts) - granted, None, tell=not refused_before or granted > 0)

    def _do(self, parse: Callable[[Line], Request], line: Line, now: float) -> None:
        try:
            request = parse(line)
            if self._member is not None and self._may(request, now):
                self._act(request, self._member)
        except BadRequest as bad:
            self._tell(bad.code, str(bad), bad.id)

    def _may(self, request: Request, now: float) -> bool:
        """Whether the client may have this done now. If not, it is told: once in a row, and for each that has an id,
        because whoever gave it one waits for an answer."""
        if isinstance(request, Pong | Leave):
            return True
        if self._allowance.take(1, self.limits, now):
            return True
        id = getattr(request, "id", None)
        self._refuse_lines(1, id, tell=id is not None or self._allowance.refused == 1)
        return False

    def _refuse_lines(self, count: int, id: str | None, tell: bool) -> None:
        self.room.counts.refused_lines += count
        if tell:
            self._tell("rate", "that was too much at once and wasn't said; wait a little", id)

    def _act(self, request: Request, member: Member) -> None:
        match request:
            case Say(text, id):
                self.room.say(member, _something(text, id), id)
            case Whisper(to, text, id):
                if not self.room.whisper(member, to, _something(text, id), id):
                    self._tell("nobody", f"nobody called {clean(to)[:MAX_LENGTH]} is here", id)
            case Who():
                self.reader.tell(self.room.people_lines(self.reader.form))
            case Help():
                self.reader.tell(protocol.HELP)
            case Ping(data):
                self.reader.tell(protocol.pong(data))
            case Pong():
                pass  # that it was heard is the answer
            case Leave():
                self.lost()
            case Join():
                self._tell("joined", "you are in already")

    def _tell(self, code: str, sentence: str, id: str | None = None) -> None:
        if self._member is not None:  # who has just left isn't told about what it sent behind its goodbye
            self.reader.tell(protocol.notice(self.reader.form, code, sentence, id))

    # Parting

    def _end(self, code: str, sentence: str) -> None:
        """Leave the room and say why."""
        farewell = protocol.notice(self.reader.form, code, sentence)
        self.reader.finish(farewell)
        self.lost()

    def _leave(self) -> None:
        if self._member is not None:
            member, self._member = self._member, None
            self.reader.finish()  # before the room's notice: nobody is told of their own leaving
            self.room.leave(member)

    def _over(self) -> None:
        self.reader.finish()
        self._hear = Session._hear_nothing

    # When something is due

    def _is_there(self, now: float) -> None:
        self._heard_at = now
        self._asked_at = None

    def _silence_ends(self) -> float:
        if self.reader.form is Form.PLAIN:
            return inf  # a person may be silent all day; TCP keepalive finds out whether they are there
        return (self._heard_at if self._asked_at is None else self._asked_at) + self.limits.ping_time


def _parse_join(line: bytes) -> Join:
    try:
        request = protocol.parse_rich(line)
    except BadRequest as bad:
        raise Refused(Reason.NOT_A_JOIN, str(bad)) from None
    if not isinstance(request, Join):
        raise Refused(Reason.NOT_A_JOIN, "the first message has to be a join")
    if request.version != protocol.VERSION:
        raise Refused(Reason.VERSION, f"this server speaks version {protocol.VERSION}")
    return request


def _something(text: str, id: str | None) -> str:
    """The text made safe to show, or BadRequest if there is nothing to say."""
    if not text or text.isspace():
        raise BadRequest("blank", "there is nothing to say in that", id)
    return clean(text)


def _told_limits(limits: Limits) -> dict[str, float]:
    """What a client does well to know; PROTOCOL.md says what each is."""
    return {
        "line": protocol.MAX_LINE,
        "name": MAX_LENGTH,
        "id": protocol.MAX_ID,
        "ids": REMEMBERED_IDS,
        "rate": limits.rate,
        "burst": limits.burst,
        "ping": limits.ping_time,
    }
