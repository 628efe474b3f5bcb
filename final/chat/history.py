"""The conversation on disk: what anybody has been sent is there already, and is there again after a restart.

A history is a reader of the log like any other, with one difference: the others wait for it. Before the server sends
anything it has everything that is new written down, all that came in together in one commit. So what somebody has
seen survives the server, however it ends (kill -9 included). After a power cut the last moments may be missing, and
the file is whole: a commit hands the bytes to the system, which brings them to the disk a moment later
(https://www.sqlite.org/pragma.html#pragma_synchronous).

The file is an SQLite database in WAL mode, in which one may write and any number may read meanwhile: a backup, the
command `chat history`, a program of your own (https://www.sqlite.org/wal.html). The server holds the right to write
for as long as it runs, so two servers can't have one history. A commit takes some 15 microseconds, so the server's own
thread makes it; in a thread of its own nobody would gain, for what isn't on disk yet may not be sent.

Private lines are in the file too, and the tokens by which people come again: it is its owner's alone to read.

This module knows the log and what an entry is. It knows nothing of sockets, and not who is here.
"""

import contextlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from .log import ENTRY_OVERHEAD, Entry, Log
from .protocol import Event, Joined, Left, Notice, Said, Whispered, encode_plain, encode_rich
from .room import Identity

logger = logging.getLogger("chat")

APPLICATION = 0x43484154  # "CHAT", in SQLite's field for whose file it is
VERSION = 1
# How long a disk is left alone that couldn't be written to.
RETRY_SECONDS = 10.0
# How far back to look for what somebody who comes again has said: what wasn't acknowledged is not so old.
_SAID_LATELY = 50_000
_DAY = 86_400.0

# A column for each field that an event can have; those that it doesn't have are NULL.
_SCHEMA = f"""
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,  -- its number, the same as on the wire
    time REAL NOT NULL,       -- seconds since 1970
    kind TEXT NOT NULL,       -- said, joined, left, whispered or notice
    name TEXT,                -- who
    "to" TEXT,                -- to whom it is whispered
    text TEXT,
    id TEXT,                  -- the speaker's own for it
    code TEXT,                -- what a notice is about, for programs
    token TEXT,               -- the speaker's, if there is an id: whoever comes again says nothing twice
    readers TEXT              -- the tokens of those to whom it is whispered, and by whom, as a JSON list
);
CREATE TABLE people (         -- who can come again
    token TEXT PRIMARY KEY,
    left_at REAL              -- seconds since 1970; NULL: was here to the end
);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""
_KINDS: dict[str, type[Any]] = {kind.__name__.lower(): kind for kind in (Said, Joined, Left, Whispered, Notice)}
_FIELDS = ("name", "to", "text", "id", "code")
_ENTRY = 'seq, time, kind, name, "to", text, id, code, readers'


class HistoryError(Exception):
    """The file can't be had. str() is a sentence that says why."""


class History:
    """A file that keeps up with a log (server.Keeper), and what the room wants remembered (room.Journal)."""

    def __init__(self, path: Path, resume_time: float, days: float = 0) -> None:
        """Open the file, or make it. Raises HistoryError.

        What is older than so many days is deleted, now and once a day; nothing is if it is 0. resume_time, in seconds,
        is how long somebody who is gone can come again.
        """
        self._path = path
        self._resume_time = resume_time
        self._days = days
        self._tidied_at = 0.0
        self._database = _open_to_write(path)
        # The first entry that isn't in the file.
        self.position = self._first_free()
        # Since the last commit: who came (None) and who left (when); and who said which entry under an id.
        self._people: dict[str, float | None] = {}
        self._speakers: dict[int, str] = {}
        # When to try again after the disk couldn't be written to; inf while all is well.
        self.due = inf

    # What was

    def log(self, max_bytes: int) -> Log:
        """Return a log that goes on where the file ends, with as much of the past as it may hold. Raises
        HistoryError."""
        with _in_words(f"can't read the history {self._path}"):
            past = self._newest(max_bytes // ENTRY_OVERHEAD)
        log = Log(max_bytes, first=self.position - len(past))
        for entry in past:
            if entry.tokens is None:
                log.append(entry.event, entry.time)
            else:
                log.append_private(entry.event, entry.time, entry.tokens)
        return log

    def identities(self, now: float) -> list[Identity]:
        """Return who can come again, the longest gone first. Whoever was here to the end has left just now. Raises
        HistoryError."""
        with _in_words(f"can't write the history {self._path}"), self._commit():
            self._database.execute("UPDATE people SET left_at = ? WHERE left_at IS NULL", (now,))
            self._tidy(now)
        with _in_words(f"can't read the history {self._path}"):
            return self._known()

    def _known(self) -> list[Identity]:
        rows = self._database.execute("SELECT token, left_at FROM people ORDER BY left_at")
        known = {token: _identity(token, left_at) for token, left_at in rows}
        lately = "SELECT token, id, seq FROM entries WHERE token IS NOT NULL AND seq >= ? ORDER BY seq"
        for token, id, seq in self._database.execute(lately, (self.position - _SAID_LATELY,)):
            if token in known:
                known[token].remember(id, seq)
        return list(known.values())

    def _first_free(self) -> int:
        with _in_words(f"can't read the history {self._path}"):
            newest: int | None = self._database.execute("SELECT max(seq) FROM entries").fetchone()[0]
        return 1 if newest is None else newest + 1

    def _newest(self, count: int) -> list[Entry]:
        """Return the last entries, at most count of them, in their order and without a gap."""
        rows = self._database.execute(f"SELECT {_ENTRY} FROM entries ORDER BY seq DESC LIMIT ?", (count,))
        expected = range(self.position - 1, 0, -1)
        together = [row for row, seq in zip(rows, expected, strict=False) if row[0] == seq]
        return [_entry(row) for row in reversed(together)]

    # What the room wants remembered (room.Journal); it is written together with the entries

    def came(self, token: str) -> None:
        """Remember that somebody is here."""
        self._people[token] = None

    def left(self, token: str, at: float) -> None:
        """Remember when somebody left."""
        self._people[token] = at

    def remembered(self, token: str, seq: int) -> None:
        """Remember who said this entry."""
        self._speakers[seq] = token

    # What is said (server.Keeper)

    def keep(self, log: Log, now: float) -> None:
        """Write down what is new in the log. When this returns it may be sent: it is on disk, or everybody is told
        that it isn't. now is in seconds since 1970."""
        if time.monotonic() < self.due < inf:
            return
        try:
            self._write(log, now)
        except sqlite3.Error as error:
            self._could_not(log, str(error), now)
        else:
            self._could(log, now)

    def close(self) -> None:
        """Let the file go."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def _write(self, log: Log, now: float) -> None:
        start = max(self.position, log.first)  # what the log has dropped while the disk was full is lost
        with self._commit():
            rows = (self._row(entry) for entry in log.entries(start))
            self._database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._database.executemany("INSERT OR REPLACE INTO people VALUES (?, ?)", self._people.items())
            if now - self._tidied_at > _DAY:
                self._tidy(now)
        self.position = log.end
        self._people.clear()
        self._speakers.clear()

    def _row(self, entry: Entry) -> tuple[Any, ...]:
        event = entry.event
        fields = (getattr(event, field, None) for field in _FIELDS)
        readers = None if entry.tokens is None else json.dumps(sorted(entry.tokens))
        kind = type(event).__name__.lower()
        return entry.seq, entry.time, kind, *fields, self._speakers.get(entry.seq), readers

    def _tidy(self, now: float) -> None:
        """Forget who has been gone for too long, and what was said too long ago."""
        self._tidied_at = now
        self._database.execute("DELETE FROM people WHERE left_at < ?", (now - self._resume_time,))
        if self._days:
            self._database.execute("DELETE FROM entries WHERE time < ?", (now - self._days * _DAY,))

    @contextlib.contextmanager
    def _commit(self) -> Iterator[None]:
        """Write all of it or nothing. The right to write is ours before and after."""
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have undone it already
                self._database.execute("ROLLBACK")
            raise
        finally:
            with contextlib.suppress(sqlite3.Error):  # else the next commit begins with it
                self._database.execute("BEGIN IMMEDIATE")

    def _could_not(self, log: Log, reason: str, now: float) -> None:
        if self.due == inf:
            logger.error("the history can't be written reason=%r", reason)
            log.append(
                Notice("history", "what is said from now on isn't kept: the server can't write to its disk"), now
            )
        self.due = time.monotonic() + RETRY_SECONDS
        self._speakers = {seq: token for seq, token in self._speakers.items() if seq >= log.first}

    def _could(self, log: Log, now: float) -> None:
        if self.due != inf:
            self.due = inf
            logger.warning("the history is written again")
            log.append(Notice("history", "what is said is kept again"), now)
            self.keep(log, now)


def read(path: Path, since: float = 0.0) -> Iterator[Entry]:
    """Yield what a history has from this time on (seconds since 1970), whether a server writes it meanwhile or not.
    Raises HistoryError."""
    with _in_words(f"can't read the history {path}"), contextlib.closing(_open(path, "ro")) as database:
        _check(path, database)
        for row in database.execute(f"SELECT {_ENTRY} FROM entries WHERE time >= ? ORDER BY seq", (since,)):
            yield _entry(row)


def as_text(entry: Entry) -> str:
    """Write an entry for people, with the time of this computer."""
    at = datetime.fromtimestamp(entry.time)
    line = encode_plain([entry.event])[0].decode().removesuffix("\n")
    return f"{at:%Y-%m-%d %H:%M:%S}  {line}"


def as_json(entry: Entry) -> str:
    """Write an entry for programs, as PROTOCOL.md says."""
    return encode_rich(entry.seq, entry.time, entry.event).decode().removesuffix("\n")


def _open_to_write(path: Path) -> sqlite3.Connection:
    """Return the database, made if there is none, with the right to write to it."""
    with _in_words(f"can't write the history {path}"), contextlib.ExitStack() as stack:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # its owner's alone
        database = _open(path, "rw")
        stack.callback(database.close)
        is_new = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not is_new:
            _check(path, database)
        database.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if is_new:
            database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
        database.execute("BEGIN IMMEDIATE")
        stack.pop_all()
    return database


def _open(path: Path, mode: str) -> sqlite3.Connection:
    if path.is_dir():
        raise HistoryError(f"{path} is a folder; a history is a file")
    if not path.exists():
        raise HistoryError(f"there is no history {path}")
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None)


def _check(path: Path, database: sqlite3.Connection) -> None:
    whose, version = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if whose != APPLICATION:
        raise HistoryError(f"{path} is a database, and no history of this chat")
    if version > VERSION:
        raise HistoryError(f"the history {path} was written by a newer version of this chat")


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Say in a sentence what couldn't be done, and why."""
    try:
        yield
    except OSError as error:
        raise HistoryError(f"{what}: {(error.strerror or str(error)).lower()}") from None
    except sqlite3.Error as error:
        why = "another server keeps its history there" if "locked" in str(error) else str(error)
        raise HistoryError(f"{what}: {why}") from None


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, at, kind, *fields, readers = row
    values = dict(zip(_FIELDS, fields, strict=True))
    event: Event = _KINDS[kind](*(values[field] for field in _KINDS[kind]._fields))
    return Entry(seq, at, event, None if readers is None else frozenset(json.loads(readers)))


def _identity(token: str, left_at: float) -> Identity:
    identity = Identity(token)
    identity.left_at = left_at
    return identity
