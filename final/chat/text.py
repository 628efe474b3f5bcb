"""What people say, made safe to show: nothing in it can move, hide or overwrite text on somebody's screen.

What would do so is replaced by U+FFFD, visibly, and never dropped: a reader should see that something was there.

Replaced:
  control characters other than tab (terminal escapes begin with one), line and paragraph separators, lone surrogates;
  bidirectional embeddings, overrides and isolates (they make a line read differently from what it says);
  code points that show nothing (Unicode's Default_Ignorable_Code_Point) and interlinear annotations.

Kept, because people's writing needs them, where they have something to work on and nowhere else:
  ZWJ and ZWNJ between two characters that can be seen, neither of them ASCII (emoji families; Indic scripts, Persian);
  one variation selector after a character that has variants (the red heart; keycaps; ideographs; Mongolian letters);
  the tags of a flag (the flag of Scotland is a black flag and six tags);
  the directional marks LRM, RLM and ALM, which reorder nothing but the punctuation beside them.

This module knows nothing of lines, names or encodings.
"""

import functools
import re

REPLACEMENT = "\ufffd"

_UNSEEN = (
    "\x00-\x08\x0a-\x1f\x7f-\x9f"  # controls, without tab
    "\u2028\u2029"  # separators that some programs take for a newline
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides, isolates
    "\ud800-\udfff"  # lone surrogates: JSON can write them, UTF-8 can't
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # the ignorable ones
)
_SEEN = rf"[^\x00-\x7f\s{_UNSEEN}]"  # can be seen, and isn't ASCII
_KEPT = "|".join(
    (
        "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f",  # a flag and its tags
        rf"(?:(?<={_SEEN})|(?<=\ufe0f))[\u200c\u200d](?={_SEEN})",
        "(?<=[0-9#*])\ufe0f(?=\u20e3)",  # a keycap
        rf"(?<={_SEEN})[\ufe00-\ufe0f]",
        "(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]",
        "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    )
)


@functools.cache
def _unseen_unless_kept() -> re.Pattern[str]:
    """Compiled when it is first needed: before that, it would only take its time from the window's start."""
    return re.compile(f"({_KEPT})|[{_UNSEEN}]")


def clean(text: str) -> str:
    """Return text with everything replaced that could hide, move or overwrite; the length in code points is kept.

    Cleaning twice changes nothing more.
    """
    # The road most lines take: a look at each character in C instead of the expression below.
    if text.isascii() and text.isprintable():
        return text
    return _unseen_unless_kept().sub(lambda match: match[1] or REPLACEMENT, text)
