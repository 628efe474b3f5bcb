"""Stage 01: an endless loop accepts clients, and what a client sends comes back.

From stage 02 on, what comes back has the speaker's name before it; `chat.says` and `chat.heard` know.
"""

import itertools
import random
import socket
import sys
from collections.abc import Callable

import pytest

from . import topics
from .diagnosis import TAKEN
from .marks import process, teaches, terminal
from .people import Chat, FakeServer, Line, Scene
from .programs import Program, Server

ASKED_TO_END = (
    "A system that wants a program to end sends SIGTERM (on Windows: Ctrl-Break, SIGBREAK), and that is no "
    "KeyboardInterrupt: signal.signal(signal.SIGTERM, …) takes a function that is called then. Have it end the "
    "program, with status 0."
)
OF_THE_HOST = (
    "A server is told with --host HOST on which address to listen. When it can't have that one, it says so in one line "
    "on standard error, and ends with status 1."
)
TWO_NEWLINES = 'The line has a newline already, and print adds another: print(…, end=""), or take the line\'s own off.'
ONE_PORT = "The port was taken, and it was not noticed: SO_REUSEPORT, or SO_REUSEADDR on Windows, lets two have it."


@process
@teaches(topics.FLUSH)
def test_the_first_line_is_flushed(start_server: Callable[..., Server]) -> None:
    """“listening on HOST:PORT” can be read at once, through a pipe too, by whoever has started the server."""
    start_server(PYTHONUNBUFFERED="").close()


@teaches(topics.ANSWER)
def test_a_line_comes_back(chat: Chat) -> None:
    """What a client says comes back to it."""
    alice = chat.joins("alice")
    chat.says(alice, "hello")
    chat.says(alice, "and again")


@teaches(topics.OWN_THREAD, mistakes=(16,))
def test_several_are_served_at_once(chat: Chat) -> None:
    """Three clients are there at the same time, and each is answered, in whatever order they speak."""
    alice, bob, carol = chat.joins("alice"), chat.joins("bob"), chat.joins("carol")
    for speaker in (carol, alice, bob, alice):
        chat.says(speaker, f"I am {speaker.name}")


@teaches(topics.OWN_THREAD, mistakes=(16,))
def test_a_silent_client_holds_up_nobody(chat: Chat) -> None:
    """Somebody connects and says nothing; those who come after are served."""
    chat.connects("silent")
    chat.connects("silent too")
    alice = chat.joins("alice")
    chat.says(alice, "hello")


@teaches(topics.UTF_8, mistakes=(28,))
def test_any_language(chat: Chat) -> None:
    """Letters of every script come back as they were sent."""
    alice = chat.joins("alice")
    for text in ("déjà vu", "日本語", "Привет", "שלום", "🙂🎉", "tab\tin the middle"):
        chat.says(alice, text)


@teaches(topics.TOGETHER, mistakes=(2, 32))
def test_two_lines_in_one_send_are_two(chat: Chat) -> None:
    """Two lines that are sent together come back as two."""
    alice = chat.joins("alice")
    alice.sends(b"one\ntwo\n")
    chat.heard(alice, "one")
    chat.heard(alice, "two")


@teaches(topics.PIECES, mistakes=(3,))
def test_a_line_in_two_pieces_is_one(chat: Chat) -> None:
    """Half a line comes, some time passes, then the rest: it comes back as one line."""
    alice = chat.joins("alice")
    alice.sends(b"he")
    chat.goes_on()
    alice.sends(b"llo\n")
    chat.heard(alice, "hello")


@teaches(topics.SPLIT_LETTER, mistakes=(8, 28))
def test_a_letter_in_two_pieces_is_one(chat: Chat) -> None:
    """The first byte of an é comes, some time passes, then the second: it comes back as an é."""
    first, second = "é".encode()[:1], "é".encode()[1:]
    alice = chat.joins("alice")
    alice.sends(b"caf" + first)
    chat.goes_on()
    alice.sends(second + b"\n")
    chat.heard(alice, "café")


@teaches(topics.PIECES, mistakes=(3, 32))
def test_surplus_is_kept(chat: Chat) -> None:
    """A line and a half come together, then the rest of the second with a third."""
    alice = chat.joins("alice")
    alice.sends(b"one\ntw")
    chat.heard(alice, "one")
    alice.sends(b"o\nthree\n")
    chat.heard(alice, "two")
    chat.heard(alice, "three")


@teaches(topics.PIECES, mistakes=(2, 3, 8))
def test_lines_may_be_cut_everywhere(chat: Chat, chance: random.Random) -> None:
    """The same lines, cut at random places into pieces that travel alone, always come back the same."""
    alice = chat.joins("alice")
    texts = ["one", "żółw", "日本語", "🙂 ok", "the end"]
    data = "".join(f"{text}\n" for text in texts).encode()
    for turn in range(10):
        cuts = sorted(chance.sample(range(1, len(data)), 8))
        for start, end in itertools.pairwise([0, *cuts, len(data)]):
            alice.sends(data[start:end])
            if turn >= 8 and end < len(data):  # without pauses at first, then with
                chat.a_moment_passes()
        for text in texts:
            chat.heard(alice, text)


@teaches(topics.PIECES, mistakes=(3,))
def test_byte_by_byte(chat: Chat) -> None:
    """A line that comes one byte at a time comes back whole."""
    alice = chat.joins("alice")
    for byte in "smörgås\n".encode():
        alice.sends(bytes([byte]))
        if byte != ord("\n"):
            chat.a_moment_passes()
    chat.heard(alice, "smörgås")


@teaches(topics.LINE_END)
def test_a_carriage_return_at_the_end_is_no_part_of_the_line(chat: Chat) -> None:
    r"""Lines may end in \r\n, as some programs send them."""
    alice = chat.joins("alice")
    alice.sends(b"hello\r\n")
    chat.heard(alice, "hello")


@teaches(topics.PIECES, mistakes=(3,))
def test_a_long_line_comes_back_whole(chat: Chat) -> None:
    """A line of 4,096 bytes, its newline included, is the longest there is, and it comes back whole."""
    alice = chat.joins("alice")
    chat.says(alice, "x" * 4095)


@teaches(topics.TOGETHER, mistakes=(2, 33))
def test_a_burst_comes_back_in_order(chat: Chat) -> None:
    """A hundred lines without a pause come back, one by one, in their order."""
    alice = chat.joins("alice")
    texts = [f"line {number}" for number in range(100)]
    alice.sends("".join(f"{text}\n" for text in texts).encode())
    for text in texts:
        chat.heard(alice, text)


@teaches(topics.ALL_OF_IT, mistakes=(7,))
def test_nothing_is_lost_when_a_client_reads_late(chat: Chat) -> None:
    """A client sends until nothing more is taken, and only then reads: every line comes back, whole."""
    alice = chat.joins("alice", small=True)
    text = "y" * 1023
    lines, rest = alice.fills(text)
    for _ in range(lines):
        chat.heard(alice, text)
    if rest:
        alice.sends(rest)
        chat.heard(alice, text)


@teaches(topics.NO_COMMANDS, mistakes=(20,))
def test_words_are_only_words(chat: Chat) -> None:
    """Nothing that is said does anything but be heard."""
    alice = chat.joins("alice")
    for word in ("exit", "quit", "bye", "{quit}", "!disconnect", "!quit", "q", "close", "failed", "ok"):
        chat.says(alice, word)


@teaches(topics.ACCEPT, mistakes=(18, 36))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_clients_that_go_at_once_do_no_harm(chat: Chat, how: str) -> None:
    """Many connect and go before they have said anything; the next one is served."""
    for number in range(20):
        getattr(chat.connects(f"passer {number}"), how)()
    alice = chat.joins("alice")
    chat.says(alice, "hello")


@teaches(topics.GONE, mistakes=(9, 19))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_others_go_on_when_one_goes(chat: Chat, how: str) -> None:
    """One goes, in an orderly way or not; the others are served as before."""
    alice, bob = chat.joins("alice"), chat.joins("bob")
    chat.says(bob, "I have to go")
    chat.leaves(bob, how)
    chat.goes_on(2)
    chat.says(alice, "hello")
    chat.server.rests()  # so that a thread that fails has had the time to say so


@teaches(topics.GONE, mistakes=(17,))
def test_a_client_that_is_gone_costs_nothing(chat: Chat) -> None:
    """After clients have gone, the server is idle: nothing runs in circles."""
    alice = chat.joins("alice")
    for number in range(3):
        chat.leaves(chat.joins(f"guest{number}"))
    chat.server.becomes_idle()
    chat.says(alice, "hello")


@teaches(topics.NOT_THERE, mistakes=(9,))
def test_somebody_goes_without_waiting_for_the_answer(chat: Chat) -> None:
    """Many speak and break off at once, so that the answer finds nobody; the server goes on."""
    for number in range(10):
        hasty = chat.connects(f"hasty{number}")
        hasty.sends(f"hasty{number}\nhello\nand more\n".encode())
        hasty.breaks()
    alice = chat.connects("alice")
    alice.says("alice")
    alice.hears_in_the_end("ok" if chat.stage >= 2 else "alice")
    alice.says("hello")
    alice.hears_in_the_end(chat.form(alice, "hello"))
    chat.server.rests()  # so that a thread that fails has had the time to say so


@process
@teaches(topics.DAEMON, mistakes=(11, 37))
@pytest.mark.parametrize("how", ["interrupt", "asked_to_end"])
def test_the_server_ends_when_it_is_told_to(chat: Chat, how: str) -> None:
    """Ctrl-C and a request to end (SIGTERM) stop the server, clients or not: exit status 0, no traceback."""
    chat.connects("silent")
    alice = chat.joins("alice")
    chat.says(alice, "hello")
    chat.server.rests()  # or the signal might come in the middle of Thread.start, which no program expects
    getattr(chat.server, how)()
    chat.server.ends()
    chat.server.ends(0, topics.CTRL_C.idea if how == "interrupt" else ASKED_TO_END)
    alice.hears_out()


@process
@teaches(topics.REUSE, mistakes=(12,))
def test_the_server_can_start_again_on_its_port(chat: Chat, start_server: Callable[..., Server]) -> None:
    """A server that is stopped while a client is connected can start again on the same port."""
    alice = chat.joins("alice")
    chat.says(alice, "hello")
    chat.server.rests()
    chat.server.interrupt()
    chat.server.ends(hint=topics.DAEMON.idea)
    alice.closes()
    again = start_server(chat.server.port)
    again.close()


@process
@teaches(topics.SENTENCE, mistakes=(12,))
def test_a_busy_port_is_said_in_one_line(chat: Chat, server_program: Callable[..., Program]) -> None:
    """Somebody else has the port: one line on standard error, exit status 1, no traceback."""
    second = server_program(chat.server.port)
    second.port_is = TAKEN
    second.waits(lambda: bool(second.errors), "The second server should say that the port is taken.", ONE_PORT)
    says_one_line(second, 1)


@process
@teaches(topics.SENTENCE)
def test_a_bad_address_is_said_in_one_line(server_program: Callable[..., Program]) -> None:
    """An address that is not this computer's: one line on standard error, exit status 1, no traceback."""
    says_one_line(server_program(0, "192.0.2.1"), 1, OF_THE_HOST)  # RFC 5737: an address for examples


@process
@teaches(topics.ARGUMENTS)
def test_a_bad_port_is_a_wrong_argument(server_program: Callable[..., Program]) -> None:
    """A port that is none: the exit status of wrong arguments, 2."""
    for server in [server_program(port) for port in ("65536", "5050x", "http")]:
        server.has_ended(server.deadline)
        server.has_no_traceback(details=server.command_line)
        server.ends(2)


@process
@teaches(topics.ARGUMENTS)
def test_the_last_port_is_a_port(server_program: Callable[..., Program]) -> None:
    """65535 is a port: the server listens there, or says in one line that somebody else does."""
    server = server_program(65535)
    server.waits(lambda: bool(server.output or server.errors), "The server should say something.")
    if not server.output:
        says_one_line(server, 1)


@process
@teaches(topics.SCREEN, mistakes=(4,))
def test_the_servers_screen_is_safe(chat: Chat) -> None:
    """Whatever is said, no escape sequence reaches the terminal that the server runs in."""
    alice = chat.joins("alice")
    alice.says("\x1b[2Jboo\x07")
    alice.next_line()
    chat.says(alice, "the end")
    chat.leaves(alice)
    chat.server.rests()  # so that what it prints has been printed
    if "\x1b" in chat.server.output or "\x07" in chat.server.output:
        raise chat.scene.complain("A control character has reached the server's terminal.", chat.server.screen())


@process
@teaches(topics.SERVER_LACKING, mistakes=(28,))
def test_the_server_lives_on_a_screen_that_lacks_letters(
    start_server: Callable[..., Server], scene: Scene, stage_number: int
) -> None:
    """What the server's screen can't show is shown as something else, and the server goes on."""
    chat = Chat(start_server(PYTHONUTF8="0", PYTHONIOENCODING="ascii"), stage_number, scene)
    try:
        alice = chat.joins("alice")
        for text in ("日本", "again"):
            chat.says(alice, text)
    finally:
        chat.close()


# The client, on the terminal, with a server of our own.


@terminal
@teaches(topics.TO_AND_FRO)
def test_client_sends_what_is_typed_and_prints_what_comes(client: Program, line_in: Line, stage_number: int) -> None:
    """A line that is typed reaches the server, and the line that the server sends is printed."""
    for text in ("hello", "café 日本 🙂"):
        client.types(text)
        line_in.hears(text)
        reply = f"alice: {text}" if stage_number >= 2 else text
        line_in.says(reply)
        client.prints(f"{reply}\n")
    if "hello\n\n" in client.output:
        raise client.complain("The client prints an empty line after each line.", client.screen(), TWO_NEWLINES)


@terminal
@teaches(topics.CLIENT_PIECES, mistakes=(41,))
def test_client_puts_pieces_together(client: Program, line_in: Line, stage_number: int) -> None:
    """A line that comes to the client in pieces is printed as one, its letters whole."""
    client.types("café")
    line_in.hears("café")
    reply = "alice: café" if stage_number >= 2 else "café"
    for piece in (reply[:-1].encode() + "é".encode()[:1], "é".encode()[1:], b"\n"):
        line_in.sends(piece)
        client.rests()
    client.prints(f"{reply}\n")


@terminal
@teaches(topics.EMPTY, mistakes=(45,))
def test_client_sends_no_empty_line(client: Program, line_in: Line) -> None:
    """Enter on nothing, or on blanks, sends nothing."""
    client.types("")
    client.types("   ")
    client.types("hello")
    line_in.hears("hello")


@terminal
@teaches(topics.NO_SERVER, mistakes=(43,))
def test_client_says_that_there_is_no_server(start_client: Callable[..., Program], stage_number: int) -> None:
    """Nobody listens: one line on standard error, exit status 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host, port = nobody.getsockname()
    client = start_client(host, port)
    if stage_number >= 2:
        client.types("alice")
    client.ends(1)
    client.complains()
    client.has_no_traceback()


@terminal
@teaches(topics.SERVER_GONE, mistakes=(44, 49))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_client_says_that_the_server_is_gone(client: Program, line_in: Line, stage_number: int, how: str) -> None:
    """The server goes: the client says so and ends, and prints no empty lines."""
    they_talk(client, line_in, stage_number)
    getattr(line_in, how)()
    client.types("hello")
    client.ends(1, topics.SERVER_GONE.idea + (f" {topics.KEYBOARD.idea}" if stage_number >= 3 else ""))
    client.complains()
    client.has_no_traceback()
    if "\n\n" in client.output:
        raise line_in.scene.complain("The client prints empty lines when the server is gone.")


@terminal
@teaches(topics.CLIENT_SCREEN, mistakes=(4,))
def test_clients_screen_is_safe(client: Program, line_in: Line, stage_number: int) -> None:
    """Whatever the server sends, no escape sequence reaches the terminal."""
    client.types("hello")
    line_in.hears("hello")
    line_in.says(("alice: " if stage_number >= 2 else "") + "hello \x1b[2J\x9b2J\x07 there")
    client.prints(" there\n")
    if any(char in client.output for char in "\x1b\x9b\x07"):
        raise line_in.scene.complain("A control character has reached the client's terminal.", client.screen())


@terminal
@teaches(topics.INPUT_ENDS)
def test_client_ends_with_its_input(client: Program, line_in: Line, stage_number: int) -> None:
    """The end of the input ends the client, after what was said has been heard; exit status 0."""
    client.types("hello")
    line_in.hears("hello")
    reply = "alice: hello" if stage_number >= 2 else "hello"
    line_in.says(reply)
    client.ends_typing()
    hint = f"{topics.REST.idea} Then its end is no surprise: exit with status 0." if stage_number >= 3 else ""
    line_in.hears_the_end(hint)
    line_in.closes()
    client.ends(0, hint)
    client.prints(f"{reply}\n", hint)


@terminal
@teaches(topics.CTRL_C, mistakes=(11,))
@pytest.mark.skipif(sys.platform == "win32", reason="a test can't press Ctrl-C for one program alone on Windows")
def test_client_ends_on_ctrl_c(client: Program, line_in: Line, stage_number: int) -> None:
    """Ctrl-C ends the client: exit status 0, no traceback."""
    they_talk(client, line_in, stage_number)
    client.rests()  # a key that is pressed just before a program begins to wait is lost on it, in Python at least
    client.interrupt()
    client.ends(hint=topics.CTRL_C.idea + (f" {topics.DAEMON.idea}" if stage_number >= 3 else ""))
    client.ends(0)


def they_talk(client: Program, line_in: Line, stage_number: int) -> None:
    """A line goes to and fro, so that the client is where it is most of the time."""
    client.types("hello")
    line_in.hears("hello")
    reply = "alice: hello" if stage_number >= 2 else "hello"
    line_in.says(reply)
    client.prints(f"{reply}\n")


@terminal
@teaches(topics.LACKING, mistakes=(28,))
def test_client_lives_on_a_screen_that_lacks_letters(
    start_client: Callable[..., Program], fake_server: FakeServer, stage_number: int
) -> None:
    """What the screen can't show is shown as something else, and the client goes on."""
    client = start_client(fake_server.host, fake_server.port, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    if stage_number >= 2:
        client.types("alice")
        line = fake_server.lets_in("alice")
    else:
        line = fake_server.accepts()
    for text in ("hello", "again"):
        client.types(text)
        line.hears(text)
        line.says(("alice: " if stage_number >= 2 else "") + f"{text} 日本")
        client.prints(text)


def says_one_line(program: Program, status: int, hint: str = topics.SENTENCE.idea) -> None:
    """Wait for the program to end with this status and one line on standard error."""
    program.has_ended(program.deadline)
    program.has_no_traceback(details=program.command_line)
    program.ends(status, hint)
    if program.errors.count("\n") != 1:
        raise program.complain("One clear line on standard error should say why.", hint=hint)
