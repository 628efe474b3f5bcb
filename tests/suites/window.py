"""Stage 04: the window, what can be done in it at each moment, and that it is never frozen."""

import socket
import sys
from collections.abc import Callable

import pytest

from . import topics
from .echo import ASKED_TO_END
from .marks import teaches
from .people import Chat, FakeServer, Scene
from .programs import Program
from .windows import Window

FOCUS = "Give the keyboard to the entry that is used next: focus_set."
BREAK = "In a Text, the key's own binding adds a newline after yours: return “break”."


@teaches(topics.ON_OK)
def test_at_first_only_the_name_can_be_typed(window: Window) -> None:
    """The window opens with the username's entry and the button enabled, and the keyboard in the entry."""
    window.can_join()
    window.has_the_keyboard_in(window.username, FOCUS)
    if window.send_button["enabled"]:
        raise window.complain("The button for sending should be disabled.", window.picture())


@teaches(topics.ON_OK, mistakes=(42,))
def test_joining_waits_for_the_verdict(window: Window, fake_server: FakeServer) -> None:
    """The name goes to the server; until the answer comes nothing can be typed, and the window is alive."""
    window.types(window.username, "alice")
    window.clicks(window.join_button)
    line = fake_server.accepts()
    line.hears("alice")
    window.waits(lambda: window.states() == (False, False, False), "While the verdict is out, nothing can be used.")
    line.says("ok")
    window.can_talk()
    window.has_the_keyboard_in(window.message, FOCUS)


@teaches(topics.BIND, mistakes=(46,))
def test_return_joins_and_sends(window: Window, fake_server: FakeServer) -> None:
    """Return in the name's entry joins; Return in the message's entry sends, and leaves nothing in it."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    for text in ("hello", "and again"):
        window.says(text)
        line.hears(text)
        window.waits(lambda: window.message["text"] == "", "The entry should be empty after sending.", BREAK)
    window.presses("Return", window.message)  # there is nothing to send
    window.waits(lambda: window.message["text"] == "", "Return in the empty entry should leave it empty.", BREAK)


@teaches(topics.BUTTON)
def test_the_button_sends(window: Window, fake_server: FakeServer) -> None:
    """A click on the button sends as well."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.types(window.message, "hello")
    window.clicks(window.send_button)
    line.hears("hello")
    window.waits(lambda: window.message["text"] == "", "The entry should be empty after sending.")


@teaches(topics.ONCE)
def test_return_twice_joins_once(window: Window, fake_server: FakeServer) -> None:
    """Return is pressed again, on the way in: no second connection is made, and the window waits as before."""
    window.joins_as("alice")
    line = fake_server.accepts()
    line.hears("alice")
    window.presses("Return")
    window.waits(lambda: window.states() == (False, False, False), "While the verdict is out, nothing can be used.")
    line.says("ok")
    window.can_talk()
    window.says("hello")
    line.hears("hello")
    fake_server.is_left_alone()


@teaches(topics.NOTHING, mistakes=(45,))
def test_nothing_is_not_sent(window: Window, fake_server: FakeServer) -> None:
    """Return on nothing, or on blanks, sends nothing: no name, no message."""
    window.presses("Return", window.username)
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.presses("Return", window.message)
    window.says("   ")
    window.says("hello")
    line.hears("hello")


@teaches(topics.SERVER_SHOWS, mistakes=(47,))
def test_what_the_server_sends_is_shown(window: Window, fake_server: FakeServer) -> None:
    """The window shows the server's lines, letters of every script, and not its own before it comes back."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.says("unheard")
    line.hears("unheard")
    for text in ("bob: café 日本 🙂", "carol: שלום", "* dave has joined the chat"):
        line.says(text)
        window.shows(text)
    if "unheard" in window.transcript:
        raise window.complain("The window shows a line that the server has not sent.", window.picture())


@teaches(topics.LINES, mistakes=(41, 50))
def test_the_window_cuts_lines(window: Window, fake_server: FakeServer) -> None:
    """The verdict arrives glued to the first lines, then a line byte by byte: all is shown as it should be."""
    window.joins_as("alice")
    line = fake_server.accepts()
    line.hears("alice")
    line.sends(b"ok\n* alice has joined the chat\nbob: h")
    window.can_talk(topics.LINES.idea)
    window.shows("* alice has joined the chat")
    for byte in "é\ncarol: 日本\n".encode():
        line.sends(bytes([byte]))
        window.a_moment_passes()
    window.shows("* alice has joined the chat\nbob: hé\ncarol: 日本")


@teaches(topics.TYPE_AGAIN, mistakes=(56, 57))
def test_a_refused_name_can_be_changed(window: Window, fake_server: FakeServer) -> None:
    """`failed`: the window says so, closes the connection, and lets another name be tried on a new one."""
    before = window.transcript
    window.joins_as("alice")
    first = fake_server.accepts()
    first.hears("alice")
    waiting = window.transcript
    first.says("failed")
    first.hears_the_end()
    window.can_join()
    window.waits(lambda: window.transcript not in (before, waiting), "The window should say that the name is refused.")
    window.has_the_keyboard_in(window.username, FOCUS)
    window.joins_as("bob")
    second = fake_server.lets_in("bob")
    window.can_talk()
    window.says("hello")
    second.hears("hello")


@teaches(topics.LINES, mistakes=(41,))
def test_a_verdict_in_pieces_is_understood(window: Window, fake_server: FakeServer) -> None:
    """`failed` arrives in pieces, and is understood."""
    window.joins_as("alice")
    line = fake_server.accepts()
    line.hears("alice")
    for piece in (b"fai", b"led", b"\n"):
        line.sends(piece)
        window.a_moment_passes()
    window.can_join()


@teaches(topics.BACK, mistakes=(39, 49, 54))
@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_the_server_goes(window: Window, fake_server: FakeServer, how: str) -> None:
    """The server goes: the window says so, keeps what is on it, and can join again; no empty lines."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    line.says("bob: bye")
    window.shows("bob: bye")
    before = window.transcript
    getattr(line, how)()
    window.can_join()
    window.waits(lambda: window.transcript != before, "The window should say that the connection has ended.")
    joining = (window.username["path"], window.join_button["path"])
    window.waits(lambda: window.focus in joining, "The keyboard should be where one joins again.", FOCUS)
    window.shows("bob: bye")
    if "\n\n\n" in window.conversation["text"]:
        raise window.complain("The window fills with empty lines when the server is gone.", window.picture())
    window.joins_as("alice")
    fake_server.lets_in("alice").says("bob: back again")
    window.shows("bob: back again")


@teaches(topics.SAY_SO, mistakes=(43,))
def test_there_is_no_server(start_window: Callable[..., Window]) -> None:
    """Nobody listens: the window opens all the same, says so, and lets one try again."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host, port = nobody.getsockname()
    window = start_window(host, port)
    before = window.transcript
    window.joins_as("alice")
    window.waits(lambda: window.transcript != before, "The window should say that there is no server.")
    window.can_join(topics.BACK.idea)


@teaches(topics.FROZEN, mistakes=(38, 51))
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a full queue refuses")
def test_connecting_does_not_freeze_the_window(start_window: Callable[..., Window], scene: Scene) -> None:
    """Connecting takes for ever (a port whose queue of newcomers is full): the window is alive meanwhile."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        queued = [socket.socket() for _ in range(4)]
        for caller in queued:
            caller.setblocking(False)
            caller.connect_ex(address)
        window = start_window(*address)
        window.joins_as("alice")
        window.waits(lambda: window.states() == (False, False, False), "While it connects, nothing can be used.")
        for _ in range(20):
            window.sees()
        window.closes()
        window.program.ends(0, topics.PROCESS.idea)
        for caller in queued:
            caller.close()


@teaches(topics.SAY_SO, mistakes=(44,))
def test_sending_into_a_broken_connection(window: Window, fake_server: FakeServer) -> None:
    """The connection breaks just when something is sent: no exception, and back to the first state."""
    for _ in range(3):
        window.joins_as("alice")
        line = fake_server.lets_in("alice")
        window.can_talk()
        window.types(window.message, "hello")
        window.presses_just_as(line.breaks, "Return", window.message)
        window.can_join(topics.BACK.idea)


@teaches(topics.PROCESS, mistakes=(48, 52))
@pytest.mark.parametrize("state", ["before", "waiting", "talking"])
def test_the_process_ends_with_its_window(window: Window, fake_server: FakeServer, state: str) -> None:
    """Closing the window ends the program in every state, and the server hears the end."""
    if state != "before":
        window.joins_as("alice")
        line = fake_server.accepts()
        line.hears("alice")
    if state == "talking":
        line.says("ok")
        window.can_talk()
    window.closes()
    window.program.ends(0)
    window.program.has_no_traceback()
    if state != "before":
        line.hears_the_end()


@teaches(topics.PROCESS, mistakes=(11,))
def test_a_request_to_end_closes_the_window(window: Window, fake_server: FakeServer) -> None:
    """Ctrl-C in the terminal behind it, or the system's request, ends the program: status 0, no traceback."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.program.asked_to_end()
    window.program.ends(0, ASKED_TO_END)
    line.hears_the_end()


@teaches(topics.ONE_THREAD, mistakes=(40,))
def test_many_lines_at_once(window: Window, fake_server: FakeServer) -> None:
    """Two thousand lines arrive at once: all are shown, the newest is in sight, typing goes on."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    line.sends("".join(f"bob: line {number}\n" for number in range(2000)).encode())
    window.says("still here")
    line.hears("still here")
    window.shows("bob: line 1999")
    text = window.conversation
    window.waits(
        lambda: window.ask("view", path=text["path"])[1] == 1.0,
        "The newest line should be in sight.",
        topics.SCROLL.idea,
    )
    if any(f"bob: line {number}\n" not in text["text"] for number in range(1999)):
        raise window.complain("Some of the lines are not shown.")


@teaches(topics.SCROLL)
def test_who_has_scrolled_up_stays_there(window: Window, fake_server: FakeServer) -> None:
    """The newest line is in sight, also when the window is resized, unless the reader has scrolled up."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    line.sends("".join(f"bob: line {number}\n" for number in range(100)).encode())
    window.shows("bob: line 99")
    text = window.conversation["path"]
    width, height = window.sees()["size"]
    window.ask("resize", width=width, height=height * 2 // 3)
    window.waits(lambda: window.ask("view", path=text)[1] == 1.0, "The newest line should be in sight.")
    window.ask("scroll", path=text, fraction=0)
    line.says("bob: news")
    window.shows("bob: news")
    if window.ask("view", path=text)[0] != 0.0:
        raise window.complain("The reader had scrolled up, and was taken away from there.")
    window.ask("scroll", path=text, fraction=1)
    line.says("bob: more news")
    window.shows("bob: more news")
    window.waits(lambda: window.ask("view", path=text)[1] == 1.0, "The newest line should be in sight.")


@teaches(topics.CLEAN, mistakes=(4,))
def test_the_window_shows_no_control_characters(window: Window, fake_server: FakeServer) -> None:
    """Escape sequences, and what turns text around, are replaced; so is what is not UTF-8."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    line.sends("bob: a\x1b[2Jb\x07c\u202ed".encode() + b"\xff\xfe\n" + b"bob: end\n")
    window.shows("bob: end")
    if any(char in window.transcript for char in "\x1b\x07\u202e"):
        raise window.complain("A control character is shown as it came.", window.picture())


@teaches(topics.PASTED, mistakes=(4,))
def test_pasted_lines_are_one_message(window: Window, fake_server: FakeServer) -> None:
    """What is pasted from several lines is one message, and can't make a name out of two lines."""
    window.joins_as("al\nice")
    line = fake_server.accepts()
    if (name := line.next_line("a name")) == "al":
        raise window.complain("The name was sent as two lines.")
    line.says("failed")
    window.can_join(topics.TYPE_AGAIN.idea)
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    window.says("one\ntwo")
    message = line.next_line("one two")
    window.says("the end")
    line.hears("the end")
    if "one" not in message or "two" not in message or "al" not in name:
        raise window.complain("The lines should be sent as one.", f"came: {message!r}")


@teaches(topics.TOO_LONG)
def test_what_is_too_long_is_not_sent(window: Window, fake_server: FakeServer) -> None:
    """A message of more than 4,096 bytes stays in its entry, and the window says why."""
    window.joins_as("alice")
    line = fake_server.lets_in("alice")
    window.can_talk()
    before = window.transcript
    window.types(window.message, "é" * 2048)
    window.presses("Return", window.message)
    window.waits(lambda: window.transcript != before, "The window should say that the message is too long.")
    window.presses("BackSpace", window.message)
    window.presses("Return", window.message)
    line.hears("é" * 2047)


@teaches(topics.GEOMETRY)
@pytest.mark.parametrize("dots_per_inch", [96, 192])
def test_nothing_is_cut_off(
    start_window: Callable[..., Window], fake_server: FakeServer, sharp_screen: dict[str, str], dots_per_inch: int
) -> None:
    """However small the window is made, and at 200 % scaling, everything in it is on it; it grows when dragged."""
    window = start_window(fake_server.host, fake_server.port, **(sharp_screen if dots_per_inch == 192 else {}))
    small = window.conversation
    window.ask("resize", width=10, height=10)
    everything_is_inside(window)
    width, height = window.sees()["size"]
    window.ask("resize", width=width + 200, height=height + 200)
    window.waits(lambda: window.sees()["size"] == [width + 200, height + 200], "The window should be resizable.")
    everything_is_inside(window)
    large = window.conversation
    if large["width"] <= 100 or large["height"] < 200 or small["path"] != large["path"]:
        raise window.complain("The conversation should grow with the window.", window.picture())


def everything_is_inside(window: Window) -> None:
    """Complain about a widget that is cut off by the window's edge, or has less room than its text needs."""
    seen = window.sees()
    top = next(widget for widget in seen["widgets"] if widget["path"] == ".")
    for widget in seen["widgets"]:
        right = widget["rootx"] + widget["width"] - top["rootx"]
        bottom = widget["rooty"] + widget["height"] - top["rooty"]
        if right > seen["size"][0] or bottom > seen["size"][1]:
            raise window.complain(f"The {widget['kind']} {widget['text']!r} is cut off by the window's edge.")
        if widget["kind"] in ("Label", "TLabel", "Button", "TButton") and widget["width"] < widget["reqwidth"]:
            raise window.complain(f"The {widget['kind']} {widget['text']!r} has too little room.")


@teaches(topics.NO_DISPLAY, mistakes=(43,))
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_no_display_is_said_in_one_line(client_program: Callable[..., Program]) -> None:
    """Without a display there is one clear line on standard error, and exit status 1."""
    program = client_program(DISPLAY="", WAYLAND_DISPLAY="")
    program.ends(1)
    program.has_no_traceback()
    if program.errors.count("\n") != 1:
        raise program.complain("One clear line on standard error should say why.")


@teaches(topics.NO_TKINTER, mistakes=(43,))
def test_no_tkinter_is_said_in_one_line(client_program: Callable[..., Program], tmp_path: object) -> None:
    """Without tkinter there is one clear line on standard error, and exit status 1."""
    with open(f"{tmp_path}/tkinter.py", "w") as stub:
        stub.write("raise ImportError('no tkinter here')\n")
    program = client_program(PYTHONPATH=str(tmp_path))
    program.ends(1)
    program.has_no_traceback()
    if program.errors.count("\n") != 1:
        raise program.complain("One clear line on standard error should say why.")


@teaches(topics.TOGETHER_IN_TWO_WINDOWS)
def test_two_windows_talk(start_window: Callable[..., Window], chat: Chat) -> None:
    """alice and bob talk in two windows, on the stage's own server; a taken name is refused there too."""
    alice = start_window(chat.server.host, chat.server.port)
    bob = start_window(chat.server.host, chat.server.port)
    alice.joins_as("alice")
    alice.can_talk()
    bob.joins_as("Alice")
    bob.can_join(topics.TYPE_AGAIN.idea)
    bob.joins_as("bob")
    bob.can_talk()
    alice.says("hello")
    for window in (alice, bob):
        window.shows("alice: hello")
    bob.says("hi")
    alice.shows("alice: hello\nbob: hi")
    bob.closes()
    alice.shows("* bob has left the chat")
