"""Stage 03: everyone hears everyone, in one order; a connection that ends is noticed, announced and forgotten."""

import itertools
from collections.abc import Callable

import pytest

from . import topics
from .complaints import difference, visible
from .diagram import SERVER
from .marks import final_only, process, teaches, terminal
from .people import Chat, Line, at_once
from .programs import Program

NO_MORE_LINES = "The newline was left on, or became a piece of its own: take it off the line's end, and cut nowhere."
IN_TURN = "Two threads that send at the same time mix their order: one turn at a time, for a line to all."


@teaches(topics.EVERYONE, mistakes=(15,))
def test_everyone_hears_everyone(chat: Chat) -> None:
    """What one says, all hear, the speaker too."""
    alice, bob, carol = chat.joins("alice"), chat.joins("bob"), chat.joins("carol")
    for speaker in (alice, bob, carol, alice):
        speaker.says("hello, all")
        for listener in (alice, bob, carol):
            listener.hears(f"{speaker.name}: hello, all")


@teaches(topics.JOINS, mistakes=(15,))
def test_everyone_hears_who_joins(chat: Chat) -> None:
    """A notice tells those who are there, and the newcomer, that somebody has joined."""
    alice = chat.joins("alice")
    bob = chat.connects("bob")
    bob.says("bob")
    bob.hears("ok")
    bob.hears("* bob has joined the chat")
    alice.hears("* bob has joined the chat")


@teaches(topics.NOTICE, mistakes=(9, 19))
@pytest.mark.parametrize("how", ["closes", "breaks", "finishes"])
def test_everyone_hears_who_leaves(chat: Chat, how: str) -> None:
    """Whatever ends a connection, the others hear a notice, once."""
    alice, bob, carol = chat.joins("alice"), chat.joins("bob"), chat.joins("carol")
    getattr(bob, how)()
    for listener in (alice, carol):
        listener.hears("* bob has left the chat")
    chat.members.remove(bob)
    chat.says(alice, "bob has left")


@teaches(topics.EACH_ALONE, mistakes=(13, 25))
def test_broken_receivers_keep_nothing_from_the_others(chat: Chat) -> None:
    """Many break off while two speak: the two hear every word of each other, and who has left."""
    names = ("g0", "g1", "g2", "alice", "g3", "g4", "g5", "bob", "g6", "g7", "g8")
    everybody = {name: chat.joins(name) for name in names}
    alice, bob = everybody.pop("alice"), everybody.pop("bob")
    with chat.server.stands_still():
        for turn in range(20):
            alice.says(f"one {turn}")
            bob.says(f"two {turn}")
        for guest in everybody.values():
            guest.breaks()
    wanted = {f"* {name} has left the chat" for name in everybody}
    wanted |= {f"alice: one {turn}" for turn in range(20)} | {f"bob: two {turn}" for turn in range(20)}
    for listener in (alice, bob):
        listener.hears_all_of(wanted)


@teaches(topics.BLAME, mistakes=(24,))
def test_the_speaker_is_not_blamed_for_a_broken_receiver(chat: Chat) -> None:
    """Others break off while alice speaks; alice stays."""
    alice = chat.joins("alice")
    others = [chat.joins(name) for name in ("bob", "carol", "dave", "erin", "frank")]
    with chat.server.stands_still():
        for turn in range(20):
            alice.says(f"line {turn}")
        for other in others:
            chat.members.remove(other)
            other.breaks()
    alice.hears_all_of(
        {f"alice: line {turn}" for turn in range(20)} | {f"* {other.name} has left the chat" for other in others}
    )
    chat.says(alice, "still here")


@teaches(topics.TWICE, mistakes=(31,))
def test_a_break_a_word_and_a_newcomer(chat: Chat) -> None:
    """Some break off, another speaks, others join: no lock is left behind."""
    alice = chat.joins("alice")
    for turn in range(3):
        guests = [chat.joins(f"guest{turn}{number}") for number in range(4)]
        with chat.server.stands_still():
            alice.says("anybody there?")
            for guest in guests:
                chat.members.remove(guest)
                guest.breaks()
        alice.hears_all_of({"alice: anybody there?"} | {f"* {guest.name} has left the chat" for guest in guests})
    chat.says(chat.joins("bob"), "I am")


@teaches(topics.STAYS, mistakes=(21,))
def test_names_survive_a_leaving_in_the_middle(chat: Chat) -> None:
    """Three join, the middle one leaves and comes again; all are heard under their own names."""
    alice, bob, carol = chat.joins("alice"), chat.joins("bob"), chat.joins("carol")
    chat.leaves(bob)
    chat.says(carol, "bye, bob")
    bob = chat.joins("bob")  # the notice has been heard, so the name is free
    for speaker in (alice, bob, carol):
        chat.says(speaker, f"I am {speaker.name}")


@teaches(topics.MEMBERS, mistakes=(26,))
def test_the_unnamed_hear_nothing(chat: Chat) -> None:
    """Who has given no name yet hears nothing of the chat, and who was refused is not announced."""
    waiting = chat.connects("carol")
    alice = chat.joins("alice")
    chat.says(alice, "a secret")
    chat.is_refused("alice")
    waiting.says("carol")
    waiting.hears("ok")
    chat.enters(waiting)
    chat.says(alice, "welcome")


@teaches(topics.LOCALS, mistakes=(29,))
def test_all_hear_the_same_order(chat: Chat) -> None:
    """Six speak at the same time, 200 lines each: all hear the same lines in the same order, nothing lost."""
    members = [chat.joins(name) for name in ("alice", "bob", "carol", "dave", "erin", "frank")]
    with chat.server.stands_still():
        for member in members:
            member.sends("".join(f"{turn} from {member.name}\n" for turn in range(200)).encode())
    heard = [[member.next_line() for _ in range(1200)] for member in members]
    for name in (member.name for member in members):
        said = [f"{name}: {turn} from {name}" for turn in range(200)]
        came = [line for line in heard[0] if line.startswith(f"{name}: ")]
        for one, other in itertools.zip_longest(said, came, fillvalue="nothing"):
            if one != other:
                what = f"alice should hear all that {name} said, in order, and once."
                raise chat.scene.complain(what, difference(one, other))
    for member, lines in zip(members[1:], heard[1:], strict=True):
        if lines != heard[0]:
            place = next(i for i, (one, other) in enumerate(zip(heard[0], lines, strict=True)) if one != other)
            details = f"line {place}: alice hears {heard[0][place]!r}, {member.name} hears {lines[place]!r}"
            raise chat.scene.complain(f"alice and {member.name} hear different orders.", details, IN_TURN)


@teaches(topics.COPY, mistakes=(10,))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_a_storm_of_joins_and_leaves(chat: Chat, how: str) -> None:
    """Twenty join and go again and again while two talk: the two hear every word of each other."""
    alice, bob = chat.joins("alice"), chat.joins("bob")

    def come_and_go(number: int) -> None:
        for turn in range(5):
            passer = chat.connects(f"p{number}-{turn}")
            passer.says(passer.name)
            passer.hears("ok")
            getattr(passer, how)()

    def talk(member: Line) -> list[str]:
        for turn in range(100):
            member.says(f"turn {turn}")
            member.hears_in_the_end(f"{member.name}: turn {turn}")
        return []

    at_once(lambda job: job(), [lambda: talk(alice), lambda: talk(bob), *storm(come_and_go, 10)])
    for member in (alice, bob):
        member.says("done")
    for member in (alice, bob):
        member.hears_in_the_end("alice: done")
    passers = [f"p{number}-{turn}" for number in range(10) for turn in range(5)]
    wanted = {f"* {name} has {what} the chat" for name in passers for what in ("joined", "left")}
    heard = {event.text.rstrip("\n") for event in chat.scene.conversation if event.parties == (SERVER, "bob")}
    while not wanted <= heard:
        heard.add(bob.next_line("a notice for each who came and went"))


def storm(function: Callable[[int], None], how_many: int) -> list[Callable[[], None]]:
    """Return this many calls of the function, each with its number."""
    return [lambda number=number: function(number) for number in range(how_many)]  # type: ignore[misc]


@teaches(topics.NOTICE, mistakes=(17,))
@pytest.mark.parametrize("how", ["closes", "breaks", "finishes"])
def test_leaving_is_quiet(chat: Chat, how: str) -> None:
    """Somebody leaves: one notice, no flood of empty lines, and an idle server."""
    alice, bob = chat.joins("alice"), chat.joins("bob")
    chat.leaves(bob, how)
    chat.server.becomes_idle()
    chat.says(alice, "quiet here")


@teaches(topics.OUTSIDE, mistakes=(23,))
def test_a_newcomer_is_let_in_while_the_room_waits(chat: Chat) -> None:
    """Somebody has stopped reading, and the room may stand still; a newcomer is let in all the same."""
    sleeper = chat.joins("sleeper", small=True)
    alice = chat.connects("alice")
    alice.says("alice")
    alice.hears("ok")
    alice.fills("z" * 1000, most=12_000_000)
    bob = chat.connects("bob")
    bob.says("bob")
    bob.hears("ok")
    sleeper.breaks()  # what stood still goes on, with one more in the room than before
    chat.server.rests()


@final_only
@teaches(topics.SLOW, mistakes=(1,))
def test_a_reader_that_stops_holds_up_nobody(chat: Chat) -> None:
    """One member never reads; the others talk on, far beyond what any buffer holds, and notice nothing."""
    chat.joins("sleeper", small=True)
    alice, bob = chat.joins("alice"), chat.joins("bob")
    text = "z" * 4000
    for _ in range(2500):
        alice.says(text)
        alice.hears_in_the_end(f"alice: {text}")
        bob.hears_in_the_end(f"alice: {text}")
    bob.says("ten megabytes later")
    alice.hears_in_the_end("bob: ten megabytes later")


@teaches(topics.SAFE, mistakes=(4,))
def test_no_control_character_reaches_anybody(chat: Chat) -> None:
    """Escape sequences, and what turns text around, are replaced before they reach another person."""
    alice, bob = chat.joins("alice"), chat.joins("bob")
    for code in ("\x1b[2J", "\x07", "\x00", "\x08", "\x9b2J", "\x7f", "\rmallory: hi", "\u202e", "\u2066"):
        alice.says(f"before{code}after")
        for listener in (alice, bob):
            line = listener.next_line()
            if code[0] in line or not (line.startswith("alice: before") and line.endswith("after")):
                raise chat.scene.complain(f"{visible(code)} should be replaced, the rest should stay.", visible(line))


@teaches(topics.NEWLINES, mistakes=(32,))
def test_a_line_ends_at_its_newline_alone(chat: Chat) -> None:
    """What else Unicode counts among line ends cuts nothing, so nobody can fake a notice; and blanks stay."""
    alice, bob = chat.joins("alice"), chat.joins("bob")
    for end in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"):
        alice.says(f"hello{end}* bob has left the chat")
        for listener in (alice, bob):
            line = listener.next_line()
            if line in ("", "alice: "):
                raise chat.scene.complain("An empty line comes after a line.", hint=NO_MORE_LINES)
            if not (line.startswith("alice: hello") and line.endswith("* bob has left the chat")):
                raise chat.scene.complain(
                    f"A line with {visible(end)} in it should be heard as one.", f"    came: {visible(line)}"
                )
    chat.says(alice, "  two blanks before it, and two behind it  ")
    chat.says(bob, "I am here")


@teaches(topics.FAKE)
def test_nobody_can_fake_a_notice(chat: Chat) -> None:
    """Who says what a notice says is heard saying it."""
    alice = chat.joins("alice")
    chat.joins("bob")
    chat.says(alice, "* bob has left the chat")


@teaches(topics.BURST, mistakes=(33,))
def test_a_burst_reaches_everyone_whole(chat: Chat) -> None:
    """400 lines without a pause reach everyone, one by one, in order."""
    alice = chat.joins("alice")
    chat.joins("bob")
    texts = [f"line {number}" for number in range(400)]
    alice.sends("".join(f"{text}\n" for text in texts).encode())
    for text in texts:
        chat.everyone_hears(f"alice: {text}")


@process
@teaches(topics.NOTICE, mistakes=(9,))
def test_the_server_prints_who_comes_and_goes(chat: Chat) -> None:
    """Joining and leaving are on the server's screen too."""
    chat.joins("alice")
    bob = chat.joins("bob")
    chat.server.waits(lambda: "bob" in chat.server.output, "The server should print who joins.")
    before = chat.server.output.count("bob")
    chat.leaves(bob)
    chat.server.waits(lambda: chat.server.output.count("bob") > before, "The server should print who leaves.")


# The client, on the terminal, with a server of our own.


@terminal
@teaches(topics.LISTEN, mistakes=(51,))
def test_client_prints_what_others_say_at_once(client: Program, line_in: Line) -> None:
    """What others say is on the screen while nobody types."""
    for text in ("bob: hi", "carol: anybody there?", "* dave has joined the chat"):
        line_in.says(text)
        client.prints(f"{text}\n")
    client.types("hello")
    line_in.hears("hello")


@terminal
@teaches(topics.KEYBOARD, mistakes=(49,))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_client_ends_with_the_server(client: Program, line_in: Line, how: str) -> None:
    """The server goes while nobody types: the client says so and ends, by itself."""
    line_in.says("bob: bye")
    client.prints("bob: bye\n")
    getattr(line_in, how)()
    client.ends(1)
    client.complains()


@terminal
@teaches(topics.REST, mistakes=(51,))
def test_client_hears_the_rest_when_its_input_has_ended(client: Program, line_in: Line) -> None:
    """The input ends with something said: the client hears the answer before it ends."""
    client.types("hello")
    client.ends_typing()
    line_in.hears("hello")
    line_in.hears_the_end()
    line_in.says("alice: hello")
    line_in.closes()
    client.ends(0)
    client.prints("alice: hello\n")
