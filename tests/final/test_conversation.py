"""People join, say, whisper, lag, leave, are lost and come again, in any order, against a model of log and room.

The model is a list of what was said, each with who may see it. What anybody reads must be that list, from where they
came in, without what isn't theirs; whoever is told that they missed something missed exactly that. And all of it once
more with a history, and servers that end and begin again in between.
"""

import json
import tempfile
from itertools import count
from pathlib import Path

from chat.history import History
from chat.limits import Limits
from chat.log import Log, Reader
from chat.protocol import Form
from chat.room import Room
from chat.session import Session
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

NAMES = st.sampled_from(["alice", "bob", "carol", "ALICE", "boЬ", "dave"])
TEXTS = st.sampled_from(["hello", "é日", 'a "quote"', "a \\ b", "* not a notice", "x" * 200])


class Someone:
    """A session, where in the model its reader has to be, and what it was told about itself."""

    def __init__(self, machine: "Conversation", form: Form) -> None:
        self.form = form
        self.session = Session(
            machine.room,
            Reader(machine.room.log, lambda: None),
            Limits(),
            0.0,
            lambda: f"token-{next(machine.numbers)}",
        )
        self.name, self.token, self.seen = "", "", 0
        self.unread: list[str] = []
        self.who = object()  # the same for whoever comes again with their token

    def says(self, line: str) -> None:
        self.session.receive(line.encode() + b"\n", 0.0)
        self.session.turn(0.0)

    def sends(self, **fields: object) -> None:
        self.says(json.dumps(fields))

    def reads(self) -> list[str]:
        if self.session.reader.fallen:
            self.session.fell()
        lines = b""
        while data := self.session.reader.take():
            lines += data
        earlier, self.unread = self.unread, []
        return earlier + lines.decode().splitlines()


class Conversation(RuleBasedStateMachine):
    people = Bundle("people")
    gone = Bundle("gone")

    def __init__(self) -> None:
        super().__init__()
        self.numbers = count(1)
        # So small that readers fall off it; a backlog of nothing, so that everybody starts at their own joining.
        self.room = Room(Log(6000), max_members=5, backlog=0, resume_time=1e9)
        self.model: list[tuple[str, set[object] | None]] = []  # what was said, and who may see it
        self.here: dict[str, Someone] = {}

    # The model

    def happens(self, line: str, audience: set[object] | None = None) -> None:
        self.model.append((line, audience))

    def check(self, someone: Someone) -> None:
        """What someone reads is what the model has for them, from where they were."""
        for line in someone.reads():
            if "you fell behind" in line or '"type":"missed"' in line:
                someone.seen = self.room.log.first - 1 if someone.form is Form.PLAIN else self.missed(someone, line)
                continue
            if someone.form is Form.RICH:
                someone.seen, said = self.rich(someone, json.loads(line))
            else:
                someone.seen, said = self.next_for(someone), line
            wanted, audience = self.model[someone.seen - 1]
            assert said == wanted
            assert audience is None or someone.who in audience
        if someone.session.is_member:
            assert not [seq for seq in range(someone.seen + 1, len(self.model) + 1) if self.visible(someone, seq)]

    def missed(self, someone: Someone, line: str) -> int:
        fields = json.loads(line)
        assert fields["from"] > someone.seen
        assert not [seq for seq in range(someone.seen + 1, fields["from"]) if self.visible(someone, seq)]
        return int(fields["from"] + fields["count"] - 1)

    def rich(self, someone: Someone, fields: dict[str, object]) -> tuple[int, str]:
        seq = fields["seq"]
        assert isinstance(seq, int)
        assert seq == self.next_for(someone)
        match fields["type"]:
            case "said":
                return seq, f"{fields['name']}: {fields['text']}"
            case "whisper":
                return seq, f"* {fields['name']} whispers to {fields['to']}: {fields['text']}"
            case kind:
                return seq, f"* {fields['name']} has {kind} the chat"

    def visible(self, someone: Someone, seq: int) -> bool:
        audience: set[object] | None = self.model[seq - 1][1]
        return audience is None or someone.who in audience

    def next_for(self, someone: Someone) -> int:
        return next(seq for seq in range(someone.seen + 1, len(self.model) + 1) if self.visible(someone, seq))

    # What people do

    @rule(target=people, name=NAMES, form=st.sampled_from(Form))
    def joins(self, name: str, form: Form) -> Someone:
        someone = Someone(self, form)
        before = len(self.model)
        alike = {"ALICE": "alice", "boЬ": "bob"}.get(name, name)
        free = alike not in self.here and len(self.here) < 5
        someone.says(name) if form is Form.PLAIN else someone.sends(type="join", name=name)
        assert someone.session.is_member == free
        if free:
            self.comes_in(someone, name, alike)
            someone.seen = before
            first = someone.reads()
            if form is Form.PLAIN:
                assert first == ["ok", f"* {name} has joined the chat"]
            else:
                assert json.loads(first[0])["seq"] == before
                someone.token = json.loads(first[0])["token"]
            someone.seen += 1
        return someone

    def comes_in(self, someone: Someone, name: str, alike: str) -> None:
        someone.name = name
        self.here[alike] = someone
        self.happens(f"* {name} has joined the chat")

    def goes(self, someone: Someone) -> None:
        self.here = {alike: other for alike, other in self.here.items() if other is not someone}
        self.happens(f"* {someone.name} has left the chat")

    def is_in(self, someone: Someone) -> bool:
        """Whether someone is here; a plain one who has fallen off the log finds out now, and isn't any more."""
        if someone.session.is_member and someone.session.reader.fallen and someone.form is Form.PLAIN:
            (word,) = someone.reads()
            assert "you fell behind" in word
            self.goes(someone)
        return someone.session.is_member

    @rule(someone=people, text=TEXTS, times=st.integers(1, 5))
    def say(self, someone: Someone, text: str, times: int) -> None:
        if self.is_in(someone):
            for _ in range(times):
                someone.says(text) if someone.form is Form.PLAIN else someone.sends(type="say", text=text)
                self.happens(f"{someone.name}: {text}")

    @rule(someone=people, to=NAMES, text=TEXTS)
    def whispers(self, someone: Someone, to: str, text: str) -> None:
        if not self.is_in(someone):
            return
        self.check(someone)
        other = next((other for other in self.here.values() if other.name.casefold() == to.casefold()), None)
        plain = someone.form is Form.PLAIN
        someone.says(f"/msg {to} {text}") if plain else someone.sends(type="whisper", to=to, text=text)
        if other is None:
            assert "nobody" in someone.reads()[-1]
        else:
            self.happens(f"* {someone.name} whispers to {other.name}: {text}", {someone.who, other.who})

    @rule(someone=people)
    def reads(self, someone: Someone) -> None:
        if self.is_in(someone):
            self.check(someone)

    @rule(someone=consumes(people), target=gone, politely=st.booleans())
    def leaves(self, someone: Someone, politely: bool) -> Someone:
        if self.is_in(someone):
            if not politely:
                someone.session.lost()  # and what it hasn't read is there when it comes again
            elif someone.form is Form.PLAIN:
                someone.says("/quit")
            else:
                someone.sends(type="leave")
            if politely:
                self.check(someone)
            self.goes(someone)
            assert not someone.session.is_member
        return someone

    @rule(old=consumes(gone), target=people)
    def comes_again(self, old: Someone) -> Someone:
        again = Someone(self, Form.RICH)
        alike = {"ALICE": "alice", "boЬ": "bob"}.get(old.name, old.name)
        if not old.token or alike in self.here or len(self.here) >= 5:
            return again
        again.sends(type="join", name=old.name, token=old.token, since=old.seen)
        welcome, *again.unread = again.reads()
        fields = json.loads(welcome)
        assert (fields["token"] == old.token) == fields["resumed"]
        again.name, again.token = old.name, fields["token"]
        if fields["resumed"]:
            again.seen, again.who = old.seen, old.who
        else:
            again.seen = len(self.model)
        self.comes_in(again, old.name, alike)
        self.check(again)
        return again

    @invariant()
    def those_who_are_here_are_here(self) -> None:
        assert [name for run in self.room.people for name in run] == [other.name for other in self.here.values()]


class KeptConversation(Conversation):
    """The same with a history: whenever the server ends, the next one goes on where it was."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.history = self.open()
        self.room = self.next_room()

    def open(self) -> History:
        return History(Path(self.folder.name) / "chat.db", resume_time=1e9)

    def next_room(self) -> Room:
        gone = self.history.identities(now=0.0)
        return Room(self.history.log(6000), 5, 0, 1e9, self.history, gone)

    @rule()
    def the_server_ends_and_begins_again(self) -> None:
        """With no goodbye: nobody is said to have left."""
        for someone in self.here.values():
            someone.session.close()
        self.here = {}
        self.history.close()
        self.history = self.open()
        self.room = self.next_room()
        assert self.room.log.end == len(self.model) + 1

    @invariant()
    def all_is_kept(self) -> None:
        """As the server has it before it sends anything."""
        self.history.keep(self.room.log, now=0.0)

    def teardown(self) -> None:
        self.history.close()
        self.folder.cleanup()


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestKeptConversation = KeptConversation.TestCase
TestKeptConversation.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
