"""What a check says when it fails: what was tried, what was expected, what came, and what to think about.

Checks never use a bare `assert`: who fails one should read sentences, as many as fit on a screen, and then see the
conversation drawn. Knows nothing of sockets or pytest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .diagnosis import Seen
from .diagram import Event, draw_text
from .topics import Topic

if TYPE_CHECKING:
    from .programs import Program

LINES = 15  # at most, above the conversation
EVENTS = 40  # of the conversation, that are kept
DRAWN = 14  # of those, that are drawn in text: they fit on a screen, below the complaint


class Complaint(AssertionError):
    """A check has failed. Its text is for the author of the program that was tested.

    Who complains says what was seen. What the check was about, and the hint, are added by whoever runs the checks.
    """

    def __init__(
        self,
        what: str,
        *,
        details: str = "",
        hint: str = "",
        events: Sequence[Event] = (),
        story: str = "",
        seen: Seen | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what  # one sentence
        self.details = details  # what was expected and what came, with a caret
        self.hint = hint
        self.events = tuple(events)  # the conversation; the one that was complained about is marked
        self.story = story  # what the program printed, if that may say why
        self.seen = seen or Seen()
        self.about = ""  # what was tried, in words
        self.topic: Topic | None = None
        self.program: Program | None = None  # the one that it is about, if it is about one

    def __str__(self) -> str:
        lines = [f"{self.about}\n"] * bool(self.about) + [self.what]
        lines += self.details.splitlines()
        lines += [f"hint: {self.hint}"] * bool(self.hint)
        lines += [f"read on: {self.topic.reading}"] if self.topic else []
        lines += self.story.splitlines()[: LINES - len("\n".join(lines).splitlines())]
        return "\n".join(lines + self.conversation())

    def conversation(self) -> list[str]:
        """Draw the last of the conversation."""
        drawn = self.events[-DRAWN:]
        skipped = len(self.events) - len(drawn)
        head = f"the conversation, the last {len(drawn)} of {len(self.events)}:" if skipped else "the conversation:"
        return ["", head, *draw_text(drawn).splitlines()] if drawn else []


class CannotStart(Complaint):
    """The program that should be tested does not even start: no check has failed."""


def difference(expected: str, came: str) -> str:
    """Show two texts, one above the other, with a caret under the first character that differs."""
    shared = 0
    while shared < min(len(expected), len(came)) and expected[shared] == came[shared]:
        shared += 1
    skipped = max(0, shared - 60)  # as much of what they share as leaves room for where they part
    first, second = ("… " * bool(skipped) + visible(text[skipped:]) for text in (expected, came))
    shared = len("… " * bool(skipped) + visible(expected[skipped:shared]))
    return f"expected: {first}\n    came: {second}\n          {' ' * shared}^"


def visible(text: str, most: int = 160) -> str:
    """Write a text so that nothing in it is invisible, and cut it where it gets too long to read."""
    written = "".join(char if char.isprintable() and char != "\\" else ascii(char)[1:-1] for char in text[:most])
    return written if len(text) <= most else f"{written}… ({len(text)} characters)"


def complain(what: str, *, details: str = "", hint: str = "") -> Complaint:
    """Return the complaint to raise: the sentence, the details, and a hint where there is a better one than usual."""
    return Complaint(what, details=details, hint=hint)
