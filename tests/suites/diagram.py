"""Draws a conversation as a sequence diagram: a column for each who takes part, time running down.

`draw_text` is for a terminal, `draw_svg` for a page. Both take what happened as a list of events, in the order
in which it happened, and mark those that are at fault. Knows nothing of sockets, checks or notebooks.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import atan2, degrees

SERVER = "server"  # the one who stands in the middle, since everybody talks to it
PAUSE = 0.5  # seconds without an event that are worth a gap in the picture


@dataclass(frozen=True)
class Message:
    """What travelled from one to another: a line, or any bytes, written as text. `at` counts seconds."""

    at: float
    sender: str
    receiver: str
    text: str
    fault: bool = False

    @property
    def parties(self) -> tuple[str, ...]:
        """The columns that take part."""
        return self.sender, self.receiver


@dataclass(frozen=True)
class Remark:
    """What one column does or sees alone: it closes, it waits in vain."""

    at: float
    who: str
    text: str
    fault: bool = False

    @property
    def parties(self) -> tuple[str, ...]:
        """The columns that take part."""
        return (self.who,)


Event = Message | Remark


def in_order(events: Iterable[Event], columns: Sequence[str] = ()) -> list[str]:
    """List the columns: those that are given, then the others as they appear, around the server."""
    names = list(dict.fromkeys([*columns, *(name for event in events for name in event.parties)]))
    return names if SERVER in columns else around_the_server(names)


def around_the_server(names: Sequence[str]) -> list[str]:
    """Put the server in the middle, if it is there."""
    others = [name for name in names if name != SERVER]
    middle = (len(others) + 1) // 2
    return [*others[:middle], *[SERVER] * (SERVER in names), *others[middle:]]


def pauses(events: Sequence[Event]) -> list[bool]:
    """Say for each event whether much time has passed since the one before."""
    return [False, *(after.at - before.at >= PAUSE for before, after in pairwise(events))][: len(events)]


def shown(text: str, plain: bool = False) -> str:
    """Write a text so that nothing in it is invisible: a newline as ⏎, what can't be printed as an escape."""
    if plain:
        text = text.replace("\n", "\\n").encode("ascii", "backslashreplace").decode("ascii")
    return "".join(char if char.isprintable() else "⏎" if char == "\n" else ascii(char)[1:-1] for char in text)


def cells(text: str) -> int:
    """Count the cells of a terminal that a text takes: two for a wide letter, none for an accent on its own."""
    return sum(map(cells_of, text))


def cells_of(char: str) -> int:
    """Count the cells of one character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, room: int, more: str = "…") -> str:
    """Cut a text to the cells that there are, and show that it was cut."""
    if cells(text) <= room:
        return text
    kept, taken = 0, cells(more)
    while kept < len(text) and (taken := taken + cells_of(text[kept])) <= room:
        kept += 1
    return (text[:kept] + more)[: max(room, 0)]


# Text.


@dataclass(frozen=True)
class Pen:
    """The characters that a picture in text is drawn with."""

    life: str = "│"
    pause: str = "┊"
    dash: str = "─"
    crossing: str = "┼"
    starts_right: str = "├"
    starts_left: str = "┤"
    right: str = "►"
    left: str = "◄"
    spot: str = "●"
    fault: str = "✗"
    more: str = "…"


LINES = Pen()
ASCII = Pen("|", ":", "-", "+", "|", "|", ">", "<", "*", "!", "...")

GUTTER = 11  # cells on the left, for the mark of a fault and the time
NARROW = 14  # cells between two columns: fewer could not show what is said
WIDE = 46


def draw_text(events: Sequence[Event], columns: Sequence[str] = (), width: int = 100, plain: bool = False) -> str:
    """Draw the conversation with the characters of a terminal; `plain`: with those of ASCII alone.

    Where there are more columns than the width can hold, those are drawn that took part last.
    """
    pen = ASCII if plain else LINES
    names = those_that_fit(events, in_order(events, columns), width)
    drawn = [event for event in events if set(event.parties) <= set(names)]
    if not names:
        return ""
    places = dict(zip(names, spread(drawn, names, width, plain), strict=True))
    rows = [heads(places, width, plain), row(places, pen.life, width)]
    for event, pause in zip(drawn, pauses(drawn), strict=True):
        rows += [row(places, pen.pause, width)] * pause + [event_row(event, places, width, pen, plain)]
    text = "\n".join("".join(line).rstrip() for line in rows)
    left_out = len(events) - len(drawn)
    what = "1 line of others is" if left_out == 1 else f"{left_out} lines of others are"
    return text + f"\n({what} left out)" * (left_out > 0)


def those_that_fit(events: Sequence[Event], names: list[str], width: int) -> list[str]:
    """Choose the columns to draw: all, or, where that is too many, the last that took part."""
    most = 1 + max(1, (width - GUTTER - NARROW) // NARROW)
    if len(names) <= most:
        return names
    faults = [event for event in events if event.fault]
    wanted = [name for event in [*faults, *reversed(events)] for name in event.parties]
    chosen = list(dict.fromkeys([*[SERVER] * (SERVER in names), *wanted]))[:most]
    return around_the_server([name for name in names if name in chosen])


def spread(events: Sequence[Event], names: list[str], width: int, plain: bool) -> list[int]:
    """Find a place for each column, in cells from the left, so that what is said between them can be read."""
    number = {name: index for index, name in enumerate(names)}
    gaps = [max(NARROW, (cells(a) + cells(b)) // 2 + 2) for a, b in pairwise(names)]
    tail = (cells(names[-1]) + 1) // 2
    for event in events:
        first, last = min(number[name] for name in event.parties), max(number[name] for name in event.parties)
        needed = cells(shown(event.text, plain)) + 7
        for index in range(first, last):
            gaps[index] = max(gaps[index], min(WIDE, needed // (last - first)))
        if isinstance(event, Remark) and first < len(gaps):
            gaps[first] = max(gaps[first], min(WIDE // 2, needed))
        elif isinstance(event, Remark):
            tail = max(tail, min(WIDE // 2, needed - 4))
    start = GUTTER + (cells(names[0]) + 1) // 2
    excess = start + sum(gaps) + tail - width
    while excess > 0 and max(gaps, default=0) > NARROW:
        gaps[gaps.index(max(gaps))] -= 1
        excess -= 1
    return [start + sum(gaps[:index]) for index in range(len(names))]


def row(places: dict[str, int], life: str, width: int) -> list[str]:
    """Return a line in which nothing happens, a string for each cell."""
    line = [" "] * width
    for place in places.values():
        write(line, place, life)
    return line


def write(line: list[str], place: int, text: str) -> None:
    """Write a text over a line; what would go beyond its end is lost."""
    for char in text:
        wide = cells_of(char)
        if wide == 0 and 0 < place <= len(line):
            line[place - 1] += char
        elif place >= 0 and place + wide <= len(line):
            line[place : place + wide] = [char, *[""] * (wide - 1)]
        place += wide


def heads(places: dict[str, int], width: int, plain: bool) -> list[str]:
    """Return the line with the columns' names."""
    line = [" "] * width
    names = list(places)
    for index, name in enumerate(names):
        room = places[names[index + 1]] - places[name] - 1 if index + 1 < len(names) else width - places[name] + 8
        text = cut(shown(name, plain), max(room, 4))
        write(line, min(places[name] - (cells(text) - 1) // 2, width - cells(text)), text)
    return line


def event_row(event: Event, places: dict[str, int], width: int, pen: Pen, plain: bool) -> list[str]:
    """Return the line of one event."""
    line = row(places, pen.life, width)
    write(line, 0, f"{pen.fault if event.fault else ' '} {event.at:7.3f}")
    text = shown(event.text, plain)
    if isinstance(event, Message) and event.sender != event.receiver:
        write_arrow(line, places[event.sender], places[event.receiver], text, pen)
    else:
        write_remark(line, places[event.parties[0]], text, pen)
    return line


def write_arrow(line: list[str], start: int, end: int, text: str, pen: Pen) -> None:
    """Write an arrow from one column to another, with what it carries in its middle."""
    first, last = sorted((start, end))
    for place in range(first + 1, last):
        line[place] = pen.crossing if line[place] == pen.life else pen.dash
    line[start] = pen.starts_right if start < end else pen.starts_left
    line[end + (-1 if start < end else 1)] = pen.right if start < end else pen.left
    label = f" {cut(text, last - first - 6, pen.more)} "
    write(line, first + 1 + (last - first - 1 - cells(label)) // 2, label)


def write_remark(line: list[str], place: int, text: str, pen: Pen) -> None:
    """Write what one column does beside it: to the right, or to the left where there is more room for it."""
    line[place] = pen.spot
    right, left = len(line) - place - 3, place - GUTTER - 2
    if cells(text) <= right or right >= left:
        write(line, place + 1, f" {cut(text, right, pen.more)} ")
    else:
        label = cut(text, left, pen.more)
        write(line, place - 2 - cells(label), f" {label} ")


# SVG.

MARGIN = 20  # pixels, like all that follows
TIME = 64  # the room for the time, on the left
HEAD = 68  # the room for title and names, on top
TITLE = 28  # the title's part of it
STEP = 34  # from one event to the next
SLOPE = 9  # how much lower an arrow ends than it starts: it takes its time
LETTER = 7.25  # the width of a letter of the monospaced font, at this size
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

LIGHT = {
    "paper": "#ffffff",
    "edge": "#d5dae1",
    "ink": "#1c2733",
    "soft": "#6b7785",
    "life": "#aab4c0",
    "head": "#eaf1fb",
    "wire": "#2563b0",
    "fault": "#c81e1e",
    "blush": "#fdecec",
}
DARK = {
    "paper": "#161b22",
    "edge": "#30363d",
    "ink": "#e6edf3",
    "soft": "#93a0ae",
    "life": "#56616d",
    "head": "#22344d",
    "wire": "#79b8ff",
    "fault": "#ff8078",
    "blush": "#43201f",
}


def draw_svg(events: Sequence[Event], columns: Sequence[str] = (), title: str = "") -> str:
    """Draw the conversation as an SVG: on paper of its own, light or dark as the reader likes it.

    Its alternative text tells the same in words. There are no ids, so that one page can show many.
    """
    names = in_order(events, columns)
    places, width = spread_in_pixels(events, names)
    top = HEAD if title else HEAD - TITLE
    heights = [top + down for down in heights_of(events)]
    bottom = max(heights, default=top) + STEP - SLOPE
    height = bottom + MARGIN // 2
    about = escape(title or "A conversation")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chat-diagram" role="img" aria-label="{about}" width="{width}"',
        f' height="{height}" viewBox="0 0 {width} {height}" style="max-width:100%;height:auto" font-family="{FONT}"',
        ' font-size="12">',
        f"<title>{about}</title>",
        f"<desc>{escape(in_words(events))}</desc>",
        f"<style>{dark_style()}</style>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" {paint("paper", "edge")}/>',
    ]
    if title:
        parts.append(f'<text x="{MARGIN}" y="27" font-size="13" font-weight="bold" {paint("ink")}>{about}</text>')
    for event, down in zip(events, heights, strict=True):
        if event.fault:
            box = f'x="6" y="{down - STEP // 2}" width="{width - 12}" height="{STEP}" rx="6"'
            parts.append(f"<rect {box} {paint('blush')}/>")
    for name in names:
        x = places[name]
        parts += [f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" {paint("none", "life")}/>', head(name, x, top)]
    for event, down in zip(events, heights, strict=True):
        parts += event_parts(event, places, down, width)
    return "\n".join([*parts, "</svg>"]) + "\n"


def spread_in_pixels(events: Sequence[Event], names: Sequence[str]) -> tuple[dict[str, int], int]:
    """Find a place for each column, and the width of the whole."""
    number = {name: index for index, name in enumerate(names)}
    gaps = [120] * max(len(names) - 1, 0)
    tail = 60
    for event in events:
        first, last = min(number[name] for name in event.parties), max(number[name] for name in event.parties)
        needed = int(cells(shown(event.text)) * LETTER) + 44
        for index in range(first, last):
            gaps[index] = max(gaps[index], min(300, needed // (last - first)))
        if first == last and first < len(gaps):
            gaps[first] = max(gaps[first], min(240, needed))
        elif first == last:
            tail = max(tail, min(300, needed))
    start = MARGIN + TIME + 50
    places = {name: start + sum(gaps[:index]) for index, name in enumerate(names)}
    return places, start + sum(gaps) + tail + MARGIN


def heights_of(events: Sequence[Event]) -> Iterator[int]:
    """Say how far down each event stands; a pause takes some room as well."""
    down = -4
    for pause in pauses(events):
        down += STEP + (STEP // 2) * pause
        yield down


def paint(fill: str, stroke: str = "none", width: float = 1.5) -> str:
    """Return the attributes for these colours: the light ones, and classes by which the dark ones are found."""
    return (
        f'class="fill-{fill} stroke-{stroke}" fill="{LIGHT.get(fill, "none")}" stroke="{LIGHT.get(stroke, "none")}"'
        f' stroke-width="{width}"'
    )


def dark_style() -> str:
    """Return the rules that put the dark colours in place of the light ones."""
    uses = [(use, name) for name in DARK for use in ("fill", "stroke")]
    rules = [f".chat-diagram .{use}-{name} {{ {use}: {DARK[name]}; }}" for use, name in uses]
    return f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"


def head(name: str, place: int, bottom: int) -> str:
    """Draw a column's name in its box."""
    text = cut(shown(name), 16)
    wide = max(64, int(cells(text) * LETTER) + 24)
    return (
        f'<rect x="{place - wide / 2}" y="{bottom - 24}" width="{wide}" height="24" rx="6" {paint("head", "life", 1)}/>'
        f'<text x="{place}" y="{bottom - 8}" text-anchor="middle" {paint("ink")}>{escape(text)}</text>'
    )


def event_parts(event: Event, places: dict[str, int], down: int, width: int) -> list[str]:
    """Draw one event: its time, then its arrow or its remark."""
    colour = "fault" if event.fault else "wire"
    mark = "✗ " if event.fault else ""
    time = f"{mark}{event.at:.3f}"
    soft = paint("fault" if event.fault else "soft", width=0)
    parts = [f'<text x="{MARGIN + TIME}" y="{down + 4}" font-size="11" text-anchor="end" {soft}>{time}</text>']
    if isinstance(event, Message) and event.sender != event.receiver:
        return parts + arrow(places[event.sender], places[event.receiver], down, shown(event.text), colour)
    return parts + remark(places[event.parties[0]], down, shown(event.text), colour, width)


def arrow(start: int, end: int, down: int, text: str, colour: str) -> list[str]:
    """Draw an arrow that ends a little lower than it starts, and what it carries along it."""
    top, bottom = down - SLOPE / 2, down + SLOPE / 2
    towards = 1 if start < end else -1
    tip, back = end - 2 * towards, end - 11 * towards
    angle = degrees(atan2(SLOPE, end - start)) if towards > 0 else degrees(atan2(-SLOPE, start - end))
    turned = f'transform="rotate({angle:.2f} {(start + end) / 2} {down})"'
    label = cut(text, int((abs(end - start) - 30) / LETTER))
    ink, paper = ("fault", "blush") if colour == "fault" else ("ink", "paper")
    return [
        f'<line x1="{start}" y1="{top}" x2="{back}" y2="{bottom}" {paint("none", colour)}/>',
        f'<polygon points="{tip},{bottom} {back},{bottom - 4.5} {back},{bottom + 4.5}" {paint(colour, width=0)}/>',
        f'<text x="{(start + end) / 2}" y="{down - 5}" text-anchor="middle" {turned} {paint(ink, paper, 4)}'
        f' paint-order="stroke">{escape(label)}</text>',
    ]


def remark(place: int, down: int, text: str, colour: str, width: int) -> list[str]:
    """Draw a dot on the column, and beside it what happens there, on paper of its own."""
    label = cut(text, int((width - place - 30) / LETTER))
    ink = "fault" if colour == "fault" else "soft"
    back = "blush" if colour == "fault" else "paper"
    box = f'x="{place + 9}" y="{down - 9}" width="{cells(label) * LETTER + 6:.0f}" height="18"'
    return [
        f"<rect {box} {paint(back, width=0)}/>",
        f'<circle cx="{place}" cy="{down}" r="4" {paint(colour, width=0)}/>',
        f'<text x="{place + 12}" y="{down + 4}" font-style="italic" {paint(ink, width=0)}>{escape(label)}</text>',
    ]


def in_words(events: Iterable[Event]) -> str:
    """Tell the conversation, for somebody who can't see the picture."""
    return "\n".join(
        f"{event.at:.3f} s: {' to '.join(event.parties)}: {shown(event.text)}{' (here it goes wrong)' * event.fault}"
        for event in events
    )
