"""What people expect of whatever holds text: Cut, Copy, Paste and Select all, under the right mouse button.

On a Mac they are expected in the menu bar as well.

Tk knows how to do all four; it only has no menu for them, and on X11 it takes Ctrl+A for what Emacs means by it.

This module knows Tk, and nothing of the chat.
"""

import sys
import tkinter as tk
from collections.abc import Callable

from .theme import Theme

ON_MAC = sys.platform == "darwin"
# The key that goes with a letter to make a command.
COMMAND = "Command" if ON_MAC else "Control"
# What opens the menu of a place: a Mac's mouse may have one button only; other keyboards have a key for it.
_MENU_EVENTS = ("<Button-2>", "<Control-Button-1>") if ON_MAC else ("<Button-3>", "<Menu>", "<Shift-F10>")


class EditMenu(tk.Menu):
    """The menu, shared by all that it is offered to. In a menu bar, where it is offered to nobody, it acts where the
    keyboard is."""

    def __init__(self, parent: tk.Misc, look: Theme) -> None:
        super().__init__(parent, tearoff=False)
        self._look = look
        self._widget: tk.Misc | None = None  # where it was opened
        for label, event, key in (("Cut", "<<Cut>>", "X"), ("Copy", "<<Copy>>", "C"), ("Paste", "<<Paste>>", "V")):
            self.add_command(label=label, command=self._do(event), accelerator=f"{COMMAND}+{key}")
        self.add_separator()
        self.add_command(label="Select all", command=self._do("<<SelectAll>>"), accelerator=f"{COMMAND}+A")
        if self.tk.call("tk", "windowingsystem") == "x11":
            self.event_delete("<<LineStart>>", "<Control-a>")
            self.event_add("<<SelectAll>>", "<Control-a>")

    def offer(self, widget: tk.Misc, may_change: bool = True) -> None:
        """Have this widget open the menu; where nothing can be changed, without what changes something."""
        for event in _MENU_EVENTS:
            widget.bind(event, lambda event: self._open(event, may_change))

    def _open(self, event: "tk.Event[tk.Misc]", may_change: bool) -> None:
        self._widget = event.widget
        self._widget.focus_set()
        for label in ("Cut", "Paste"):
            self.entryconfigure(label, state="normal" if may_change else "disabled")
        self._look.dress_menu(self)
        self.tk_popup(event.x_root, event.y_root)

    def _do(self, event: str) -> Callable[[], None]:
        def do() -> None:
            # Asked in Tcl's words: tkinter stumbles over the list of a combobox.
            widget = str(self._widget or self.tk.call("focus"))
            if widget:  # else another program has the keyboard
                self.tk.call("event", "generate", widget, event)

        return do
