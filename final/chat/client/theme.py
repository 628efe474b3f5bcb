"""How the window's parts look: by day and by night, small and large, on every screen.

sv-ttk draws the buttons and entries, the same on Windows, macOS and Linux. What it can't know is here: the colours of
the conversation, and the fonts, which all grow together and are measured in points, so that they are as large on a
sharp screen as on any other. (sv-ttk's pictures don't grow: on a sharp screen its corners are a little less round.)

sv-ttk's own function reads its themes for the day and for the night before it shows one of them. Here each is read,
from sv-ttk's files, when it is first wanted: the window is there sooner, and most people see only one of them a day.

This module knows Tk, and nothing of the chat.
"""

import sys
import tkinter as tk
from tkinter import font, ttk
from typing import NamedTuple

import sv_ttk


class Palette(NamedTuple):
    """The colours of the conversation. Text has a contrast of at least 4.5:1 on each of the grounds."""

    ground: str
    own: str  # what we said stands on this
    private: str  # and what is between two people on this
    text: str
    dim: str  # notices, times
    link: str
    trouble: str
    selection: str
    edge: str  # round the conversation, when the keyboard is elsewhere

    @property
    def grounds(self) -> tuple[str, ...]:
        """Everything that a name can stand on."""
        return self.ground, self.own, self.private


DAY = Palette(
    ground="#fdfdfd",
    own="#eaf2fb",
    private="#f6ecf9",
    text="#1b1b1b",
    dim="#5f6368",
    link="#0a58b5",
    trouble="#b3261e",
    selection="#b9d7f5",
    edge="#e5e5e5",
)
NIGHT = Palette(
    ground="#1f1f1f",
    own="#22303f",
    private="#35263b",
    text="#ececec",
    dim="#a3a8ad",
    link="#7fb8ff",
    trouble="#ff9a8f",
    selection="#37577a",
    edge="#2f2f2f",
)

# What sv-ttk has Tk read: two lines that read its themes, and what they share.
_SUN_VALLEY = sv_ttk.TCL_THEME_FILE_PATH

# The fonts of the conversation; the window's other fonts are sv-ttk's and Tk's own.
TEXT, BOLD, ITALIC, SMALL = "ChatText", "ChatBold", "ChatItalic", "ChatSmall"


class Theme:
    """The look of one window."""

    def __init__(self, root: tk.Tk, dark: bool, larger: int) -> None:
        self._root = root
        self._read: set[str] = set()
        _read_what_themes_share(root)
        self._wear(dark)
        usual = font.nametofont("TkDefaultFont", root)
        self._family = str(usual.actual("family"))
        # A size below zero is in pixels, as some systems give it: then in points, after the screen's own measure.
        size = int(usual.cget("size"))
        self._size = size if size > 0 else round(-size * 72 / root.winfo_fpixels("1i")) or 10
        for name in (TEXT, BOLD, ITALIC, SMALL):
            root.tk.call("font", "create", name, "-family", self._family)  # a font.Font would end with its object
        self._shared = _shared_fonts(root)
        self.resize(larger)
        # When Tk next has nothing to do it tells every window that exists of the theme: now the root alone, and there
        # sv-ttk hears it. Later all widgets would be measured and placed twice, in a tenth of the time of the start.
        root.winfo_id()  # brings it into existence
        root.update_idletasks()

    @property
    def palette(self) -> Palette:
        """The colours now."""
        return NIGHT if self.dark else DAY

    def switch(self, dark: bool) -> None:
        """Make it night, or day."""
        self._wear(dark)
        self._style_lists()

    def _wear(self, dark: bool) -> None:
        """Have sv-ttk draw by night, or by day."""
        self.dark = dark
        name = "dark" if dark else "light"
        if name not in self._read:
            self._root.tk.call("source", str(_SUN_VALLEY.with_name("theme") / f"{name}.tcl"))
            self._read.add(name)
        ttk.Style(self._root).theme_use(f"sun-valley-{name}")

    def dress_menu(self, menu: tk.Menu) -> None:
        """Give a menu our colours. (Windows and macOS draw menus themselves, and take no notice.)"""
        palette = self.palette
        menu.configure(
            background=palette.ground, foreground=palette.text, activebackground=palette.selection,
            activeforeground=palette.text, disabledforeground=palette.dim, selectcolor=palette.text,
            borderwidth=1, activeborderwidth=0, relief="solid",
        )  # fmt: skip

    def dress_choices(self, box: ttk.Combobox) -> None:
        """Give our colours to the list that a combobox opens."""
        palette = self.palette
        choices = f"{self._root.tk.call('ttk::combobox::PopdownWindow', box)}.f.l"
        self._root.tk.call(
            choices, "configure", "-background", palette.ground, "-foreground", palette.text,
            "-selectbackground", palette.selection, "-selectforeground", palette.text,
            "-highlightthickness", 0, "-font", TEXT,
        )  # fmt: skip

    def resize(self, larger: int) -> None:
        """Make all letters so many points larger than usual."""
        size = max(self._size + larger, 6)
        for name, weight, slant, smaller in (
            (TEXT, "normal", "roman", 0),
            (BOLD, "bold", "roman", 0),
            (ITALIC, "normal", "italic", 0),
            (SMALL, "normal", "roman", 2),
        ):
            font.nametofont(name, self._root).configure(size=max(size - smaller, 6), weight=weight, slant=slant)  # type: ignore[arg-type]
        for name in self._shared:
            font.nametofont(name, self._root).configure(family=self._family, size=size)
        self._style_lists()

    def _style_lists(self) -> None:
        """A list of names is a tree without branches; its rows don't grow with their letters by themselves."""
        style = ttk.Style(self._root)
        # Above them is a line of text, and no button.
        style.layout("People.Treeview.Heading", [("Treeheading.padding", {"children": [("Treeheading.text", {})]})])
        air = (0, self.line_height // 4)
        style.configure("People.Treeview.Heading", font=SMALL, foreground=self.palette.dim, padding=air)
        style.layout("People.Treeview.Item", [("Treeitem.padding", {"children": [("Treeitem.text", {})]})])
        style.configure("People.Treeview", rowheight=self.line_height * 3 // 2, padding=(self.line_height // 3, 0))

    @property
    def line_height(self) -> int:
        """Pixels from one line of the conversation to the next."""
        return int(font.nametofont(TEXT, self._root).metrics("linespace"))


def _read_what_themes_share(root: tk.Tk) -> None:
    """Read sv-ttk's fonts, and what it does when the theme changes; and leave out the lines that read its themes."""
    lines = _SUN_VALLEY.read_text(encoding="utf-8").splitlines()
    root.tk.eval("\n".join(line for line in lines if not line.startswith("source ")))


def show_if_needed(scrollbar: ttk.Scrollbar, first: float | str, last: float | str) -> None:
    """Show a scrollbar where only a part can be seen: from `first` to `last`, as fractions."""
    if float(first) <= 0 and float(last) >= 1:
        scrollbar.grid_remove()
    else:
        scrollbar.grid()


def _shared_fonts(root: tk.Tk) -> list[str]:
    """The fonts of buttons, entries, labels and menus."""
    ours = ("SunValleyBodyFont", "SunValleyBodyStrongFont", "TkDefaultFont", "TkTextFont", "TkMenuFont")
    return [name for name in font.names(root) if name in ours]


def make_sharp() -> None:
    """Before the first window: tell Windows that we draw for the screen as it is. Or it blows up what we draw small."""
    if sys.platform == "win32":
        import ctypes

        try:
            ctypes.windll.shcore.SetProcessDpiAwareness(1)
        except (AttributeError, OSError):
            pass  # before Windows 8.1
