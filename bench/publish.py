"""What it costs to say something, by how many are listening: from the bytes of a line to its entry in the log.

    python bench/publish.py

No sockets: sending is measured by compare.py. The listeners are members of the room, and stand where members stand.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "final"))

from chat.limits import Limits
from chat.log import Log, Reader
from chat.room import Room
from chat.session import Session

LIMITS = Limits(max_clients=20_000, rate=0, backlog=0)
LINES = b"x" * 64 + b"\n"


def member(room: Room, name: str) -> Session:
    """Somebody who has joined."""
    session = Session(room, Reader(room.log, lambda: None), LIMITS, 0.0, lambda: "token")
    session.receive(name.encode() + b"\n", 0.0)
    session.turn(0.0)
    return session


def cost(listeners: int, at_once: int, times: int) -> float:
    """Return microseconds a line, when so many lines arrive in one piece."""
    room = Room(Log(16_777_216), LIMITS.max_clients, LIMITS.backlog, LIMITS.resume_time)
    everybody = [member(room, f"user{number}") for number in range(listeners)]
    speaker, data = everybody[0], LINES * at_once
    began = time.perf_counter()
    for _ in range(times):
        speaker.receive(data, 1.0)
        speaker.turn(1.0)
    return (time.perf_counter() - began) / (times * at_once) * 1e6


def main() -> None:
    print("| listeners | µs a line, one at a time | µs a line, 64 at a time |\n|---|---|---|")
    for listeners in (10, 100, 1_000, 9_000):
        one = min(cost(listeners, 1, 20_000) for _ in range(3))
        many = min(cost(listeners, 64, 1_000) for _ in range(3))
        print(f"| {listeners:,} | {one:.1f} | {many:.1f} |")


if __name__ == "__main__":
    main()
