"""How the window's parts look: by day and by night, small and large, on every screen.

ttk's theme `clam` is the same on Windows, macOS and Linux, and draws with lines and colours. Ours is made of its parts,
in our colours and flat. There are no pictures in it: everything is sharp on every screen and grows with the letters,
which are measured in points. And the window is there sooner: theme packages like sv-ttk have a picture for each part in
each state; pictures don't grow, and on X11 Tk waits for more than four hundred answers before it has them all.

This module knows Tk, and nothing of the chat.
"""

import sys
import tkinter as tk
from tkinter import font, ttk
from typing import Any, NamedTuple


class Palette(NamedTuple):
    """The colours of the window. Text has a contrast of at least 4.5:1 on each of the grounds."""

    page: str  # what everything stands on
    ground: str  # what the conversation stands on, and what is typed
    own: str  # what we said stands on this
    private: str  # and what is between two people on this
    text: str
    dim: str  # notices, times
    link: str
    trouble: str
    selection: str
    edge: str  # round what can be used or read, when the keyboard is elsewhere
    button: str
    button_under_mouse: str
    button_pressed: str
    accent: str  # the button that leads on, and round what has the keyboard
    accent_under_mouse: str
    accent_pressed: str
    on_accent: str  # text there
    unusable: str  # text of what can't be used now
    thumb: str  # of a scrollbar

    @property
    def grounds(self) -> tuple[str, ...]:
        """Everything that a name can stand on."""
        return self.ground, self.own, self.private


DAY = Palette(
    page="#f6f7f8",
    ground="#ffffff",
    own="#eaf2fb",
    private="#f6ecf9",
    text="#1b1b1b",
    dim="#5f6368",
    link="#0a58b5",
    trouble="#b3261e",
    selection="#b9d7f5",
    edge="#d4d8dc",
    button="#ffffff",
    button_under_mouse="#edf1f5",
    button_pressed="#dfe5eb",
    accent="#0a63c2",
    accent_under_mouse="#0955a6",
    accent_pressed="#07468a",
    on_accent="#ffffff",
    unusable="#93989d",
    thumb="#c2c7cc",
)
NIGHT = Palette(
    page="#18191b",
    ground="#1f2123",
    own="#22303f",
    private="#35263b",
    text="#ececec",
    dim="#a3a8ad",
    link="#7fb8ff",
    trouble="#ff9a8f",
    selection="#37577a",
    edge="#3a3e43",
    button="#2a2d30",
    button_under_mouse="#34383c",
    button_pressed="#3f4449",
    accent="#66b2ff",
    accent_under_mouse="#85c2ff",
    accent_pressed="#a3d1ff",
    on_accent="#0b1a2b",
    unusable="#74797e",
    thumb="#53585e",
)

# The fonts of the conversation; those of buttons, entries, labels and menus are Tk's own, in our size.
TEXT, BOLD, ITALIC, SMALL = "ChatText", "ChatBold", "ChatItalic", "ChatSmall"
_SHARED = ("TkDefaultFont", "TkTextFont", "TkMenuFont")

_NAME = "chat"
# A part of a widget: its name, and how it lies in the part around it and what lies in it.
_Part = tuple[str, Any]


class Theme:
    """The look of one window."""

    def __init__(self, root: tk.Tk, dark: bool, larger: int) -> None:
        self._root = root
        usual = font.nametofont("TkDefaultFont", root)
        self._family = str(usual.actual("family"))
        # A size below zero is in pixels, as some systems give it: then in points, after the screen's own measure.
        size = int(usual.cget("size"))
        self._size = size if size > 0 else round(-size * 72 / root.winfo_fpixels("1i")) or 10
        for name in (TEXT, BOLD, ITALIC, SMALL):
            root.tk.call("font", "create", name, "-family", self._family)  # a font.Font would end with its object
        self._style = ttk.Style(root)
        self._style.theme_create(_NAME, "clam")
        self._style.theme_use(_NAME)
        self._lay_out()
        self.switch(dark)
        self.resize(larger)
        # When Tk next has nothing to do it tells every widget of the theme. Now there are none; later each would be
        # measured and placed twice.
        root.update_idletasks()

    @property
    def palette(self) -> Palette:
        """The colours now."""
        return NIGHT if self.dark else DAY

    def switch(self, dark: bool) -> None:
        """Make it night, or day."""
        self.dark = dark
        palette = self.palette
        self._root.configure(background=palette.page)
        self._colour_everything(palette)
        self._colour_buttons(palette)
        self._colour_entries(palette)
        self._colour_lists(palette)

    def _lay_out(self) -> None:
        """Say what the parts are made of, where it isn't what clam makes them of, and how much room is in them."""
        style = self._style
        # No dashes round the label: the edge shows where the keyboard is.
        label: _Part = ("Button.padding", {"sticky": "nsew", "children": [("Button.label", {"sticky": "nsew"})]})
        border: _Part = ("Button.border", {"sticky": "nsew", "border": 1, "children": [label]})
        for button in ("TButton", "TMenubutton"):
            style.layout(button, [border])
            style.configure(button, padding=("8p", "2p"), anchor="center", relief="raised")
        # The arrow of a menu, because that of a combobox has a box round it.
        arrow: _Part = ("Menubutton.indicator", {"side": "right", "sticky": "ns"})
        text: _Part = ("Combobox.padding", {"sticky": "nsew", "children": [("Combobox.textarea", {"sticky": "nsew"})]})
        style.layout("TCombobox", [("Entry.field", {"sticky": "nsew", "children": [arrow, text]})])
        style.configure("ComboboxPopdownFrame", relief="solid", borderwidth=1)
        for entry in ("TEntry", "TCombobox"):
            style.configure(entry, padding=("5p", "2p"), insertwidth=1)
        thumb: _Part = ("Vertical.Scrollbar.thumb", {"expand": True})
        style.layout("Vertical.TScrollbar", [("Vertical.Scrollbar.trough", {"sticky": "ns", "children": [thumb]})])
        style.configure("Vertical.TScrollbar", gripcount=0)
        # Above a list of names is a line of text, and no button.
        style.layout("People.Treeview.Heading", [("Treeheading.padding", {"children": [("Treeheading.text", {})]})])
        # It is a tree without branches.
        style.layout("People.Treeview.Item", [("Treeitem.padding", {"children": [("Treeitem.text", {})]})])

    def _colour_everything(self, palette: Palette) -> None:
        """What holds for each part, unless it is said otherwise. A bevel in the colour of its ground isn't seen."""
        self._style.configure(
            ".", background=palette.page, foreground=palette.text, font="TkDefaultFont", troughcolor=palette.page,
            bordercolor=palette.edge, lightcolor=palette.page, darkcolor=palette.page,
            selectbackground=palette.selection, selectforeground=palette.text, insertcolor=palette.text,
        )  # fmt: skip
        self._style.map(".", foreground=[("disabled", palette.unusable)])
        self._style.configure("TProgressbar", background=palette.accent, troughcolor=palette.edge)
        self._style.configure("TProgressbar", lightcolor=palette.accent, darkcolor=palette.accent)

    def _colour_buttons(self, palette: Palette) -> None:
        by_state = (("pressed", palette.button_pressed), ("active", palette.button_under_mouse))
        for button in ("TButton", "TMenubutton"):
            self._fill(button, palette.button, [("disabled", palette.page), *by_state])
            self._style.map(button, bordercolor=[("focus", palette.accent)])
        by_state = (("pressed", palette.accent_pressed), ("active", palette.accent_under_mouse))
        self._fill("Accent.TButton", palette.accent, [("disabled", palette.page), *by_state])
        self._style.configure("Accent.TButton", foreground=palette.on_accent, bordercolor=palette.accent)
        # Round a button that is filled with the accent, another colour shows that the keyboard is there.
        self._style.map("Accent.TButton", bordercolor=[("disabled", palette.edge), ("focus", palette.text)])
        self._fill("TScrollbar", palette.thumb, [("pressed", palette.dim), ("active", palette.dim)])
        self._style.configure("TScrollbar", bordercolor=palette.ground, troughcolor=palette.ground)

    def _fill(self, part: str, ground: str, by_state: list[tuple[str, str]]) -> None:
        """Give a part a ground, and a bevel that can't be told from it."""
        self._style.configure(part, background=ground, lightcolor=ground, darkcolor=ground)
        self._style.map(part, background=by_state, lightcolor=by_state, darkcolor=by_state)

    def _colour_entries(self, palette: Palette) -> None:
        for entry in ("TEntry", "TCombobox"):
            self._style.configure(entry, fieldbackground=palette.ground, lightcolor=palette.ground)
            self._style.map(
                entry,
                fieldbackground=[("disabled", palette.page)],
                bordercolor=[("disabled", palette.edge), ("focus", palette.accent)],
                lightcolor=[("disabled", palette.page), ("focus", palette.accent)],
            )
        self._style.configure("TCombobox", arrowcolor=palette.dim)
        self._style.map("TCombobox", arrowcolor=[("disabled", palette.edge)])

    def _colour_lists(self, palette: Palette) -> None:
        self._style.configure("Treeview", background=palette.ground, fieldbackground=palette.ground)
        self._style.configure("Treeview", lightcolor=palette.ground)
        self._style.map(
            "Treeview",
            background=[("selected", palette.selection)],
            foreground=[("selected", palette.text)],
            bordercolor=[("focus", palette.accent)],
            lightcolor=[("focus", palette.accent)],
        )
        self._style.configure("People.Treeview.Heading", foreground=palette.dim)
        self._style.configure("People.Treeview.Heading", background=palette.ground)

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
        for name in _SHARED:
            font.nametofont(name, self._root).configure(family=self._family, size=size)
        # What is measured in pixels, and has to grow with the letters.
        height = self.line_height
        self._style.configure("People.Treeview.Heading", font=SMALL, padding=(0, height // 4))
        self._style.configure("People.Treeview", rowheight=height * 3 // 2, padding=(height // 3, 0))
        self._style.configure("TScrollbar", arrowsize=height // 2)
        self._style.configure("TCombobox", arrowsize=height // 4)

    @property
    def line_height(self) -> int:
        """Pixels from one line of the conversation to the next."""
        return int(font.nametofont(TEXT, self._root).metrics("linespace"))


def show_if_needed(scrollbar: ttk.Scrollbar, first: float | str, last: float | str) -> None:
    """Show a scrollbar where only a part can be seen: from `first` to `last`, as fractions."""
    if float(first) <= 0 and float(last) >= 1:
        scrollbar.grid_remove()
    else:
        scrollbar.grid()


def make_sharp() -> None:
    """Before the first window: tell Windows that we draw for the screen as it is. Or it blows up what we draw small."""
    if sys.platform == "win32":
        import ctypes

        try:
            ctypes.windll.shcore.SetProcessDpiAwareness(1)
        except (AttributeError, OSError):
            pass  # before Windows 8.1
