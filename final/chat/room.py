"""Who is here, and what each may do to the conversation.

Two facts make everything else simple. A name is held by whoever holds one of its keys (names.py), in one dictionary
that is asked before anybody is added, on the one thread there is: two can't get the same name at the same instant.
And a person is not a name but a token: the secret that a rich client is given when it comes, and shows when it comes
again. By it a lost connection is resumed, a half-dead one can't keep the name from its owner, and what was said
before isn't said twice.

This module knows nothing of the wire or of how anybody is reached: a member has a reader, and whatever is put there
or in the log arrives.
"""

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import NamedTuple, Protocol

from . import protocol
from .log import Log, Reader
from .names import Name, fold
from .protocol import Form
from .refusal import Reason, Refused

# How many ids of what somebody said are remembered, so that it isn't said twice after a lost connection. A client may
# have this many messages on their way; PROTOCOL.md says so.
REMEMBERED_IDS = 256


class Identity:
    """Somebody who can come again: a token, and what was said last under which id."""

    __slots__ = ("left_at", "member", "said", "token")

    def __init__(self, token: str) -> None:
        self.token = token
        # id -> number in the log, the oldest first; at most REMEMBERED_IDS.
        self.said: dict[str, int] = {}
        # Who this is in the room, or None while gone; and since when.
        self.member: Member | None = None
        self.left_at = 0.0

    def remember(self, id: str, seq: int) -> None:
        """Keep in mind that this id is in the log as seq."""
        self.said[id] = seq
        if len(self.said) > REMEMBERED_IDS:
            del self.said[next(iter(self.said))]


class Member:
    """Somebody who is here. Its reader is where whatever it should hear is put."""

    __slots__ = ("identity", "name", "on_replaced", "reader", "shown")

    def __init__(self, name: Name, reader: Reader, identity: Identity | None, on_replaced: Callable[[], None]) -> None:
        self.name = name
        self.shown = name.shown
        self.reader = reader
        # None for a plain client, which has no way to show a token.
        self.identity = identity
        # Called when the same person comes in through another connection: this one has to leave the room.
        self.on_replaced = on_replaced


class Welcome(NamedTuple):
    """What a rich client that was let in is told."""

    member: Member
    seq: int  # the newest entry there was before it came
    resumed: bool
    missed: tuple[int, int] | None  # it resumes, but from this entry on this many are gone


class Journal(Protocol):
    """Whoever remembers, beyond the end of the server, what it takes to come again as the same person (history.py)."""

    def came(self, token: str) -> None:
        """Somebody is here."""

    def left(self, token: str, at: float) -> None:
        """Somebody is gone, since this time."""

    def remembered(self, token: str, seq: int) -> None:
        """Somebody has said this entry, under an id."""


class _NoJournal:
    """Nothing is remembered."""

    def came(self, token: str) -> None:
        pass

    def left(self, token: str, at: float) -> None:
        pass

    def remembered(self, token: str, seq: int) -> None:
        pass


class Counts:
    """What has happened since the start, for whoever asks (metrics.py). Only ever added to."""

    __slots__ = ("fallen", "refused_joins", "refused_lines", "said", "whispered")

    def __init__(self) -> None:
        self.said = 0
        self.whispered = 0
        self.refused_joins = 0
        self.refused_lines = 0
        self.fallen = 0  # readers that fell off the end of the log


class Room:
    """Everybody who is here, and the conversation. `time` (seconds since 1970) is what entries are stamped with."""

    def __init__(
        self,
        log: Log,
        max_members: int,
        backlog: int,
        resume_time: float,
        journal: Journal | None = None,
        gone: Iterable[Identity] = (),
    ) -> None:
        """gone: who may come again though they were here before the server was, the longest gone first."""
        self.log = log
        self._journal = journal or _NoJournal()
        self.time = 0.0
        self.counts = Counts()
        self._max_members = max_members
        self._backlog = backlog
        self._resume_time = resume_time
        # Who holds which key: the one place that is asked whether a name is free.
        self._holders: dict[str, Member] = {}
        # Everybody, in the order in which they came.
        self._members: dict[Member, None] = {}
        # Those with a token who are gone, the longest gone first; for resume_time, and at most max_members of them.
        self._gone = {identity.token: identity for identity in gone}
        # Those with a token who are here.
        self._present: dict[str, Identity] = {}
        # The names of everybody, as protocol.batches cuts them; None when somebody has come or gone since.
        self._people: list[list[str]] | None = None
        self._people_lines: dict[Form, bytes] = {}

    def __len__(self) -> int:
        return len(self._members)

    # Coming and going

    def enter_plain(self, name: Name, reader: Reader, on_replaced: Callable[[], None]) -> Member:
        """Let somebody in who reads plain lines, or raise Refused. It is told PLAIN_OK and then the backlog."""
        self._check_free(name, None)
        start = self.log.last_public(self._backlog)
        reader.follow(Form.PLAIN, start)
        reader.tell(protocol.PLAIN_OK, start)
        return self._add(Member(name, reader, None, on_replaced))

    def enter_rich(
        self,
        name: Name,
        identity: Identity,
        since: int | None,
        reader: Reader,
        on_replaced: Callable[[], None],
        welcome: Callable[[Welcome], bytes],
    ) -> Member:
        """Let somebody in who reads JSON, or raise Refused. It is told what `welcome` makes of the answer.

        If it was here before, as this identity, it goes on after entry `since` and finds what was whispered to it.
        """
        self._check_free(name, identity)
        resumed = since is not None and self._knows(identity) and since < self.log.end
        if identity.member is not None:
            identity.member.on_replaced()
        wanted = since + 1 if resumed and since is not None else self.log.last_public(self._backlog)
        start = max(wanted, self.log.first)
        missed = (wanted, start - wanted) if start > wanted else None
        member = Member(name, reader, identity, on_replaced)
        reader.follow(Form.RICH, start)
        reader.tell(welcome(Welcome(member, self.log.end - 1, resumed, missed)), start)
        if resumed:
            for seq in self.log.private(identity.token, start):
                reader.tell_private(seq)
        self._here(identity, member)
        return self._add(member)

    def leave(self, member: Member) -> None:
        """Let somebody go, free the name, and tell everybody else."""
        for key in member.name.keys:
            del self._holders[key]
        del self._members[member]
        self._people = None
        if member.identity is not None:
            self._not_here(member.identity)
        self.log.append(protocol.Left(member.shown), self.time)

    def identity(self, token: str | None, new_token: Callable[[], str]) -> Identity:
        """Return who holds this token, or somebody new if nobody does (any more)."""
        self._forget_the_long_gone()
        known = (self._present.get(token) or self._gone.get(token)) if token else None
        return known or Identity(new_token())

    # Talking

    def say(self, member: Member, text: str, id: str | None = None) -> None:
        """Say something to everybody. What was said before under the same id is only confirmed to the speaker."""
        if id is None or not self._was_said(member, id):
            self.counts.said += 1
            self._remember(member, id, self.log.append(protocol.Said(member.shown, text, id), self.time))

    def say_all(self, member: Member, texts: list[str]) -> None:
        """Say several things in one go; the same as `say` for each, and much cheaper."""
        self.counts.said += len(texts)
        name = member.shown
        self.log.extend(list(map(protocol.Said, repeat(name), texts)), self.time)

    def whisper(self, member: Member, to: str, text: str, id: str | None = None) -> bool:
        """Say something to one person; both ends hear it, nobody else. False: nobody of that name is here."""
        if id is not None and self._was_said(member, id):
            return True
        other = self.find(to)
        if other is None:
            return False
        ends = {member, other}
        tokens = frozenset(end.identity.token for end in ends if end.identity)
        self.counts.whispered += 1
        seq = self.log.append_private(protocol.Whispered(member.shown, other.shown, text, id), self.time, tokens)
        for end in ends:
            end.reader.tell_private(seq)
        self._remember(member, id, seq)
        return True

    def close(self) -> None:
        """Say goodbye to everybody."""
        self.log.append(protocol.CLOSING, self.time)

    # Asking

    def find(self, name: str) -> Member | None:
        """Return who has this name, however it is written. (Not who only looks like it: whispers are at stake.)"""
        key = fold(name)
        holder = self._holders.get(key) if key is not None else None
        return holder if holder is not None and holder.name.folded == key else None

    @property
    def people(self) -> list[list[str]]:
        """Who is here, in the order in which they came, as protocol.batches cuts it."""
        if self._people is None:
            self._people = protocol.batches(member.shown for member in self._members)
            self._people_lines = {form: protocol.people(form, self._people) for form in Form}
        return self._people

    def people_lines(self, form: Form) -> bytes:
        """Who is here, as lines; written once, however often it is asked for."""
        return self._people_lines[form] if self.people else b""

    # What the above is made of

    def _knows(self, identity: Identity) -> bool:
        return identity.token in self._gone or identity.token in self._present

    def _check_free(self, name: Name, identity: Identity | None) -> None:
        for key in name.keys:
            holder = self._holders.get(key)
            if holder is not None and (identity is None or holder.identity is not identity):
                raise _refusal(name, holder)
        if len(self._members) >= self._max_members and (identity is None or identity.member is None):
            raise Refused(Reason.FULL, f"the room is full: {self._max_members} people are here")

    def _add(self, member: Member) -> Member:
        self._holders.update(dict.fromkeys(member.name.keys, member))
        self._members[member] = None
        self._people = None
        self.log.append(protocol.Joined(member.shown), self.time)
        return member

    def _here(self, identity: Identity, member: Member) -> None:
        identity.member = member
        self._gone.pop(identity.token, None)
        self._present[identity.token] = identity
        self._journal.came(identity.token)

    def _not_here(self, identity: Identity) -> None:
        identity.member = None
        identity.left_at = self.time
        del self._present[identity.token]
        self._gone[identity.token] = identity
        self._journal.left(identity.token, self.time)
        self._forget_the_long_gone()

    def _forget_the_long_gone(self) -> None:
        while self._gone:
            longest = next(iter(self._gone.values()))
            if longest.left_at > self.time - self._resume_time and len(self._gone) <= self._max_members:
                break
            del self._gone[longest.token]

    def _was_said(self, member: Member, id: str) -> bool:
        if member.identity is None or id not in member.identity.said:
            return False
        member.reader.tell(protocol.duplicate(id, member.identity.said[id]))
        return True

    def _remember(self, member: Member, id: str | None, seq: int) -> None:
        if id is not None and member.identity is not None:
            member.identity.remember(id, seq)
            self._journal.remembered(member.identity.token, seq)


def _refusal(name: Name, holder: Member) -> Refused:
    if holder.name.folded == name.folded:
        return Refused(Reason.TAKEN, f"{name.shown} is taken")
    return Refused(Reason.LOOKS_TAKEN, f"{name.shown} looks like {holder.shown}, who is here")
