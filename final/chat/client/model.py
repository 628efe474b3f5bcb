"""What there is to see, and what the person may do: the whole chat without a window.

Events come in through `handle`, in the order in which they happened. What the person does are methods; those that lead
to something being sent return the request, and whoever owns the connection sends it. What is to be shown can be read
off at any time: the transcript, the people, the sentence that says how things stand.

What we say isn't in the transcript until the server has given it back: the order of the conversation is the server's.
Until then it is among the `unacknowledged`, which are shown below the transcript, pale.

This module knows no Tk, no socket and no clock: the time is handed in, in seconds since 1970.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from ..protocol import HELP, MAX_LINE, BadRequest, Form, Help, Request, Say, Whisper, Who, parse_plain
from .events import (
    Acknowledged,
    Came,
    Closing,
    Event,
    Line,
    Lost,
    Missed,
    Mistake,
    Notice,
    People,
    Refused,
    Said,
    Trying,
    Unsure,
    Welcome,
    Went,
    Whispered,
)
from .wire import encode

# What one person says within five minutes is shown under one name.
GROUP_SECONDS = 300
# How many entries are kept: what can be scrolled back to. A day's talk, some 10 MB.
KEPT = 20_000
# How many lines Up brings back.
REMEMBERED_LINES = 200


class State(Enum):
    """Where the person is, and so what they can do."""

    OUTSIDE = "outside"  # can give a name
    JOINING = "joining"  # can wait, or cancel
    TALKING = "talking"
    AWAY = "away"  # the connection is lost and will come back; what is said waits for it


class Kind(Enum):
    """What an entry of the transcript is."""

    SAID = "said"
    PRIVATE = "private"
    NOTICE = "notice"  # the server's word to everybody
    ANSWER = "answer"  # the server's word to us alone, or our own program's
    GAP = "gap"  # something is missing here


class Entry(NamedTuple):
    """One entry of the transcript. `time` is in seconds since 1970."""

    kind: Kind
    time: float
    text: str
    name: str = ""
    to: str = ""
    own: bool = False

    @property
    def head(self) -> str:
        """What stands before the text."""
        match self.kind:
            case Kind.SAID:
                return f"{self.name}: " if self.name else ""
            case Kind.PRIVATE:
                return f"{self.name} → {self.to}: "
        return "* "

    @property
    def line(self) -> str:
        """The entry as one line of text."""
        return self.head + self.text

    def continues(self, before: "Entry | None") -> bool:
        """Whether it belongs under the same name as the entry before it."""
        return (
            before is not None
            and before.kind is self.kind
            and self.kind in (Kind.SAID, Kind.PRIVATE)
            and (before.name, before.to) == (self.name, self.to)
            and 0 <= self.time - before.time < GROUP_SECONDS
        )


class Transcript:
    """The entries, oldest first. Each has a number that it keeps; only the newest are kept."""

    # How many are dropped in one go: dropping from the front of a list moves all the others.
    _CHUNK = 1000

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._entries: list[Entry] = []
        # The number of the oldest that is kept, and the number that the next one will have.
        self.first = 0

    @property
    def end(self) -> int:
        """The number that the next entry will have."""
        return self.first + len(self._entries)

    def append(self, entry: Entry) -> None:
        """Add an entry."""
        self._entries.append(entry)
        if len(self._entries) >= self._kept + self._CHUNK:
            del self._entries[: self._CHUNK]
            self.first += self._CHUNK

    def clear(self) -> None:
        """Forget everything. Numbers go on from where they were."""
        self.first = self.end
        self._entries.clear()

    def get(self, number: int) -> Entry | None:
        """Return one entry, if it is (still) there."""
        return self._entries[number - self.first] if self.first <= number < self.end else None

    def between(self, start: int, stop: int) -> list[Entry]:
        """Return the entries of these numbers, as far as they are there."""
        return self._entries[max(start - self.first, 0) : max(stop - self.first, 0)]


class Fate(Enum):
    """What has become of something that we said and that hasn't come back."""

    WAITING = "waiting"
    REFUSED = "refused"
    UNSURE = "unsure"


class Unacknowledged(NamedTuple):
    """Something that we said and that the server hasn't given back. `why` is there when it won't by itself."""

    request: Say | Whisper
    fate: Fate = Fate.WAITING
    why: str = ""


class History:
    """What the person has sent, to be brought back with Up and Down. What they are typing is kept at its end."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        # Where we are in it; its length is where the line being typed is.
        self._at = 0
        self._typing = ""

    def add(self, line: str) -> None:
        """Remember a line, and be at the end again."""
        if not self._lines or self._lines[-1] != line:
            self._lines = [*self._lines, line][-REMEMBERED_LINES:]
        self._at = len(self._lines)

    def up(self, typed: str) -> str:
        """Return the line before this one; what is in the entry now is kept if it was being typed."""
        if self._at == len(self._lines):
            self._typing = typed
        self._at = max(self._at - 1, 0)
        return self._lines[self._at] if self._lines else typed

    def down(self, typed: str) -> str:
        """Return the line after this one, in the end the one that was being typed."""
        if self._at == len(self._lines):
            return typed
        self._at += 1
        return self._typing if self._at == len(self._lines) else self._lines[self._at]


class Model:
    """The chat, as one person sees it. `log` is where this program's own mistakes can be read."""

    def __init__(self, log: str = "") -> None:
        self._log = log
        self.state = State.OUTSIDE
        # How things stand, in one sentence; whether it is about something that went wrong.
        self.sentence = "Choose a username and join the chat."
        self.is_trouble = False
        self.name = ""
        self.address = ""
        self.form = Form.RICH
        self.transcript = Transcript()
        # Who is here, in the order in which they came; None where the server doesn't tell.
        self.people: dict[str, None] | None = None
        # What we said that hasn't come back, by its id, oldest first.
        self.unacknowledged: dict[str, Unacknowledged] = {}
        # Whom the next line goes to: a name, or None for everybody; and what is being typed to each of the others. It
        # outlives the conversation, as the words in the entry do, which aren't meant for anybody else.
        self.to: str | None = None
        self._drafts: dict[str | None, str] = {}
        self.history = History()
        # What others have said since the window was last in front.
        self.unread = 0
        self.is_in_front = True
        # When the next try to reach the server is, while there is one to wait for.
        self.next_try: float | None = None
        self._limit = MAX_LINE
        # The numbers and times of what is in the transcript, to know again what comes a second time.
        self._known: dict[tuple[int, float], None] = {}

    # What happens

    def handle(self, event: Event, now: float) -> None:
        """Let one event happen."""
        match event:
            case Trying():
                self._try_again()
            case Welcome():
                self._enter(event, now)
            case Refused():
                self._be_refused(event)
            case Lost(sentence, again_in):
                self._lose(sentence, again_in, now)
            case Said(seq, time, name, text, id):
                self._acknowledge(id, name)
                self._add_numbered(seq, Entry(Kind.SAID, time, text, name, own=name == self.name))
            case Whispered(seq, time, name, to, text, id):
                self._acknowledge(id, name)
                self._add_numbered(seq, Entry(Kind.PRIVATE, time, text, name, to, own=name == self.name))
            case Came(seq, time, name, live):
                self._add_numbered(seq, Entry(Kind.NOTICE, time, f"{name} has joined the chat", name))
                if live and self.people is not None:
                    self.people[name] = None
            case Went(seq, time, name, live):
                self._add_numbered(seq, Entry(Kind.NOTICE, time, f"{name} has left the chat", name))
                if live and self.people is not None:
                    self.people.pop(name, None)
            case Closing(seq, time, sentence):
                self._add_numbered(seq, Entry(Kind.NOTICE, time, sentence))
            case Line(text):
                self._add(_read_plain(text, now, self.name))
            case People(names, more):
                self.people = dict.fromkeys((*(self.people or ()), *names) if more else names)
            case Notice(_, sentence, id):
                self._hear_notice(sentence, id, now)
            case Acknowledged(id):
                self.unacknowledged.pop(id, None)
            case Unsure(id):
                self._set_fate(id, Fate.UNSURE, "the server has started anew, and may not have it")
            case Missed(entries):
                self._add(Entry(Kind.GAP, now, f"{entries} entries are missing here: you were away too long"))
            case Mistake():
                self._say_trouble(
                    f"Something went wrong in this program; it goes on. What it was is written in {self._log}"
                )

    def _try_again(self) -> None:
        self.next_try = None
        if self.state is State.AWAY:
            self._say_trouble("The connection is lost. Trying to reach the server …")

    def _enter(self, welcome: Welcome, now: float) -> None:
        if self.state is State.AWAY and not welcome.resumed and welcome.form is Form.RICH:
            self._add(Entry(Kind.GAP, now, "the server has started anew: what was said meanwhile may be missing here"))
        self.state = State.TALKING
        self.name, self.form, self._limit = welcome.name, welcome.form, welcome.limit
        self.people = None if welcome.people is None else dict.fromkeys(welcome.people)
        self.next_try = None
        self._say(f"You are in the chat as {welcome.name}.")

    def _be_refused(self, refused: Refused) -> None:
        self._be_outside()
        if refused.form is Form.PLAIN:
            self._say_trouble(f"“{self.name}” is taken or not allowed. Choose another username.")
        else:
            words = refused.sentence
            # A name stays as it is written, even at the beginning of a sentence.
            sentence = f"{words}." if words.startswith(f"{self.name} ") else _sentence(words)
            self._say_trouble((sentence + _ADVICE.get(refused.reason, " Try again later.")).strip())

    def _lose(self, sentence: str, again_in: float | None, now: float) -> None:
        if again_in is None:
            self._be_outside()
            self._say_trouble(f"{sentence} You can join again.")
        else:
            self.state = State.AWAY
            self.next_try = now + again_in
            self._say_trouble(sentence)

    def _be_outside(self) -> None:
        self.state = State.OUTSIDE
        self.people = None
        self.next_try = None
        for id, waiting in self.unacknowledged.items():
            if waiting.fate is Fate.WAITING:
                self._set_fate(id, Fate.UNSURE, "the connection ended before the server had given it back")

    def _hear_notice(self, sentence: str, id: str | None, now: float) -> None:
        if id in self.unacknowledged:
            self._set_fate(id, Fate.REFUSED, sentence)
        else:
            self._add(Entry(Kind.ANSWER, now, sentence))

    # What comes into the transcript

    def _add_numbered(self, seq: int, entry: Entry) -> None:
        """Add an entry of the server's log, unless it is there: a backlog can tell again what we have seen."""
        key = (seq, entry.time)
        if key in self._known:
            return
        self._known[key] = None
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        self.transcript.append(entry)
        if entry.kind in (Kind.SAID, Kind.PRIVATE) and not (entry.own or self.is_in_front):
            self.unread += 1

    def _acknowledge(self, id: str | None, name: str) -> None:
        if id is not None and name == self.name:
            self.unacknowledged.pop(id, None)

    def _set_fate(self, id: str | None, fate: Fate, why: str) -> None:
        if id is not None and id in self.unacknowledged:
            self.unacknowledged[id] = self.unacknowledged[id]._replace(fate=fate, why=why)

    # What the person does

    def join(self, address: str, name: str) -> str | None:
        """Begin to join. Returns the name to join with, or None and says why not."""
        name = one_line(name)
        if not name:
            self._say_trouble("Type a username first.")
            return None
        if address != self.address:
            self.transcript.clear()
            self._known.clear()
            self.unacknowledged.clear()
            self._drafts.clear()
        self.state = State.JOINING
        self.name, self.address = name, address
        self._say(f"Joining the chat at {address} …")
        return name

    def leave(self) -> None:
        """Be outside, because the person wants to: out of the chat, or not waiting for it any more."""
        sentence = "You have left the chat." if self.state is not State.JOINING else "Cancelled."
        self._be_outside()
        self._say(f"{sentence} Choose a username and join the chat.")

    @property
    def may_talk(self) -> bool:
        """Whether something can be said: now, or as soon as the connection is back."""
        return self.state in (State.TALKING, State.AWAY)

    def say(self, typed: str, id: str, now: float) -> Request | None:
        """Say what was typed. Returns the request to be sent, or None if it stays in the entry: it is nothing, or can't
        be said."""
        text = one_line(typed)
        if not text or not self.may_talk:
            return None
        try:
            request = self._read_typed(text, id)
        except BadRequest as bad:
            self._say_trouble(_sentence(str(bad)))
            return None
        if len(encode(request, self.form)) > self._limit:
            self._say_trouble(f"That is too long to send: it has to stay under {self._limit} bytes.")
            return None
        self._remember(text, request, id, now)
        return request

    def _read_typed(self, text: str, id: str) -> Request:
        """What is meant by a typed line. A plain server reads its commands itself; a rich one has us read them."""
        if self.form is Form.PLAIN:
            return Say(text)
        match parse_plain(text):
            case Say(text):
                return Say(text, id) if self.to is None else Whisper(self.to, text, id)
            case Whisper(to, text):
                return Whisper(to, text, id)
            case other:
                return other

    def _remember(self, text: str, request: Request, id: str, now: float) -> None:
        self.history.add(text)
        self._drafts.pop(self.to, None)
        if isinstance(request, Say | Whisper) and request.id is not None:
            self.unacknowledged[id] = Unacknowledged(request)
        self._answer(request, now)
        if self.state is State.TALKING:
            self._say(f"You are in the chat as {self.name}.")

    def _answer(self, request: Request, now: float) -> None:
        """Answer what nobody has to be asked for."""
        if isinstance(request, Help):
            for line in HELP.decode().splitlines():
                self._add(Entry(Kind.ANSWER, now, line.removeprefix("* ")))
        if isinstance(request, Who):
            names = sorted_names(self.people or ())
            self._add(Entry(Kind.ANSWER, now, f"{len(names)} here: {', '.join(names)}"))

    def say_again(self, old: str, id: str) -> Request | None:
        """Send once more, under a new id, what was refused or may be lost."""
        waiting = self.unacknowledged.get(old)
        if waiting is None or waiting.fate is Fate.WAITING or not self.may_talk or self.form is Form.PLAIN:
            return None
        del self.unacknowledged[old]
        request = waiting.request._replace(id=id)
        self.unacknowledged[id] = Unacknowledged(request)
        return request

    def drop(self, id: str) -> None:
        """Give up something that was refused or may be lost."""
        self.unacknowledged.pop(id, None)

    def talk_to(self, to: str | None, typed: str) -> str:
        """Turn to one person, or to everybody. Returns what was being typed to them, and keeps what is typed now."""
        self._drafts[self.to] = typed
        self.to = to if self.form is Form.RICH else None
        return self._drafts.pop(self.to, "")

    def comes_to_front(self, is_in_front: bool) -> None:
        """The window is in front now, or isn't any more."""
        self.is_in_front = is_in_front
        if is_in_front:
            self.unread = 0

    # How things stand

    @property
    def title(self) -> str:
        """What the window is called."""
        place = f" – {self.name}" if self.may_talk else ""
        return f"({self.unread}) Chat{place}" if self.unread else f"Chat{place}"

    def status(self, now: float) -> str:
        """How things stand, in one sentence, with the seconds until the next try."""
        if self.next_try is None:
            return self.sentence
        seconds = max(0, round(self.next_try - now))
        return f"{self.sentence} " + (f"Trying again in {seconds} s." if seconds else "Trying again …")

    def _say(self, sentence: str) -> None:
        self.sentence, self.is_trouble = sentence, False

    def _say_trouble(self, sentence: str) -> None:
        self.sentence, self.is_trouble = sentence, True


_ADVICE = {
    "taken": " Choose another username.",
    "lookalike": " Choose another username.",
    "name": " Choose another username.",
    "version": " One of the two needs an update.",
    "malformed": "",
    "tls": "",
}


def one_line(text: str) -> str:
    """Join what was pasted from several lines: a newline would end the message in the middle."""
    return " ".join(text.splitlines()).strip()


def sorted_names(names: Iterable[str]) -> list[str]:
    """Return names as they are looked for: A beside a."""
    return sorted(names, key=lambda name: (name.casefold(), name))


def _sentence(words: str) -> str:
    """What a server says, as a sentence: it writes them small and without a full stop."""
    return words[:1].upper() + words[1:].rstrip(".") + "." if words else ""


def _read_plain(text: str, now: float, own: str) -> Entry:
    """Read a line of a plain server. No name has a space or a colon, so that what is before the first “: ” tells."""
    if text.startswith("* "):
        return Entry(Kind.NOTICE, now, text[2:])
    name, colon, said = text.partition(": ")
    if colon and name and " " not in name:
        return Entry(Kind.SAID, now, said, name, own=name == own)
    return Entry(Kind.SAID, now, text)
