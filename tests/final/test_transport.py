"""A crowd: everybody in it has the same, and whoever can't take it leaves."""

from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from types import SimpleNamespace
from typing import Any

from chat.limits import Limits
from chat.log import Log
from chat.protocol import Form, Said
from chat.room import Room
from chat.transport import Connection, Crowd


class Somebody:
    """A connection, as far as a crowd looks."""

    def __init__(self, send: Callable[[bytes], int]) -> None:
        self.sock = SimpleNamespace(send=send)
        self.reader = SimpleNamespace(position=0)


def someone(send: Callable[[bytes], int]) -> Any:
    return Somebody(send)


def full(data: bytes) -> int:
    raise BlockingIOError


def broken(data: bytes) -> int:
    raise ConnectionResetError


def test_a_crowd_sends_the_same_bytes_to_everybody() -> None:
    """The very same object, and those who take it all stay."""
    log = Log(1_000_000)
    crowd = Crowd(log)
    taken: list[bytes] = []

    def takes(data: bytes) -> int:
        taken.append(data)
        return len(data)

    for _ in range(3):
        crowd.add(someone(takes))
    log.append(Said("alice", "hello"), 0.0)
    chunk = log.chunk(Form.PLAIN, 1, 2)
    assert crowd.send(chunk, 2) == []
    assert (len(crowd), crowd.position) == (3, 2)
    assert all(data is chunk for data in taken)


def test_whoever_cannot_take_everything_leaves_the_crowd_and_nobody_else_notices() -> None:
    """A full socket took nothing, another a part, a broken one is told apart; each goes on by itself."""
    crowd = Crowd(Log(1_000_000))
    well, slow, stuck, gone = someone(len), someone(lambda data: 3), someone(full), someone(broken)
    for connection in (slow, well, stuck, gone):
        crowd.add(connection)
    assert crowd.send(b"hello\n", 7) == [(slow, 3), (stuck, 0), (gone, -1)]
    assert crowd.members() == [well]
    assert [connection.reader.position for connection in (slow, stuck, gone)] == [7, 7, 7]


def test_who_says_much_and_takes_nothing_is_not_read_from() -> None:
    """From where it is behind by half of the log, so that it can't fall off by what it says itself."""
    room = Room(Log(1_000_000), max_members=3, backlog=0, resume_time=600)
    watched: list[int] = []
    hub: Any = SimpleNamespace(
        traffic=SimpleNamespace(received=0, sent=0),
        call=lambda connection: None,
        watch=lambda connection, events: watched.append(events),
    )
    sock: Any = SimpleNamespace(recv=lambda size: b"alice\n", send=full)
    alice = Connection(hub, sock, "address", room, Limits(), 0.0, str, None)
    alice.ready(EVENT_READ, 0.0)
    alice.send(0.0)
    assert watched[-1] == EVENT_READ | EVENT_WRITE
    room.log.extend([Said("bob", "hello")] * 1000, 0.0)
    alice.send(0.0)
    assert watched[-1] == EVENT_WRITE
