"""The loop: one thread that owns every socket.

Each turn of it has three parts. Whoever has something to say is heard, a little from each (`_hear`). Whoever is due for
something that time brings gets it (`_tick`). Then everybody is sent what has become of that (`_flush`): those who
stand at the end of the log, all the same bytes, and those who don't, each its own. When nothing is left to do the
loop waits in the selector, for as long as it takes: an idle server takes no processor time.

Because one thread does it all, nothing here or in the modules it drives has a lock. If there is a history, it is a
reader for which the others wait: before anything is sent, it has what is new (`_keep`). If there is TLS, whoever comes
through the door goes to the lobby first, and comes in from there.

This module knows nothing of what people say; session.py and room.py do.
"""

import contextlib
import errno
import heapq
import ipaddress
import itertools
import logging
import secrets
import selectors
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from math import inf
from types import FrameType
from typing import NamedTuple, Protocol

from .limits import Limits
from .log import Log
from .protocol import PLAIN_FAILED, Form
from .refusal import Reason, Refused
from .room import Identity, Journal, Room
from .transport import Connection, Crowd, Traffic, prepare

logger = logging.getLogger("chat")

# How much the log may grow before those who stand at its end are sent to, in bytes of memory: enough for the notices of
# a thousand who join at once, and less than the smallest log, so that nobody falls off it within a turn.
FLUSH_BYTES = 524_288
# How many connections are accepted in one turn. A thousand take some 30 ms, which nobody notices once; taken a hundred
# at a time, they would join in ten turns, and everybody be sent the news ten times.
ACCEPTS_PER_TURN = 1000
# How long accepting pauses when the system has no more file descriptors, unless somebody leaves before.
PAUSE_SECONDS = 1.0
# How long the goodbye may take to reach everybody when the server ends.
CLOSING_SECONDS = 3.0
# How long a client has to close its side then: the server doesn't wait for those who don't.
CLOSING_LINGER = 0.5

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_OUT_OF_RESOURCES |= {getattr(errno, "WSAEMFILE", errno.EMFILE), getattr(errno, "WSAENOBUFS", errno.ENOBUFS)}


class Printer(Protocol):
    """Whoever shows the conversation on the server's own screen (terminal.py). Must not block."""

    def show(self, lines: bytes) -> None:
        """Take some lines."""


class Keeper(Journal, Protocol):
    """Whoever keeps the conversation (history.py)."""

    # The first entry that it doesn't have.
    position: int
    # When it wants to be called though nothing is new, on the monotonic clock; inf for never.
    due: float

    def log(self, max_bytes: int) -> Log:
        """Return a log that goes on where what was kept ends."""

    def identities(self, now: float) -> list[Identity]:
        """Return who can come again."""

    def keep(self, log: Log, now: float) -> None:
        """Keep what is new, before it is sent to anybody. now is in seconds since 1970."""


class Lobby(Protocol):
    """Where connections are before they can be talked to (tls.py)."""

    def open(self, house: "Server") -> None:
        """Lead to this server. Called before the first connection comes."""

    @property
    def due(self) -> float:
        """When `tick` is to be called, at the latest, on the monotonic clock; inf for never."""

    def enter(self, sock: socket.socket, address: str) -> None:
        """Take in a connection that was just accepted."""

    def tick(self, now: float) -> None:
        """Let those go whose time is up."""

    def close(self) -> None:
        """Let everybody go."""


class LoopTime:
    """How long the turns of the loop took, without the waiting. Only ever added to."""

    # In seconds: below a millisecond nobody notices, above a quarter of a second everybody does.
    BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

    def __init__(self) -> None:
        self.total = 0.0
        self.turns = 0
        self.counts = [0] * (len(self.BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        """Count one turn."""
        self.total += seconds
        self.turns += 1
        self.counts[sum(seconds > bucket for bucket in self.BUCKETS)] += 1


class Figures(NamedTuple):
    """How things stand; metrics.py says what each is."""

    connections: int
    clients: int
    behind: int
    lag: int
    unkept: int


class Server:
    """Everybody's sockets, and the order in which they have their turns."""

    def __init__(
        self,
        listener: socket.socket,
        limits: Limits,
        log_bytes: int,
        capacity: int,
        printer: Printer | None = None,
        keeper: Keeper | None = None,
        lobby: Lobby | None = None,
    ) -> None:
        self.limits = limits
        self._keeper = keeper
        self.log = keeper.log(log_bytes) if keeper else Log(log_bytes)
        gone = keeper.identities(time.time()) if keeper else []
        self.room = Room(self.log, limits.max_clients, limits.backlog, limits.resume_time, keeper, gone)
        self.traffic = Traffic()
        self.loop_time = LoopTime()
        # Lines times people they were sent to.
        self.delivered = 0
        self._printer = printer
        self._printed = self.log.end
        # More connections than this are turned away at once.
        self._most = min(limits.max_clients + limits.doorway, capacity)
        # Public for the door alone.
        self.selector = selectors.DefaultSelector()
        self._lobby = lobby
        if lobby:
            lobby.open(self)
        self._door = Door(listener, self, lobby.enter if lobby else self.accept)
        self._connections: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        # Those who have everything that was flushed, by the form they read.
        self._crowds = {form: Crowd(self.log) for form in Form}
        # Those who haven't, and wait for their socket to take more.
        self._behind: set[Connection] = set()
        # Those who have something of their own to be sent before the loop waits again; a dict for its order.
        self._called: dict[Connection, None] = {}
        # Those who have said more than fits into one turn.
        self._unheard: dict[Connection, None] = {}
        # When somebody is due: (time, a number that tells equals apart, who). An entry that isn't its owner's `due` any
        # more is skipped when it comes up, which is cheaper than finding it before.
        self._timers: list[tuple[float, int, Connection]] = []
        self._numbers = itertools.count()
        # The log's size when everybody was sent to last, and its first entry when those behind were looked at last.
        self._flushed_at = 0
        self._checked_at = self.log.first
        # When the server ends at the latest; None until somebody asks it to.
        self._ends_at: float | None = None
        self._asked_to_end = False

    # Running

    def run(self, started: Callable[[], None]) -> None:
        """Serve until `stop`, or until one of the signals that mean it. `started` is called when these are heard."""
        with self._woken_by_signals():
            self._door.open()
            started()
            try:
                while not self._is_finished():
                    events = self.selector.select(self._patience())
                    began = time.monotonic()
                    self._turn([(key.data, mask) for key, mask in events], began)
                    self.loop_time.add(time.monotonic() - began)
            finally:
                self._drop_everything()

    def stop(self) -> None:
        """Have the server say goodbye and end. Called by signal handlers: it only takes a note."""
        self._asked_to_end = True

    def _turn(self, events: list[tuple["Ready", int]], now: float) -> None:
        self.room.time = time.time()
        if self._asked_to_end and self._ends_at is None:
            self._begin_to_end(now)
        self._hear(events, now)
        self._tick(now)
        self._flush(now)

    def _patience(self) -> float | None:
        """How long the selector may wait: None is for ever."""
        if self._unheard or self._called:
            return 0
        ends_at = inf if self._ends_at is None else self._ends_at
        keeper_due = self._keeper.due if self._keeper else inf
        lobby_due = self._lobby.due if self._lobby else inf
        next_due = min(self._timers[0][0] if self._timers else inf, self._door.opens_at, keeper_due, lobby_due, ends_at)
        return None if next_due == inf else max(0.0, next_due - time.monotonic())

    def figures(self) -> "Figures":
        """Return how things stand; for metrics.py, which asks from another thread: it takes copies."""
        positions = [connection.reader.position for connection in self._behind.copy()]
        lag = self.log.end - min(positions, default=self.log.end)
        unkept = self.log.end - self._keeper.position if self._keeper else 0
        return Figures(len(self._connections), len(self.room), len(positions), lag, unkept)

    # What the connections ask for (transport.Hub)

    def call(self, connection: Connection) -> None:
        """Have it sent to before the loop waits again."""
        self._called[connection] = None

    def call_again(self, connection: Connection) -> None:
        """Have it heard again, after the others."""
        self._unheard[connection] = None

    def watch(self, connection: Connection, events: int) -> None:
        """Have the selector look out for these events, and no others."""
        if events == connection.events:
            return
        if not connection.events:
            self.selector.register(connection.sock, events, connection)
        elif events:
            self.selector.modify(connection.sock, events, connection)
        else:
            self.selector.unregister(connection.sock)
        connection.events = events

    def gone(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._crowds[connection.reader.form].part(connection)
        self._connections.discard(connection)
        self._behind.discard(connection)
        self._called.pop(connection, None)
        self._unheard.pop(connection, None)
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]
        logger.debug("disconnected address=%s connections=%d", connection.address, len(self._connections))
        self._door.somebody_left()

    # What the door and the lobby ask for

    @property
    def free(self) -> int:
        """How many more connections there can be."""
        return self._most - len(self._connections)

    def accept(self, sock: socket.socket, address: str, refusal: Refused | None = None) -> None:
        """Take in a new connection, if only to tell it why it can't stay."""
        prepare(sock)
        if self.free <= 0:
            logger.debug("turned away address=%s", address)
            _turn_away(sock)
            return
        now = time.monotonic()
        refusal = refusal or self._refusal(address)
        connection = Connection(self, sock, address, self.room, self.limits, now, _new_token, refusal)
        self._connections.add(connection)
        self._addresses[address] += 1
        logger.debug("connected address=%s connections=%d", address, len(self._connections))
        connection.watch()
        self._set_timer(connection)

    def _refusal(self, address: str) -> Refused | None:
        most = self.limits.max_per_address
        if most and self._addresses[address] >= most:
            return Refused(Reason.ADDRESS, f"{most} connections from your address are here already")
        return None

    # Hearing

    def _hear(self, events: list[tuple["Ready", int]], now: float) -> None:
        unheard, self._unheard = self._unheard, {}
        for ready, mask in events:
            ready.ready(mask, now)
            if isinstance(ready, Connection):
                self._heard(ready, now)
        for connection in unheard:
            connection.turn(now)
            self._heard(connection, now)

    def _heard(self, connection: Connection, now: float) -> None:
        self._set_timer(connection)
        if self.log.grown - self._flushed_at > FLUSH_BYTES:
            self._flush(now)

    # Sending

    def _flush(self, now: float) -> None:
        """Send until nobody is left to whom anything could be sent. (Sending finds out who is gone, which is news.)"""
        self._keep()
        while self._called or self._flushed_at != self.log.grown:
            self._flushed_at = self.log.grown
            called, self._called = self._called, {}
            for connection in called:
                self._step_out(connection)
            for form, crowd in self._crowds.items():
                self._send_to_crowd(form, crowd, now)
            for connection in called:
                self._send_to(connection, now)
            self._check_those_behind()
        self._print()

    def _keep(self) -> None:
        """See to it that nothing is sent which isn't kept."""
        if self._keeper and self._keeper.position != self.log.end:
            self._keeper.keep(self.log, self.room.time)

    def _send_to_crowd(self, form: Form, crowd: Crowd, now: float) -> None:
        self._keep()
        start, end = crowd.position, self.log.end
        if start < self.log.first:
            self._scatter(crowd)
        if not len(crowd) or start == end:
            crowd.position = end
            return
        chunk = self.log.chunk(form, start, end)
        count = len(crowd)
        behind = crowd.send(chunk, end)
        self.traffic.sent += len(chunk) * (count - len(behind))
        self.delivered += (end - start) * count
        for connection, sent in behind:
            self._fall_behind(connection, chunk, sent, now)

    def _scatter(self, crowd: Crowd) -> None:
        """So much has happened since the crowd was sent to (a thousand left at once) that it has fallen off the log."""
        for connection in crowd.members():
            self._step_out(connection)
            self.call(connection)

    def _fall_behind(self, connection: Connection, chunk: bytes, sent: int, now: float) -> None:
        if sent < 0:
            connection.lost()
        else:
            self.traffic.sent += sent
            self._behind.add(connection)
            connection.fall_behind(chunk, sent, now)
            self._set_timer(connection)

    def _step_out(self, connection: Connection) -> None:
        if self._crowds[connection.reader.form].part(connection):
            self._behind.add(connection)

    def _send_to(self, connection: Connection, now: float) -> None:
        if connection not in self._connections:
            return  # gone since it was called
        self._keep()
        before = connection.reader.position
        connection.send(now)
        if connection not in self._connections:
            return
        self.delivered += max(0, connection.reader.position - before)
        self._find_place(connection)
        self._set_timer(connection)
        if connection.session.has_turn:
            self.call_again(connection)

    def _find_place(self, connection: Connection) -> None:
        """Let it stand in the crowd if it has everything, and among those behind if not."""
        crowd = self._crowds[connection.reader.form]
        if connection.is_behind or not connection.reader.follows:
            self._behind.add(connection)
        elif connection.reader.position == crowd.position:
            self._behind.discard(connection)
            crowd.add(connection)
        else:
            self.call(connection)  # something was said meanwhile

    def _check_those_behind(self) -> None:
        """When the log has dropped entries, see whom it has left behind: they may never be able to be sent to."""
        if self.log.first != self._checked_at:
            self._checked_at = self.log.first
            for connection in list(self._behind):
                connection.check_place()

    def _print(self) -> None:
        if self._printer is not None and self._printed < self.log.end:
            self._printer.show(self.log.chunk(Form.PLAIN, max(self._printed, self.log.first), self.log.end))
            self._printed = self.log.end

    # Time

    def _set_timer(self, connection: Connection) -> None:
        due = connection.deadline(self.limits)
        if due < connection.due:
            connection.due = due
            heapq.heappush(self._timers, (due, next(self._numbers), connection))

    def _tick(self, now: float) -> None:
        self._door.tick(now)
        if self._lobby:
            self._lobby.tick(now)
        while self._timers and self._timers[0][0] <= now:
            due, _, connection = heapq.heappop(self._timers)
            if connection in self._connections and connection.due == due:
                connection.due = inf
                connection.tick(self.limits, now)
                if connection in self._connections:
                    self._set_timer(connection)

    # Ending

    def _begin_to_end(self, now: float) -> None:
        self._ends_at = now + CLOSING_SECONDS
        self.limits = self.limits._replace(linger_time=CLOSING_LINGER)
        logger.info("closing connections=%d", len(self._connections))
        self._door.ready(selectors.EVENT_READ, now)  # those who wait there, or they'd be reset
        self._door.close()
        if self._lobby:
            self._lobby.close()
        self.room.close()
        for connection in list(self._connections):
            connection.session.close()

    def _is_finished(self) -> bool:
        if self._ends_at is None:
            return False
        return not self._connections or time.monotonic() >= self._ends_at

    def _drop_everything(self) -> None:
        self._door.close()
        if self._lobby:
            self._lobby.close()
        for connection in list(self._connections):
            connection.sock.close()
        self.selector.close()

    @contextlib.contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Let signals end the server: they are noted, and a byte on a socket wakes the selector."""
        bell, rope = socket.socketpair()
        bell.setblocking(False)
        rope.setblocking(False)
        self.selector.register(bell, selectors.EVENT_READ, Bell(bell))
        before = signal.set_wakeup_fd(rope.fileno(), warn_on_full_buffer=False)
        for number in _ending_signals():
            signal.signal(number, self._on_signal)  # and not back: a second one may come while the process ends
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            bell.close()
            rope.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._ends_at is not None:
            self._ends_at = 0.0  # asked twice: at once, then
        self.stop()


class Ready(Protocol):
    """What the selector finds ready."""

    def ready(self, events: int, now: float) -> None:
        """Do what can be done."""


class Bell:
    """The reading end of the socket on which signals ring."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def ready(self, events: int, now: float) -> None:
        """Take the bytes out; that the loop woke is all they were for."""
        with contextlib.suppress(BlockingIOError):
            self._sock.recv(4096)


class Door:
    """The listening socket. Out of file descriptors it closes for a while: nothing spins, and the rest goes on."""

    def __init__(self, listener: socket.socket, server: Server, let_in: Callable[[socket.socket, str], None]) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._server = server
        # Where it leads to: the connection, and by what those of its address are counted.
        self._let_in = let_in
        # When a door that is shut for a while opens again.
        self.opens_at = inf

    def open(self) -> None:
        """Let connections in."""
        self.opens_at = inf
        self._server.selector.register(self._listener, selectors.EVENT_READ, self)

    def ready(self, events: int, now: float) -> None:
        """Accept those who wait, some of them: the others' turn comes before the rest."""
        for _ in range(ACCEPTS_PER_TURN):
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._shut(error, now)
                return  # or the one who knocked has gone again
            self._let_in(sock, counted_as(str(address[0])))

    def _shut(self, error: OSError, now: float) -> None:
        logger.warning("accepting pauses reason=%r", error.strerror)
        self._unwatch()
        self.opens_at = now + PAUSE_SECONDS

    def tick(self, now: float) -> None:
        """Open again when the time has come."""
        if now >= self.opens_at:
            self.open()

    def somebody_left(self) -> None:
        """There is a file descriptor again: no need to wait longer."""
        if self.opens_at != inf:
            self.opens_at = 0.0

    def close(self) -> None:
        """Let nobody in any more."""
        self.opens_at = inf
        self._unwatch()
        self._listener.close()

    def _unwatch(self) -> None:
        with contextlib.suppress(KeyError, ValueError):  # it may be shut already, or closed
            self._server.selector.unregister(self._listener)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 is any free port, and :: is IPv6 and IPv4. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        _claim_alone(listener)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        listener.bind(address)
        listener.listen(4096)
    except OSError:
        listener.close()
        raise
    return listener


def _claim_alone(listener: socket.socket) -> None:
    """Let us listen where connections of a server that ended still linger, and nobody else where we do. On Windows the
    option that means the first elsewhere would allow the second."""
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def counted_as(address: str) -> str:
    """Return by what connections from this address are counted. A computer with IPv6 has 2^64 addresses to itself, so
    it is the network before them that counts."""
    if ":" not in address:
        return address
    ip = ipaddress.IPv6Address(address)
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((ip.packed, 64), strict=False))


def address_of(listener: socket.socket) -> str:
    """Return where it listens, as people write it: 127.0.0.1:5050 or [::1]:5050."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def capacity() -> int:
    """Raise the limit on open files as far as it goes; return how many connections there can be."""
    if sys.platform == "win32":
        return 512 - 8  # what select() takes there, less the listener and the socket pair
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 65_536, 10_240):  # macOS says "unlimited" and then takes no more than it means
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            break
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(1, soft - 32)


def _ending_signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _turn_away(sock: socket.socket) -> None:
    """Say no to one too many, without waiting for anything."""
    with contextlib.suppress(OSError):
        sock.send(PLAIN_FAILED)
    sock.close()


def _new_token() -> str:
    return secrets.token_hex(16)
