"""Why somebody isn't let in: a reason for programs, a sentence for people.

This module knows nothing of who decides; names.py, room.py, session.py, server.py and tls.py do.
"""

from enum import Enum


class Reason(Enum):
    """Why; the value is the reason code on the wire, and PROTOCOL.md has a row for each."""

    NOT_ALLOWED = "name"
    TAKEN = "taken"
    LOOKS_TAKEN = "lookalike"
    FULL = "full"
    ADDRESS = "address"
    DEADLINE = "deadline"
    NOT_A_JOIN = "malformed"
    VERSION = "version"
    TLS = "tls"


class Refused(Exception):
    """Somebody isn't let in. str() is the sentence."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
