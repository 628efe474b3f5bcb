"""Stage 02: a name first; a taken name gets `failed` and the door; what is said comes back with the name before it."""

import pytest

from . import topics
from .complaints import Complaint
from .marks import process, teaches, terminal
from .people import Chat, FakeServer, Line
from .programs import Program

SAY_SO = "When “failed” has come, say on standard error that the name was refused, and ask for another one."
ALL_THAT_COMES = "And print all lines that come, until your own comes back: it need not be the next."
IN_THE_ROOM = (
    "Whoever is in the room hears all that is said there. Send “ok” before you add its socket to those who hear, and "
    "both while nobody else can send."
)


@teaches(topics.VERDICT_OK)
def test_a_name_is_accepted(chat: Chat) -> None:
    """A client gives a name and is let in; what it says comes back with the name before it."""
    alice = chat.connects("alice")
    alice.says("alice")
    alice.hears("ok")
    chat.enters(alice)
    alice.says("hello")
    alice.hears("alice: hello")


@teaches(topics.DECODE, mistakes=(34,))
def test_each_is_heard_under_their_own_name(chat: Chat) -> None:
    """What two people say comes back under their names, just as they gave them."""
    alice, bob = chat.joins("Alice"), chat.joins("bob_2")
    chat.says(bob, "hello")
    chat.says(alice, "hello")


@teaches(topics.TAKEN, mistakes=(5, 57))
def test_a_taken_name_is_refused(chat: Chat) -> None:
    """A name that somebody has is refused with `failed`, and the connection is closed; its owner stays."""
    alice = chat.joins("alice")
    chat.is_refused("alice")
    chat.says(alice, "still here")


@teaches(topics.DOOR, mistakes=(57,))
def test_who_was_refused_may_try_another_name(chat: Chat) -> None:
    """After `failed`, a new connection and another name are fine."""
    chat.joins("alice")
    chat.is_refused("alice")
    bob = chat.joins("bob")
    chat.says(bob, "then I am bob")


@teaches(topics.CASE, mistakes=(5,))
def test_names_that_differ_in_case_alone_are_one(chat: Chat) -> None:
    """Names are compared casefolded."""
    for name, again in (("alice", "ALICE"), ("Zoë", "zOË"), ("straße", "STRASSE"), ("weiß", "WEIẞ")):
        owner = chat.joins(name)
        chat.is_refused(again)
        chat.says(owner, "that is me")


@teaches(topics.CHECK, mistakes=(4,))
def test_what_is_no_name_is_refused(chat: Chat) -> None:
    """A name is 1 to 32 letters, digits, `_`, `-` or `.`: anything else gets `failed`."""
    for name in ("", " ", "two words", "tab\there", "a:b", "*", "* alice", "a/b", "<b>", "x" * 33):
        chat.is_refused(name)
    for name in ("a\x00b", "\x1b[2J", "\u202ealice"):
        chat.is_refused(name)


@teaches(topics.CHECK)
def test_what_is_a_name_is_accepted(chat: Chat) -> None:
    """Letters of any script, digits, `_`, `-` and `.` make a name."""
    for name in ("a", "x" * 32, "ann-marie", "j.r_9", "Zoë", "日本", "Ольга", "constructor"):
        member = chat.joins(name)
        chat.says(member, "hello")


@teaches(topics.CHECK, mistakes=(4,))
def test_blanks_around_a_name_do_not_count(chat: Chat) -> None:
    """Blanks before and after a name are no part of it."""
    alice = chat.connects("alice")
    alice.says("  alice ")
    alice.hears("ok")
    chat.enters(alice)
    chat.says(alice, "no blanks")
    chat.is_refused(" alice")


@teaches(topics.CHECK, mistakes=(4,))
def test_an_endless_name_lets_nobody_in(chat: Chat) -> None:
    """Ten thousand bytes are no name: whoever sends them is not let in, and nobody else notices."""
    alice = chat.joins("alice")
    giant = chat.connects("giant")
    try:
        giant.says("x" * 10_000)
    except Complaint:
        pass  # it is shown the door before it has said all
    if "ok" in giant.hears_out():
        raise chat.scene.complain("A name of 10,000 bytes was accepted.")
    chat.says(alice, "hello")


@teaches(topics.NAME_THREAD, mistakes=(16,))
def test_nobody_waits_for_one_who_gives_no_name(chat: Chat) -> None:
    """Some connect and give no name, or half of one; those who come after are let in."""
    chat.connects("silent")
    chat.connects("slow").sends(b"slo")
    alice = chat.joins("alice")
    chat.says(alice, "hello")


@teaches(topics.WHO, mistakes=(14,))
def test_nobody_speaks_for_somebody_else(chat: Chat) -> None:
    """Who says “bob: hi” is heard saying that, under their own name."""
    alice = chat.joins("alice")
    chat.joins("bob")
    chat.says(alice, "bob: hi")


@teaches(topics.PAIRS, mistakes=(22,))
def test_names_stay_with_their_connections(chat: Chat) -> None:
    """The second to connect is the first to give a name; both are heard under their own."""
    alice, bob = chat.connects("alice"), chat.connects("bob")
    for member in (bob, alice):
        member.says(member.name)
        member.hears("ok")
        chat.enters(member)
    chat.says(alice, "I am alice")
    chat.says(bob, "I am bob")


@teaches(topics.FREE, mistakes=(27,))
@pytest.mark.parametrize("how", ["closes", "breaks", "finishes"])
def test_a_name_is_free_again_when_its_owner_has_gone(chat: Chat, how: str) -> None:
    """Whatever ended the connection, its name can be taken again."""
    alice, bob = chat.joins("alice"), chat.joins("Bob")
    chat.leaves(bob, how)
    bob = chat.joins_again("Bob")
    chat.says(bob, "back again")
    chat.says(alice, "welcome")


@teaches(topics.WHOSE, mistakes=(21,))
def test_only_the_leavers_name_is_free(chat: Chat) -> None:
    """The middle one of three leaves: the other names stay taken, and their owners keep them."""
    alice, bob, carol = chat.joins("alice"), chat.joins("bob"), chat.joins("carol")
    chat.leaves(bob)
    bob = chat.joins_again("bob")
    for name in ("alice", "bob", "carol"):
        chat.is_refused(name)
    for speaker in (alice, bob, carol):
        chat.says(speaker, f"I am {speaker.name}")


@teaches(topics.FREE, mistakes=(27,))
def test_being_refused_takes_nothing_from_the_owner(chat: Chat) -> None:
    """Somebody is refused and goes; the name stays its owner's."""
    alice = chat.joins("alice")
    chat.is_refused("alice")
    chat.is_refused("alice")
    chat.says(alice, "mine")


@teaches(topics.ONE_LOCK, mistakes=(6, 30))
def test_of_many_who_ask_at_once_one_gets_the_name(chat: Chat) -> None:
    """Four names, and twenty callers for each, all at the same instant, ten times: each name is given just once."""
    for turn in range(10):
        callers: list[Line] = []
        for name in (f"name{turn}{letter}" for letter in "abcd"):
            callers += [chat.connects(name) for _ in range(20)]
            chat.a_moment_passes()  # so that the queue before the door does not grow too long
        with chat.server.stands_still():
            for caller in callers:
                caller.says(caller.name)
        answers = [(caller.name, caller.next_line("ok")) for caller in callers]
        for name in dict(answers):
            came = [answer for asked, answer in answers if asked == name]
            if early := [answer for answer in came if answer.startswith("* ")]:
                what = "Somebody hears what is said in the room before the answer to their name."
                raise chat.scene.complain(what, f"    came: {early[0]}", IN_THE_ROOM)
            if came.count("ok") != 1 or came.count("failed") != 19:
                details = f"{name!r}: {', '.join(sorted(came))}"
                raise chat.scene.complain("One should hear “ok” and nineteen “failed”.", details)
        for caller in callers:
            caller.closes()


@teaches(topics.NAME_TOGETHER, mistakes=(2,))
def test_name_and_message_in_one_send(chat: Chat) -> None:
    """A client sends its name and says something at once, without waiting for the answer."""
    alice = chat.connects("alice")
    alice.sends(b"alice\nhello\n")
    alice.hears("ok")
    chat.enters(alice)
    chat.heard(alice, "hello")


@teaches(topics.NAME_PIECES, mistakes=(3,))
def test_a_name_byte_by_byte(chat: Chat) -> None:
    """A name that comes one byte at a time is taken whole."""
    zoe = chat.connects("Zoë")
    for byte in "Zoë\r\n".encode():
        zoe.sends(bytes([byte]))
        if byte != ord("\n"):
            chat.a_moment_passes()
    zoe.hears("ok")
    chat.enters(zoe)
    chat.says(zoe, "hello")


@process
@teaches(topics.PRINTED, mistakes=(34,))
def test_the_server_prints_the_conversation(chat: Chat) -> None:
    """What is said is on the server's screen, with the name before it."""
    alice = chat.joins("alice")
    chat.says(alice, "hello")
    chat.server.prints("alice: hello\n")


# The client, on the terminal, with a server of our own.


@terminal
@teaches(topics.NAME_TYPED)
def test_client_gives_the_name_that_is_typed(client: Program, fake_server: FakeServer) -> None:
    """The first line that is typed is the name; what is typed then is said."""
    client.types("alice")
    line = fake_server.lets_in("alice")
    client.types("hello")
    line.hears("hello")


@terminal
@teaches(topics.AGAIN, mistakes=(56, 57))
def test_client_asks_again_after_failed(client: Program, fake_server: FakeServer) -> None:
    """After `failed` the client says so, and the next name that is typed goes out on a new connection."""
    client.types("alice")
    first = fake_server.accepts()
    first.hears("alice")
    client.waits(lambda: True, "")
    before = len(client.output) + len(client.errors)
    first.says("failed")
    first.closes()
    client.waits(lambda: len(client.output) + len(client.errors) > before, "The client should say so.", SAY_SO)
    client.types("bob")
    second = fake_server.lets_in("bob")
    client.types("hello")
    second.hears("hello")


@terminal
@teaches(topics.AGAIN, mistakes=(57,))
def test_client_closes_the_refused_connection(client: Program, fake_server: FakeServer) -> None:
    """After `failed` the client closes its end too, even if the server is slow to."""
    client.types("alice")
    line = fake_server.accepts()
    line.hears("alice")
    line.says("failed")
    line.hears_the_end("Close your end as soon as you have read “failed”, before you ask for another name.")


@terminal
@teaches(topics.VERDICT, mistakes=(50,))
def test_client_hears_the_verdict_and_more_at_once(client: Program, fake_server: FakeServer) -> None:
    """`ok` and the first lines arrive together: nothing of them is lost."""
    client.types("alice")
    line = fake_server.accepts()
    line.hears("alice")
    line.sends(b"ok\n* alice has joined the chat\nbob: hi\n")
    client.types("hello")
    line.hears("hello")
    line.says("alice: hello")
    for text in ("* alice has joined the chat", "bob: hi", "alice: hello"):  # with a prompt between them, perhaps
        client.prints(f"{text}\n", f"{topics.VERDICT.idea} {ALL_THAT_COMES}")


@terminal
@teaches(topics.VERDICT, mistakes=(41,))
def test_client_hears_the_verdict_in_pieces(client: Program, fake_server: FakeServer) -> None:
    """`failed` arrives in pieces, and is understood."""
    client.types("alice")
    line = fake_server.accepts()
    line.hears("alice")
    for piece in (b"fai", b"led", b"\n"):
        line.sends(piece)
        client.rests()
    line.hears_the_end()
    client.types("bob")
    fake_server.lets_in("bob")


@teaches(topics.VERDICT_OK)
def test_names_are_not_confused_with_answers(chat: Chat) -> None:
    """People may be called “ok” or “failed”."""
    for name in ("ok", "failed"):
        member = chat.joins(name)
        chat.says(member, "that is my name")
