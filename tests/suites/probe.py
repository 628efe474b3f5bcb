"""Runs a Tk program unchanged, with somebody at its side who can look at the window and use it.

    python probe.py PORT PROGRAM [ARGUMENT ...]

The test listens on PORT and sends commands, one JSON object a line; the answers go back the same way. They
are carried out in the program's own event loop, by `after`, so a window that does not answer is a window that
is frozen. Every call that reaches the Tcl interpreter is watched: one from another thread than the one that
made the interpreter is reported, for Tk belongs to one thread.

Knows Tk, and nothing of chats. Standard library alone, since it runs inside the program that is tested.
"""

import json
import os
import queue
import runpy
import socket
import sys
import threading
import tkinter
from typing import Any

EVERY = 1  # milliseconds between two looks for a command: a check gives some dozens, and waits for each

TEXT_OPTION = ("Label", "TLabel", "Button", "TButton", "Message")
ENTRIES = ("Entry", "TEntry")


class WatchedInterpreter:
    """Stands before a Tcl interpreter, passes everything on, and notes which thread it came from."""

    def __init__(self, interpreter: Any) -> None:
        self.interpreter = interpreter
        self.thread = threading.current_thread()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.interpreter, name)
        if not callable(value):
            return value

        def watched(*arguments: Any) -> Any:
            caller = threading.current_thread()
            if caller is not self.thread:
                strangers.append(f"{caller.name}: {name}{tuple(map(str, arguments[:3]))}")
            return value(*arguments)

        return watched


strangers: list[str] = []  # calls from other threads; appended by any thread, read by the probe's commands


class Probe:
    """Carries out the commands of the test, in the thread and the event loop of the program."""

    def __init__(self, root: tkinter.Tk, control: socket.socket) -> None:
        self.root = root
        self.call = root.tk.call
        self.control = control
        self.commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()  # from the reading thread
        threading.Thread(target=self.read_commands, daemon=True, name="probe").start()
        self.look()

    def read_commands(self) -> None:
        """Put every command that comes into the queue, and end the program when nobody is there to send one."""
        try:
            for line in self.control.makefile("r", encoding="utf-8"):
                self.commands.put(json.loads(line))
        except OSError:
            pass  # it broke, which is an end as well
        os._exit(0)  # the test is over, or was killed: no window stays behind

    def look(self) -> None:
        """Carry out what has come, and look again soon."""
        # First of all, so that a command which ends the program leaves nothing behind it.
        self.root.after(EVERY, self.look)
        while not self.commands.empty():
            command = self.commands.get()
            try:
                answer = getattr(self, command.pop("do"))(**command)
            except tkinter.TclError as error:
                answer = {"error": str(error)}
            self.control.sendall((json.dumps(answer) + "\n").encode())

    def see(self) -> dict[str, Any]:
        """Tell all that can be seen: the window and every widget in it that is on the screen."""
        return {
            "title": self.call("wm", "title", "."),
            "size": [int(self.call("winfo", side, ".")) for side in ("width", "height")],
            "focus": str(self.call("focus", "-lastfor", ".")),
            "widgets": [self.describe(path) for path in self.paths(".") if self.call("winfo", "viewable", path)],
            "strangers": strangers,
        }

    def paths(self, path: str) -> list[str]:
        """List a widget and all that are in it."""
        children = self.root.tk.splitlist(self.call("winfo", "children", path))
        return [path, *(below for child in children for below in self.paths(str(child)))]

    def describe(self, path: str) -> dict[str, Any]:
        """Tell what one widget is, shows, and allows, and where it is on the screen."""
        kind = str(self.call("winfo", "class", path))
        place = {key: int(self.call("winfo", key, path)) for key in ("rootx", "rooty", "width", "height")}
        asked = {key: int(self.call("winfo", key, path)) for key in ("reqwidth", "reqheight")}
        return (
            {"path": path, "kind": kind, "text": self.text(path, kind), "enabled": self.enabled(path, kind)}
            | place
            | asked
        )

    def text(self, path: str, kind: str) -> str:
        """Return the text that a widget shows."""
        if kind in ENTRIES:
            return str(self.call(path, "get"))
        if kind == "Text":
            return str(self.call(path, "get", "1.0", "end-1c"))
        if kind == "Listbox":
            return "\n".join(map(str, self.root.tk.splitlist(self.call(path, "get", 0, "end"))))
        return str(self.call(path, "cget", "-text")) if kind in TEXT_OPTION else ""

    def enabled(self, path: str, kind: str) -> bool:
        """Whether a widget can be used."""
        if kind in ("TEntry", "TButton"):
            return not self.call(path, "instate", "disabled")
        if kind in ("Entry", "Button", "Text", "Listbox"):
            return str(self.call(path, "cget", "-state")) == "normal"
        return True

    def type(self, path: str, text: str) -> dict[str, Any]:
        """Type into a widget: go there, then key by key, or by pasting where the keyboard has no such key."""
        self.go_to(path)
        for char in text:
            if char.isascii() and char.isalnum():
                self.call("event", "generate", path, "<KeyPress>", "-keysym", char)
                self.call("event", "generate", path, "<KeyRelease>", "-keysym", char)
            else:
                self.call(path, "insert", "insert", char)
        return {}

    def press(self, key: str, path: str = "") -> dict[str, Any]:
        """Press a key where the keyboard's focus is, or in the widget that is named."""
        self.go_to(path or str(self.call("focus", "-lastfor", ".")))
        target = str(self.call("focus"))
        if path and target != path:
            return {}  # the program has just moved the keyboard on: what is pressed now would go elsewhere
        self.call("event", "generate", target, f"<KeyPress-{key}>")
        if self.call("winfo", "exists", target):
            self.call("event", "generate", target, f"<KeyRelease-{key}>")
        return {}

    def go_to(self, path: str) -> dict[str, Any]:
        """Give a widget the keyboard, and wait until it has it: on some systems that takes a moment."""
        self.call("focus", "-force", path)
        for _ in range(1000):
            self.call("update")
            if str(self.call("focus")) == path:
                break
        return {}

    def click(self, path: str) -> dict[str, Any]:
        """Press and release the mouse in the middle of a widget."""
        x, y = (int(self.call("winfo", side, path)) // 2 for side in ("width", "height"))
        for event in ("<Enter>", "<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>", "<Leave>"):
            if self.call("winfo", "exists", path):
                self.call("event", "generate", path, event, "-x", x, "-y", y)
        return {}

    def resize(self, width: int, height: int) -> dict[str, Any]:
        """Drag the window to this size, in pixels; it may refuse to become smaller than it needs."""
        smallest = self.root.tk.splitlist(self.call("wm", "minsize", "."))
        self.call("wm", "geometry", ".", f"{max(width, int(smallest[0]))}x{max(height, int(smallest[1]))}")
        self.call("update")
        return {}

    def scroll(self, path: str, fraction: float) -> dict[str, Any]:
        """Scroll a text: 0 is its beginning, 1 its end."""
        self.call(path, "yview", "moveto", fraction)
        return {}

    def draw(self) -> dict[str, Any]:
        """Draw all that has changed."""
        self.call("update")
        return {}

    def view(self, path: str) -> list[float]:
        """Tell which part of a text is in sight, as two fractions."""
        self.call("update")
        return [float(part) for part in self.root.tk.splitlist(self.call(path, "yview"))]

    def close(self) -> dict[str, Any]:
        """Click on the window's close button."""
        self.root.after(1, self.close_window)
        return {}

    def close_window(self) -> None:
        """Do what the window manager does: ask the program, or just take the window away."""
        handler = self.call("wm", "protocol", ".", "WM_DELETE_WINDOW")
        if handler:
            self.root.tk.eval(str(handler))
        else:
            self.root.destroy()


def main() -> None:
    control = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(sys.argv[0])  # as Python does it for a program that is run
    create = tkinter._tkinter.create  # type: ignore[attr-defined]  # below tkinter.Tk: nothing goes past it
    initialise = tkinter.Tk.__init__

    def create_watched(*arguments: Any) -> WatchedInterpreter:
        return WatchedInterpreter(create(*arguments))

    def initialise_probed(self: tkinter.Tk, *arguments: Any, **options: Any) -> None:
        initialise(self, *arguments, **options)
        Probe(self, control)

    tkinter._tkinter.create = create_watched  # type: ignore[attr-defined]
    tkinter.Tk.__init__ = initialise_probed  # type: ignore[method-assign]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
