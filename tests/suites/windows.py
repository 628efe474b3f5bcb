"""A person at a window: looks at it, types, clicks; finds things by what they do, not by what they are called.

The program runs unchanged in a process of its own, with `probe.py` beside it. Knows what a chat window is made
of: an entry for the name, which can be used at first; an entry for messages, which can be used once one is in;
the buttons beside them; and text that shows what the server sends.
"""

import json
import select
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .commands import Command, probed
from .complaints import Complaint
from .people import Scene
from .programs import Program
from .topics import FROZEN, ON_OK, ONE_THREAD

PROBE = Path(__file__).with_name("probe.py")
TYPED_INTO = ("Entry", "TEntry", "Text")
SHOWING = ("Text", "Listbox")
BUTTONS = ("Button", "TButton")

Widget = dict[str, Any]

ONE_WINDOW = (
    "One window has it all from the start: an entry for the name, with its button; the conversation; an entry for "
    "messages, with its button. What can't be used yet is disabled, not missing."
)
NO_WINDOW = "A window is there for as long as its mainloop runs: make it, and call mainloop, before anything else."


def room(widget: Widget) -> int:
    """How much of the screen a widget asks for."""
    return int(widget["reqwidth"] * widget["reqheight"])


class Window:
    """A program's window. Everything that is asked is answered by the window's own thread."""

    def __init__(self, program: Program, control: socket.socket, scene: Scene) -> None:
        self.program = program
        self.control = control
        self.answers = control.makefile("r", encoding="utf-8")
        self.scene = scene
        self.first: list[Widget] = []  # the widgets as they were when the window opened
        self.strangers: list[str] = []  # calls to Tk from other threads than the window's, as far as we know

    def ask(self, do: str, **details: Any) -> Any:
        """Have the probe do something, and return its answer. A window that does not answer is frozen."""
        self.begin(do, **details)
        return self.answer(do)

    def begin(self, do: str, **details: Any) -> None:
        """Tell the probe to do something, and do not wait until it has."""
        try:
            self.control.sendall((json.dumps({"do": do, **details}) + "\n").encode())
        except OSError:
            raise self.complain("The window is gone.") from None

    def answer(self, do: str) -> Any:
        """Wait until the probe has done it."""
        try:
            answer = self.answers.readline()
        except TimeoutError:
            frozen = f"The window is frozen: for {self.scene.deadline:g} seconds it did nothing."
            raise self.complain(frozen, hint=FROZEN.idea) from None
        except OSError:
            answer = ""
        if not answer:
            self.program.has_ended(1)  # it is on its way out: give it the time to say why
            raise self.complain("The window is gone.")
        result = json.loads(answer)
        if "error" in result:
            raise self.complain(f"The window could not do that ({do}): {result['error']}.")
        return result

    def complain(self, what: str, details: str = "", hint: str = "") -> Exception:
        """Return a complaint that shows the conversation."""
        return self.scene.complain(what, details, hint)

    def sees(self) -> dict[str, Any]:
        """Return all that can be seen."""
        seen: dict[str, Any] = self.ask("see")
        return seen

    def widgets(self) -> list[Widget]:
        """Return the widgets that are on the screen."""
        widgets: list[Widget] = self.sees()["widgets"]
        return widgets

    def has_settled(self, empty: bool = False) -> bool:
        """Whether there is something to type into, and all is as it was at the last look; remember what is there."""
        before, self.first = self.first, self.widgets()
        there = [widget["path"] for widget in self.first]
        enough = bool(there) if empty else any(widget["kind"] in TYPED_INTO for widget in self.first)
        return enough and there == [widget["path"] for widget in before]

    def now(self, widget: Widget) -> Widget:
        """Return the same widget as it is now."""
        return next((other for other in self.widgets() if other["path"] == widget["path"]), widget)

    @property
    def username(self) -> Widget:
        """The entry for the name: the one that could be used at first."""
        return self.find(self.first, TYPED_INTO[:2], True, "At first, one entry can be used: for the username.")

    @property
    def join_button(self) -> Widget:
        """The button that could be used at first."""
        return self.find(self.first, BUTTONS, True, "At first, one button can be used: to join.")

    @property
    def message(self) -> Widget:
        """The entry for messages: one that could not be used at first, or the second, or the smaller of two texts."""
        entries = [widget for widget in self.first if widget["kind"] in TYPED_INTO[:2]]
        texts = sorted((widget for widget in self.first if widget["kind"] in SHOWING), key=room)
        for found in ([entry for entry in entries if not entry["enabled"]], entries[1:], texts[:-1]):
            if found:
                return self.now(found[0])
        raise self.complain("There should be an entry for messages.", self.picture(), ONE_WINDOW)

    @property
    def send_button(self) -> Widget:
        """The button that could not be used at first."""
        return self.find(self.first, BUTTONS, False, "At first, the button for sending can't be used.")

    def find(self, widgets: list[Widget], kinds: tuple[str, ...], enabled: bool, otherwise: str) -> Widget:
        """Return the first widget of these kinds, as it is now, that could or could not be used then."""
        for widget in widgets:
            if widget["kind"] in kinds and widget["enabled"] == enabled:
                return self.now(widget)
        raise self.complain(otherwise, self.picture())

    @property
    def focus(self) -> str:
        """The path of the widget that has the keyboard when the window has it."""
        return str(self.sees()["focus"])

    @property
    def transcript(self) -> str:
        """All the text that the window shows, apart from what has been typed."""
        typed = self.message["path"]
        shown = [widget for widget in self.widgets() if widget["kind"] not in TYPED_INTO[:2]]
        return "\n".join(widget["text"] for widget in shown if widget["path"] != typed)

    @property
    def conversation(self) -> Widget:
        """The widget that holds the conversation: of the texts, the one that asks for the most room."""
        texts = [widget for widget in self.widgets() if widget["kind"] in SHOWING]
        if not texts:
            raise self.complain("There should be a Text or a Listbox for the conversation.", self.picture())
        return max(texts, key=room)

    def types(self, widget: Widget, text: str) -> None:
        """Type into a widget."""
        self.scene.remark("window", f"“{text}” is typed")
        self.ask("type", path=widget["path"], text=text)

    def presses(self, key: str, widget: Widget | None = None) -> None:
        """Press a key, where the keyboard is or in this widget."""
        self.scene.remark("window", f"{key} is pressed")
        self.ask("press", key=key, path=widget["path"] if widget else "")

    def presses_just_as(self, happens: Callable[[], None], key: str, widget: Widget) -> None:
        """Press a key in this widget, and let something happen, at the same instant for the window."""
        with self.program.stands_still():
            happens()
            self.scene.remark("window", f"{key} is pressed")
            self.begin("press", key=key, path=widget["path"])
        self.answer("press")

    def clicks(self, widget: Widget) -> None:
        """Click on a widget."""
        self.scene.remark("window", f"“{widget['text']}” is clicked")
        self.ask("click", path=widget["path"])

    def closes(self) -> None:
        """Click on the window's close button."""
        self.strangers = self.sees()["strangers"]  # while it can still be asked
        self.scene.remark("window", "is closed")
        self.ask("close")

    def joins_as(self, name: str) -> None:
        """Type a name, in place of what is in its entry, and press Return."""
        self.can_join()
        entry = self.username
        for _ in entry["text"]:
            self.presses("End", entry)
            self.presses("BackSpace", entry)
        self.types(entry, name)
        self.presses("Return", entry)

    def says(self, text: str) -> None:
        """Type a message and press Return."""
        self.types(self.message, text)
        self.presses("Return", self.message)

    def shows(self, text: str) -> None:
        """Wait until the window shows this text."""
        self.waits(lambda: text in self.transcript, f"The window should show {text!r}.")

    def can_join(self, hint: str = "") -> None:
        """Wait for the first state: the name can be typed, messages can't."""
        otherwise = "A name should be asked for: its entry and button enabled, the entry for messages disabled."
        self.waits(lambda: self.states() == (True, True, False), otherwise, hint)

    def can_talk(self, hint: str = ON_OK.idea) -> None:
        """Wait for the last state: messages can be typed, the name can't."""
        otherwise = "Messages should be possible now: their entry enabled, the name's entry and button disabled."
        self.waits(lambda: self.states() == (False, False, True), otherwise, hint)

    def has_the_keyboard_in(self, widget: Widget, hint: str) -> None:
        """Wait until what is typed would go into this widget."""
        name = "username" if widget["path"] == self.username["path"] else "message"
        otherwise = f"The keyboard should be in the {name}'s entry."
        self.waits(lambda: self.focus == widget["path"], otherwise, hint)

    def a_moment_passes(self) -> None:
        """Let the window look round twice, so that its threads have read what has come."""
        for _ in range(2):
            self.sees()

    def states(self) -> tuple[bool, bool, bool]:
        """Whether the username's entry, the button to join, and the entry for messages can be used."""
        return self.username["enabled"], self.join_button["enabled"], self.message["enabled"]

    def waits(self, condition: Callable[[], bool], otherwise: str, hint: str = "") -> None:
        """Wait until the condition holds of the window, or complain and show what it looks like."""
        until = time.monotonic() + self.scene.deadline
        while not condition():
            if time.monotonic() > until:
                raise self.complain(otherwise, self.picture(), hint)

    def picture(self) -> str:
        """Describe the window in text."""
        seen = self.sees()
        lines = [f"the window, “{seen['title']}”:"]
        for widget in seen["widgets"]:
            if widget["kind"] in (*TYPED_INTO, *BUTTONS, "Label", "TLabel", "Listbox"):
                use = "" if widget["enabled"] else ", disabled"
                focus = ", has the keyboard" if widget["path"] == seen["focus"] else ""
                lines.append(f"  {widget['kind']}{use}{focus}: {widget['text'][-200:]!r}")
        return "\n".join(lines)

    def close(self) -> None:
        """End the program; then there must be no exception that got away, and no call from another thread."""
        if self.program.process.poll() is None:
            try:
                self.strangers = self.sees()["strangers"]
            except AssertionError:
                pass  # it is on its way out, or frozen, and the check has said so
        self.answers.close()
        self.control.close()
        self.program.kill()  # that it ends when it is asked to is a check of its own
        self.program.close()
        if self.program.told:
            return  # the check has failed, and has said so
        self.program.has_no_traceback()
        if self.strangers:
            calls = "\n".join(f"  {call}" for call in self.strangers[:5])
            what = f"Tk was called from another thread, {len(self.strangers)} times."
            raise self.scene.complain(what, calls, ONE_THREAD.idea)


def open_window(
    command: Command, host: str, port: int, scene: Scene, environment: Mapping[str, str], empty: bool = False
) -> Window:
    """Start a Tk program with the probe beside it, and wait until its window is there; `empty`: whatever is in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = probed(command.at(port, host), PROBE, listener.getsockname()[1])
        process = Program(words, scene.deadline, environment, called="The client")
        scene.plays(process, "window")
        until = time.monotonic() + scene.deadline
        while not select.select([listener], [], [], 0.1)[0]:
            if process.has_ended(0) or time.monotonic() > until:
                complaint = process.complain("The program opened no window.", hint=NO_WINDOW)
                process.close()
                raise complaint
        control, _ = listener.accept()
    control.settimeout(scene.deadline)
    window = Window(process, control, scene)
    try:
        window.waits(lambda: window.has_settled(empty), "The window should appear, with an entry in it.")
    except Complaint as complaint:
        has_ended = process.has_ended(0)
        window.close()
        if has_ended:
            raise scene.complain("The program has ended, and has shown no window.", hint=NO_WINDOW) from None
        if complaint.details:  # what the window looks like: so there is one
            raise scene.complain("The window should have an entry in it.", complaint.details, ONE_WINDOW) from None
        what = "The program shows no window, or one that is frozen from the start."
        raise scene.complain(what, hint=f"{NO_WINDOW} {FROZEN.idea}") from None
    return window
