"""The conversation, drawn in a Tk text.

Every entry is one line of the text, "alice: hello", whatever it looks like: a name that stood above already is there
and not shown (Tk elides it), so that what is copied says who said it. The times stand beside the text, on a canvas
that is drawn anew when the text moves, and aren't copied.

On the screen is a piece of the model's transcript, at most ON_SCREEN entries. At its upper end older ones come when
the reader scrolls there, at its lower end newer ones; what is too much goes at the other end. So the window's memory,
and the time that Tk needs for a line, don't grow with the day.

What Tk can't do: it has no bidirectional algorithm of its own on X11, where right-to-left text is shown as Xft shapes
it, letter by letter on old versions; emoji are in colour on macOS, and on Linux from libXft 2.3.5 on. An older libXft
can't draw colour emoji at all: the X server answers with an error (BadLength) that ends the program. So there, and
only there, what lies beyond the Basic Multilingual Plane is shown as a replacement character; see `drawable`.

This module knows Tk and the model's entries, and nothing of connections.
"""

import contextlib
import functools
import re
import time
import tkinter as tk
from collections.abc import Callable, Iterable, Iterator, Mapping
from tkinter import font, ttk

from . import theme
from .colours import HUES, hue_of, readable
from .model import Entry, Fate, Kind, Transcript, Unacknowledged
from .theme import Theme

ON_SCREEN = 5000
# How many entries come at an end of the screen, and go at the other.
PAGE = 500
# How many are drawn in one go: a few milliseconds.
STROKE = 40

_LINK = re.compile(r"https?://[^\s<>\"“”]*[^\s<>\"“”.,;:!?)\]'’]")


class TranscriptView(tk.Frame):
    """The conversation, its times, its scrollbar, and the button that leads down to what is new."""

    def __init__(
        self,
        parent: tk.Misc,
        look: Theme,
        transcript: Transcript,
        open_link: Callable[[str], None],
        say_again: Callable[[str], None],
        drop: Callable[[str], None],
    ) -> None:
        super().__init__(parent, highlightthickness=1)
        self._look = look
        self._transcript = transcript
        self._open_link = open_link
        self._say_again = say_again
        self._drop = drop
        # The numbers of the first entry on the screen and of the one that would come next.
        self._top = self._bottom = transcript.end
        # What is shown below them.
        self._pale: dict[str, Unacknowledged] = {}
        # Whether the end is in sight, and should stay so; the end of what was when it last was.
        self._following = True
        self._read = transcript.end
        # What stood at the top when we last went to the end.
        self._place = "1.0"
        # The end of the transcript when we last looked: the screen reached to the end if it reached there.
        self._end_before = transcript.end
        self._gutter_is_due = False
        self._has_keyboard = False
        self._make()
        self.restyle()

    def _make(self) -> None:
        self.times = tk.Canvas(self, highlightthickness=0, borderwidth=0, takefocus=False)
        self.text = tk.Text(
            self, width=44, height=8, wrap="word", state="disabled", cursor="arrow", borderwidth=0, relief="flat",
            takefocus=True,  # or Tab would pass it by, because it is disabled: it can be scrolled and copied from
            highlightthickness=0, font=theme.TEXT, padx="4p", pady="3p",
        )  # fmt: skip
        self._scrollbar = ttk.Scrollbar(self, command=self.text.yview)
        self.text.configure(yscrollcommand=self._scrolled)
        self._down = ttk.Button(self, command=self.go_down, style="Accent.TButton")
        self._empty = tk.Label(self, text="What people say appears here.", font=theme.TEXT)
        self.columnconfigure(1, weight=1)
        self.rowconfigure(0, weight=1)
        self.times.grid(row=0, column=0, sticky="ns")
        self.text.grid(row=0, column=1, sticky="nsew")
        self._scrollbar.grid(row=0, column=2, sticky="ns")
        # Its place is kept when it isn't needed, or the lines would wrap elsewhere without it, and need it again.
        self.columnconfigure(2, minsize=self._scrollbar.winfo_reqwidth())
        self.text.bind("<Configure>", lambda _event: self._follow())
        # Tk measures long texts bit by bit; when it is done, the end may be elsewhere.
        self.text.bind("<<WidgetViewSync>>", lambda _event: self._follow_what_was_measured())
        # Tk gives the keyboard only to a text that can be changed; what is selected here is to be copied.
        self.text.bind("<Button-1>", lambda _event: self.text.focus_set(), add=True)
        for wheel in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
            self.times.bind(wheel, self._pass_on)
        self.text.bind("<End>", lambda _event: self.go_down())
        self.text.bind("<Home>", lambda _event: self.text.yview_moveto(0))
        for key, lines in (("<Up>", -1), ("<Down>", 1)):  # Tk would move a cursor that nobody sees
            self.text.bind(key, lambda _event, lines=lines: self._scroll_lines(lines))  # type: ignore[misc]
        self.text.bind("<<NextWindow>>", lambda _event: self._aim_at_next())
        self.text.bind("<<PrevWindow>>", lambda _event: self._aim_at_last())
        self.text.bind("<Return>", lambda _event: self._do_what_is_aimed_at())
        self.text.bind("<FocusIn>", lambda _event: self._note_keyboard(True))
        self.text.bind("<FocusOut>", lambda _event: self._note_keyboard(False))
        self.text.tag_bind("active", "<ButtonRelease-1>", self._click)
        self.text.tag_bind("active", "<Enter>", lambda _event: self.text.configure(cursor="hand2"))
        self.text.tag_bind("active", "<Leave>", lambda _event: self.text.configure(cursor="arrow"))

    def restyle(self) -> None:
        """Take colours and sizes from the theme, which may have changed."""
        palette, text = self._look.palette, self.text
        self.configure(background=palette.ground)
        self._draw_edge()
        text.configure(
            background=palette.ground, foreground=palette.text, selectbackground=palette.selection,
            selectforeground=palette.text, inactiveselectbackground=palette.selection,
        )  # fmt: skip
        self.times.configure(background=palette.ground, width=self._times_width())
        self._empty.configure(background=palette.ground, foreground=palette.dim)
        for tag in ("said", "notice"):
            text.tag_configure(tag, lmargin1="2p", lmargin2="12p", rmargin="6p", spacing3="3p")
        text.tag_configure("own", background=palette.own)
        text.tag_configure("private", background=palette.private)
        text.tag_configure("notice", foreground=palette.dim, font=theme.ITALIC)
        text.tag_configure("group", spacing1="4p")
        text.tag_configure("continued", lmargin1="12p")
        text.tag_configure("hidden", elide=True)
        for hue in range(HUES):
            text.tag_configure(f"hue{hue}", foreground=readable(hue, palette.grounds), font=theme.BOLD)
        text.tag_configure("pale", foreground=palette.dim)
        text.tag_configure("why", foreground=palette.trouble, font=theme.ITALIC)
        text.tag_configure("active", foreground=palette.link, underline=True)
        text.tag_configure("aim", background=palette.link, foreground=palette.ground)
        for tag in ("active", "aim", "sel"):  # the later ones prevail
            text.tag_raise(tag)
        self._draw_times_soon()

    # Showing what is there

    def show(self, unacknowledged: Mapping[str, Unacknowledged], until: float) -> bool:
        """Draw what is new, until this moment (time.monotonic) at most. Returns whether there is more to draw."""
        self._look_where_we_are()
        if not self._following:
            self._go_on_at_the_ends()
        if self._bottom < self._transcript.end or self._top < self._transcript.first or unacknowledged != self._pale:
            with self._changing():
                self._forget()
                if self._following:
                    self._skip()
                while self._has_room and self._draw_newer() and time.monotonic() < until:
                    pass
                self._show_pale(unacknowledged)
            self._follow()
        self._show_what_is_new()
        self._show_whether_empty()
        return self._has_room and self._bottom < self._transcript.end

    @property
    def _has_room(self) -> bool:
        """Whether what is new is drawn: always at the end, and elsewhere until the screen is full."""
        return self._following or self._bottom - self._top < ON_SCREEN

    def go_down(self) -> None:
        """Go to the newest entry, and stay at the end."""
        self._following = True
        with self._changing():
            self._skip(PAGE)
            while self._draw_newer():
                pass
        self._follow()
        self._show_what_is_new()

    def scroll(self, pages: int) -> None:
        """Scroll by so many pages, up if the number is negative."""
        self.text.yview_scroll(pages, "pages")

    def _scroll_lines(self, lines: int) -> str:
        self.text.yview_scroll(lines, "units")
        return "break"

    def _look_where_we_are(self) -> None:
        """Find out whether the reader has scrolled: away from the end, or back to it.

        That the end isn't in sight proves nothing: Tk measures what is new bit by bit, and the end moves meanwhile.
        That what stands at the top is something earlier than before does: only the reader moves it there.
        """
        if self._following:
            self._following = self._is_at_end or self.text.compare("@0,0", ">=", self._place)
        else:
            self._following = self._is_at_end and self._bottom >= self._end_before
        self._end_before = self._transcript.end

    @property
    def _is_at_end(self) -> bool:
        return self.text.yview()[1] == 1.0

    def _follow(self) -> None:
        if self._following:
            self.text.see("end")
            self._place = self.text.index("@0,0")

    def _follow_what_was_measured(self) -> None:
        """Follow the end to where it is now, unless the reader has scrolled up while Tk was measuring."""
        if self._following:
            self._look_where_we_are()
            self._follow()

    def _show_what_is_new(self) -> None:
        count = self._transcript.end - self._read
        if self._following:
            self._read = self._transcript.end
        if self._following or not count:
            self._down.place_forget()
        else:
            self._down.configure(text=f"{count} new ↓")
            self._down.place(in_=self.text, relx=0.5, rely=1.0, y=-self._look.line_height // 2, anchor="s")

    def _show_whether_empty(self) -> None:
        is_empty = self._top == self._bottom and not self._pale
        if is_empty != self._empty.winfo_ismapped():
            if is_empty:
                self._empty.place(in_=self.text, relx=0.5, rely=0.45, anchor="center")
            else:
                self._empty.place_forget()

    # The piece that is on the screen

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Tk lets nobody change a disabled text, not even us; for the reader it stays disabled."""
        self.text.configure(state="normal")
        try:
            yield
        finally:
            self.text.configure(state="disabled")

    def _forget(self) -> None:
        """Take away what the model has forgotten."""
        gone = min(self._transcript.first, self._bottom) - self._top
        if gone > 0:
            self._delete(0, gone)
            self._top += gone
        self._top = max(self._top, self._transcript.first)
        self._bottom = max(self._bottom, self._top)

    def _skip(self, most: int = ON_SCREEN - PAGE) -> None:
        """When so much is new that it wouldn't stay on the screen, begin where it will."""
        if self._transcript.end - self._bottom > most:
            self._delete(0, self._bottom - self._top)
            self._top = self._bottom = self._transcript.end - most

    def _draw_newer(self) -> bool:
        """Draw a few entries below the others. Returns whether there were any."""
        entries = self._transcript.between(self._bottom, self._bottom + STROKE)
        self._insert(self._bottom - self._top, self._bottom, entries)
        self._bottom += len(entries)
        if self._bottom - self._top > ON_SCREEN and self._following:
            self._drop_oldest()
        return bool(entries)

    def _drop_oldest(self) -> None:
        surplus = self._bottom - self._top - (ON_SCREEN - PAGE)
        self._delete(0, surplus)
        self._top += surplus

    def _draw_older(self) -> None:
        """Draw a page above the others, and let what is in sight stay where it is."""
        start = max(self._top - PAGE, self._transcript.first)
        entries = self._transcript.between(start, self._top)
        if not entries:
            return
        with self._changing():
            self._insert(0, start, entries)
            self._top = start
            surplus = self._bottom - self._top - ON_SCREEN
            if surplus > 0:
                self._delete(self._bottom - self._top - surplus, surplus)
                self._bottom -= surplus
        self.text.yview(f"{len(entries) + 1}.0")

    def _delete(self, row: int, count: int) -> None:
        self.text.delete(f"{row + 1}.0", f"{row + count + 1}.0")

    def _insert(self, row: int, number: int, entries: list[Entry]) -> None:
        """Insert entries, the first of which has this number, as the rows from this one on."""
        parts: list[object] = []
        before = self._transcript.get(number - 1)
        for entry in entries:
            parts += _parts(entry, before)
            before = entry
        if parts:
            self.tk.call(self.text, "insert", f"{row + 1}.0", *parts)

    # What hasn't come back

    def _show_pale(self, unacknowledged: Mapping[str, Unacknowledged]) -> None:
        if unacknowledged == self._pale:
            return
        row = self._bottom - self._top
        self._delete(row, len(self._pale))
        self._pale = dict(unacknowledged)
        parts: list[object] = []
        for id, waiting in self._pale.items():
            parts += _pale_parts(id, waiting)
        if parts:
            self.tk.call(self.text, "insert", f"{row + 1}.0", *parts)
            self._following = True  # whoever says something wants to see it

    # What can be clicked, or reached with the keyboard: links, and what can be done about what wasn't said

    def _click(self, event: "tk.Event[tk.Text]") -> None:
        """Do it, unless the mouse was dragged: that is to select, or was thought better of."""
        if not self.text.tag_ranges("sel"):
            self._do(f"@{event.x},{event.y}")

    def _do(self, place: str) -> None:
        """Do what the words at this place stand for; most stand for nothing."""
        tags = self.text.tag_names(place)
        id = next((tag.removeprefix("id:") for tag in tags if tag.startswith("id:")), "")
        if "link" in tags:
            self._open_link(self.text.get(*self.text.tag_prevrange("link", f"{place} + 1 chars")))
        elif "again" in tags:
            self._say_again(id)
        elif "drop" in tags:
            self._drop(id)

    def _active_in_sight(self) -> Iterator[tuple[str, str]]:
        """Where what can be reached begins and ends, from top to bottom."""
        at, end = "@0,0", self.text.index(f"@{self.text.winfo_width()},{self.text.winfo_height()}")
        while place := self.text.tag_nextrange("active", at, end):
            yield place
            at = place[1]

    def _aim_at_next(self) -> str | None:
        """Tab: aim at the next thing in sight; after the last one, the keyboard goes on to another widget."""
        aim = self.text.tag_ranges("aim")
        return self._aim(next((p for p in self._active_in_sight() if not aim or self._is_before(aim[0], p[0])), None))

    def _aim_at_last(self) -> str | None:
        """Shift and Tab: the same, backwards."""
        aim = self.text.tag_ranges("aim")
        before = [p for p in self._active_in_sight() if aim and self._is_before(p[0], aim[0])]
        return self._aim(before[-1] if before else None)

    def _is_before(self, one: object, other: object) -> bool:
        return bool(self.text.compare(str(one), "<", str(other)))

    def _aim(self, place: tuple[str, str] | None) -> str | None:
        """Aim there, or at nothing. "break" tells Tk that nothing else is to follow from the key."""
        self.text.tag_remove("aim", "1.0", "end")
        if place is None:
            return None
        self.text.tag_add("aim", *place)
        return "break"

    def _do_what_is_aimed_at(self) -> None:
        aim = self.text.tag_ranges("aim")
        if aim:
            self._do(str(aim[0]))

    def _note_keyboard(self, is_here: bool) -> None:
        self._has_keyboard = is_here
        self._draw_edge()
        if not is_here:
            self._aim(None)

    def _draw_edge(self) -> None:
        """The edge shows whether the keyboard is here."""
        edge = self._look.palette.link if self._has_keyboard else self._look.palette.edge
        self.configure(highlightbackground=edge)

    # Scrolling, and the times

    def _scrolled(self, first: float | str, last: float | str) -> None:
        """Tk's news of what is in sight, as two fractions."""
        self._scrollbar.set(str(first), str(last))
        theme.show_if_needed(self._scrollbar, first, last)
        self._draw_times_soon()

    def _go_on_at_the_ends(self) -> None:
        """Where the reader has scrolled to an end of the screen and there is more, let it come."""
        first, last = self.text.yview()
        if first == 0.0:
            self._draw_older()
        elif last == 1.0 and self._bottom < self._transcript.end:
            self._draw_a_page_of_newer()

    def _draw_a_page_of_newer(self) -> None:
        """Draw a page below the others, in the place of what is far above."""
        with self._changing():
            for _ in range(-(-PAGE // STROKE)):
                self._draw_newer()
            if self._bottom - self._top > ON_SCREEN:
                self._drop_oldest()

    def _pass_on(self, event: "tk.Event[tk.Canvas]") -> None:
        """Turn the wheel over the times as if over the text."""
        if event.num in (4, 5):  # X11 takes the wheel for buttons
            self.text.event_generate(f"<Button-{event.num}>", x=1, y=event.y)
        else:
            self.text.event_generate("<MouseWheel>", delta=event.delta, x=1, y=event.y)

    def _draw_times_soon(self) -> None:
        if not self._gutter_is_due:
            self._gutter_is_due = True
            self.after_idle(self._draw_times)

    def _draw_times(self) -> None:
        """Write the time beside the first line of each group that is in sight."""
        self._gutter_is_due = False
        self.times.delete("all")
        ascent = self._ascent
        first = int(self.text.index("@0,0").partition(".")[0])
        last = int(self.text.index(f"@0,{self.text.winfo_height()}").partition(".")[0])
        for line in range(first, last + 1):
            number = self._top + line - 1
            entry = self._transcript.get(number) if number < self._bottom else None
            place = self.text.dlineinfo(f"{line}.0")
            before = self._transcript.get(number - 1)
            if entry and place and not entry.continues(before):
                self.times.create_text(
                    self._times_width() - 2, place[1] + place[4] - ascent, anchor="ne", text=_clock(entry, before),
                    font=theme.SMALL, fill=self._look.palette.dim,
                )  # fmt: skip

    @property
    def _ascent(self) -> int:
        return int(self.tk.call("font", "metrics", theme.SMALL, "-ascent"))

    def _times_width(self) -> int:
        return int(self.tk.call("font", "measure", theme.SMALL, "00 Mmm ")) + 4


# --- What a line is made of -------------------------------------------------------------------------------------------


def _parts(entry: Entry, before: Entry | None) -> Iterable[object]:
    """Return text and tags in turns, as Tk's insert takes them."""
    if entry.kind not in (Kind.SAID, Kind.PRIVATE):
        kind: tuple[str, ...] = ("notice",) if before and before.kind is entry.kind else ("notice", "group")
        return (drawable(entry.line) + "\n", kind)
    kind = ("said", "private") if entry.kind is Kind.PRIVATE else ("said", "own") if entry.own else ("said",)
    if entry.continues(before):
        kind = (*kind, "continued")
        head: tuple[str, ...] = (*kind, "hidden")
    else:
        kind = (*kind, "group")
        head = (*kind, f"hue{hue_of(entry.name)}")
    return (drawable(entry.head), head, *_linked(drawable(entry.text), kind), "\n", kind)


def _linked(text: str, kind: tuple[str, ...]) -> Iterable[object]:
    at = 0
    for match in _LINK.finditer(text):
        yield text[at : match.start()]
        yield kind
        yield match[0]
        yield (*kind, "active", "link")
        at = match.end()
    yield text[at:]
    yield kind


def _pale_parts(id: str, waiting: Unacknowledged) -> Iterable[object]:
    request, kind = waiting.request, ("said", "pale", "group")
    to = getattr(request, "to", "")
    yield drawable(f"→ {to}: {request.text}" if to else request.text)
    yield kind
    if waiting.fate is not Fate.WAITING:
        yield f"  not said: {waiting.why}"
        yield (*kind, "why")
        for words, tag in (("Send\u00a0again", "again"), ("Drop", "drop")):
            yield "  "
            yield kind
            yield words
            yield (*kind, "active", tag, f"id:{id}")
    yield "\n"
    yield kind


def _clock(entry: Entry, before: Entry | None) -> str:
    """The time of day; where another day begins, the day."""
    if not entry.time:
        return ""
    then = time.localtime(entry.time)
    day_before = time.localtime(before.time if before and before.time else None)  # None: today
    return time.strftime("%H:%M" if then[:3] == day_before[:3] else "%d %b", then)


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def drawable(text: str) -> str:
    """Return text that Tk can draw here without harm (see above)."""
    return text if text.isascii() or not _ASTRAL.search(text) or _draws_emoji() else _ASTRAL.sub("\ufffd", text)


@functools.cache
def _draws_emoji() -> bool:
    """Whether no colour font can end the program: there is none, or no libXft that is too old for one."""
    import ctypes  # late: most people never write what has to be asked for

    try:
        is_old = ctypes.CDLL("libXft.so.2").XftGetVersion() < 20305
    except (OSError, AttributeError):
        return True  # not X11
    return not (is_old and any("emoji" in family.lower() for family in font.families()))
