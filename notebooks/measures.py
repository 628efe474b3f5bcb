"""What 05_final.ipynb measures: a room with a reader who stops, and rooms that grow.

It knows the wire (plain lines) and nothing of how a server is built, so that it can ask the same of any. The figures
are of this computer at this minute: look at what they are to each other.
"""

import bisect
import contextlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from compare import Contestant, build  # noqa: E402

# A reader who stops: Alice says so many lines a second, each so long.
LINES_A_SECOND = 700
LINE = b"x" * 3999 + b"\n"
# In seconds: how long Carol reads at first, and after her pause.
AT_FIRST, IN_THE_END = 0.5, 0.8
# Carol doesn't read until Bob has heard so many lines, which no system's buffers hold, or nothing for so many seconds.
MUCH = 2000
SILENCE = 2.0
# What Carol's system takes for her while she doesn't read, in bytes. Left to itself it would be some megabytes, and
# the picture as much longer.
CAROLS_BUFFER = 32_768
# How many lines Bob may be behind Alice before she waits for him.
WINDOW = 50
# Growing rooms: so many deliveries are counted, which is about a second's work for each.
DELIVERIES = {"stage 04": 20_000}
MORE_DELIVERIES = 400_000

# No limit that the load would hit, no backlog, which the others don't have, and room for what Carol doesn't read.
FLAGS = ("--max-per-address", "0", "--rate", "0", "--backlog", "0", "--log-bytes", "33554432", "--log-level", "error")


@dataclass(frozen=True)
class Server:
    """A server that is measured. It runs beside the notebook, and ends with it, however that ends (beside.py)."""

    name: str
    program: Path
    flags: tuple[str, ...] = ()

    def command(self, leash: int, port: int) -> list[str]:
        """Return how it is started."""
        return _python("notebooks/beside.py", str(leash), str(self.program), "--port", str(port), *self.flags)

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run it on a free port, which is returned."""
        with socket.create_server(("127.0.0.1", 0)) as leash:
            contestant = Contestant(self.name, lambda port: self.command(leash.getsockname()[1], port))
            with contestant.running() as (port, _):
                yield port


class Limit(Server):
    """bench/limit.c, which was compiled. Linux ends it with the notebook, where it can be asked to."""

    def command(self, leash: int, port: int) -> list[str]:
        """Return how it is started."""
        ends_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        return [*ends_with_us, str(self.program), str(port)]


def _python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / program), *arguments]


STAGE = Server("stage 04", ROOT / "stages" / "04_tk_client" / "server.py")
FINAL = Server("final", ROOT / "final" / "server.py", FLAGS)


@contextlib.contextmanager
def the_limit() -> Iterator[Server | None]:
    """Compile bench/limit.c for as long as it is needed; None where there is no compiler, or not Linux."""
    with tempfile.TemporaryDirectory() as folder:
        _, limit = build(Path(folder))
        yield Limit("the limit, in C", limit) if limit else None


# A reader who stops.


@dataclass
class Heard:
    """How many lines Bob and Carol had heard at which time, in seconds, and when Carol stopped reading and went on."""

    at: list[float] = field(default_factory=list)
    bob: list[int] = field(default_factory=list)
    carol: list[int] = field(default_factory=list)
    stops: float = 0.0
    goes_on: float = 0.0
    # Whether Bob heard nothing any more before Carol went on.
    stood_still: bool = False


class Listener:
    """Somebody in the room who never waits: takes what has come, and counts the lines."""

    def __init__(self, port: int, name: str, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(f"{name}\n".encode())
        self.sock.recv(3)  # "ok" and its newline
        self.sock.setblocking(False)
        self.lines = 0

    def reads(self) -> None:
        """Take some of what has come: whoever has much to catch up with leaves the others their turns."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(4):
                self.lines += self.sock.recv(262_144).count(b"\n")


class Speaker(Listener):
    """Somebody who says the same line again and again, and never waits either."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(port, name)
        self.said = 0
        self._unsent = b""
        self._due = 0.0  # lines that should have been said by now
        self._asked_at = time.perf_counter()

    def says(self, most: int) -> None:
        """Say what is due, at most so many lines, and send what the system takes."""
        before, self._asked_at = self._asked_at, time.perf_counter()
        self._due = min(self._due + (self._asked_at - before) * LINES_A_SECOND, WINDOW)
        count = max(0, min(int(self._due), most))
        self._due -= count
        self.said += count
        self._unsent += LINE * count
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self.sock.send(self._unsent) :] if self._unsent else b""


class Scene:
    """Alice, who speaks, and Bob and Carol, who listen; and what they have heard by when."""

    def __init__(self, port: int) -> None:
        self.bob = Listener(port, "bob")
        self.carol = Listener(port, "carol", CAROLS_BUFFER)
        self.alice = Speaker(port, "alice")
        self.began = time.perf_counter()
        self.now = 0.0
        self.heard = Heard()

    def goes_on(self, until: Callable[[], bool], carol_reads: bool = True) -> float:
        """Let them talk until this is so; return when that was."""
        while not until():
            self.alice.says(self.bob.lines + WINDOW - self.alice.said)
            for listener in (self.alice, self.bob, self.carol) if carol_reads else (self.alice, self.bob):
                listener.reads()
            self._note()
            time.sleep(0.001)
        return self.now

    def _note(self) -> None:
        self.now = time.perf_counter() - self.began
        self.heard.at.append(self.now)
        self.heard.bob.append(self.bob.lines)
        self.heard.carol.append(self.carol.lines)

    def is_silent(self) -> bool:
        """Whether Bob has heard nothing for a while, in which we have looked often enough."""
        since = bisect.bisect_left(self.heard.bob, self.bob.lines)
        return self.now - self.heard.at[since] > SILENCE and len(self.heard.at) - since > 100

    def ends(self) -> None:
        """Hang up."""
        for person in (self.alice, self.bob, self.carol):
            person.sock.close()


def reader_who_stops(server: Server) -> Heard:
    """Let Alice speak, Bob listen, and Carol listen, stop, and listen again."""
    with server.running() as port:
        scene = Scene(port)
        heard = scene.heard
        heard.stops = scene.goes_on(until=lambda: scene.now > AT_FIRST)
        enough = scene.bob.lines + MUCH
        heard.goes_on = scene.goes_on(lambda: scene.bob.lines > enough or scene.is_silent(), carol_reads=False)
        heard.stood_still = scene.bob.lines <= enough
        scene.goes_on(until=lambda: scene.now > heard.goes_on + IN_THE_END)
        scene.ends()
    return heard


# Rooms that grow.


def deliveries_a_second(server: Server, listeners: int) -> float:
    """Run bench/fanout.py: one speaks as fast as everybody hears it. Return lines heard a second, all together."""
    messages = DELIVERIES.get(server.name, MORE_DELIVERIES) // listeners
    with server.running() as port:
        load = _python(
            "bench/fanout.py", "--port", str(port), "--listeners", str(listeners), "--messages", str(messages)
        )
        output = subprocess.run(load, capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"deliveries_per_second=(\d+)", output)[0])


def growing_rooms(servers: Sequence[Server], rooms: Sequence[int]) -> dict[str, dict[int, float]]:
    """Measure each server with each number of listeners; they take turns, so that a busy minute hits all of them."""
    speeds: dict[str, dict[int, float]] = {server.name: {} for server in servers}
    for listeners in rooms:
        for server in servers:
            speeds[server.name][listeners] = deliveries_a_second(server, listeners)
    return speeds
