"""Any order of talk, losses and returns leaves the transcript equal to the server's order, with nothing twice.

The client's dialogue and model talk to the server's own room and session, both without sockets; between them is a wire
that this machine cuts wherever it likes, with whatever was on its way lost.
"""

from itertools import count

import hypothesis.strategies as st
import pytest
from chat.client.events import Lost, Trying
from chat.client.model import Fate, Kind, Model
from chat.client.wire import Dialogue, Stage
from chat.limits import Limits
from chat.log import Log, Reader
from chat.protocol import Event, Joined, Left, Said, Say, Whisper, Whispered
from chat.room import Room
from chat.session import Session
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

SOME_BYTES = st.integers(1, 400)


class RememberingLog(Log):
    """A log that remembers who may see what, as lines of a transcript."""

    def __init__(self) -> None:
        super().__init__(10_000_000)
        self.lines: list[tuple[str, frozenset[str] | None]] = []

    def append(self, event: Event, time: float) -> int:
        self.lines.append((written(event), None))
        return super().append(event, time)

    def append_private(self, event: Event, time: float, tokens: frozenset[str]) -> int:
        self.lines.append((written(event), tokens))
        return super().append_private(event, time, tokens)


def written(event: Event) -> str:
    match event:
        case Said(name, text):
            return f"{name}: {text}"
        case Whispered(name, to, text):
            return f"{name} → {to}: {text}"
        case Joined(name):
            return f"* {name} has joined the chat"
        case Left(name):
            return f"* {name} has left the chat"
    raise AssertionError(event)


class Losses(RuleBasedStateMachine):
    @initialize()
    def begins(self) -> None:
        self.numbers = count(1)
        self.clock = count(1_000)
        self.dialogue = Dialogue("alice")
        self.model = Model()
        self.model.join("server", "alice")
        self.said: list[str] = []
        # What can't have reached any server yet, and so must be said by itself.
        self.said_while_away: set[str] = set()
        self.logs: list[RememberingLog] = []
        self.tokens: list[str] = []
        self.dead: list[Session] = []
        self.starts()
        self.connects()
        self.all_arrives()

    # The server

    def starts(self) -> None:
        """A server starts, and bob is there."""
        self.logs.append(RememberingLog())
        self.room = Room(self.logs[-1], max_members=9, backlog=3, resume_time=1e9)
        self.alice: Session | None = None
        self.dead.clear()
        self.bob = self.session()
        self.bob.receive(b'{"type":"join","name":"bob"}\n', 0.0)
        self.bob.turn(0.0)

    def session(self) -> Session:
        self.room.time = float(next(self.clock))
        reader = Reader(self.room.log, lambda: None)
        return Session(self.room, reader, Limits(), 0.0, lambda: f"{next(self.numbers):032x}")

    @rule(text=st.sampled_from(["one", "two", "three"]), private=st.booleans())
    def bob_talks(self, text: str, private: bool) -> None:
        self.room.time = float(next(self.clock))
        how = '"whisper","to":"alice"' if private else '"say"'
        self.bob.receive(f'{{"type":{how},"text":"{text}"}}\n'.encode(), 0.0)
        self.bob.turn(0.0)

    @rule()
    def server_starts_anew(self) -> None:
        """Whatever it knew is gone."""
        self.is_lost()
        self.starts()

    @rule()
    def server_notices_a_loss(self) -> None:
        """Or it never does, until alice comes again."""
        if self.dead:
            self.room.time = float(next(self.clock))
            self.dead.pop().lost()

    # Alice

    @rule(private=st.booleans())
    def says(self, private: bool) -> None:
        text = f"{'psst' if private else 'hello'} {next(self.numbers)}"
        if not self.model.may_talk:
            return
        if private:
            self.model.to = "bob"
        request = self.model.say(text, f"id-{next(self.numbers)}", 0.0)
        self.model.to = None
        assert isinstance(request, Say | Whisper)
        self.said.append(text)
        if self.alice is None:
            self.said_while_away.add(text)
        self.dialogue.request(request)

    # The wire

    def connects(self) -> None:
        self.alice = self.session()
        self.up, self.down = bytearray(self.dialogue.begin()), bytearray()

    @rule(count=SOME_BYTES)
    def some_goes_up(self, count: int) -> None:
        if out := self.dialogue.outgoing():
            self.up += out
            self.said_while_away.clear()
        data, self.up = bytes(self.up[:count]), self.up[count:]
        if self.alice is not None and data:
            self.room.time = float(next(self.clock))
            self.alice.receive(data, 0.0)
            while self.alice.has_turn:
                self.alice.turn(0.0)

    @rule(count=SOME_BYTES)
    def some_comes_down(self, count: int) -> None:
        while self.alice is not None and (piece := self.alice.reader.take()):
            self.down += piece
        data, self.down = bytes(self.down[:count]), self.down[count:]
        for event in self.dialogue.receive(data) if data else ():
            self.model.handle(event, 0.0)
        if self.dialogue.stage is Stage.AWAY:
            self.is_lost()  # sent away for now, because the server takes her for there
        if self.dialogue._token is not None and self.dialogue._token not in self.tokens:
            self.tokens.append(self.dialogue._token)

    @invariant()
    def what_was_said_while_away_is_certain(self) -> None:
        waiting = self.model.unacknowledged.values() if hasattr(self, "model") else ()
        unsure = {one.request.text for one in waiting if one.fate is Fate.UNSURE}
        assert not unsure & self.said_while_away

    @rule()
    def is_lost(self) -> None:
        """What was on its way, either way, is gone; the server may not know yet."""
        if self.alice is None:
            return
        self.dead.append(self.alice)
        self.alice = None
        self.dialogue.end()
        self.up, self.down = bytearray(), bytearray()
        if self.dialogue.may_resume:
            self.model.handle(Lost("lost", 1.0), 0.0)

    @rule()
    def comes_again(self) -> None:
        if self.alice is None:
            self.model.handle(Trying(), 0.0)
            self.connects()

    def all_arrives(self) -> None:
        while self.dead:  # in the end the server notices every loss
            self.server_notices_a_loss()
        self.comes_again()
        for _ in range(3):
            self.some_goes_up(10_000_000)
            self.some_comes_down(10_000_000)

    def teardown(self) -> None:
        self.all_arrives()
        assert self.model.may_talk, self.model.sentence
        self.everything_is_as_the_server_has_it()
        self.nothing_was_lost_or_said_twice()
        self.list_is_right()

    def everything_is_as_the_server_has_it(self) -> None:
        """From one server to the next, what is shown is a piece of its log without a hole that reaches to its end."""
        shown: list[list[str]] = [[]]
        for entry in self.model.transcript.between(0, 10_000_000):
            if entry.kind is Kind.GAP:
                shown.append([])
            else:
                assert entry.kind is not Kind.ANSWER
                shown[-1].append(entry.line)
        logs = iter(self.logs)
        for piece in shown:
            # A server at which alice never arrived has shown nothing.
            assert any("\n".join(piece) in "\n".join(self.visible(log)) for log in logs)
        assert shown[-1] == self.visible(self.logs[-1])[-len(shown[-1]) :]

    def visible(self, log: RememberingLog) -> list[str]:
        return [line for line, tokens in log.lines if tokens is None or tokens & set(self.tokens)]

    def nothing_was_lost_or_said_twice(self) -> None:
        everywhere = [line.partition(": ")[2] for log in self.logs for line, _ in log.lines]
        unsure = [waiting.request.text for waiting in self.model.unacknowledged.values()]
        assert all(waiting.fate is Fate.UNSURE for waiting in self.model.unacknowledged.values())
        for text in self.said:
            assert everywhere.count(text) <= 1, f"{text!r} was said twice"
            assert text in everywhere or text in unsure, f"{text!r} was lost"
        if len(self.logs) == 1:
            assert not unsure

    def list_is_right(self) -> None:
        assert set(self.model.people or ()) == {"alice", "bob"}


TestLosses = pytest.mark.timeout(900)(Losses.TestCase)  # a machine with much else to do needs minutes
TestLosses.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
