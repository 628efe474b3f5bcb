"""The pictures of 05_final.ipynb: a log with its readers, a conversation, and two measurements.

A picture carries the words for whoever can't see it: they are its description, and what stands in its place where
only text is shown. This module knows nothing of how anything was measured; measures.py does that.
"""

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "final")]

from chat.log import Log, Reader  # noqa: E402
from chat.protocol import Form  # noqa: E402
from measures import Heard  # noqa: E402
from suites.diagram import FONT, SERVER, Event, Message, cut, dark_style, draw_svg, draw_text, paint  # noqa: E402


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows, in words. A notebook shows it when it is the last thing in a cell."""

    kind: str  # image/svg+xml or image/png
    data: str | bytes
    words: str
    # Who said what to whom, if it is a conversation: what make.py compares.
    conversation: tuple[tuple[str, ...], ...] = ()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        more = {"conversation": self.conversation} if self.conversation else {self.kind: {"alt": self.words}}
        return {self.kind: self.data, "text/plain": self.words}, more


# The log and its readers.

MARGIN = 16  # pixels, like all that follows
BOX = 112  # an entry's width, with the gap after it
GAP = 8
TALL = 44
TOP = 60  # above the entries: their numbers, and the title
ROW = 18  # from one reader's name to the next below it
NAME = 48  # the room for the names of those who have everything
LETTERS = 14  # that fit into an entry


def draw_log(log: Log, readers: Mapping[str, Reader], title: str) -> Picture:
    """Draw the entries of a log side by side, those that were forgotten too, and each reader where it stands."""
    first = min([log.first, *(reader.position for reader in readers.values())])
    first = max(first, log.first - 1)  # of what is gone, one is enough to show that something is
    # What is left of the picture stands at its edge.
    places = {name: max(reader.position, first) for name, reader in readers.items()}
    rows = _rows(places)
    width = 2 * MARGIN + (log.end - first) * BOX + NAME
    height = TOP + TALL + 46 + ROW * max(rows.values(), default=0)
    words = _log_in_words(log, readers)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chat-diagram" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" style="max-width:100%;height:auto" font-family="{FONT}" font-size="12">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(words)}</desc>",
        f"<style>{dark_style()}</style>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" {paint("paper", "edge")}/>',
        f'<text x="{MARGIN}" y="25" font-size="13" font-weight="bold" {paint("ink", width=0)}>{escape(title)}</text>',
    ]
    for seq in range(first, log.end):
        parts += _entry(log, seq, MARGIN + (seq - first) * BOX)
    for name, reader in readers.items():
        parts += _cursor(name, reader, MARGIN + (places[name] - first) * BOX - GAP / 2, rows[name])
    return Picture("image/svg+xml", "\n".join([*parts, "</svg>"]), words)


def _rows(places: Mapping[str, int]) -> dict[str, int]:
    """Say how far down each name is written, from 0: those that stand at one place, one below the other."""
    names = list(places)
    return {name: [places[above] for above in names[:index]].count(places[name]) for index, name in enumerate(names)}


def _entry(log: Log, seq: int, x: float) -> list[str]:
    gone = seq < log.first
    text = f"up to {seq}: gone" if gone else cut(log.encoded(Form.PLAIN, seq).decode().rstrip("\n"), LETTERS)
    ink = paint("soft" if gone else "ink", width=0)
    dashes = ' stroke-dasharray="4 4"' if gone else ""
    middle = x + (BOX - GAP) / 2
    return [
        f'<rect x="{x}" y="{TOP}" width="{BOX - GAP}" height="{TALL}" rx="6"{dashes}'
        f" {paint('none' if gone else 'head', 'life')}/>",
        f'<text x="{middle}" y="{TOP - 9}" font-size="11" text-anchor="middle" {paint("soft", width=0)}>{seq}</text>',
        f'<text x="{middle}" y="{TOP + TALL / 2 + 4}" font-size="11" text-anchor="middle" {ink}>{escape(text)}</text>',
    ]


def _cursor(name: str, reader: Reader, x: float, row: int) -> list[str]:
    colour = "fault" if reader.fallen else "wire"
    bottom = TOP + TALL + 12
    write = f'font-weight="bold" {paint(colour, width=0)}'
    return [
        f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom + 4}" {paint("none", colour, 2)}/>',
        f'<polygon points="{x},{bottom - 4} {x - 5},{bottom + 6} {x + 5},{bottom + 6}" {paint(colour, width=0)}/>',
        f'<text x="{x - 4}" y="{bottom + 22 + ROW * row}" {write}>{escape(name)}</text>',
    ]


def _log_in_words(log: Log, readers: Mapping[str, Reader]) -> str:
    entries = f"entries {log.first} to {log.end - 1} are in the log" if log.end > log.first else "the log is empty"
    return "; ".join([entries, *(_reader_in_words(name, reader) for name, reader in readers.items())])


def _reader_in_words(name: str, reader: Reader) -> str:
    if reader.fallen:
        return f"{name} stands at {reader.position}, which is gone"
    return f"{name} has everything" if reader.done else f"{name} reads {reader.position} next"


# A conversation, line by line.


def draw_lines(events: Sequence[Event], title: str) -> Picture:
    """Draw what crossed the wire as a sequence diagram: each line an arrow, and JSON by what matters in it."""
    lines = [line for event in events for line in _lines(event)]
    began = min((line.at for line in lines), default=0.0)
    lines = [replace(line, at=line.at - began) for line in lines]
    conversation = tuple((*line.parties, line.text) for line in lines)
    return Picture("image/svg+xml", draw_svg(lines, title=title), draw_text(lines), conversation)


def _lines(event: Event) -> Iterator[Event]:
    if isinstance(event, Message):
        yield from (replace(event, text=in_short(line)) for line in event.text.splitlines())
    elif event.who != SERVER:  # that the server closes, too, is no news
        yield event


def in_short(line: str) -> str:
    """Write a message of the rich form so that it fits along an arrow; any other line as it is."""
    if not line.startswith("{"):
        return line
    fields = json.loads(line) | ({"token": "…"} if '"token"' in line else {})  # a secret, and too long to show
    parts = [f"{key}={fields[key]}" for key in ("seq", "since", "token", "id") if key in fields]
    parts += ["resumed"] * bool(fields.get("resumed"))
    parts += [fields["text"]] if "text" in fields else [fields["name"]] if fields["type"] in ("joined", "left") else []
    return " ".join([fields["type"], *parts])


# What was measured.

COLOURS = {"stage 04": "#c2410c", "final": "#2563b0", "the limit, in C": "#6b7785"}


HEARD = (
    "Lines heard over time. Stage 04: Bob's line goes flat while Carol doesn't read, and rises again when she does. "
    "final: Bob's line rises all the while; Carol's stays flat, and catches up with his when she reads again."
)
ROOMS = (
    "Deliveries a second against the number of listeners, both on logarithmic scales. Stage 04 stays far below final "
    "in rooms of every size. The limit, a server in C, lies about where final does, or above it, where it was measured."
)


def draw_heard(heard: Mapping[str, Heard]) -> Picture:
    """Draw, for each server, how many lines Bob and Carol have heard as time goes by."""
    figure, plots = _panels(len(heard))
    for plot, (server, curve) in zip(plots, heard.items(), strict=True):
        plot.axvspan(curve.stops, curve.goes_on, color="#e6eaf0", label="Carol doesn't read")
        plot.plot(curve.at, curve.bob, color=COLOURS[server], linewidth=2.5, label="Bob, who reads")
        plot.plot(curve.at, curve.carol, color="#111827", linewidth=1.2, linestyle="--", label="Carol")
        plot.set_title(server)
        plot.set_xlabel("seconds")
        plot.legend(loc="upper left", frameon=False, fontsize=8)
    plots[0].set_ylabel("lines heard")
    return _as_png(figure, HEARD)


def draw_rooms(speeds: Mapping[str, Mapping[int, float]]) -> Picture:
    """Draw, for each server, deliveries a second against the number of listeners."""
    figure, plots = _panels(1)
    for server, speed in speeds.items():
        plots[0].plot(list(speed), list(speed.values()), "o-", color=COLOURS[server], label=server)
    rooms = sorted({listeners for speed in speeds.values() for listeners in speed})
    plots[0].set_xscale("log")
    plots[0].set_yscale("log")
    plots[0].set_xticks(rooms, [str(number) for number in rooms])
    plots[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plots[0].minorticks_off()
    plots[0].yaxis.set_major_formatter("{x:,.0f}")
    plots[0].set_xlabel("listeners")
    plots[0].set_ylabel("deliveries a second")
    plots[0].grid(axis="y", color="#e6eaf0")
    plots[0].legend(frameon=False, fontsize=8)
    if not any("limit" in server for server in speeds):
        plots[0].set_title("without the limit: it needs a C compiler, and Linux", fontsize=8)
    return _as_png(figure, ROOMS)


def _panels(count: int) -> tuple[Figure, Sequence[Axes]]:
    """Return a white page, which can be read by day and by night, with so many plots side by side."""
    figure = Figure(figsize=(4.6 if count == 1 else 3.7 * count, 3.1), dpi=110, layout="constrained", facecolor="white")
    plots = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for plot in plots:
        plot.spines[["top", "right"]].set_visible(False)
    return figure, plots


def _as_png(figure: Figure, words: str) -> Picture:
    page = io.BytesIO()
    figure.savefig(page, format="png", metadata={"Description": words})
    return Picture("image/png", page.getvalue(), words)
