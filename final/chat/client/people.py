"""Who is here, in a list: how many, and each name in its own colour. A click on a name, or Return, chooses it.

It is drawn at most five times a second, whatever happens: in a storm of joins nobody reads faster.

This module knows Tk and names, and nothing of who comes and goes.
"""

import time
import tkinter as tk
from collections.abc import Callable, Iterable
from tkinter import font, ttk

from . import theme
from .colours import HUES, hue_of, readable
from .model import sorted_names
from .theme import Theme
from .transcript import drawable

# Seconds between two drawings.
EVERY = 0.2
_WIDTH = "110p"
# A name of so few letters fits, however wide they are.
_SHORT = 8


class PeopleView(ttk.Frame):
    """The list of those who are here, and its scrollbar."""

    def __init__(self, parent: tk.Misc, look: Theme, choose: Callable[[str], None]) -> None:
        super().__init__(parent)
        self._look = look
        self._choose = choose
        self._names: list[str] = []
        self._own = ""
        self._drawn_at = 0.0
        # A name is also what Tk knows its row by.
        self.tree = ttk.Treeview(self, show="tree headings", selectmode="browse", height=4, style="People.Treeview")
        self.tree.column("#0", width=self.winfo_pixels(_WIDTH), stretch=False)
        self._scrollbar = ttk.Scrollbar(self, command=self.tree.yview)
        self.tree.configure(yscrollcommand=self._scrolled)
        self.rowconfigure(0, weight=1)
        self.tree.grid(row=0, column=0, sticky="ns")
        self._scrollbar.grid(row=0, column=1, sticky="ns")
        self.tree.bind("<ButtonRelease-1>", self._click)
        for key in ("<Return>", "<KP_Enter>", "<space>"):
            self.tree.bind(key, lambda _event: self._choose_selected())
        self.tree.bind("<FocusIn>", lambda _event: self._select_one())
        self.tree.bind("<FocusOut>", lambda _event: self.tree.selection_set())
        self.restyle()

    def restyle(self) -> None:
        """Take the colours from the theme, which may have changed."""
        for hue in range(HUES):
            self.tree.tag_configure(f"hue{hue}", foreground=readable(hue, self._look.palette.grounds))
        self._draw(self._names)

    def show(self, people: Iterable[str], own: str) -> None:
        """Show who is here."""
        now = time.monotonic()
        if now - self._drawn_at >= EVERY:
            self._drawn_at = now
            names = sorted_names(people)
            if (names, own) != (self._names, self._own):
                self._own = own
                self._draw(names)

    def _draw(self, names: list[str]) -> None:
        selected = self.tree.selection()
        self.tree.delete(*self._names)
        self._names = names
        self.tree.heading("#0", text=f"{len(names)} here", anchor="w")
        for name in names:
            self.tree.insert("", "end", name, text=self._written(name), tags=(f"hue{hue_of(name)}",))
        still_here = [name for name in selected if name in names]
        self._select(still_here[0] if still_here else None)

    def _written(self, name: str) -> str:
        """The name as it fits into the list."""
        you = " (you)" if name == self._own else ""
        shown = name
        while len(shown) > _SHORT and not self._fits(shown + you):
            shown = shown.rstrip("…")[:-1] + "…"
        return drawable(shown + you)

    def _fits(self, text: str) -> bool:
        measure = font.nametofont("TkDefaultFont", self).measure
        return measure(text) <= self.winfo_pixels(_WIDTH) - self._look.line_height

    def _scrolled(self, first: float | str, last: float | str) -> None:
        self._scrollbar.set(str(first), str(last))
        theme.show_if_needed(self._scrollbar, first, last)

    # Choosing

    def _click(self, event: "tk.Event[ttk.Treeview]") -> None:
        name = self.tree.identify_row(event.y)
        if name:
            self._choose(name)

    def _choose_selected(self) -> None:
        for name in self.tree.selection():
            self._choose(name)

    def _select_one(self) -> None:
        """Show by a selected name that the keyboard is here."""
        if self._names and not self.tree.selection():
            self._select(self._names[0])

    def _select(self, name: str | None) -> None:
        if name is not None:
            self.tree.selection_set(name)
            self.tree.focus(name)
