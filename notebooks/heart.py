"""Feels a window's pulse: asks it again and again for a sign of life, and draws when it gave one.

A window lives in its loop. Whoever asks it something is answered in that loop; while it waits in there for something
else, there is no answer. Knows windows and nothing of chats.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from suites.diagram import dark_style, paint
from suites.windows import Window

BEFORE = 0.5  # seconds of quiet, before anything happens
AFTER = 2.0  # seconds from the beginning, when we stop feeling
PAUSE = 0.02  # seconds between two questions

WIDTH = 720  # pixels
LEFT = 130  # where time begins
SCALE = (WIDTH - LEFT - 30) / AFTER  # pixels a second
TOP = 62  # where the first row begins
ROW = 40


def pulse(window: Window, happens: Callable[[], None], ends: Callable[[], None]) -> list[float]:
    """Return the seconds at which the window was alive: before something `happens`, and while it lasts.

    `ends` brings it to its end, a second after it began.
    """
    began = time.monotonic()
    beats: list[float] = []

    def feel_until(seconds: float) -> None:
        while time.monotonic() - began < seconds:
            window.sees()
            beats.append(time.monotonic() - began)
            threading.Event().wait(PAUSE)

    feel_until(BEFORE)
    threading.Timer(1, ends).start()
    happens()
    feel_until(AFTER)
    return beats


def longest_pause(beats: Sequence[float]) -> float:
    """Return the longest time between two signs of life."""
    return max(later - sooner for sooner, later in pairwise(beats))


class Pulses:
    """The pulses of several windows, drawn one below the other."""

    def __init__(self, beats: Mapping[str, Sequence[float]], title: str) -> None:
        self.beats = beats
        self.title = title

    def __repr__(self) -> str:
        rows = [f"{name}: longest pause {longest_pause(beats):.2f} s" for name, beats in self.beats.items()]
        return "\n".join([self.title, *rows])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}

    def svg(self) -> str:
        """Draw a stroke for each sign of life, time running to the right."""
        height = TOP + ROW * len(self.beats) + 30
        parts = [
            '<svg xmlns="http://www.w3.org/2000/svg" class="chat-diagram" role="img"',
            f' width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" style="max-width:100%;height:auto"',
            ' font-family="sans-serif" font-size="12">',
            f"<title>{escape(self.title)}</title>",
            f"<desc>{escape(repr(self))}</desc>",
            f"<style>{dark_style()}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" {paint("paper", "edge")}/>',
            f'<rect x="{at(BEFORE)}" y="34" width="{SCALE:g}" height="{height - 62}" {paint("blush")}/>',
            label(20, 24, self.title, "ink", "start", "bold"),
            label(at(BEFORE + 0.5), 48, "the server thinks", "soft"),
        ]
        for number, (name, beats) in enumerate(self.beats.items()):
            y = TOP + ROW * number
            parts.append(label(20, y + 18, name, "ink", "start"))
            parts += [
                f'<line x1="{at(beat)}" y1="{y}" x2="{at(beat)}" y2="{y + 26}" {paint("none", "wire")}/>'
                for beat in beats
                if beat <= AFTER
            ]
        parts += [label(at(second), height - 10, f"{second} s", "soft") for second in range(int(AFTER) + 1)]
        return "\n".join([*parts, "</svg>"])


def at(seconds: float) -> int:
    """Return how far to the right a moment is drawn."""
    return round(LEFT + seconds * SCALE)


def label(x: int, y: int, text: str, colour: str, anchor: str = "middle", weight: str = "normal") -> str:
    """Draw a few words."""
    place = f'x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place} {paint(colour, width=0)}>{escape(text)}</text>"
