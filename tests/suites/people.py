"""People who talk to a server over plain sockets, and servers of our own for a client to talk to.

`alice.says("hello")` sends a line; `alice.hears("alice: hello")` waits for the next one and complains if it is
another. Everything that crosses a socket is written down, to be shown when a check fails. Knows the wire of
plain lines; does not know how any program is made.
"""

import itertools
import random
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from .complaints import EVENTS, Complaint, difference, visible
from .diagnosis import CLOSED, RESET, SILENCE, Seen
from .diagram import SERVER, Event, Message, Remark
from .programs import Program, Server
from .topics import CHECK, DOOR, JOINS, NOTICE, Topic

T = TypeVar("T")
R = TypeVar("R")

LINGER = struct.Struct("HH" if sys.platform == "win32" else "ii")  # SO_LINGER: on or off, seconds
REMEMBERED = 40  # of the last lines, when a cause is looked for
NO_NAME = "*"  # who asks for it is sent away, and nobody hears of that


@dataclass
class Scene:
    """What the people of one check share: how long to wait, what has happened, and which programs take part."""

    deadline: float  # seconds, for every wait
    jitter: float = 0.0  # seconds, at most, to wait before a piece of what is sent; 0: send at once, in one piece
    chance: random.Random = field(default_factory=random.Random)
    conversation: list[Event] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Seconds since the check began."""
        return time.monotonic() - self.began

    def note(self, event: Event) -> Event:
        """Write one event down."""
        self.conversation.append(event)
        return event

    def message(self, sender: str, receiver: str, text: str) -> Event:
        """Write down what has travelled."""
        return self.note(Message(self.now(), sender, receiver, text))

    def remark(self, who: str, text: str) -> Event:
        """Write down what somebody does or sees alone."""
        return self.note(Remark(self.now(), who, text))

    def plays(self, program: Program, who: str) -> None:
        """A program takes part: what is done to it is written down, and looked at when somebody complains."""
        self.programs.append(program)
        program.note = partial(self.remark, who)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what is to be sent: in one piece, or, where there is jitter, in some, after a random delay each."""
        if not self.jitter:
            yield data
            return
        cuts = sorted(self.chance.randrange(len(data) + 1) for _ in range(self.chance.randrange(4)))
        for start, end in itertools.pairwise([0, *cuts, len(data)]):
            threading.Event().wait(self.chance.uniform(0, self.jitter))
            yield data[start:end]

    def complain(
        self, what: str, details: str = "", hint: str = "", seen: Seen | None = None, fault: Event | None = None
    ) -> Complaint:
        """Return a complaint that shows the conversation, with the fault marked: the last event, if none is given."""
        events = self.conversation[-EVENTS:]
        fault = fault or (events[-1] if events else None)
        events = [replace(event, fault=True) if event is fault else event for event in events]
        return Complaint(what, details=details, hint=hint, events=events, seen=seen)


class Line:
    """One end of a TCP connection that carries lines: sends bytes, hears lines, notes both.

    `name` and `other` are the columns of the two ends in the diagram; `called` is how a sentence begins.
    """

    def __init__(
        self, scene: Scene, name: str, connection: socket.socket, other: str = SERVER, called: str = ""
    ) -> None:
        self.scene = scene
        self.name = name
        self.other = other
        self.called = called or name
        self.socket = connection
        self.socket.settimeout(scene.deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a piece sent alone travels alone
        self.pending = b""  # what has arrived and is not a whole line yet, or has not been asked for
        self.ending = ""  # how the wait for a line ended, if it was in vain

    def sends(self, data: bytes) -> None:
        """Send these bytes, whatever they are."""
        event = self.scene.message(self.name, self.other, shortened(data))
        try:
            for piece in self.scene.pieces(data):
                self.socket.sendall(piece)
        except TimeoutError:
            raise self.complain(f"{self.called} can't send: the other side does not read.", fault=event) from None
        except OSError as error:
            self.ending = RESET
            raise self.complain(f"{self.called} can't send: {error.strerror}.", fault=event) from None

    def says(self, text: str) -> None:
        """Send one line."""
        self.sends(f"{text}\n".encode())

    def hears(self, expected: str) -> None:
        """Wait for the next line; it has to be this one."""
        line = self.next_line(expected)
        if line != expected:
            details = difference(expected, line)
            raise self.complain(f"{self.called} hears something else.", details, expected, line)

    def hears_all(self, expected: Iterable[str]) -> None:
        """Wait for these lines, in this order, with nothing between them."""
        for line in expected:
            self.hears(line)

    def hears_in_the_end(self, expected: str) -> list[str]:
        """Wait for this line, let others pass, and return those that did."""
        passed: list[str] = []
        while (line := self.next_line(expected)) != expected:
            passed.append(line)
        return passed

    def hears_all_of(self, expected: Iterable[str]) -> None:
        """Wait for these lines, in whatever order, each once, and no others."""
        missing = set(expected)
        while missing:
            try:
                missing.remove(self.next_line())
            except KeyError as unwanted:
                came = str(unwanted.args[0])
                details = f"came: {visible(came)}"
                raise self.complain(f"{self.called} should not hear this.", details, came=came) from None
            except Complaint as complaint:
                complaint.details = f"missing: {', '.join(map(visible, sorted(missing)[:8]))}"
                raise

    def next_line(self, expected: str = "") -> str:
        """Wait for a line, whichever it is. `expected` is for the complaint when none comes."""
        until = time.monotonic() + self.scene.deadline
        while b"\n" not in self.pending:
            if not self._receives(until, expected):
                wanted = f"expected: {visible(expected)}" if expected else ""
                came = f"    came: {self.pending!r}, without its newline" if self.pending else ""
                event = self.scene.remark(self.name, "hears the end")
                what = f"{self.called} hears no more: the other side has closed."
                raise self.complain(what, f"{wanted}\n{came}".strip("\n"), expected, fault=event)
        raw, _, rest = self.pending.partition(b"\n")
        event = self.scene.message(self.other, self.name, shortened(raw + b"\n"))
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            self.pending = raw
            wanted = f"expected: {visible(expected)}\n" if expected else ""
            details = f"{wanted}    came: {raw!r}"
            raise self.complain(f"{self.called} hears what is not UTF-8.", details, expected, fault=event) from None
        self.pending = rest
        return line.removesuffix("\r")

    def _receives(self, until: float, expected: str = "") -> bool:
        """Wait for some bytes until this moment; False at the end of the connection."""
        self.socket.settimeout(max(until - time.monotonic(), 0.001))
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            self.ending = SILENCE
            wanted = f"expected: {visible(expected)}" if expected else ""
            came = f"    came: {self.pending!r}, without its newline" if self.pending else "    came: nothing"
            event = self.scene.remark(self.name, f"waits in vain for “{expected}”" if expected else "waits in vain")
            what = f"{self.called} waits in vain for a line."
            raise self.complain(what, f"{wanted}\n{came}".lstrip("\n"), expected, fault=event) from None
        except ConnectionError:
            self.ending = RESET
            return False
        finally:
            self.socket.settimeout(self.scene.deadline)
        self.pending += data
        if not data:
            self.ending = CLOSED
        return bool(data)

    def complain(
        self, what: str, details: str = "", expected: str = "", came: str | None = None, fault: Event | None = None
    ) -> Complaint:
        """Return a complaint of what this end of the connection has seen."""
        talk = [event for event in self.scene.conversation if isinstance(event, Message)]
        said = "".join(event.text for event in talk[-REMEMBERED:] if event.receiver == self.other)
        heard = "".join(event.text for event in talk[-REMEMBERED:] if event.receiver == self.name)
        seen = Seen(
            expected=expected,
            came=came,
            pending=self.pending if came is None else b"",
            ending=self.ending,
            said=tuple(said.split("\n")),
            heard=tuple(heard.split("\n")[:-1])[: -1 if came is not None else None],
            names=tuple({name for event in talk for name in event.parties}),
        )
        return self.scene.complain(what, details, seen=seen, fault=fault)

    def hears_the_end(self, hint: str = "") -> None:
        """Wait for the other side to close; nothing more may come before."""
        self.hears_out(hint)
        if self.pending:
            raise self.complain(f"{self.called} hears {self.pending!r}, and only then the end.")

    def hears_out(self, hint: str = "") -> list[str]:
        """Hear whatever still comes, up to the end of the connection, and return the lines."""
        until = time.monotonic() + self.scene.deadline
        try:
            while self._receives(until):
                pass
        except Complaint as complaint:
            came = f"came: {self.pending!r}" if self.pending else ""
            what = f"{self.called}'s connection should be closed by the server."
            if self.name == SERVER:
                what = "The client should close its connection."
            raise Complaint(what, details=came, hint=hint, events=complaint.events) from None
        self.scene.remark(self.name, "hears the end")
        return self.pending.decode(errors="replace").splitlines()

    def closes(self) -> None:
        """Close the connection as a program does that ends."""
        self.scene.remark(self.name, "closes")
        self.socket.close()

    def finishes(self) -> None:
        """Send no more, but go on listening."""
        self.scene.remark(self.name, "says no more")
        self.socket.shutdown(socket.SHUT_WR)

    def breaks(self) -> None:
        """Reset the connection, as a computer does that crashes: with SO_LINGER 0, close sends an RST."""
        self.scene.remark(self.name, "breaks off")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(1, 0))
        self.socket.close()

    def fills(self, text: str, most: int = 32_000_000) -> tuple[int, bytes]:
        """Say this line again and again without reading, until nothing more is taken, or `most` bytes have been.

        "Nothing more" is a quarter of a second in which the system takes nothing. Return how many whole lines
        went out, and what is missing of the next.
        """
        self.scene.remark(self.name, "speaks without reading")
        line = f"{text}\n".encode()
        data = line * (65536 // len(line) + 1)
        self.socket.setblocking(False)
        sent = 0
        while sent < most and select.select([], [self.socket], [], 0.25)[1]:
            sent += self.socket.send(data[sent % len(data) :])
        self.socket.settimeout(self.scene.deadline)
        lines, begun = divmod(sent, len(line))
        self.scene.remark(self.name, f"has sent {lines} lines of {len(line)} bytes")
        return lines, line[begun:] if begun else b""


@contextmanager
def about(topic: Topic) -> Iterator[None]:
    """Whatever goes wrong here is about this, whatever the check is about: there its author should read on."""
    try:
        yield
    except Complaint as complaint:
        complaint.topic = topic
        raise


class Chat:
    """A server under test and the people who talk to it.

    `stage` is what the server claims to be: 1, lines come back; 2, with the speaker's name; 3 and more, to all.
    """

    def __init__(self, server: Server, stage: int, scene: Scene) -> None:
        self.server = server
        self.stage = stage
        self.scene = scene
        self.members: list[Line] = []  # who is in the chat, and hears what is said there
        self.connections: list[Line] = []
        self.passers = itertools.count()  # numbers for those who only pass by

    def connects(self, name: str, *, small: bool = False) -> Line:
        """Somebody connects, and says nothing yet. `small`: with a receive buffer of a few kilobytes."""
        connection = socket.socket()
        if small:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(self.scene.deadline)
        try:
            connection.connect((self.server.host, self.server.port))
        except OSError as error:
            connection.close()
            self.scene.remark(name, "can't connect")
            raise self.scene.complain(f"{name} can't connect: {error.strerror or error}.") from None
        self.scene.remark(name, "connects")
        line = Line(self.scene, name, connection)
        self.connections.append(line)
        return line

    def joins(self, name: str, *, small: bool = False) -> Line:
        """Somebody connects, gives a name and is let in; all who are there hear of it."""
        newcomer = self.connects(name, small=small)
        if self.stage >= 2:
            newcomer.says(name)
            newcomer.hears("ok")
        self.enters(newcomer)
        return newcomer

    def enters(self, newcomer: Line) -> None:
        """This one has been let in: all who are there hear of it, where that is so."""
        self.members.append(newcomer)
        if self.stage >= 3:
            with about(JOINS):
                self.everyone_hears(f"* {newcomer.name} has joined the chat")

    def says(self, speaker: Line, text: str) -> None:
        """A member says something, and it is heard as it should be."""
        speaker.says(text)
        self.heard(speaker, text)

    def heard(self, speaker: Line, text: str) -> None:
        """What this member has said is heard: by everyone from stage 3 on, by the speaker alone before."""
        if self.stage >= 3:
            self.everyone_hears(f"{speaker.name}: {text}")
        else:
            speaker.hears(self.form(speaker, text))

    def form(self, speaker: Line, text: str) -> str:
        """Return the line in which this text is heard."""
        return f"{speaker.name}: {text}" if self.stage >= 2 else text

    def everyone_hears(self, line: str) -> None:
        """Every member hears this line next."""
        for member in self.members:
            member.hears(line)

    def leaves(self, member: Line, how: str = "closes") -> None:
        """A member goes (`closes` or `breaks`), and the others hear of it, where that is so."""
        self.members.remove(member)
        getattr(member, how)()
        if self.stage >= 3:
            with about(NOTICE):
                self.everyone_hears(f"* {member.name} has left the chat")

    def asks(self, name: str) -> tuple[Line, str]:
        """Somebody connects and gives a name; return the answer as well."""
        line = self.connects(name)
        line.says(name)
        return line, line.next_line("ok")

    def joins_again(self, name: str) -> Line:
        """Somebody who has just left comes back under the same name, as soon as the server has noticed."""
        until = time.monotonic() + self.scene.deadline
        before = len(self.scene.conversation)
        while time.monotonic() < until:
            del self.scene.conversation[before:]  # one try in vain is enough to look at
            line, answer = self.asks(name)
            if answer == "ok":
                self.enters(line)
                return line
            line.closes()
        raise self.scene.complain(f"The name {name!r} should be free again once its owner has gone.")

    def somebody_knocks(self) -> None:
        """Somebody comes under what is no name, and is sent away: the server is seen to be at work."""
        try:
            self.is_refused(NO_NAME)
        except Complaint as complaint:
            topic = CHECK if complaint.seen.expected == "failed" else DOOR
            complaint.topic = topic
            complaint.hint = f"So that some time passes, somebody comes who is called “{NO_NAME}”. {topic.idea}"
            raise

    def is_refused(self, name: str) -> None:
        """Somebody asks for this name, is told `failed`, and is shown the door."""
        line = self.connects("somebody")
        line.says(name)
        line.hears("failed")
        line.hears_the_end()
        line.closes()

    def a_moment_passes(self) -> None:
        """Let a moment pass, as the server sees it."""
        before = len(self.scene.conversation)
        self.goes_on(1)
        self.scene.conversation[before:] = [Remark(self.scene.now(), SERVER, "a moment passes")]

    def goes_on(self, times: int = 5) -> None:
        """Let some time pass, as the server sees it: somebody comes, is heard, and goes, so many times.

        Where members would hear of that, somebody knocks and is sent away.
        """
        before = len(self.scene.conversation)
        for _ in range(times):
            if self.stage >= 3:
                self.somebody_knocks()
                continue
            passer = self.joins(f"passer{next(self.passers)}")
            self.says(passer, "just passing")
            self.leaves(passer)
        visitors = "sends somebody away meanwhile" if self.stage >= 3 else "serves somebody else meanwhile"
        self.scene.conversation[before:] = [Remark(self.scene.now(), SERVER, visitors)]

    def close(self) -> None:
        """Close every connection; then the server must show no exception that got away."""
        for line in self.connections:
            line.socket.close()
        if self.server.errors:
            self.server.rests()  # a traceback that has begun is told whole
        self.server.close()
        self.server.has_no_traceback()

    def everybody_leaves(self) -> None:
        """Go in an orderly way, and wait until the server has noticed: for one that others will talk to after us."""
        for line in self.connections:
            try:
                line.socket.shutdown(socket.SHUT_WR)
                line.hears_out()
            except OSError:
                pass  # it has gone already
            line.socket.close()
        names = [line.name for line in self.connections] if self.stage >= 2 else []
        self.members = []
        for name in dict.fromkeys(names):  # of those who broke off; each is taken and given back
            witness, answer = self.asks(name)
            until = time.monotonic() + self.scene.deadline
            while answer != "ok" and time.monotonic() < until:
                witness.socket.close()
                witness, answer = self.asks(name)
            witness.socket.shutdown(socket.SHUT_WR)
            witness.hears_out()
            witness.socket.close()


WHERE = "Where the server is, your client is told on its command line, with --host and --port: connect there."


class FakeServer:
    """A server of our own, whose every byte a check decides. For clients; `client` is their column in the diagram."""

    def __init__(self, scene: Scene, client: str = "client") -> None:
        self.scene = scene
        self.client = client
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        self.connections: list[Line] = []

    def accepts(self) -> Line:
        """Wait for the client to connect."""
        until = time.monotonic() + self.scene.deadline
        while not select.select([self.listener], [], [], 0.1)[0]:
            if self.scene.programs and all(program.has_ended(0) for program in self.scene.programs):
                raise self.is_not_found("The client should connect to the server, and has ended.")
            if time.monotonic() > until:
                self.scene.remark(self.client, "does not connect")
                raise self.is_not_found("The client should connect to the server.")
        connection, _ = self.listener.accept()
        self.scene.remark(self.client, "connects")
        line = Line(self.scene, SERVER, connection, self.client, "The tester's server")
        self.connections.append(line)
        return line

    def is_not_found(self, what: str) -> Exception:
        """Return a complaint of a client that doesn't connect. If it never has, it may not know where to; or, where it
        has a window, what to do when somebody presses Return, of which the check knows more."""
        if self.client != "client" or self.connections or not self.scene.programs:
            return self.scene.complain(what)
        program = self.scene.programs[-1]
        screen = f"\n{program.screen()}" if program.output else ""
        return self.scene.complain(what, program.command_line + screen, WHERE)

    def is_left_alone(self) -> None:
        """Complain if there is one connection more than were accepted."""
        if select.select([self.listener], [], [], 0)[0]:
            raise self.scene.complain("The client has connected once more than it should.")

    def lets_in(self, name: str) -> Line:
        """Wait for the client, hear its name, and let it in."""
        line = self.accepts()
        line.hears(name)
        line.says("ok")
        return line

    def close(self) -> None:
        """Close everything that is open."""
        for line in self.connections:
            line.socket.close()
        self.listener.close()


def shortened(data: bytes, most: int = 200) -> str:
    """Write bytes as text, for the diagram."""
    text = data[:most].decode(errors="backslashreplace")
    return text if len(data) <= most else f"{text}… ({len(data)} bytes)\n"


def at_once(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call the function with every item, each in a thread of its own, all let go at the same instant."""
    barrier = threading.Barrier(len(items))

    def run(item: T) -> R:
        barrier.wait(10)
        return function(item)

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(run, items))
