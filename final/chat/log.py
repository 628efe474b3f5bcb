"""The conversation: a log that is bounded, and readers that are integers into it.

To say something to everybody is to append one entry; nobody is sent anything here. Every listener is a position in the
log, and whoever owns the sockets sends each everything between its position and the end, in one piece. So saying
something costs the same however many are listening; what arrives together leaves together; and a slow listener is
only a position that lags. When the log drops its oldest entries, a position that was among them has fallen off: its
reader is told how much it missed.

An entry is encoded once in each form (in the rich form when somebody first needs it), and the bytes that many readers
need at the same place are joined once. A private line has a number and a place like any other, and is empty to all
but two: for these it waits at its place among what is theirs alone.

This module knows nothing of sockets, names or who is here. One thread uses it, so it has no lock.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple, TypeVar

from .protocol import Event, Form, encode_plain, encode_rich, missed

# What one entry costs beside its bytes: the event with its strings, and its places in four lists. Measured with
# tracemalloc on lines of 64 characters; it is what makes --log-bytes say how much memory the log takes.
ENTRY_OVERHEAD = 400
# Readers that lag are sent about this much at a time: enough for the system call not to matter, little enough that what
# is kept for one of them while it is on its way stays small.
CHUNK_BYTES = 65_536
# A chunk ends at a multiple of this many entries, so that readers who lag at different places soon stand at the same:
# a thousand who joined at once, each a line after the other, too.
_BLOCK = 64
# How many chunks are remembered for the next reader who stands at the same place.
_REMEMBERED = 32

Key = TypeVar("Key")
Value = TypeVar("Value")


class Private(NamedTuple):
    """What the log keeps of a private entry beside the event: who may read it, and what it takes in memory."""

    tokens: frozenset[str]
    cost: int


class Entry(NamedTuple):
    """One entry: its number, when it was (seconds since 1970), what it is, and who may read it (None: everybody)."""

    seq: int
    time: float
    event: Event
    tokens: frozenset[str] | None


class Log:
    """The last entries of a conversation, numbered from 1 and never renumbered.

    `first` is the oldest entry still there, `end` the number that the next one will get. first == end: it is empty.
    """

    def __init__(self, max_bytes: int, first: int = 1) -> None:
        self._max_bytes = max_bytes
        # Not 1 where a history goes on.
        self.first = self.end = first
        # Everything ever appended, in bytes of memory: how fast the log grows.
        self.grown = 0
        # Four lists in step; index 0 is entry `first`. Times are in seconds since 1970.
        self._times: list[float] = []
        self._events: list[Event] = []
        self._plain: list[bytes] = []
        self._rich: list[bytes | None] = []
        # What they take together, in bytes.
        self._bytes = 0
        # The private entries by their numbers, the oldest first. What isn't here is for everybody.
        self._private: dict[int, Private] = {}
        # The chunks that were joined last: (form, start, stop) -> bytes; and where the last chunks for readers that lag
        # were found to end: (form, start, the latest end) -> end.
        self._chunks: dict[tuple[Form, int, int], bytes] = {}
        self._chunk_ends: dict[tuple[Form, int, int], int] = {}

    def append(self, event: Event, time: float) -> int:
        """Add an entry for everybody; return its number."""
        self.extend([event], time)
        return self.end - 1

    def extend(self, events: Sequence[Event], time: float) -> None:
        """Add entries for everybody: what somebody said in one go."""
        self._add(events, time, encode_plain(events), [None] * len(events))

    def append_private(self, event: Event, time: float, tokens: frozenset[str]) -> int:
        """Add an entry that is empty to everybody; those who hold one of the tokens find it again with `private`.

        Write it with `encoded` for those it is for.
        """
        # The event, and a line for each end until it has taken it, which is a little longer in the rich form.
        cost = 4 * len(encode_plain([event])[0]) + ENTRY_OVERHEAD
        self._private[self.end] = Private(tokens, cost)
        self._add([event], time, [b""], [b""], cost)
        return self.end - 1

    def entries(self, start: int) -> list[Entry]:
        """Return the entries from start on, private ones too: for whoever keeps them."""
        here = slice(start - self.first, None)
        together = zip(range(start, self.end), self._times[here], self._events[here], strict=True)
        return [Entry(seq, time, event, self._readers(seq)) for seq, time, event in together]

    def _readers(self, seq: int) -> frozenset[str] | None:
        private = self._private.get(seq)
        return private.tokens if private else None

    def encoded(self, form: Form, seq: int) -> bytes:
        """Write one entry, private or not."""
        event = self._events[seq - self.first]
        if form is Form.PLAIN:
            return encode_plain([event])[0]
        return encode_rich(seq, self._times[seq - self.first], event)

    def private(self, token: str, since: int) -> Iterator[int]:
        """Yield the numbers from since on of the entries that are for the holder of this token."""
        return (seq for seq, private in self._private.items() if seq >= since and token in private.tokens)

    def last_public(self, count: int) -> int:
        """Return the position from which a reader sees the last count entries that are for everybody."""
        seen = (seq for seq in range(self.end - 1, self.first - 1, -1) if seq not in self._private)
        return min(islice(seen, count), default=self.end)

    def chunk(self, form: Form, start: int, stop: int) -> bytes:
        """Return the entries from start up to stop as bytes, joined once however often it is asked for."""
        key = (form, start, stop)
        if key not in self._chunks:
            _remember(self._chunks, key, b"".join(self._lines(form, start, stop)))
        return self._chunks[key]

    def chunk_end(self, form: Form, start: int, stop: int) -> int:
        """Return where a chunk of about CHUNK_BYTES from start ends, at stop at the latest.

        From within a block it goes to the block's end: what follows is the same for all who were in it, joined once.
        """
        if start % _BLOCK:
            return min(stop, _next_block(start))
        key = (form, start, stop)
        if key not in self._chunk_ends:
            _remember(self._chunk_ends, key, self._find_chunk_end(form, start, stop))
        return self._chunk_ends[key]

    def _find_chunk_end(self, form: Form, start: int, stop: int) -> int:
        size, here = 0, start
        while here < stop and size < CHUNK_BYTES:
            block_end = min(stop, _next_block(here))
            size += sum(map(len, self._lines(form, here, block_end)))
            here = block_end
        return here

    def _add(
        self, events: Sequence[Event], time: float, plain: list[bytes], rich: Sequence[bytes | None], more_cost: int = 0
    ) -> None:
        self._times += [time] * len(events)
        self._events += events
        self._plain += plain
        self._rich += rich
        # Twice, because the event holds the text too.
        cost = 2 * sum(map(len, plain)) + ENTRY_OVERHEAD * len(events) + more_cost
        self._bytes += cost
        self.grown += cost
        self.end += len(events)
        if self._bytes > self._max_bytes:
            self._forget()

    def _lines(self, form: Form, start: int, stop: int) -> list[bytes]:
        here = slice(start - self.first, stop - self.first)
        if form is Form.PLAIN:
            return self._plain[here]
        return [line if line is not None else self._write(seq) for seq, line in enumerate(self._rich[here], start)]

    def _write(self, seq: int) -> bytes:
        line = self._rich[seq - self.first] = self.encoded(Form.RICH, seq)
        self._bytes += len(line)
        return line

    def _forget(self) -> None:
        """Drop the oldest entries, an eighth of the log at once: to cut the front off a list costs its whole length."""
        dropped, step = 0, max(1, len(self._plain) // 16)
        while self._bytes > self._max_bytes * 7 // 8:
            some = slice(dropped, dropped + step)
            plain, rich = self._plain[some], filter(None, self._rich[some])
            self._bytes -= 2 * sum(map(len, plain)) + sum(map(len, rich)) + ENTRY_OVERHEAD * len(plain)
            dropped += len(plain)
            self._forget_private(self.first + dropped)
        del self._times[:dropped], self._events[:dropped], self._plain[:dropped], self._rich[:dropped]
        self.first += dropped

    def _forget_private(self, first: int) -> None:
        """Drop what is kept of the private entries before this one."""
        for seq in list(takewhile(lambda seq: seq < first, self._private)):
            self._bytes -= self._private.pop(seq).cost


def _next_block(place: int) -> int:
    return place + _BLOCK - place % _BLOCK


def _remember(memory: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep it for the next who asks. Everything is forgotten at once when it is much: it is soon asked for again."""
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value


class Own(NamedTuple):
    """Something that is for one reader alone."""

    place: int  # the entry that it goes before, or that it is
    line: bytes
    is_answer: bool  # or a private entry


class Reader:
    """One listener's place in the log, and what is for it alone.

    It reads nothing until `follow`, and nothing more after `finish`. While it stands at the end of the log together
    with many others, whoever sends for them may keep one position for all, and set `position` when they part.
    """

    __slots__ = ("_missed_from", "_on_told", "_own", "_stop", "form", "log", "own_bytes", "position")

    def __init__(self, log: Log, on_told: Callable[[], None]) -> None:
        self.log = log
        self.form = Form.PLAIN
        # Called when something is put here for this reader alone: it can't stand among the others any more.
        self._on_told = on_told
        # The next entry to take.
        self.position = log.end
        # Where reading stops, or None for never.
        self._stop: int | None = log.end
        # What is for this reader alone, in order: answers, which go before the entry of that number, and private
        # entries.
        self._own: list[Own] = []
        # The first of the entries that it missed and hasn't been told of, or None.
        self._missed_from: int | None = None
        # How much of its own there is, in bytes.
        self.own_bytes = 0

    def follow(self, form: Form, position: int) -> None:
        """Begin to read at this position, in this form."""
        self.form = form
        self.position = position
        self._stop = None

    def tell(self, line: bytes, place: int | None = None) -> None:
        """Put an answer at a place in the log; without one, at its end as it is now.

        What is told later may not have an earlier place.
        """
        self._add(Own(self.log.end if place is None else place, line, is_answer=True))

    def tell_private(self, seq: int) -> None:
        """Put a private entry, which is for this reader among others, at its place."""
        self._add(Own(seq, self.log.encoded(self.form, seq), is_answer=False))

    def finish(self, last: bytes = b"") -> None:
        """Read what there is, then these bytes, then nothing."""
        if self.follows:
            self._stop = self.log.end
        self.tell(last)

    def cut(self, last: bytes) -> None:
        """Read these bytes and nothing else: everything between is skipped."""
        self._own.clear()
        self.own_bytes = 0
        self.position = self._stop = self.log.end
        self.tell(last)

    @property
    def fallen(self) -> bool:
        """Whether entries that this reader hasn't taken are gone."""
        return self.position < min(self.log.first, self._limit)

    @property
    def is_far_behind(self) -> bool:
        """Whether more than half of the log is still to be taken."""
        return 2 * (self._limit - self.position) > self.log.end - self.log.first

    def catch_up(self) -> None:
        """Go on at the oldest entry that is there; what it missed is said first. Answers are kept, private entries from
        before are gone like the others. Who hasn't fallen off has nothing to catch up."""
        if self.position >= self.log.first:
            return
        if self._missed_from is None:  # else it has fallen again before it could be told
            self._missed_from = self.position
        self.position = self.log.first
        self._own = [own for own in self._own if own.is_answer or own.place >= self.position]
        self.own_bytes = sum(len(own.line) for own in self._own)

    @property
    def done(self) -> bool:
        """Whether there is nothing to take now."""
        return not self._own and self._missed_from is None and self.position >= self._limit

    @property
    def follows(self) -> bool:
        """Whether it takes what is yet to be said."""
        return self._stop is None

    def take(self) -> bytes:
        """Return the next bytes for this reader, about CHUNK_BYTES of them, and move on. b"" when it is done.

        Not to be called while it has fallen: say what it missed with `catch_up`, or `cut` it off.
        """
        parts: list[bytes] = []
        size = 0
        while size < CHUNK_BYTES and not self.done:
            parts.append(self._take_part())
            size += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def _limit(self) -> int:
        return self.log.end if self._stop is None else self._stop

    def _add(self, own: Own) -> None:
        if own.line:
            self._own.append(own)
            self.own_bytes += len(own.line)
        self._on_told()

    @property
    def _own_is_next(self) -> bool:
        # At its limit, too: a reader that doesn't follow stays where it is while the log goes on.
        return bool(self._own) and (self._own[0].place <= self.position or self.position >= self._limit)

    def _take_part(self) -> bytes:
        if self._own and self._own[0].place < self.position:
            return self._take_own()
        if self._missed_from is not None:
            return self._take_missed(self._missed_from)
        return self._take_own() if self._own_is_next else self._take_entries()

    def _take_missed(self, first: int) -> bytes:
        self._missed_from = None
        return missed(self.form, first, self.position - first)

    def _take_own(self) -> bytes:
        own = self._own.pop(0)
        self.own_bytes -= len(own.line)
        return own.line

    def _take_entries(self) -> bytes:
        stop = min(self._limit, self._own[0].place) if self._own else self._limit
        start, self.position = self.position, self.log.chunk_end(self.form, self.position, stop)
        return self.log.chunk(self.form, start, self.position)
