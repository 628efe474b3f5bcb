"""A colour for each name: the same one every day, and always readable on what it stands on.

The hue comes from the name; how light it is, from the background. WCAG 2's contrast of 4.5:1 is what small text needs.
This module knows nothing of names but their letters, and nothing of windows.
"""

import bisect
import colorsys
import functools
import zlib

CONTRAST = 4.5
# Enough for people to be told apart, few enough for the hues to be told apart.
HUES = 24
_SATURATION = 0.65


def hue_of(name: str) -> int:
    """Return one of HUES hues. (Not hash(): that differs from one run of Python to the next.)"""
    return zlib.crc32(name.casefold().encode("utf-8", "replace")) % HUES


@functools.cache
def readable(hue: int, backgrounds: tuple[str, ...]) -> str:
    """Return the most colourful #rrggbb of this hue that has enough contrast with each of the backgrounds."""
    dark = luminance(backgrounds[0]) < 0.18
    # From the middle, where colours are strongest, outwards: lighter on dark, darker on light.
    steps = range(50, 101) if dark else range(50, -1, -1)

    def has_contrast(lightness: int) -> bool:
        colour = _hex(hue / HUES, lightness / 100)
        return all(contrast(colour, background) >= CONTRAST for background in backgrounds)

    # The contrast grows with every step. So we need not try them all, for each of the names that the window may show.
    first = bisect.bisect_left(steps, True, hi=len(steps) - 1, key=has_contrast)
    return _hex(hue / HUES, steps[first] / 100)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two #rrggbb colours after WCAG 2: from 1 (none) to 21 (black on white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@functools.cache
def luminance(colour: str) -> float:
    """Return how light #rrggbb is to the eye, from 0 to 1 (WCAG 2)."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _hex(hue: float, lightness: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, _SATURATION)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
