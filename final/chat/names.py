"""When two names are one person.

A name is compared after the PRECIS Nickname profile (RFC 8266: width, case and composition don't tell people apart) and
once more by its skeleton (UTS 39: what it looks like). Both are keys; whoever holds one of a name's keys holds the
name. So "alice", "ALICE", fullwidth "ａｌｉｃｅ" and "аlice" with a Cyrillic а can't be in a room together.

This module knows nothing of who is here; room.py does.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from precis_i18n import get_profile

from .confusables import PROTOTYPES
from .refusal import Reason, Refused

# Long enough for any name that is read out, short enough that a line begins with what was said and not with who said
# it.
MAX_LENGTH = 32

_shown = get_profile("NicknameCasePreserved").enforce
_folded = get_profile("NicknameCaseMapped").enforce

# What a name may have beside letters, marks and digits of any script. So few, because a name stands beside what the
# server says: nobody may begin like a notice, a command or a JSON object, or end like a speaker.
_PUNCTUATION = "_-."
# The profile does nothing to these but make them small, and takes its time (a test sees that it is so). When a thousand
# join at once, that is what they would wait for.
_SIMPLE = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_LENGTH}}}")


class Name(NamedTuple):
    """A name that is allowed: how it is shown, and what it is compared by."""

    shown: str
    folded: str  # equal for equal names
    skeletons: frozenset[str]  # one in common: they look alike

    @property
    def keys(self) -> frozenset[str]:
        """Everything that nobody else in the room may have in common with this name."""
        return self.skeletons | {self.folded}


def enforce(wanted: str) -> Name:
    """Return the name that somebody means by what they typed, or raise Refused with a sentence."""
    if _SIMPLE.fullmatch(wanted):
        return Name(wanted, wanted.lower(), frozenset((skeleton(wanted), skeleton(wanted.lower()))))
    if len(wanted) > 4 * MAX_LENGTH:  # before any work on it: composing shortens text, but never as much as this
        raise _not_allowed(f"a name has at most {MAX_LENGTH} characters")
    shown = _by_profile(_shown, wanted)
    _check(shown)
    # The profile's own case mapping leaves "straße" and "STRASSE" apart; Unicode's case folding doesn't.
    folded = unicodedata.normalize("NFKC", _by_profile(_folded, wanted).casefold())
    return Name(shown, folded, frozenset((skeleton(shown), skeleton(folded))))


def fold(name: str) -> str | None:
    """Return the key to look somebody up by, or None when nobody can have that name."""
    try:
        return enforce(name).folded
    except Refused:
        return None


def skeleton(text: str) -> str:
    """Return the UTS 39 skeleton: two texts that look alike have the same one. Not for showing to anybody."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFD", decomposed.translate(PROTOTYPES))


def _by_profile(enforced: Callable[[str], str], wanted: str) -> str:
    try:
        return enforced(wanted)
    except UnicodeEncodeError as error:
        if error.reason.endswith("/empty"):
            raise _not_allowed("a name needs at least one character") from None
        raise _not_allowed("that name has a character that names can't have") from None


def _check(shown: str) -> None:
    if len(shown) > MAX_LENGTH:
        raise _not_allowed(f"a name has at most {MAX_LENGTH} characters")
    if not all(_may_be_in_a_name(character) for character in shown):
        raise _not_allowed("a name has letters, digits, _, - and . in it, and nothing else")
    if unicodedata.category(shown[0]).startswith("M"):
        raise _not_allowed("a name doesn't begin with an accent")


def _may_be_in_a_name(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LMN"


def _not_allowed(sentence: str) -> Refused:
    return Refused(Reason.NOT_ALLOWED, sentence)
