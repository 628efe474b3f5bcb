"""The connection against a server of our own that misbehaves in every way it can."""

import contextlib
import itertools
import json
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from chat.client import connection as connecting
from chat.client.connection import Connection, delay
from chat.client.events import (
    Acknowledged,
    Came,
    Event,
    Line,
    Lost,
    Mistake,
    Notice,
    Refused,
    Said,
    Trying,
    Unsure,
    Welcome,
    Went,
)
from chat.client.wire import PATIENT_TRIES
from chat.protocol import Form, Say
from suites.people import FakeServer, Scene
from suites.people import Line as Wire

E = TypeVar("E", bound=Event)

WELCOME = {
    "type": "welcome", "version": 1, "server": "test", "name": "alice", "token": "0" * 32, "seq": 0, "resumed": False,
    "limits": {"line": 4096, "ids": 256}, "people": [], "more": False,
}  # fmt: skip
TIME = "2026-01-31T12:34:56.789Z"


class RichServer(FakeServer):
    """A server that speaks the rich form, word by word as a test says."""

    def hears_join(self) -> tuple[Wire, dict[str, Any]]:
        """Wait for the client, and for its join."""
        line = self.accepts()
        join: dict[str, Any] = json.loads(line.next_line())
        assert join["type"] == "join"
        return line, join

    def welcomes(self, **fields: Any) -> Wire:
        """Wait for the client and let it in."""
        line, _ = self.hears_join()
        sends(line, **{**WELCOME, **fields})
        return line


def sends(line: Wire, **fields: Any) -> None:
    line.says(json.dumps(fields))


def hears(line: Wire) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(line.next_line())
    return heard


class Alice:
    """Somebody with a connection, and what happens to her."""

    def __init__(self, server: FakeServer, **how: Any) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.connection = Connection(how.pop("host", server.host), server.port, "alice", self.events.put, **how)
        self.connection.start()
        self.ids = itertools.count(1)

    def sees(self, kind: type[E]) -> E:
        """Wait for the next event, which has to be of this kind."""
        event = self.events.get(timeout=10)
        assert isinstance(event, kind), event
        return event

    def says(self, text: str) -> str:
        id = f"id-{next(self.ids)}"
        self.connection.request(Say(text, id))
        return id

    def ends(self) -> None:
        self.connection.end()
        self.connection.wait(10)
        assert not any(thread.name == "connection" for thread in threading.enumerate())


@pytest.fixture
def server() -> Iterator[RichServer]:
    server = RichServer(Scene(10))
    yield server
    server.close()


@pytest.fixture
def alice(server: RichServer) -> Iterator[Alice]:
    alice = Alice(server)
    yield alice
    alice.ends()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(connecting, "FIRST_DELAY", 0.001)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence isn't borne for long."""
    monkeypatch.setattr(connecting, "SILENCE", 0.05)


def test_the_way_in(server: RichServer, alice: Alice) -> None:
    """The name goes out as a join; the welcome and what follows come as events, cut anywhere."""
    line, join = server.hears_join()
    assert join == {"type": "join", "name": "alice", "version": 1}
    rest = {"type": "said", "seq": 1, "time": TIME, "name": "bob", "text": "é日🙂", "id": "b-1"}
    for byte in (json.dumps(WELCOME) + "\n" + json.dumps(rest, ensure_ascii=False) + "\r\n").encode():
        line.sends(bytes([byte]))
    assert alice.sees(Welcome).form is Form.RICH
    assert alice.sees(Said).text == "é日🙂"


def test_a_refusal_says_why_and_ends_the_connection(server: RichServer, alice: Alice) -> None:
    """The socket is closed, and no other try is made."""
    line, _ = server.hears_join()
    sends(line, type="failed", reason="taken", text="alice is taken")
    assert alice.sees(Refused) == Refused(Form.RICH, "taken", "alice is taken")
    line.hears_the_end()
    alice.connection.wait(10)
    assert alice.events.empty()


@pytest.mark.parametrize("answer", ["failed", "ok", "what?"])
def test_a_server_that_speaks_plain_lines(server: RichServer, alice: Alice, answer: str) -> None:
    """Whatever it answers to the question for the rich form, the name goes out again as a plain line."""
    line, _ = server.hears_join()
    line.says(answer)
    line.hears_the_end()
    line = server.lets_in("alice")
    assert alice.sees(Welcome).form is Form.PLAIN
    line.says("bob: hi")
    assert alice.sees(Line).text == "bob: hi"
    alice.connection.request(Say("hello"))
    line.hears("hello")
    line.closes()
    assert alice.sees(Lost).again_in is None


def test_a_plain_server_refuses_the_name_too(server: RichServer, alice: Alice) -> None:
    """Then it is refused, whichever of the two it didn't like."""
    for _ in range(2):
        server.accepts().says("failed")
    assert alice.sees(Refused).form is Form.PLAIN


def test_a_server_known_as_plain_is_asked_for_nothing_else(server: RichServer) -> None:
    """The name is the first line."""
    alice = Alice(server, form=Form.PLAIN)
    server.lets_in("alice")
    alice.sees(Welcome)
    alice.ends()


@pytest.mark.parametrize(
    "answer", [b'{"type":"join","name":"alice"}\n', b"{}\n", b"x" * 20_000, b'{"type":"welcome"}\n']
)
def test_what_answers_is_no_chat(server: RichServer, alice: Alice, answer: bytes) -> None:
    """An echo, an empty object, a line without an end: it says so."""
    line, _ = server.hears_join()
    line.sends(answer)
    lost = alice.sees(Lost)
    assert "not a chat server" in lost.sentence
    assert lost.again_in is None


@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_no_answer_at_all(server: RichServer, alice: Alice, how: str) -> None:
    """The connection ends before the verdict."""
    line, _ = server.hears_join()
    getattr(line, how)()
    assert alice.sees(Lost) == Lost("The server gave no answer.", None)


def test_nobody_listens(server: RichServer) -> None:
    """It says so in a sentence that names the place."""
    port = server.port
    server.listener.close()
    alice = Alice(server)
    sentence = alice.sees(Lost).sentence
    assert f"127.0.0.1:{port}" in sentence
    assert "refused" in sentence.lower()
    alice.ends()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 300, "a..b", "\ud800"])
def test_a_host_that_is_none(server: RichServer, host: str) -> None:
    """It says so too."""
    alice = Alice(server, host=host)
    assert "Cannot reach" in alice.sees(Lost).sentence
    alice.ends()


def test_garbage_changes_nothing(server: RichServer, alice: Alice) -> None:
    """What isn't JSON, isn't an object, has fields missing or of the wrong kind, or is unknown, is passed over."""
    line = server.welcomes()
    alice.sees(Welcome)
    line.sends(b"\xff\xfe\n[]\nnull\n1\n" + b"[" * 5000 + b"\n{}\n\n")
    sends(line, type="dance")
    sends(line, type=["said"])
    sends(line, type="said")
    sends(line, type="said", seq="1", time=TIME, name="bob", text="no number")
    sends(line, type="said", seq=1, time=5, name="bob", text="no time")
    sends(line, type="people", names="bob")
    sends(line, type="notice", code="no text")
    sends(line, type="said", seq=1, time="yesterday", name="bob", text="a\x1b[2Jb\u202ec", extra=1)
    assert alice.sees(Said).text == "a\ufffd[2Jb\ufffdc"


def test_a_lost_connection_is_resumed(server: RichServer, alice: Alice, soon: None) -> None:
    """With the token and the highest number; what was not acknowledged is sent again under its id, in order."""
    line = server.welcomes()
    alice.sees(Welcome)
    sends(line, type="joined", seq=7, time=TIME, name="alice")
    alice.sees(Came)
    first, second = alice.says("one"), alice.says("two")
    assert [hears(line)["id"], hears(line)["id"]] == [first, second]
    sends(line, type="said", seq=8, time=TIME, name="alice", text="one", id=first)
    alice.sees(Said)
    line.breaks()
    assert alice.sees(Lost).again_in is not None
    third = alice.says("three")
    alice.sees(Trying)
    line, join = server.hears_join()
    assert join == {"type": "join", "name": "alice", "version": 1, "token": "0" * 32, "since": 8}
    sends(line, **{**WELCOME, "resumed": True, "seq": 9})
    assert alice.sees(Welcome).resumed
    assert [hears(line)["id"], hears(line)["id"]] == [second, third]
    sends(line, type="said", seq=8, time=TIME, name="alice", text="one", id=first)
    sends(line, type="left", seq=9, time=TIME, name="alice")
    assert alice.sees(Went).seq == 9  # and 8 not again
    sends(line, type="duplicate", id=second, seq=5)
    line.breaks()
    assert alice.sees(Acknowledged).id == second
    alice.sees(Lost)
    alice.sees(Trying)
    line = server.welcomes(resumed=True)
    assert hears(line)["id"] == third


def test_another_server_is_not_told_again_what_the_first_may_have_heard(
    server: RichServer, alice: Alice, soon: None
) -> None:
    """What was on its way is unsure; what never left is said."""
    line = server.welcomes()
    alice.sees(Welcome)
    sent = alice.says("one")
    hears(line)
    line.breaks()
    alice.sees(Lost)
    waiting = alice.says("two")
    alice.sees(Trying)
    line = server.welcomes(token="1" * 32)
    alice.sees(Welcome)
    assert alice.sees(Unsure).id == sent
    assert hears(line)["id"] == waiting


def test_no_more_is_on_its_way_than_the_server_remembers(server: RichServer, alice: Alice) -> None:
    """The rest follows as the first come back."""
    line = server.welcomes(limits={"ids": 2})
    alice.sees(Welcome)
    ids = [alice.says(str(number)) for number in range(5)]
    assert [hears(line)["id"], hears(line)["id"]] == ids[:2]
    sends(line, type="ping")
    assert hears(line)["type"] == "pong"  # nothing else was on its way
    sends(line, type="notice", code="rate", text="wait", id=ids[0])
    alice.sees(Notice)
    assert hears(line)["id"] == ids[2]
    sends(line, type="duplicate", id=ids[1], seq=1)
    assert hears(line)["id"] == ids[3]


def test_somebody_sent_away_by_themselves_stays_away(server: RichServer, alice: Alice) -> None:
    """Or two windows with one token would throw each other out for ever."""
    line = server.welcomes()
    alice.sees(Welcome)
    sends(line, type="notice", code="replaced", text="you came in through another connection; goodbye")
    alice.sees(Notice)
    line.closes()
    assert alice.sees(Lost).again_in is None


def test_a_full_room_is_worth_another_try(server: RichServer, alice: Alice, soon: None) -> None:
    """For whoever was in before; a name that somebody else has now is not."""
    server.welcomes().closes()
    alice.sees(Welcome)
    alice.sees(Lost)
    alice.sees(Trying)
    line, _ = server.hears_join()
    sends(line, type="failed", reason="full", text="the room is full")
    line.closes()
    assert alice.sees(Lost).again_in is not None
    alice.sees(Trying)
    line, _ = server.hears_join()
    sends(line, type="failed", reason="taken", text="alice is taken")
    assert alice.sees(Refused).reason == "taken"


def test_whoever_has_our_name_may_be_ourselves(server: RichServer, alice: Alice, soon: None) -> None:
    """We were let in and never heard of it: the server takes us for there until it notices. But not for ever."""
    server.welcomes().closes()
    alice.sees(Welcome)
    alice.sees(Lost)
    alice.sees(Trying)
    server.hears_join()[0].closes()
    for _ in range(PATIENT_TRIES):
        alice.sees(Lost)
        alice.sees(Trying)
        line, _ = server.hears_join()
        sends(line, type="failed", reason="taken", text="alice is taken")
        line.closes()
    alice.sees(Lost)
    alice.sees(Trying)
    line, _ = server.hears_join()
    sends(line, type="failed", reason="taken", text="alice is taken")
    assert alice.sees(Refused).reason == "taken"


def test_try_now(server: RichServer, alice: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait."""
    monkeypatch.setattr(connecting, "FIRST_DELAY", 3600.0)
    monkeypatch.setattr(connecting, "LAST_DELAY", 3600.0)
    server.welcomes().closes()
    alice.sees(Welcome)
    assert alice.sees(Lost).again_in is not None
    alice.connection.try_now()
    alice.sees(Trying)
    server.welcomes(resumed=True)
    alice.sees(Welcome)


def test_a_silent_server_is_asked_and_then_given_up(server: RichServer, alice: Alice, impatient: None) -> None:
    """A cable that was pulled out says nothing."""
    line = server.welcomes()
    alice.sees(Welcome)
    assert hears(line) == {"type": "ping"}
    sends(line, type="pong")
    assert hears(line) == {"type": "ping"}
    assert alice.sees(Lost).sentence == "The server has fallen silent."


def test_a_ping_is_answered(server: RichServer, alice: Alice) -> None:
    """So that the server knows that we are there."""
    line = server.welcomes()
    alice.sees(Welcome)
    sends(line, type="ping")
    assert hears(line) == {"type": "pong"}


def test_leaving_says_goodbye(server: RichServer, alice: Alice) -> None:
    """And hangs up."""
    line = server.welcomes()
    alice.sees(Welcome)
    alice.connection.end()
    assert hears(line) == {"type": "leave"}
    line.hears_the_end()


@pytest.mark.parametrize("state", ["asking", "in", "resting"])
def test_it_ends_at_once_in_every_state(server: RichServer, alice: Alice, state: str) -> None:
    """Told to end, the thread does, whatever it waits for."""
    line, _ = server.hears_join()
    if state != "asking":
        sends(line, **WELCOME)
        alice.sees(Welcome)
    if state == "resting":
        line.closes()
        alice.sees(Lost)
    alice.ends()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a full queue refuses")
def test_it_ends_while_it_connects() -> None:
    """A port whose queue of newcomers is full: connecting takes for ever, ending doesn't."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        host, port = full.getsockname()
        connection = Connection(host, port, "alice", lambda event: None)
        connection.start()
        connection.end()
        connection.wait(connecting.PATIENCE / 2)
        assert not any(thread.name == "connection" for thread in threading.enumerate())


def test_a_server_that_does_not_read_keeps_nobody(server: RichServer, alice: Alice) -> None:
    """What can't be sent waits, what arrives still arrives, and the end comes at once."""
    line = server.welcomes(limits={"ids": 100_000, "line": 4096})
    alice.sees(Welcome)
    for number in range(4000):
        alice.connection.request(Say("x" * 4000, f"id-{number}"))
    sends(line, type="said", seq=1, time=TIME, name="bob", text="hi")
    alice.sees(Said)


def test_a_mistake_of_our_own_is_told_and_ends_the_thread(server: RichServer) -> None:
    """The log says which."""
    told: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def report(event: Event) -> None:
        told.put(event)
        if isinstance(event, Welcome):
            raise ZeroDivisionError

    connection = Connection(server.host, server.port, "alice", report)
    connection.start()
    server.welcomes()
    assert isinstance(told.get(timeout=10), Welcome)
    lost = told.get(timeout=10)
    assert lost == Lost("The connection has been given up.", None)
    assert told.get(timeout=10) == Mistake()
    connection.wait(10)


def test_tries_are_ever_further_apart_and_never_all_at_once() -> None:
    """From half a second to half a minute; each is between a half and the whole of it."""
    assert [delay(attempt, 1.0) for attempt in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert delay(0, 0.0) == 0.25
    assert delay(10**9, 1.0) == 30
