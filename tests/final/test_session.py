"""One client's conversation, without a socket or a clock: what it may say next, and how long it may take."""

import json
from collections.abc import Callable
from itertools import count

import pytest
from chat.limits import Limits
from chat.log import Log, Reader
from chat.room import Room
from chat.session import Session
from chat.text import clean
from hypothesis import given
from hypothesis import strategies as st

TOKENS = count()
JOIN = b'{"type":"join","name":"alice"}\n'


@pytest.fixture
def room() -> Room:
    return Room(Log(1_000_000), max_members=3, backlog=0, resume_time=600)


@pytest.fixture
def comes(room: Room) -> Callable[..., Session]:
    def comes(*lines: bytes, **limits: float) -> Session:
        some = Limits(**limits)  # type: ignore[arg-type]
        session = Session(room, Reader(room.log, lambda: None), some, 0.0, lambda: f"token-{next(TOKENS)}")
        for line in lines:
            says(session, line)
            hears(session)
        return session

    return comes


def says(session: Session, data: bytes, now: float = 0.0) -> None:
    session.receive(data, now)
    while session.has_turn:
        session.turn(now)


def hears(session: Session) -> str:
    heard = b""
    while data := session.reader.take():
        heard += data
    return heard.decode()


def test_each_line_has_its_own_time_to_be_finished(comes: Callable[..., Session]) -> None:
    """Whoever pastes for a minute has a line half sent at every moment, but never the same one."""
    alice = comes(b"alice\n", line_time=30)
    for now in range(1, 120):
        says(alice, b"rest\nbegin", now)
        alice.tick(now)
    assert alice.is_member
    alice.tick(119 + 31)
    assert not alice.is_member


def test_who_is_taking_what_it_was_sent_has_time_for_its_line(comes: Callable[..., Session]) -> None:
    """It may not have been listened to meanwhile: the rest of its line waits in the kernel then."""
    alice = comes(b"alice\n", line_time=30)
    says(alice, b"begin", 1.0)
    for now in range(1, 120):
        alice.takes(now)
        alice.tick(now)
    assert alice.is_member
    alice.tick(119 + 31)
    assert not alice.is_member


def test_a_program_that_answers_is_asked_again_and_kept(comes: Callable[..., Session]) -> None:
    """Anything it says is an answer, and so is that it takes what it is sent; a person isn't asked."""
    program, person = comes(JOIN, ping_time=30), comes(b"bob\n", ping_time=30)
    answers: list[Callable[[float], None]] = [
        lambda now: says(program, b'{"type":"pong"}\n', now),
        lambda now: says(program, b"\n", now),
        program.takes,
    ]
    hears(program)
    for turn, answer in enumerate(answers):
        for now in (turn * 59.0 + 29, turn * 59.0 + 30):
            program.tick(now)
            person.tick(now)
        assert hears(program) == '{"type":"ping"}\n'
        program.tick(turn * 59.0 + 58)
        answer(turn * 59.0 + 59)
    assert program.is_member
    program.tick(1000.0)
    program.tick(1031.0)
    assert not program.is_member
    person.tick(1031.0)
    assert person.is_member


@pytest.mark.parametrize("goodbye", [b"alice\n/quit\n", JOIN + b'{"type":"leave"}\n'])
@pytest.mark.parametrize("more", [b"hello\n", b"/msg\n", b"/who\n", b"x" * 5000 + b"\n", b"{}\n", b'{"type":"who"}\n'])
def test_who_has_left_is_not_answered(goodbye: bytes, more: bytes, comes: Callable[..., Session]) -> None:
    """Whatever was sent behind the goodbye in one go."""
    silent, talkative = comes(), comes()
    says(silent, goodbye)
    expected = hears(silent)
    says(talkative, goodbye + more)
    assert len(hears(talkative).splitlines()) == len(expected.splitlines())


def test_a_token_alone_says_who_it_is_but_resumes_nothing(comes: Callable[..., Session]) -> None:
    """Without a since, or with one from the future, the backlog is shown; the token stays the same."""
    alice = comes()
    says(alice, JOIN)
    token = json.loads(hears(alice).splitlines()[0])["token"]
    for since in ({}, {"since": 1000}):
        again = comes()
        says(again, json.dumps({"type": "join", "name": "alice", "token": token, **since}).encode() + b"\n")
        welcome = json.loads(hears(again).splitlines()[0])
        assert (welcome["resumed"], welcome["token"]) == (False, token)


LINES = st.sampled_from([b"a", b"a/b ~", b"", b" ", b" a", b"/", b"/who", b"//", b"\t", b"\x7f", b"\xff", b"\xc3\xa9"])


@given(st.lists(LINES, max_size=4))
def test_what_is_said_together_is_what_would_be_said_line_by_line(lines: list[bytes]) -> None:
    """There is a short way for lines in which nothing has to be looked at; it leads to the same place."""
    heard = []
    for data in ([line + b"\n" for line in lines], [b"".join(line + b"\n" for line in lines)]):
        room = Room(Log(1_000_000), max_members=3, backlog=0, resume_time=600)
        alice = Session(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: "token")
        for piece in (b"alice\n", *data):
            says(alice, piece)
        heard.append(hears(alice))
    assert heard[0] == heard[1]


@given(st.text("ab /!~\t\x1b\x7f\xe9", min_size=1, max_size=8).filter(lambda text: not text.isspace()))
def test_whatever_is_said_arrives_clean(text: str) -> None:
    """Whichever way it takes."""
    room = Room(Log(1_000_000), max_members=3, backlog=0, resume_time=600)
    alice = Session(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: "token")
    says(alice, b"alice\n")
    hears(alice)
    says(alice, text.encode() + b"\n")
    if not text.startswith("/"):
        assert hears(alice) == f"alice: {clean(text)}\n"
