"""Takes a picture of every state of the window, by day and by night: python -m chat.client.gallery [FOLDER].

The window is the real one; its events are made here, as if a connection had reported them. Needs a screen that can be
read (on Linux under X11: xvfb-run will do) and the package Pillow.

This module knows the window's model and events, and nothing of servers.
"""

import argparse
import os
import sys
import tempfile
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

from PIL import ImageGrab

from ..protocol import Form
from .events import Came, Event, Line, Lost, Notice, People, Refused, Said, Trying, Welcome, Went, Whispered
from .settings import Settings
from .window import ChatWindow

PEOPLE = ("Ada", "bob", "Grace", "Zoë", "李雷")
TALK = (
    ("bob", "Is this thing on?"),
    ("bob", "Three windows, one server, and nobody waits for anybody's network."),
    ("alice", "It is. What you read here has been to the server and back."),
    ("Zoë", "Bonjour ! Ça marche ici aussi."),
    ("李雷", "你好！这里也可以用。"),
    ("Grace", "The notes are at https://docs.python.org/3/library/selectors.html, and a long line wraps under its own "
              "beginning, so that the eye finds who said it."),
    ("Grace", "Second thoughts: read https://beej.us/guide/bgnet/ first."),
    ("alice", "Thanks! 🎉"),
    ("alice", "I'll try it with a thousand listeners this afternoon."),
)  # fmt: skip

Step = Callable[[ChatWindow], None]


class _Script:
    """Plays events to a window."""

    def __init__(self, window: ChatWindow) -> None:
        self._window = window
        self._seq = 0
        self._now = time.time() - 900

    def play(self, *events: Event) -> None:
        for event in events:
            self._window.events.put(event)

    def joins(self) -> None:
        """Be in the chat as alice."""
        self._window.model.join(self._window.model.address or "chat.example.org:5050", "alice")
        self._window.username.delete(0, "end")
        self._window.username.insert(0, "alice")
        self.play(Welcome("alice", Form.RICH, False, PEOPLE, 4096), Came(*self._stamp(), "alice", True))

    def talks(self) -> None:
        """Let everybody say something."""
        for name, text in TALK:
            self.play(Said(*self._stamp(), name, text))
        self.play(Came(*self._stamp(), "Linus", True), Went(*self._stamp(), "Linus", True))

    def whispers(self) -> None:
        """Let two people say something to each other."""
        self.play(Whispered(*self._stamp(), "Zoë", "alice", "Are you coming to lunch?"))
        self.play(Whispered(*self._stamp(), "alice", "Zoë", "In ten minutes."))

    def _stamp(self) -> tuple[int, float]:
        self._seq += 1
        self._now += 45
        return self._seq, self._now


def _waiting(window: ChatWindow) -> None:
    window.username.insert(0, "alice")
    window.model.join("chat.example.org:5050", "alice")


def _refused(window: ChatWindow) -> None:
    _waiting(window)
    refusal = Refused(Form.RICH, "lookalike", "alice looks like аlice, who is here")
    window.root.after(200, lambda: window.events.put(refusal))


def _talking(window: ChatWindow) -> None:
    script = _Script(window)
    script.joins()
    script.talks()
    script.whispers()


def _typing(window: ChatWindow) -> None:
    _talking(window)
    window.root.after(200, lambda: window.message.insert(0, "This is how it looks"))


def _private(window: ChatWindow) -> None:
    """The picture in the README, and therefore no larger than it need be."""
    window.root.geometry("760x560")
    _talking(window)
    window.root.after(200, lambda: window.talk_to("Zoë"))
    window.root.after(300, lambda: window.message.insert(0, "Save me a seat"))


def _lost(window: ChatWindow) -> None:
    _talking(window)
    window.events.put(Lost("The connection to the server has ended.", 8.4))

    def say() -> None:
        window.model.say("This waits until the connection is back.", "waiting", time.time())
        window.message.insert(0, "and what is being typed stays")

    window.root.after(200, say)


def _trying(window: ChatWindow) -> None:
    _lost(window)
    window.root.after(300, lambda: window.events.put(Trying()))


def _not_said(window: ChatWindow) -> None:
    _talking(window)

    def say() -> None:
        window.model.say("Too much, too fast", "fast", time.time())
        window.model.say("On its way", "slow", time.time())
        window.events.put(Notice("rate", "that was too much at once; wait a little", "fast"))

    window.root.after(200, say)


def _scrolled(window: ChatWindow) -> None:
    _talking(window)
    script = _Script(window)
    window.root.after(100, lambda: window.root.geometry("620x360"))
    window.root.after(250, lambda: window.conversation.text.yview_moveto(0))
    window.root.after(400, lambda: script.play(*(Line(f"bob: news {number}") for number in range(3))))


def _plain(window: ChatWindow) -> None:
    window.model.join("127.0.0.1:5050", "alice")
    window.username.insert(0, "alice")
    lines = ("* alice has joined the chat", *(f"{name}: {text}" for name, text in TALK))
    _Script(window).play(Welcome("alice", Form.PLAIN, False, None, 4096), *map(Line, lines))


def _gone(window: ChatWindow) -> None:
    _plain(window)
    window.events.put(Lost("The connection to the server has ended.", None))


def _hard(window: ChatWindow) -> None:
    """What is hard to show: many people, long names, a long word, what is written from right to left, yesterday."""
    script = _Script(window)
    script.joins()
    script.play(People(tuple(f"Guest-{number}" for number in range(40)), True), People(("W" * 32,), True))
    yesterday = time.time() - 86_400
    script.play(Said(1001, yesterday, "W" * 32, "a long name"), Said(1002, yesterday + 400, "bob", "x" * 200))
    script.play(Said(1003, time.time(), "נועה", "שלום! العربية أيضا، 🎈 and a word from left to right"))


STATES: dict[str, Step] = {
    "1-outside": lambda window: None,
    "2-joining": _waiting,
    "3-refused": _refused,
    "4-talking": _typing,
    "5-private": _private,
    "6-lost": _lost,
    "7-trying": _trying,
    "8-not-said": _not_said,
    "9-scrolled-up": _scrolled,
    "10-plain-server": _plain,
    "11-plain-server-gone": _gone,
    "12-hard": _hard,
}


def take(folder: Path, name: str, step: Step, dark: bool, larger: int = 0) -> None:
    """Open a window, bring it into a state, and save what is on the screen."""
    root = tk.Tk(className="Chat")
    settings = Settings(["chat.example.org:5050"], dark=dark, larger=larger)
    window = ChatWindow(root, settings)
    root.geometry("+40+40")
    path = folder / f"{name}-{'night' if dark else 'day'}{f'-{larger:+}' if larger else ''}.png"
    root.after(50, step, window)
    root.after(900, _save, window, path)
    root.mainloop()


def _save(window: ChatWindow, path: Path) -> None:
    root = window.root
    root.update()
    left, top, width, height = root.winfo_rootx(), root.winfo_rooty(), root.winfo_width(), root.winfo_height()
    display = os.environ.get("DISPLAY") if sys.platform.startswith("linux") else None
    ImageGrab.grab((left, top, left + width, top + height), xdisplay=display).save(path)
    print(path)
    window.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("gallery"))
    parser.add_argument("--only", choices=STATES, help="one state instead of all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["CHAT_HOME"] = home  # the pictures' settings aren't the photographer's
        _take_all(arguments.folder, arguments.only)


def _take_all(folder: Path, only: str | None) -> None:
    for name, step in STATES.items():
        if only in (None, name):
            for dark in (False, True):
                take(folder, name, step, dark)
    if only is None:
        take(folder, "4-talking", _typing, False, larger=6)


if __name__ == "__main__":
    main()
