"""What can happen to a client: a class for each, made by wire.py and connection.py, handled in model.py.

They are named tuples like the server's, not dataclasses: fifteen of those would cost the window's start 10 ms.

This module knows what can happen and nothing about what follows from it.
"""

from typing import NamedTuple

from ..protocol import Form


class Trying(NamedTuple):
    """A try to reach the server begins."""


class Welcome(NamedTuple):
    """We are in. `people` are those who were here before, or None where the server doesn't tell."""

    name: str
    form: Form
    resumed: bool
    people: tuple[str, ...] | None
    limit: int  # the bytes of the longest line that may be said


class Refused(NamedTuple):
    """We aren't let in. A plain server gives no reason: then both are empty."""

    form: Form
    reason: str = ""
    sentence: str = ""


class Said(NamedTuple):
    """Somebody said something to everybody. `time` is in seconds since 1970, by the server's clock."""

    seq: int
    time: float
    name: str
    text: str
    id: str | None = None


class Whispered(NamedTuple):
    """Somebody said something to one person; we are one of the two."""

    seq: int
    time: float
    name: str
    to: str
    text: str
    id: str | None = None


class Came(NamedTuple):
    """Somebody came. What isn't `live` happened before we did, and changes nothing about who is here."""

    seq: int
    time: float
    name: str
    live: bool


class Went(NamedTuple):
    """Somebody went."""

    seq: int
    time: float
    name: str
    live: bool


class Closing(NamedTuple):
    """The server has said goodbye to everybody."""

    seq: int
    time: float
    sentence: str


class Line(NamedTuple):
    """A server that speaks plain lines has sent this one."""

    text: str


class People(NamedTuple):
    """Who is here. With `more`, these come in addition to those who were named last."""

    names: tuple[str, ...]
    more: bool


class Notice(NamedTuple):
    """The server's word to us alone, about what we said under this id if there is one."""

    code: str
    sentence: str
    id: str | None = None


class Acknowledged(NamedTuple):
    """What we said under this id is in the conversation already."""

    id: str


class Unsure(NamedTuple):
    """What we said under this id may have been said or not: the server that we said it to is not there any more."""

    id: str


class Missed(NamedTuple):
    """We were away too long: so many entries are gone."""

    entries: int


class Lost(NamedTuple):
    """There is no connection, or no more. In `again_in` seconds there will be another try; None: there won't."""

    sentence: str
    again_in: float | None


class Mistake(NamedTuple):
    """This program has made a mistake; its log says which."""


Event = (
    Trying
    | Welcome
    | Refused
    | Said
    | Whispered
    | Came
    | Went
    | Closing
    | Line
    | People
    | Notice
    | Acknowledged
    | Unsure
    | Missed
    | Lost
    | Mistake
)
