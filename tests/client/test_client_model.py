"""The model: who said what, in the server's order; what can be done when; sentences."""

import hypothesis.strategies as st
import pytest
from chat.client.events import (
    Acknowledged,
    Came,
    Event,
    Line,
    Lost,
    Missed,
    Mistake,
    Notice,
    People,
    Refused,
    Said,
    Trying,
    Unsure,
    Welcome,
    Went,
    Whispered,
)
from chat.client.model import Entry, Fate, History, Kind, Model, State, Transcript
from chat.protocol import Form, Help, Leave, Say, Whisper, Who
from hypothesis import given


def rich(*events: Event, people: tuple[str, ...] = ()) -> Model:
    """A model in the chat as alice, to which this has happened."""
    model = Model()
    model.join("server:5050", "alice")
    for event in (Welcome("alice", Form.RICH, False, people, 4096), *events):
        model.handle(event, 100.0)
    return model


def plain(*lines: str) -> Model:
    """The same with a server that speaks plain lines."""
    model = Model()
    model.join("server:5050", "alice")
    model.handle(Welcome("alice", Form.PLAIN, False, None, 4096), 100.0)
    for line in lines:
        model.handle(Line(line), 100.0)
    return model


def lines(model: Model) -> list[str]:
    return [entry.line for entry in model.transcript.between(0, 10**9)]


def test_a_blank_name_is_not_sent() -> None:
    """There has to be one."""
    model = Model()
    assert model.join("server:5050", " \n ") is None
    assert model.state is State.OUTSIDE
    assert model.status(0) == "Type a username first."


def test_a_name_is_one_line() -> None:
    """What was pasted can't be two."""
    assert Model().join("server:5050", " al\nice ") == "al ice"


def test_what_happens_is_shown_in_the_words_of_the_plain_form() -> None:
    """Both forms look the same."""
    model = rich(Came(1, 1.0, "bob", True), Said(2, 2.0, "bob", "hi"), Went(3, 3.0, "bob", True))
    same = plain("* bob has joined the chat", "bob: hi", "* bob has left the chat")
    assert lines(model) == lines(same) == ["* bob has joined the chat", "bob: hi", "* bob has left the chat"]


def test_the_list_follows_what_is_live() -> None:
    """History changes nothing about who is here."""
    model = rich(Went(1, 1.0, "bob", False), Came(2, 2.0, "alice", True), Came(3, 3.0, "carol", True), people=("bob",))
    assert list(model.people or ()) == ["bob", "alice", "carol"]
    model.handle(People(("dave",), False), 0)
    model.handle(People(("erin",), True), 0)
    assert list(model.people or ()) == ["dave", "erin"]


def test_where_the_server_does_not_tell_there_is_no_list() -> None:
    """Not an empty one."""
    assert plain().people is None


def test_what_comes_a_second_time_is_not_shown_again() -> None:
    """A backlog can tell again what was seen."""
    hi = Said(1, 1.0, "bob", "hi")
    assert lines(rich(hi, hi, hi._replace(time=9.0))) == ["bob: hi"] * 2


@pytest.mark.parametrize(
    ("typed", "request_"),
    [
        ("hello", Say("hello", "id")),
        ("  two\nlines ", Say("two lines", "id")),
        ("//me", Say("/me", "id")),
        ("/me waves", Say("/me waves", "id")),
        ("/msg bob psst", Whisper("bob", "psst", "id")),
        ("/quit", Leave()),
        ("", None),
        (" \t\n", None),
        ("/msg bob", None),
        ("/help", Help()),
        ("/who", Who()),
        ("é" * 2100, None),
    ],
)
def test_what_is_typed_is_understood(typed: str, request_: object) -> None:
    """Text, commands, nothing, and too much."""
    assert rich().say(typed, "id", 0.0) == request_


@pytest.mark.parametrize(
    ("typed", "request_"),
    [
        ("psst", Whisper("bob", "psst", "id")),
        ("//me", Whisper("bob", "/me", "id")),
        ("/msg carol psst", Whisper("carol", "psst", "id")),
        ("/quit", Leave()),
        ("/help", Help()),
    ],
)
def test_a_command_is_one_in_private_too(typed: str, request_: object) -> None:
    """Bob isn't told what was meant for Carol."""
    model = rich()
    model.talk_to("bob", "")
    assert model.say(typed, "id", 0.0) == request_


def test_who_is_here_can_be_asked() -> None:
    """The list is there, so that the answer needn't be waited for; a plain server gives its own."""
    model = rich(people=("Zoë", "bob", "alice"))
    model.say("/who", "id", 0.0)
    assert lines(model) == ["* 3 here: alice, bob, Zoë"]
    assert plain().say("/who", "id", 0.0) == Say("/who")


def test_a_plain_server_gets_what_was_typed() -> None:
    """It reads its commands itself."""
    assert plain().say("/msg bob psst", "id", 0.0) == Say("/msg bob psst")


def test_what_was_said_waits_until_it_comes_back() -> None:
    """Under its id, from ourselves."""
    model = rich()
    model.say("hello", "id-1", 0.0)
    model.handle(Said(1, 1.0, "bob", "hello", "id-1"), 0)
    assert "id-1" in model.unacknowledged
    model.handle(Said(2, 1.0, "alice", "hello", "id-1"), 0)
    assert not model.unacknowledged
    assert [entry.own for entry in model.transcript.between(0, 9)] == [False, True]


@pytest.mark.parametrize(
    ("event", "fate"),
    [
        (Notice("rate", "too much", "id-1"), Fate.REFUSED),
        (Unsure("id-1"), Fate.UNSURE),
        (Lost("gone.", None), Fate.UNSURE),
        (Refused(Form.RICH, "taken", "alice is taken"), Fate.UNSURE),
        (Lost("gone.", 1.0), Fate.WAITING),
        (Acknowledged("id-1"), None),
    ],
)
def test_what_becomes_of_what_was_said(event: Event, fate: Fate | None) -> None:
    """It waits, or is refused, or nobody knows; or it is there."""
    model = rich()
    model.say("hello", "id-1", 0.0)
    model.handle(event, 0)
    assert (model.unacknowledged["id-1"].fate if model.unacknowledged else None) == fate


def test_what_was_refused_can_be_said_again() -> None:
    """Under another id, because the server remembers the first; what still waits can't."""
    model = rich()
    model.say("hello", "id-1", 0.0)
    assert model.say_again("id-1", "id-2") is None
    model.handle(Notice("rate", "too much", "id-1"), 0)
    assert model.say_again("id-1", "id-2") == Say("hello", "id-2")
    assert list(model.unacknowledged) == ["id-2"]
    model.drop("id-2")
    assert not model.unacknowledged


def test_a_lost_connection_keeps_everything() -> None:
    """State, transcript, people; it says when it tries again."""
    model = rich(Said(1, 1.0, "bob", "hi"), people=("bob",))
    model.handle(Lost("The connection has ended.", 8.0), 100.0)
    assert model.state is State.AWAY
    assert model.may_talk
    assert model.status(103.0) == "The connection has ended. Trying again in 5 s."
    model.handle(Trying(), 108.0)
    assert "Trying" in model.status(108.0)
    model.handle(Welcome("alice", Form.RICH, True, ("bob",), 4096), 109.0)
    assert lines(model) == ["bob: hi"]
    assert model.status(0) == "You are in the chat as alice."


def test_a_server_that_has_started_anew_leaves_a_mark() -> None:
    """What was said meanwhile may be missing. So it is when the log was too short."""
    model = rich()
    model.handle(Lost("gone.", 1.0), 0)
    model.handle(Welcome("alice", Form.RICH, False, (), 4096), 0)
    model.handle(Missed(7), 0)
    assert [entry.kind for entry in model.transcript.between(0, 9)] == [Kind.GAP, Kind.GAP]


def test_another_server_begins_another_transcript() -> None:
    """The same one goes on."""
    model = rich(Said(1, 1.0, "bob", "hi"))
    model.leave()
    model.join("server:5050", "alice")
    assert lines(model) == ["bob: hi"]
    model.leave()
    model.join("other:5050", "alice")
    assert lines(model) == []


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (Refused(Form.PLAIN), "“alice” is taken or not allowed. Choose another username."),
        (Refused(Form.RICH, "taken", "alice is taken"), "alice is taken. Choose another username."),
        (Refused(Form.RICH, "name", "a name has no spaces"), "A name has no spaces. Choose another username."),
        (Refused(Form.RICH, "full", "the room is full"), "The room is full. Try again later."),
        (Refused(Form.RICH, "version", "it speaks version 2"), "It speaks version 2. One of the two needs an update."),
        (Refused(Form.RICH, "unheard of", ""), "Try again later."),
    ],
)
def test_a_refusal_is_a_sentence(refused: Refused, sentence: str) -> None:
    """With what to do about it."""
    model = Model()
    model.join("server:5050", "alice")
    model.handle(refused, 0)
    assert model.status(0) == sentence
    assert model.is_trouble
    assert model.state is State.OUTSIDE


def test_each_person_has_a_draft() -> None:
    """So has everybody."""
    model = rich()
    assert model.talk_to("bob", "for all") == ""
    assert model.talk_to("carol", "for bob") == ""
    assert model.talk_to("bob", "for carol") == "for bob"
    model.say("psst", "id", 0.0)
    assert model.talk_to(None, "") == "for all"


@pytest.mark.parametrize("end", [Lost("gone.", None), Refused(Form.RICH, "taken", "alice is taken"), None])
def test_what_is_typed_to_one_person_stays_for_that_person(end: Event | None) -> None:
    """However the conversation ended: the words are still in the entry when it goes on."""
    model = rich()
    model.talk_to("bob", "")
    if end is None:
        model.leave()
    else:
        model.handle(end, 0)
    model.join("server:5050", "alice")
    model.handle(Welcome("alice", Form.RICH, False, (), 4096), 0)
    assert model.say("psst", "id", 0.0) == Whisper("bob", "psst", "id")


def test_what_others_say_is_counted_while_nobody_looks() -> None:
    """Not what we say, and not who comes and goes."""
    model = rich()
    model.comes_to_front(False)
    for event in (Said(1, 1.0, "bob", "hi"), Said(2, 2.0, "alice", "hi"), Came(3, 3.0, "carol", True),
                  Whispered(4, 4.0, "bob", "alice", "psst")):  # fmt: skip
        model.handle(event, 0)
    assert model.title == "(2) Chat – alice"
    model.comes_to_front(True)
    assert model.title == "Chat – alice"


def test_a_mistake_of_this_program_is_admitted() -> None:
    """With the place to read about it."""
    model = Model(log="/home/alice/client.log")
    model.handle(Mistake(), 0)
    assert "/home/alice/client.log" in model.status(0)
    assert model.is_trouble


def test_lines_are_grouped_by_speaker_for_a_while() -> None:
    """The same person, to the same, within five minutes."""
    said = Entry(Kind.SAID, 1000.0, "one", "bob")
    assert Entry(Kind.SAID, 1299.0, "two", "bob").continues(said)
    assert not Entry(Kind.SAID, 1300.0, "two", "bob").continues(said)
    assert not Entry(Kind.SAID, 1001.0, "two", "carol").continues(said)
    assert not Entry(Kind.PRIVATE, 1001.0, "two", "bob", "alice").continues(said)
    assert not Entry(Kind.NOTICE, 1001.0, "two", "bob").continues(said)
    assert not said.continues(None)


@given(st.lists(st.text(max_size=5), max_size=30), st.lists(st.sampled_from(["up", "down"]), max_size=60))
def test_down_undoes_up(sent: list[str], steps: list[str]) -> None:
    """However one wanders in the history, at its end is what was being typed."""
    history = History()
    for line in sent:
        history.add(line)
    shown = "being typed"
    for step in steps:
        shown = history.up(shown) if step == "up" else history.down(shown)
        assert shown in (*sent, "being typed")
    for _ in range(len(steps) + 1):
        shown = history.down(shown)
    assert shown == "being typed"


@given(st.lists(st.integers(1, 700), max_size=12), st.integers(0, 3000), st.integers(0, 3000))
def test_a_transcript_keeps_the_newest_under_their_numbers(gusts: list[int], start: int, stop: int) -> None:
    """A list that forgets its beginning."""
    transcript = Transcript(kept=500)
    everything: list[Entry] = []
    for gust in gusts:
        for _ in range(gust):
            everything.append(Entry(Kind.SAID, 0.0, str(len(everything)), "bob"))
            transcript.append(everything[-1])
        assert min(len(everything), 500) <= transcript.end - transcript.first < 1500
    assert transcript.end == len(everything)
    kept = range(transcript.first, transcript.end)
    assert transcript.between(start, stop) == [everything[n] for n in range(start, stop) if n in kept]
    assert transcript.get(start) == (everything[start] if start in kept else None)


@given(st.text())
def test_any_plain_line_can_be_shown(text: str) -> None:
    """And stays as it is."""
    assert plain(text).transcript.get(0).line == text  # type: ignore[union-attr]
