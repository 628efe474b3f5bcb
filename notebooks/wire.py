"""A conversation that really happens, and is written down: a server, people, and between them a wire that takes notes.

Every participant connects through a door of their own, which passes on every byte and notes what was read at once:
who sent it, to whom, and when. Programs run beside the notebook (`beside.py`), and all of it ends with the `with`.
Knows sockets and processes; knows nothing of notebooks, except that a conversation wants to be drawn in the end.
"""

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from suites.diagram import SERVER, Event, Message, Remark  # noqa: E402
from suites.programs import Program, listening_line  # noqa: E402

DEADLINE = 20.0  # seconds: longer than anything here takes, so that no cell waits for ever
QUIET = 0.15  # seconds without a note, after which no more is expected
LINGER = struct.Struct("HH" if sys.platform == "win32" else "ii")  # SO_LINGER: on or off, seconds


class Notes:
    """What has happened so far, in the order in which it was noted. Used by every thread of a conversation."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.events: list[Event] = []  # only while holding `changed`
        self.changed = threading.Condition()

    def message(self, sender: str, receiver: str, data: bytes) -> None:
        """Note bytes that were read at once."""
        self.add(Message(self.now(), sender, receiver, as_text(data)))

    def remark(self, who: str, text: str, fault: bool = False) -> None:
        """Note what one does or sees alone."""
        self.add(Remark(self.now(), who, text, fault))

    def now(self) -> float:
        return time.monotonic() - self.began

    def wait_for(self, who: str, *texts: str) -> None:
        """Wait until one of these has been remarked of somebody."""
        with self.changed:
            self.changed.wait_for(
                lambda: any(event.parties == (who,) and event.text in texts for event in self.events), DEADLINE
            )

    def settle(self) -> None:
        """Wait for what is still on its way: until nothing has been noted for a moment."""
        until = time.monotonic() + DEADLINE
        with self.changed:
            while self.changed.wait(QUIET) and time.monotonic() < until:
                pass

    def add(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()


def as_text(data: bytes) -> str:
    """Write bytes as text; what is none, half a letter for example, as \\xc3."""
    return data.decode("utf-8", errors="backslashreplace")


class Door:
    """Where one participant comes in: takes each connection on to the server, and notes what crosses, both ways."""

    def __init__(self, name: str, server: tuple[str, int], notes: Notes) -> None:
        self.name = name
        self.server = server
        self.notes = notes
        self.open = threading.Event()  # closed for a while, when what is sent should arrive together
        self.open.set()
        self.listening = threading.Event()  # until somebody stops reading
        self.listening.set()
        self.noting = True  # not while somebody floods
        self.passed = 0  # bytes that went in to the server; the thread that reads them adds to it
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Connect everyone who comes to the server. Runs in a thread of its own."""
        while True:
            try:
                inside, _ = self.listener.accept()
            except OSError:
                return  # the conversation is over
            try:
                outside = socket.create_connection(self.server, timeout=DEADLINE)
            except OSError:
                inside.close()
                continue
            outside.settimeout(None)
            self.sockets += [inside, outside]
            for one in (inside, outside):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a piece sent alone travels alone
            self.notes.remark(self.name, "connects")
            broken = threading.Event()
            for pump in ((inside, outside, self.name, SERVER), (outside, inside, SERVER, self.name)):
                threading.Thread(target=self.pass_on, args=(*pump, broken), daemon=True).start()

    def pass_on(
        self, source: socket.socket, target: socket.socket, sender: str, receiver: str, broken: threading.Event
    ) -> None:
        """Pass on what one side sends, as it comes, up to the end. Runs in a thread of its own."""
        try:
            while data := self.read(source, sender):
                if self.noting:
                    self.notes.message(sender, receiver, data)
                try:
                    target.sendall(data)
                except ConnectionError:  # a reset is told once, and here it was told to the one who sends
                    self.breaks_off(receiver, sender, broken, source, target)
                    return
                self.passed += len(data) * (sender == self.name)
            if not broken.is_set():
                self.notes.remark(sender, "closes" if sender == self.name else f"closes {receiver}'s connection")
            target.shutdown(socket.SHUT_WR)
        except ConnectionError:
            self.breaks_off(sender, receiver, broken, source, target)
        except (OSError, ValueError):
            pass  # the conversation is over, and what was open has been closed

    def breaks_off(self, who: str, whose: str, broken: threading.Event, *sockets: socket.socket) -> None:
        """Note who has broken the connection, and break what is left of it."""
        if not broken.is_set():
            broken.set()
            self.notes.remark(who, "breaks" if who == self.name else f"breaks {whose}'s connection")
        for one in sockets:
            breaks(one)

    def read(self, source: socket.socket, sender: str) -> bytes:
        """Return what has come; while the door is closed, let more come."""
        select.select([source], [], [])
        (self.open if sender == self.name else self.listening).wait()
        return source.recv(65536)

    def stops_listening(self) -> None:
        """Take nothing more from the server, and let little of it wait here."""
        self.listening.clear()
        for one in self.sockets[1:]:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def close(self) -> None:
        self.open.set()
        self.listening.set()
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits there; close alone would not
            except OSError:
                pass  # it was never connected, or has ended
            one.close()


def breaks(one: socket.socket) -> None:
    """Reset a connection, as a computer does that crashes: with SO_LINGER 0, close sends an RST."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(1, 0))
        one.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
    except OSError:
        pass
    one.close()


class Beside(Program):
    """A Python program that runs beside this process, and for no longer than it lives."""

    def __init__(self, program: Path, *arguments: str, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)
            port = str(listener.getsockname()[1])
            command = [sys.executable, str(HERE / "beside.py"), port, str(program), *arguments]
            super().__init__(command, DEADLINE, environment)
            self.leash, _ = listener.accept()

    def close(self, ends_by_itself: bool = False) -> None:
        """End the program, and let the leash go."""
        super().close(ends_by_itself)
        self.leash.close()


class Person:
    """Somebody who talks to the server over a plain socket, from the notebook."""

    def __init__(self, name: str, door: Door, notes: Notes) -> None:
        self.name = name
        self.door = door
        self.notes = notes
        self.socket = socket.create_connection(door.address, timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0
        self.arrived = b""  # and not yet heard

    def sends(self, data: bytes | str) -> None:
        """Send these bytes, or this text; they have gone on to the server when this returns."""
        data = data.encode() if isinstance(data, str) else data
        self.socket.sendall(data)
        self.sent += len(data)
        if self.door.open.is_set():
            wait_until(lambda: self.door.passed >= self.sent or not self.door.open.is_set())
        else:
            self.notes.remark(self.name, f"sends {as_text(data)}")

    def says(self, text: str) -> None:
        """Send one line."""
        self.sends(f"{text}\n")

    def hears(self, within: float = DEADLINE) -> str | None:
        """Return the next line; None when none comes within these seconds, or the connection has ended."""
        until = time.monotonic() + within
        while b"\n" not in self.arrived:
            data = self.receives(until - time.monotonic())
            if not data:
                return None
            self.arrived += data
        line, _, self.arrived = self.arrived.partition(b"\n")
        return line.decode("utf-8", errors="replace").removesuffix("\r")

    def hears_of(self, text: str) -> str | None:
        """Return the next line in which this text stands, whatever comes before; None when there is none."""
        while (line := self.hears()) is not None and text not in line:
            pass
        return line

    def receives(self, within: float = DEADLINE) -> bytes:
        """Return what one recv brings; nothing when nothing comes within these seconds, or the connection has ended."""
        self.socket.settimeout(max(within, 0.001))
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            self.notes.remark(self.name, "waits in vain", fault=True)
            return b""
        except ConnectionError:
            return b""
        finally:
            self.socket.settimeout(DEADLINE)

    def sends_together(self, *pieces: bytes | str) -> None:
        """Send these one after another while the wire is busy: they arrive together."""
        self.door.open.clear()
        try:
            for piece in pieces:
                self.sends(piece)
        finally:
            self.door.open.set()
        wait_until(lambda: self.door.passed >= self.sent)

    def floods(self, text: str) -> int:
        """Say this line again and again, until nothing more is taken for a while. Return how many bytes went out.

        What crosses is not noted from here on: it is too much to draw.
        """
        self.door.noting = False
        line = f"{text}\n".encode()
        data = line * (65536 // len(line) + 1)
        self.socket.setblocking(False)
        began = self.sent
        while select.select([], [self.socket], [], 0.5)[1]:
            self.sent += self.socket.send(data[(self.sent - began) % len(data) :])
        self.socket.settimeout(DEADLINE)
        self.notes.remark(self.name, "sends without a pause, until nothing is taken")
        return self.sent - began

    def stops_reading(self) -> None:
        """Read nothing more, as a program does that hangs: what it is sent piles up, here first, then at the server."""
        self.notes.remark(self.name, "stops reading")
        self.door.stops_listening()

    def closes(self) -> None:
        """Close the connection, as a program does that ends. (If it leaves something unread, that is a reset.)"""
        self.socket.close()
        self.notes.wait_for(self.name, "closes", "breaks")

    def breaks(self) -> None:
        """Break the connection, as a computer does that crashes."""
        breaks(self.socket)
        self.notes.wait_for(self.name, "breaks")


class Player:
    """A program of the conversation: types at its keyboard, and waits for what it prints."""

    def __init__(self, name: str, program: Beside, notes: Notes) -> None:
        self.name = name
        self.program = program
        self.notes = notes

    def types(self, text: str) -> None:
        """Type one line at the program's keyboard."""
        self.notes.remark(self.name, f"types {text!r}")
        self.program.types(text)

    def prints(self, text: str) -> None:
        """Wait until the program has printed this."""
        self.program.prints(text)
        self.notes.remark(self.name, f"prints {text!r}")

    def ends(self) -> None:
        """Wait until the program has ended, and its connection with it."""
        self.program.ends()
        self.notes.wait_for(self.name, "closes")


def wait_until(condition: Callable[[], bool], within: float = DEADLINE) -> bool:
    """Wait for something that another thread brings about, for at most these seconds; say whether it came."""
    until = time.monotonic() + within
    while not condition() and time.monotonic() < until:
        threading.Event().wait(0.002)
    return condition()


class Conversation:
    """A server, those who talk to it, and what has crossed between them."""

    def __init__(self, server: Beside | None, address: tuple[str, int], notes: Notes, stack: ExitStack) -> None:
        self.server = server
        self.address = address
        self.notes = notes
        self.stack = stack

    def door(self, name: str) -> Door:
        """Open a door for one more participant. Whoever connects to its address is known under this name."""
        door = Door(name, self.address, self.notes)
        self.stack.callback(door.close)
        return door

    def connects(self, name: str) -> Person:
        """Somebody connects, and says nothing yet."""
        person = Person(name, self.door(name), self.notes)
        self.stack.callback(person.socket.close)
        self.notes.wait_for(name, "connects")
        return person

    def starts(self, name: str, program: str = "client.py") -> Player:
        """Somebody starts a client, the learner's own or another one."""
        host, port = self.door(name).address
        player = Player(name, Beside(Path(program), "--host", host, "--port", str(port)), self.notes)
        self.stack.callback(player.program.close)
        return player

    def remarks(self, who: str, text: str, fault: bool = False) -> None:
        """Write something beside a column of the drawing."""
        self.notes.remark(who, text, fault)


@contextmanager
def conversing(server: Path | None, **environment: str) -> Iterator[Conversation]:
    """Start a server and let people talk to it, up to the end of the `with`; without one, nobody listens."""
    with ExitStack() as stack:
        program, address = None, unused_address()
        if server is not None:
            program = Beside(server, "--port", "0", **environment)
            stack.callback(program.close)
            address = where_it_listens(program)
        yield Conversation(program, address, Notes(), stack)


def where_it_listens(program: Beside) -> tuple[str, int]:
    """Wait for a server's first line, and read there where it listens."""
    program.waits(lambda: "\n" in program.output, "The server should print where it listens.")
    return listening_line(program.output.partition("\n")[0])


def unused_address() -> tuple[str, int]:
    """Return an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address: tuple[str, int] = nobody.getsockname()
    return address
