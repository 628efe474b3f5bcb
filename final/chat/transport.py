"""One socket, and how it is read, sent to and parted from without losing the last word.

A connection that has been sent everything stands in a crowd: all of them have one position in the log, and what is said
next goes to all of them as the same bytes. One that couldn't take it all leaves the crowd, goes on from its own
position as fast as it can, and joins again when it has caught up. So the others never wait for it, and there is
nothing to queue.

Parting: a socket closed with unread bytes in it resets the connection, and a reset can overtake what was sent just
before ("failed"). So everything is sent, then the sending side is shut down, and what still arrives is read and
thrown away until the client closes too, or its time is up.

This module knows nothing of what the bytes mean (session.py does) or of whose turn it is (server.py does).
"""

import contextlib
import socket
from collections.abc import Callable
from enum import Enum
from math import inf
from selectors import EVENT_READ, EVENT_WRITE
from typing import Protocol

from .limits import Limits
from .log import Log, Reader
from .refusal import Refused
from .room import Room
from .session import Session

# What is received in one go: a few hundred chat lines, and what a turn of one client can cost the others.
RECEIVE_BYTES = 16_384
# How many chunks a connection that is behind is sent in one turn.
CHUNKS_PER_TURN = 4

# A keepalive finds a plain client that vanished without a word: asked after a minute, gone after two.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}


class Phase(Enum):
    """Where a connection is in its life."""

    OPEN = "is read from and sent to"
    LINGERING = "everything is sent; what arrives is thrown away"
    CLOSED = "is no more"


class Traffic:
    """What has gone through the sockets since the start, in bytes. Only ever added to."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.received = self.sent = 0


class Hub(Protocol):
    """What a connection needs of the server."""

    traffic: Traffic

    def call(self, connection: "Connection") -> None:
        """Have `send` called before the loop waits again: there is something for this one."""

    def call_again(self, connection: "Connection") -> None:
        """Have `turn` called once more, after the others have had theirs."""

    def watch(self, connection: "Connection", events: int) -> None:
        """Have `ready` called for these events, and no others."""

    def gone(self, connection: "Connection") -> None:
        """Forget it: its socket is closed."""


class Connection:
    """One client's socket, its session and its place in the log."""

    __slots__ = (
        "_sent_at",
        "_unsent",
        "address",
        "due",
        "events",
        "hub",
        "phase",
        "reader",
        "session",
        "sock",
    )

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        address: str,
        room: Room,
        limits: Limits,
        now: float,
        new_token: Callable[[], str],
        refusal: Refused | None,
    ) -> None:
        self.hub = hub
        self.sock = sock
        # Whose connections are counted together.
        self.address = address
        self.reader = Reader(room.log, self._told)
        self.session = Session(room, self.reader, limits, now, new_token, refusal)
        self.phase = Phase.OPEN
        # What the selector watches it for, and when the server's timer will look at it; the server's own notes.
        self.events = 0
        self.due = inf
        # The part of a chunk that the kernel didn't take; shared with others who lag at the same place.
        self._unsent: memoryview | None = None
        # When it last took something while it was behind, or began to part; None while it isn't behind.
        self._sent_at: float | None = None

    # Reading

    def ready(self, events: int, now: float) -> None:
        """Do what the selector says can be done."""
        if events & EVENT_WRITE:
            self.hub.call(self)
        # While there are lines that haven't been heard, no more are read: they wait in the kernel, not here.
        if events & EVENT_READ and not self.session.has_lines:
            if self._readable():
                self._receive(now)
                self.turn(now)
            else:
                self.watch()  # it has fallen far behind since it was asked to be watched

    def turn(self, now: float) -> None:
        """Let the session hear some lines."""
        if self.session.has_turn:
            self.session.turn(now)
            if self.session.has_turn:
                self.hub.call_again(self)

    # Sending

    def send(self, now: float) -> None:
        """Send what there is, as far as the kernel takes it and the turn goes."""
        for _ in range(CHUNKS_PER_TURN):
            self.check_place()
            data = self._unsent or self.reader.take()
            if not data or not self._send(data, now):
                break
        if self.phase is not Phase.CLOSED:
            self._sent(now)

    def fall_behind(self, chunk: bytes, sent: int, now: float) -> None:
        """Go on alone: the crowd was sent this chunk, and this one took only so much of it."""
        self._unsent = memoryview(chunk)[sent:]
        self._sent_at = now
        self.watch()

    def check_place(self) -> None:
        """See whether the log has gone on without it, and let the session deal with that."""
        if self.reader.fallen:
            self.session.fell()

    @property
    def is_behind(self) -> bool:
        """Whether there is something that it hasn't been sent."""
        return self._unsent is not None or not self.reader.done

    # Parting

    def deadline(self, limits: Limits) -> float:
        """Return when `tick` is to be called, at the latest."""
        if self.phase is Phase.LINGERING:
            return self._since(limits.linger_time)
        return min(self.session.deadline(), self._since(limits.stall_time))

    def tick(self, limits: Limits, now: float) -> None:
        """Do what is due."""
        if now >= self._since(limits.linger_time if self.phase is Phase.LINGERING else limits.stall_time):
            self.lost()
        else:
            self.session.tick(now)

    def lost(self) -> None:
        """Close the socket and leave the room."""
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.CLOSED
            self._unsent = None
            self.session.lost()
            self.hub.watch(self, 0)
            self.sock.close()
            self.hub.gone(self)

    def watch(self) -> None:
        """Ask to be told of what can be done now."""
        if self.phase is not Phase.CLOSED:
            self.hub.watch(self, self._readable() | self._writable())

    # What the above is made of

    def _told(self) -> None:
        self.hub.call(self)

    def _readable(self) -> int:
        listens = self.phase is Phase.LINGERING or not (
            self.session.is_over or self.session.is_choked or self._says_and_does_not_read()
        )
        return EVENT_READ if listens else 0

    def _says_and_does_not_read(self) -> bool:
        """Whoever doesn't take what is said isn't heard either, until it has: so nobody can fall off the log by what
        they say themselves, and a flood stops where it comes from."""
        return self._sent_at is not None and self.reader.is_far_behind

    def _writable(self) -> int:
        return EVENT_WRITE if self.is_behind else 0

    def _since(self, seconds: float) -> float:
        return inf if self._sent_at is None else self._sent_at + seconds

    def _receive(self, now: float) -> None:
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.lost()
            return
        self.hub.traffic.received += len(data)
        if self.phase is Phase.OPEN:
            self._received(data, now)
        elif not data:
            self.lost()

    def _received(self, data: bytes, now: float) -> None:
        if data:
            self.session.receive(data, now)
        else:
            self.session.lost()  # it may still listen: what it has coming is sent before the socket is closed

    def _send(self, data: bytes | memoryview, now: float) -> bool:
        """Send it, keep what the kernel doesn't take, and return whether it took everything."""
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.lost()
            return False
        self.hub.traffic.sent += sent
        if sent and self._unsent is not None:  # it has made room since: somebody takes what is sent
            self._sent_at = now
            self.session.takes(now)
        self._unsent = memoryview(data)[sent:] if sent < len(data) else None
        return self._unsent is None

    def _sent(self, now: float) -> None:
        """Decide what comes next, after everything was sent that could be."""
        if self.is_behind:
            self._sent_at = now if self._sent_at is None else self._sent_at
        elif self.session.is_over and self.phase is Phase.OPEN:
            self._part(now)
        elif self.phase is Phase.OPEN:
            self._sent_at = None
        self.watch()

    def _part(self, now: float) -> None:
        self.phase = Phase.LINGERING
        self._sent_at = now
        with contextlib.suppress(OSError):  # it may be gone already
            self.sock.shutdown(socket.SHUT_WR)


class Crowd:
    """Connections that have everything up to one position in the log, which is the same for all."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.position = log.end
        # Each with its socket's send, looked up once: this is the loop that every delivery goes through.
        self._members: dict[Connection, Callable[[bytes], int]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def members(self) -> list[Connection]:
        """Return who they are."""
        return list(self._members)

    def add(self, connection: Connection) -> None:
        """Take in one that stands where the crowd stands."""
        self._members[connection] = connection.sock.send

    def part(self, connection: Connection) -> bool:
        """Let one go on from its own position, which is the crowd's; return whether it was among them."""
        if self._members.pop(connection, None) is None:
            return False
        connection.reader.position = self.position
        return True

    def send(self, chunk: bytes, end: int) -> list[tuple[Connection, int]]:
        """Send everybody the entries up to end, which chunk holds. Those who couldn't take it all leave the crowd;
        they are returned with how much they took, or -1 for a connection that is broken."""
        size = len(chunk)
        behind = []
        for connection, send in self._members.items():
            try:
                sent = send(chunk)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                sent = -1
            if sent != size:
                behind.append((connection, sent))
        self.position = end
        for connection, _ in behind:
            self.part(connection)
        return behind


def prepare(sock: socket.socket) -> None:
    """Set up a socket that was just accepted."""
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # the client may be gone already; reading will tell
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):  # each system has some of them
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
