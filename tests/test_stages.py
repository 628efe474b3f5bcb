"""The stages' own programs, where they do more than the suites ask of a learner's: mishaps, limits, first words.

Learners read these programs as a model. What the comments in them promise is seen here to hold.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import STAGES
from suites.commands import python_command
from suites.people import Chat, FakeServer, Line, Scene
from suites.programs import Program, Server
from suites.windows import Widget, Window, open_window

MISHAPS = Path(__file__).with_name("mishaps.py")
NAMES = {1: "01_echo", 2: "02_usernames", 3: "03_broadcast"}  # the server of stage 04 is that of 03
WINDOW = "04_tk_client"
LONGEST = 4096  # bytes of a line, its newline included

for_each_stage = pytest.mark.parametrize("number", NAMES, ids=NAMES.values())
Start = Callable[..., Program]


def command(number: int, program: str, *mishap: str) -> list[str]:
    """Return the command that runs a stage's program, where this goes wrong."""
    folder = NAMES.get(number, WINDOW)
    return [sys.executable, *([str(MISHAPS), *mishap] if mishap else []), str(STAGES / folder / program)]


@contextmanager
def chatting(number: int, scene: Scene, *mishap: str) -> Iterator[Chat]:
    """The server of a stage, where this goes wrong."""
    server = Server([*command(number, "server.py", *mishap), "--port", "0"], scene.deadline)
    chat = Chat(server, number, scene)
    try:
        yield chat
    finally:
        chat.close()


@pytest.fixture
def fake_server(scene: Scene) -> Iterator[FakeServer]:
    server = FakeServer(scene, "client")
    yield server
    server.close()


@pytest.fixture
def start(scene: Scene) -> Iterator[Start]:
    """Start the client of a stage."""
    clients: list[Program] = []

    def start(number: int, host: str, port: int | str, *mishap: str, **environment: str) -> Program:
        words = [*command(number, "client.py", *mishap), "--host", host, "--port", str(port)]
        clients.append(Program(words, scene.deadline, environment, called="The client"))
        return clients[-1]

    yield start
    for client in clients:
        client.close(ends_by_itself=True)
        client.has_no_traceback()


def enters(number: int, client: Program, server: FakeServer) -> Line:
    """Let the client in, as alice where there are names."""
    if number < 2:
        return server.accepts()
    client.types("alice")
    return server.lets_in("alice")


# The servers


@for_each_stage
def test_a_server_goes_on_when_nobody_could_be_let_in(number: int, scene: Scene) -> None:
    """It says so where somebody should know, once, and lets in who comes next."""
    with chatting(number, scene, "accept") as chat:
        alice = chat.joins("alice")
        chat.says(alice, "hello")
        chat.server.prints("Too many open files")
        told = [line for line in chat.server.output.splitlines() if "nobody can be let in" in line]
        assert told == ["* nobody can be let in: [Errno 24] Too many open files"]


@for_each_stage
def test_a_server_goes_on_when_it_has_no_thread(number: int, scene: Scene) -> None:
    """Who can't be served is shown the door, and the next one is served."""
    with chatting(number, scene, "thread") as chat:
        chat.connects("unlucky").hears_the_end()
        alice = chat.joins("alice")
        chat.says(alice, "hello")
        chat.server.prints("* a client could not be served: can't start new thread\n")


@for_each_stage
def test_a_server_goes_on_when_nobody_reads_its_screen(number: int, scene: Scene) -> None:
    """As in `server.py | head -1`."""
    with chatting(number, scene, "screen") as chat:
        alice = chat.joins("alice")
        for text in ("hello", "again"):
            chat.says(alice, text)


@for_each_stage
def test_a_server_keeps_no_more_than_the_longest_line(number: int, scene: Scene) -> None:
    """Whoever goes on without ending the line is let go."""
    with chatting(number, scene) as chat:
        alice = chat.joins("alice")
        chat.says(alice, "x" * (LONGEST - 1))
        alice.says("x" * LONGEST)
        assert "x" not in "".join(alice.hears_out())


# The clients


@pytest.mark.parametrize("number", [*NAMES, 4], ids=[*NAMES.values(), WINDOW])
@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_client_knows_what_is_no_port(number: int, port: str, start: Start) -> None:
    """The exit status is that of wrong arguments, and nothing is tried."""
    client = start(number, "127.0.0.1", port)
    client.ends(2)
    assert "is not a port: give a number from 1 to 65535" in client.errors


@for_each_stage
@pytest.mark.parametrize("port", ["1", "65535"])
def test_a_client_tries_every_port(number: int, port: str, start: Start) -> None:
    """The first and the last are ports; most likely nobody listens there."""
    client = start(number, "127.0.0.1", port)
    client.types("alice")
    client.ends_typing()
    client.ends()
    assert client.process.returncode != 2


@for_each_stage
def test_a_client_sends_the_longest_line_and_none_that_is_longer(
    number: int, start: Start, fake_server: FakeServer
) -> None:
    """It says which was too long; its user can go on."""
    client = start(number, fake_server.host, fake_server.port)
    line = enters(number, client, fake_server)
    for length in (LONGEST, LONGEST + 1000, LONGEST - 1):
        client.types("x" * length)
    client.waits(lambda: client.errors.count("too long") == 2, "Two lines are too long.")
    line.hears("x" * (LONGEST - 1))
    line.closes()


@for_each_stage
def test_a_client_shows_at_once_what_comes(number: int, start: Start, fake_server: FakeServer) -> None:
    """Also where its output is no terminal, and Python would rather wait for more."""
    client = start(number, fake_server.host, fake_server.port, PYTHONUNBUFFERED="")
    line = enters(number, client, fake_server)
    client.types("hello")
    line.hears("hello")
    reply = "alice: hello" if number >= 2 else "hello"
    line.says(reply)
    client.prints(f"{reply}\n")


@pytest.mark.parametrize("number", [2, 3], ids=[NAMES[2], NAMES[3]])
def test_a_client_asks_for_a_name(number: int, start: Start, fake_server: FakeServer) -> None:
    """Before it is given one, and again after one was refused; then it says that its user is in."""
    client = start(number, fake_server.host, fake_server.port, PYTHONUNBUFFERED="")
    client.waits(lambda: client.errors == "Your name: ", "It should ask for a name.")
    client.types("bob")
    line = fake_server.accepts()
    line.hears("bob")
    line.says("failed")
    line.closes()
    client.waits(lambda: client.errors.endswith("Another name: "), "It should ask for another name.")
    line = enters(number, client, fake_server)
    client.waits(lambda: client.errors.endswith("You are in. Type a line and press Enter.\n"), "It should say so.")
    line.closes()


@for_each_stage
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_a_client_that_waits_for_an_answer_says_that_the_server_is_gone(
    number: int, how: str, start: Start, fake_server: FakeServer
) -> None:
    """It reads then; the suites have it gone before a line is typed, and then it writes."""
    client = start(number, fake_server.host, fake_server.port)
    line = enters(number, client, fake_server)
    client.types("hello")
    line.hears("hello")
    getattr(line, how)()
    client.ends(1)
    assert "The server has closed the connection." in client.errors


@for_each_stage
def test_a_client_ends_when_nobody_reads_what_it_prints(number: int, start: Start, fake_server: FakeServer) -> None:
    """As in `client.py | head -1`: not with a traceback, and not as if all had been well."""
    client = start(number, fake_server.host, fake_server.port, "screen")
    line = enters(number, client, fake_server)
    for text in ("hello", "again"):
        client.types(text)
        line.hears(text)
        line.says(f"alice: {text}" if number >= 2 else text)
    client.ends(1)


# The window of stage 04


@pytest.fixture
def window(scene: Scene, fake_server: FakeServer, screen: None) -> Iterator[Window]:
    program = python_command(STAGES / WINDOW / "client.py")
    window = open_window(program, fake_server.host, fake_server.port, scene, os.environ)
    yield window
    window.close()


@pytest.mark.parametrize("port", [1, 65535])
def test_the_window_opens_for_every_port(port: int, scene: Scene, screen: None) -> None:
    """The first and the last are ports."""
    program = python_command(STAGES / WINDOW / "client.py")
    open_window(program, "127.0.0.1", port, scene, os.environ).close()


def test_the_window_sends_the_longest_name_and_none_that_is_longer(window: Window, fake_server: FakeServer) -> None:
    """32 letters; of more it says how many there may be."""
    window.joins_as("x" * 33)
    window.waits(lambda: "at most 32 letters" in window.transcript, "It should say so.")
    window.joins_as("x" * 32)
    fake_server.lets_in("x" * 32).closes()


def test_the_window_sends_the_longest_line_and_none_that_is_longer(window: Window, fake_server: FakeServer) -> None:
    """4,096 bytes with its newline; what is longer stays in the entry."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.says("é" * (LONGEST // 2))
    window.waits(lambda: "too long" in window.transcript, "It should say so.")
    window.presses("BackSpace", window.message)
    window.types(window.message, "-")
    window.presses("Return", window.message)
    line.hears("é" * (LONGEST // 2 - 1) + "-")
    line.closes()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("failed", "is taken or not allowed"),
        ("busy", "You can join again"),
        ("no", "You can join again"),
        ("what?", "You can join again"),
    ],
)
def test_the_window_says_why_one_is_not_in(window: Window, fake_server: FakeServer, answer: str, says: str) -> None:
    """One answer means that the name is refused; any other but `ok` is none."""
    window.joins_as("alice")
    line = fake_server.accepts()
    line.hears("alice")
    line.says(answer)
    window.waits(lambda: says in window.transcript, f"The window should say: {says}.")
    window.can_join()


def test_the_window_takes_a_name_of_one_letter(window: Window, fake_server: FakeServer) -> None:
    """The shortest there is."""
    window.joins_as("x")
    fake_server.lets_in("x").closes()


def test_a_click_into_the_conversation_takes_nobodys_keyboard(window: Window, fake_server: FakeServer) -> None:
    """Who clicks there, and selects nothing, types on where they typed before."""
    hint = "A click into what can't be typed into should not keep the keyboard."
    window.clicks(window.conversation)
    window.has_the_keyboard_in(window.username, hint)
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.clicks(window.conversation)
    window.has_the_keyboard_in(window.message, hint)
    line.closes()
    window.can_join()
    window.clicks(window.conversation)
    window.waits(lambda: window.focus == window.join_button["path"], "It should be where one joins again.", hint)


def test_return_on_the_button_sends(window: Window, fake_server: FakeServer) -> None:
    """Who has come there with Tab may press Return."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.types(window.message, "hello")
    window.presses("Tab", window.message)
    window.waits(lambda: window.focus == window.send_button["path"], "Tab should lead to the button.")
    window.presses("Return")
    line.hears("hello")


def test_what_is_being_typed_when_the_server_goes_is_no_name(window: Window, fake_server: FakeServer) -> None:
    """Not even when a blank in it presses the button, and the server is still away."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    fake_server.listener.close()
    line.closes()
    window.can_join()
    for key in ("o", "n", "space"):
        window.presses(key)
    window.shows("Cannot reach a server")
    window.can_join()
    for key in ("t", "i", "m", "e"):
        window.presses(key)
    window.waits(lambda: window.focus == window.join_button["path"], "The keyboard should be where one joins again.")
    assert window.username["text"] == "alice"


def edges(widget: Widget) -> tuple[int, int, int, int]:
    """Where a widget is on the screen: its left, top, right and bottom."""
    left, top = int(widget["rootx"]), int(widget["rooty"])
    return left, top, left + int(widget["width"]), top + int(widget["height"])


def test_the_window_is_laid_out_in_four_rows(window: Window) -> None:
    """A name and a button; how things are; the conversation and its scrollbar; a message and a button."""
    window.waits(lambda: window.conversation["width"] > window.conversation["reqwidth"], "It should find its size.")
    kinds = ("TLabel", "TEntry", "TButton", "TLabel", "Text", "TScrollbar", "TEntry", "TButton")
    there = sorted((w for w in window.widgets() if w["kind"] in kinds), key=lambda w: (w["rooty"], w["rootx"]))
    rows = [[w for w in there if w["kind"] == kind] for kind in ("TLabel", "TEntry", "TButton")]
    (label, status), (name, message), (join, send) = (sorted(row, key=lambda w: int(w["rooty"])) for row in rows)
    text, bar = (next(w for w in there if w["kind"] == kind) for kind in ("Text", "TScrollbar"))
    # From left to right, nothing on top of anything else, each row from the same left edge to the same right one.
    for row in ([label, name, join], [text, bar], [message, send]):
        for one, next_one in itertools.pairwise(row):
            assert edges(one)[2] <= edges(next_one)[0]
    assert edges(label)[0] == edges(status)[0] == edges(text)[0] == edges(message)[0]
    assert edges(join)[2] == edges(status)[2] == edges(bar)[2] == edges(send)[2]
    assert (edges(join)[0], edges(text)[2]) == (edges(send)[0], edges(bar)[0])
    assert edges(name)[2] == edges(message)[2]  # both end where the buttons begin
    # From above to below.
    for above, below in ((name, status), (status, text), (text, message)):
        assert edges(above)[3] <= edges(below)[1]
    assert edges(text)[1] == edges(bar)[1]
    assert edges(text)[3] == edges(bar)[3]
    for row in ([name, join], [message, send]):  # in the same row, whatever their heights
        assert edges(row[0])[1] < edges(row[1])[3]
        assert edges(row[1])[1] < edges(row[0])[3]


def test_the_window_opens_with_room_to_read(window: Window) -> None:
    """Wider and higher than it must be, and it is the conversation that has the room."""

    def has_room() -> bool:
        text = next(w for w in window.widgets() if w["kind"] == "Text")
        wide, high = (text[side] / text[f"req{side}"] for side in ("width", "height"))
        return bool(1.1 < wide < 1.5 and 1.5 < high < 4 and text["reqheight"] < 300)

    window.waits(has_room, "The conversation should have more room than it must have.")
