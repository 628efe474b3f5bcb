"""Who somebody is: what a token gives back to its owner, and to nobody else."""

import json
from collections.abc import Callable
from itertools import count

import pytest
from chat.limits import Limits
from chat.log import Log, Reader
from chat.room import REMEMBERED_IDS, Room
from chat.session import Session


class Client:
    """A session in the rich form."""

    def __init__(self, room: Room, name: str, **fields: object) -> None:
        numbers = count(len(room.log._plain))
        self.session = Session(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: f"{name}-{next(numbers)}")
        self.heard: list[dict[str, object]] = []
        self.sends(type="join", name=name, **fields)
        self.welcome = self.heard[0]

    def sends(self, **fields: object) -> None:
        """Send a message, and hear what comes."""
        self.session.receive(json.dumps(fields).encode() + b"\n", 0.0)
        self.session.turn(0.0)
        self.hears()

    def hears(self) -> list[dict[str, object]]:
        """Return everything heard so far."""
        self.heard += [json.loads(line) for line in self.session.reader.take().splitlines()]
        return self.heard

    def whispers(self) -> list[object]:
        """Return the texts of all whispers heard so far."""
        return [message["text"] for message in self.hears() if message["type"] == "whisper"]


@pytest.fixture
def room() -> Room:
    return Room(Log(1_000_000), max_members=3, backlog=20, resume_time=600)


@pytest.fixture
def comes(room: Room) -> Callable[..., Client]:
    return lambda name, **fields: Client(room, name, **fields)


def test_a_whisper_is_found_again_by_its_two_ends_and_nobody_else(comes: Callable[..., Client]) -> None:
    """When they come again; whoever takes their name is somebody else."""
    clients = [comes(name) for name in ("alice", "bob", "carol")]
    clients[0].sends(type="whisper", to="bob", text="psst")
    for client in clients:
        client.session.lost()
    again = [comes(f"new{i}", token=client.welcome["token"], since=0) for i, client in enumerate(clients)]
    assert [client.welcome["resumed"] for client in again] == [True, True, True]
    assert [client.whispers() for client in again] == [["psst"], ["psst"], []]
    again[1].session.lost()
    assert comes("bob", since=0).whispers() == []


def test_a_whisper_is_not_for_somebody_who_only_looks_like_its_aim(comes: Callable[..., Client]) -> None:
    """It goes to nobody then, and its speaker is told."""
    alice = comes("alice")
    comes("aIice2")
    alice.sends(type="whisper", to="alice2", text="psst")
    assert alice.heard[-1]["code"] == "nobody"


def test_who_was_gone_for_too_long_is_somebody_else(room: Room, comes: Callable[..., Client]) -> None:
    """With a new token, which is not the one that was shown."""
    alice = comes("alice")
    alice.session.lost()
    room.time += 601
    again = comes("alice", token=alice.welcome["token"], since=1)
    assert again.welcome["resumed"] is False
    assert again.welcome["token"] != alice.welcome["token"]


def test_a_token_that_nobody_was_given_is_nobodys(comes: Callable[..., Client]) -> None:
    """A client can't choose who it is."""
    assert comes("alice", token="chosen", since=0).welcome["token"] != "chosen"


def test_those_who_are_remembered_are_bounded(room: Room, comes: Callable[..., Client]) -> None:
    """Coming and going fills no memory."""
    for i in range(50):
        comes(f"guest{i}").session.lost()
    assert len(room._gone) <= 3


def test_what_was_said_under_an_id_is_not_said_twice(room: Room, comes: Callable[..., Client]) -> None:
    """Nor whispered; the ids of the last so many messages are remembered."""
    alice = comes("alice")
    for i in range(REMEMBERED_IDS):
        alice.sends(type="say", text="hello", id=str(i))
    end = room.log.end
    alice.sends(type="say", text="hello", id="0")
    alice.sends(type="whisper", to="alice", text="hello", id="1")
    assert [(message["type"], message["seq"]) for message in alice.heard[-2:]] == [("duplicate", 2), ("duplicate", 3)]
    assert room.log.end == end
    alice.sends(type="say", text="hello", id="new")
    assert len(alice.session._member.identity.said) == REMEMBERED_IDS  # type: ignore[union-attr]


def test_a_whisper_to_oneself_is_heard_once(comes: Callable[..., Client]) -> None:
    """Its two ends are one."""
    alice = comes("alice")
    alice.sends(type="whisper", to="alice", text="note to self")
    assert alice.whispers() == ["note to self"]
