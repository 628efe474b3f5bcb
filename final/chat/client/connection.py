"""The connection: one thread that owns the socket, and comes back when the connection is lost.

Whoever makes a Connection hands in a function that is told every event, in the connection's own thread (a queue's `put`
will do), and asks for things with methods that return at once. It could as well drive a bot:

    events = queue.SimpleQueue()
    connection = Connection("127.0.0.1", 5050, "parrot", events.put)
    connection.start()
    while True:
        match events.get():
            case Said(name=name, text=text) if name != "parrot":
                connection.request(Say(text, "an id of your own"))

The thread waits in a selector for the socket and for a second one, its doorbell, that wakes it when there is something
to do: that is why nobody ever waits for it, and why it ends at once when it is told to.

If it is told to speak TLS it never speaks in the clear.

This module knows bytes and time. What they mean is wire.py's; nothing here knows what is shown to anybody.
"""

import contextlib
import errno
import itertools
import logging
import os
import queue
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum

from ..protocol import Form, Leave, Ping, Request
from .events import Event, Lost, Mistake, Trying
from .wire import Dialogue, NotAChat, SpeaksPlain, Stage, encode

logger = logging.getLogger("chat.client")

# Seconds to wait for a connection, and then for the server's answer to a name.
PATIENCE = 10.0
# Seconds of silence after which a server that speaks the rich form is asked whether it is there, and then until it is
# taken for gone. A connection can break without a word: a laptop's lid, a cable.
SILENCE = 20.0
# Seconds between two tries: doubling from the first to the last.
FIRST_DELAY = 0.5
LAST_DELAY = 30.0
# Seconds in which the last word may still reach the server when we leave.
LINGER = 0.5

_IN_PROGRESS = {errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)}


def delay(attempt: int, chance: float) -> float:
    """Return how long to wait before a try; the first is number 0. `chance` is from 0 to 1.

    The part that is left to chance keeps a thousand clients that have lost the same server from coming all at once.
    """
    longest: float = min(FIRST_DELAY * 2 ** min(attempt, 20), LAST_DELAY)
    return longest * (0.5 + chance / 2)


class _Wish(Enum):
    """What the thread can be asked for, apart from requests to the server."""

    TRY_NOW = "try now"
    END = "end"


class _Ended(Exception):
    """We were asked to end."""


class _Unsafe(Exception):
    """The server is there, and TLS isn't to be had with it. str() is why, in half a sentence."""


class Connection:
    """A person's connection to a server, with a thread that looks after it."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        report: Callable[[Event], None],
        form: Form = Form.RICH,
        tls: bool = False,
        authority: str = "",
    ) -> None:
        self._host = host
        self._port = port
        # Whether to speak TLS, and a file with the certificates of those who may vouch for the server, besides those
        # whom the system trusts.
        self._tls = tls
        self._authority = authority
        # Called in the thread, with everything that happens.
        self._report = report
        # The thread's alone from here on, but for the queue and the doorbell's button.
        self._dialogue = Dialogue(name, form)
        self._wishes: queue.SimpleQueue[Request | _Wish] = queue.SimpleQueue()
        self._button, self._bell = socket.socketpair()
        self._button.setblocking(False)
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="connection", daemon=True)

    # For everybody

    def start(self) -> None:
        """Begin to join."""
        self._thread.start()

    def request(self, request: Request) -> None:
        """Ask the server for something. What has an id is sent as soon as there is a connection."""
        self._wish(request)

    def try_now(self) -> None:
        """Don't wait for the next try."""
        self._wish(_Wish.TRY_NOW)

    def end(self) -> None:
        """Say goodbye and hang up. No event is reported after those that are on their way."""
        self._wish(_Wish.END)

    def wait(self, seconds: float) -> None:
        """Wait for the thread to end, for so many seconds at most."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _wish(self, wish: Request | _Wish) -> None:
        self._wishes.put(wish)
        with contextlib.suppress(OSError):  # a full doorbell has been rung; a closed one has nobody behind it
            self._button.send(b"!")

    # The thread

    def _run(self) -> None:
        try:
            self._stay()
        except _Ended:
            pass
        except Exception:  # a mistake of this program's: the person is told, and the window lives on
            logger.exception("the connection's thread has failed")
            self._report(Lost("The connection has been given up.", None))
            self._report(Mistake())
        finally:
            self._button.close()
            self._bell.close()

    def _stay(self) -> None:
        """Join, and come back for as long as that makes sense."""
        attempts = itertools.count()
        while True:
            welcomes = self._dialogue.welcomes
            sentence = self._try()
            if self._dialogue.welcomes > welcomes:
                attempts = itertools.count()
            if not self._dialogue.may_resume:
                # Who was refused has been told so; who was in, or never heard an answer, is told now.
                if sentence:
                    self._report(Lost(sentence, None))
                return
            seconds = delay(next(attempts), random.random())
            self._report(Lost(sentence, seconds))
            self._rest(seconds)
            self._report(Trying())

    def _try(self) -> str:
        """Connect and talk for as long as the connection lasts. Return why it ended, or "" if we weren't let in."""
        where = f"{self._host}:{self._port}"
        try:
            with self._connected() as sock:
                return self._talk(sock)
        except SpeaksPlain:
            self._dialogue.form = Form.PLAIN
            return self._try()
        except NotAChat:
            return f"What answered at {where} is not a chat server."
        except _Unsafe as unsafe:
            return f"No safe connection to {where}: {unsafe}."
        except TimeoutError:
            return f"Cannot reach a server at {where}: there is no answer."
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that can't be one
            return f"Cannot reach a server at {where}: {getattr(error, 'strerror', None) or error}."

    # Connecting

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """Connect to the first of the host's addresses that answers; hang up at the end."""
        sock = self._connect()
        try:
            yield sock
        finally:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _connect(self) -> socket.socket:
        failure: OSError = OSError("the name has no address")
        # To look a name up can't be interrupted; that is the one thing that the thread's end may have to wait for, and
        # since it is a daemon the program's doesn't.
        for family, kind, protocol, _, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._connect_to(sock, address)
                if self._tls:
                    sock = self._make_safe(sock)
                return sock
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
        raise failure

    def _connect_to(self, sock: socket.socket, address: object) -> None:
        """Connect without being deaf to the doorbell meanwhile: a server that doesn't answer can take minutes."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # for servers that know no ping
        error = sock.connect_ex(address)  # type: ignore[arg-type]  # whatever getaddrinfo gave us
        until = time.monotonic() + PATIENCE
        while error in _IN_PROGRESS:
            self._wait_for(sock, selectors.EVENT_WRITE, until)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, _words_for(error))

    def _make_safe(self, sock: socket.socket) -> socket.socket:
        """Shake hands with the server as TLS wants it, the doorbell in one ear."""
        from .. import tls  # late: most servers have none, and without it the window is there sooner

        until = time.monotonic() + PATIENCE
        try:
            safe = tls.wrap(tls.trust(self._authority), sock, self._host)
            try:
                while events := tls.shake(safe):
                    self._wait_for(safe, events, until)
            except BaseException:
                safe.close()
                raise
            return safe
        except tls.TlsError as error:
            raise _Unsafe(str(error)) from None
        except TimeoutError:
            raise
        except OSError as error:
            raise _Unsafe(tls.distrust(error)) from None

    def _wait_for(self, sock: socket.socket, events: int, until: float) -> None:
        """Wait until the socket is ready, and answer the bell meanwhile. Raises TimeoutError."""
        with selectors.DefaultSelector() as selector:
            selector.register(sock, events)
            selector.register(self._bell, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(max(until - time.monotonic(), 0))]
                if self._bell in ready:
                    self._answer_the_bell()
                if sock in ready:
                    return
                if not ready:
                    raise TimeoutError

    def _rest(self, seconds: float) -> None:
        """Wait before the next try, unless somebody doesn't want to."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                if selector.select(left) and self._answer_the_bell():
                    return

    # Talking

    def _talk(self, sock: socket.socket) -> str:
        """Carry the dialogue on until the connection ends. Return why it did; "" if we were refused."""
        talk = _Talk(sock, self._dialogue)
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.register(sock, talk.interest)
            try:
                while talk.why_it_ended is None:
                    selector.modify(sock, talk.interest)
                    ready = [key.fileobj for key, _ in selector.select(talk.patience())]
                    if self._bell in ready:
                        self._answer_the_bell()
                    for event in talk.exchange():
                        self._report(event)
            except _Ended:
                talk.say_goodbye()
                raise
            finally:
                self._dialogue.end()
        return talk.why_it_ended

    # The doorbell

    def _answer_the_bell(self) -> bool:
        """Do what is asked for. Returns whether somebody wants to try now; raises _Ended if we are to end."""
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(4096):
                pass
        wants_to_try = False
        while not self._wishes.empty():
            match self._wishes.get():
                case _Wish.END:
                    raise _Ended
                case _Wish.TRY_NOW:
                    wants_to_try = True
                case request:
                    self._dialogue.request(request)
        return wants_to_try


class _Talk:
    """One connection, from the first line to the last."""

    def __init__(self, sock: socket.socket, dialogue: Dialogue) -> None:
        self._sock = sock
        self._dialogue = dialogue
        self._out = bytearray(dialogue.begin())
        # When the server was heard last, and when we asked it whether it is there, if we wait for that answer.
        self._heard_at = time.monotonic()
        self._asked_at: float | None = None
        # A sentence, once it has ended; "" when we were refused, which has been told.
        self.why_it_ended: str | None = None

    @property
    def interest(self) -> int:
        """What the selector is to watch the socket for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)

    def patience(self) -> float | None:
        """Return the seconds after which `exchange` is to be called even if nothing happens; None: no matter."""
        due = self._due()
        return None if due is None else max(due - time.monotonic(), 0)

    def exchange(self) -> Iterator[Event]:
        """Receive and send what can be; yield what happened."""
        yield from self._receive()
        self._out += self._dialogue.outgoing()
        self._send()
        due = self._due()
        if due is not None and time.monotonic() >= due:
            self._lose_patience()
        if self._dialogue.stage is Stage.REFUSED:
            self.why_it_ended = ""

    def say_goodbye(self) -> None:
        """Send what can still be sent, and that we leave; don't wait for longer than a moment."""
        if self._dialogue.stage is Stage.IN:
            self._out += encode(Leave(), self._dialogue.form)
        with contextlib.suppress(OSError):
            self._sock.settimeout(LINGER)
            self._sock.sendall(self._out)

    def _receive(self) -> Iterator[Event]:
        try:
            data = self._sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a connection that breaks has ended, just like one that was closed
        if not data:
            asking = self._dialogue.stage is Stage.ASKING
            self.why_it_ended = "The server gave no answer." if asking else "The connection to the server has ended."
            return
        self._heard_at, self._asked_at = time.monotonic(), None
        yield from self._dialogue.receive(data)

    def _send(self) -> None:
        try:
            del self._out[: self._sock.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()  # nobody takes it; the end of what can be received says that it is over

    def _due(self) -> float | None:
        """When patience is lost, for one thing or another."""
        if self._dialogue.stage is Stage.ASKING:
            return self._heard_at + PATIENCE
        if self._dialogue.form is Form.PLAIN:
            return None  # it couldn't be asked
        return (self._heard_at if self._asked_at is None else self._asked_at) + SILENCE

    def _lose_patience(self) -> None:
        if self._dialogue.stage is Stage.ASKING:
            self.why_it_ended = "The server gave no answer."
        elif self._asked_at is None:
            self._asked_at = time.monotonic()
            self._out += encode(Ping(), Form.RICH)
        else:
            self.why_it_ended = "The server has fallen silent."


def _words_for(error: int) -> str:
    """What an error number means. (On Windows os.strerror doesn't know those of sockets; WinError does.)"""
    import ctypes  # late: hardly ever needed

    words: Callable[[int], object] = getattr(ctypes, "FormatError", os.strerror)
    return str(words(error))
