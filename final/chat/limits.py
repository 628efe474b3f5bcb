"""How much of everything one client, and all of them together, may have.

Each limit is a field with its reason; __main__ turns most of them into flags. An allowance is a token bucket: so many
at once, so many a second after that. This module knows nothing of what is being limited.
"""

from typing import NamedTuple


class Limits(NamedTuple):
    """What one client may use, and how long it may take. Times are in seconds, sizes in bytes."""

    # People in the room. Each costs about 2 KB here and some 10 KB in the kernel.
    max_clients: int = 1000
    # From one address. A whole class can sit behind one; one computer alone shouldn't be able to fill the room.
    max_per_address: int = 250
    # Connections beyond max_clients that are let in only to hear why they can't stay.
    doorway: int = 100
    # Lines a second that one client may say in the long run, and in one go. 0: no limit. A person types far less; a
    # burst must hold what somebody pastes, and what a client sends again after a lost connection.
    rate: float = 50.0
    burst: int = 5000
    # To give a name: a person at a terminal types one in less.
    name_time: float = 10.0
    # To finish a line that was begun: lines are short, only a broken or a hostile client sends them by the letter.
    line_time: float = 30.0
    # A rich client that has said nothing for this long is asked whether it is there; after as long again it is gone.
    ping_time: float = 30.0
    # Without a byte of progress while there is something to send: such a client isn't slow, it is dead.
    stall_time: float = 60.0
    # How long a client that has left can come back as the same person (its token is kept, and what it said last).
    resume_time: float = 600.0
    # For the last word to arrive before the socket is closed.
    linger_time: float = 2.0
    # The last lines that a newcomer is shown.
    backlog: int = 20
    # Answers that one client may have waiting; while there are more, it isn't read from.
    reply_bytes: int = 65_536


class Allowance:
    """A token bucket. Starts full; time is handed in, from any clock that doesn't go back."""

    __slots__ = ("_filled_at", "_tokens", "refused")

    def __init__(self, limits: Limits, now: float) -> None:
        self._tokens = float(limits.burst)
        self._filled_at = now
        # How many in a row were asked for in vain.
        self.refused = 0

    def take(self, count: int, limits: Limits, now: float) -> int:
        """Take up to count tokens; return how many there were."""
        if not limits.rate:
            return count
        self._fill(limits, now)
        granted = min(count, int(self._tokens))
        self._tokens -= granted
        self.refused = 0 if granted == count else self.refused + count - granted
        return granted

    def _fill(self, limits: Limits, now: float) -> None:
        self._tokens = min(limits.burst, self._tokens + (now - self._filled_at) * limits.rate)
        self._filled_at = now
