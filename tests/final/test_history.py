"""What was said is there again, however the server ended; and what can't be kept is said to be."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import pytest
from chat.history import APPLICATION, History, HistoryError, as_text, read
from chat.limits import Limits
from chat.log import Reader
from chat.protocol import CLOSING, Event, Joined, Left, Notice, Said, Whispered
from chat.room import Room
from chat.session import Session

from .chatting import LAUNCHER, PATIENCE, ROOT, Person, ServerProcess, wait_until

Serve = Callable[..., ServerProcess]
Opens = Callable[..., History]
DAY = 86_400.0
LOG_BYTES = 1_000_000
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such file modes")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "the chat.db"  # a blank, for it becomes a URI


@pytest.fixture
def opens(path: Path) -> Iterator[Opens]:
    """Open the history once more, as the next server does; the one before is let go."""
    open_ones: list[History] = []

    def again(**how: float) -> History:
        while open_ones:
            open_ones.pop().close()
        open_ones.append(History(path, **{"resume_time": 600.0, **how}))
        return open_ones[-1]

    yield again
    for history in open_ones:
        history.close()


# --- The file and the log ---------------------------------------------------------------------------------------------


def test_every_kind_of_entry_comes_back_as_it_was(opens: Opens) -> None:
    """With its number, its time, and who may read it."""
    history = opens()
    log = history.log(LOG_BYTES)
    events: list[Event] = [
        Joined("zoë"),
        Said("zoë", "日本 🙂"),
        Said("zoë", "with an id", "z-1"),
        Left("zoë"),
        CLOSING,
    ]
    for number, event in enumerate(events):
        log.append(event, 1_000.0 + number / 8)
    log.append_private(Whispered("zoë", "bob", "psst", "z-2"), 2_000.0, frozenset({"token of zoë", "token of bob"}))
    log.append_private(Whispered("carol", "dave", "both at nc"), 2_001.0, frozenset())
    history.keep(log, 0.0)
    assert opens().log(LOG_BYTES).entries(1) == log.entries(1)


def test_numbers_go_on(opens: Opens) -> None:
    """The first entry after a restart has the number after the last before it."""
    for number in range(1, 4):
        history = opens()
        log = history.log(LOG_BYTES)
        assert log.end == number
        log.append(Said("alice", f"line {number}"), 0.0)
        history.keep(log, 0.0)
    assert [entry.seq for entry in opens().log(LOG_BYTES).entries(1)] == [1, 2, 3]


def test_as_much_comes_back_as_the_log_may_hold(opens: Opens) -> None:
    """The newest. It is no more than the log would hold if it had gone on."""
    history = opens()
    log = history.log(20_000)
    for number in range(500):
        log.append(Said("alice", f"line {number}"), 0.0)
        history.keep(log, 0.0)
    again = opens().log(20_000)
    assert again.end == log.end
    assert again._bytes <= 20_000
    assert 20 < again.end - again.first < 50
    assert again.entries(again.first)[-1] == log.entries(log.first)[-1]


def test_what_is_new_is_one_commit(opens: Opens, path: Path) -> None:
    """Whoever reads the file meanwhile sees all of what came in together, or nothing of it."""
    history = opens()
    log = history.log(LOG_BYTES)
    log.extend([Said("alice", str(number)) for number in range(100)], 0.0)
    assert list(read(path)) == []
    history.keep(log, 0.0)
    assert len(list(read(path))) == 100
    history.keep(log, 0.0)
    assert len(list(read(path))) == 100


def test_what_is_before_a_gap_does_not_come_back(opens: Opens, path: Path) -> None:
    """It stays in the file; but the log has no holes."""
    history = opens()
    log = history.log(LOG_BYTES)
    log.extend([Said("alice", str(number)) for number in range(9)], 0.0)
    history.keep(log, 0.0)
    history.close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM entries WHERE seq = 5")
    database.close()
    assert [entry.seq for entry in opens().log(LOG_BYTES).entries(6)] == [6, 7, 8, 9]
    assert opens().log(LOG_BYTES).first == 6


# --- A disk that is full ----------------------------------------------------------------------------------------------


def may_have_pages(history: History, more: int) -> None:
    """Let the file grow by so many pages: SQLite says then what it says of a full disk."""
    pages = history._database.execute("PRAGMA page_count").fetchone()[0]
    history._database.execute(f"PRAGMA max_page_count = {pages + more}")


def test_a_full_disk_is_said_once_and_the_chat_goes_on(opens: Opens) -> None:
    """And when there is room again, everything is written that the log still has."""
    history = opens()
    log = history.log(LOG_BYTES)
    may_have_pages(history, 0)
    for number in range(50):
        log.append(Said("alice", "x" * 1000 + str(number)), 0.0)
        history.keep(log, 0.0)
    notices = [entry.event for entry in log.entries(1) if isinstance(entry.event, Notice)]
    assert [notice.code for notice in notices] == ["history"]
    assert "isn't kept" in notices[0].text
    assert time.monotonic() < history.due < inf

    history.due = time.monotonic()
    history.keep(log, 0.0)
    assert history.due > time.monotonic()
    assert log.entries(log.end - 1)[0].event != notices[0], "it was said already"

    may_have_pages(history, 1000)
    history.keep(log, 0.0)
    assert history.position < log.end, "the disk is left alone for a while"
    history.due = time.monotonic()
    history.keep(log, 0.0)
    assert history.due == inf
    assert log.entries(log.end - 1)[0].event == Notice("history", "what is said is kept again")
    assert opens().log(LOG_BYTES).entries(1) == log.entries(1)


def test_what_the_log_dropped_meanwhile_is_a_gap(opens: Opens, path: Path) -> None:
    """Nothing is invented for it, and nothing after it is lost."""
    history = opens()
    log = history.log(20_000)
    may_have_pages(history, 0)
    for number in range(100):
        log.append(Said("alice", f"line {number} {'x' * 500}"), 0.0)
        history.keep(log, 0.0)
    still_there = log.first
    may_have_pages(history, 1000)
    history.due = time.monotonic()
    history.keep(log, 0.0)
    kept = {entry.seq for entry in read(path)}
    lost = [seq for seq in range(1, log.end) if seq not in kept]
    assert len(lost) > 50
    assert lost == list(range(lost[0], still_there))


def test_the_right_to_write_is_held_all_the_time(opens: Opens, path: Path) -> None:
    """After a commit as before it, and after one that failed."""
    history = opens()
    log = history.log(LOG_BYTES)

    def somebody_else_writes() -> None:
        with sqlite3.connect(path, timeout=0) as other:
            other.execute("INSERT INTO people VALUES ('x', 0)")
        other.close()

    for pages in (0, 1000):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            somebody_else_writes()
        may_have_pages(history, pages)
        log.append(Said("alice", "x" * 10_000), 0.0)
        history.keep(log, 0.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        somebody_else_writes()


# --- Who it was -------------------------------------------------------------------------------------------------------


class Client:
    """A session in the rich form, in a room that has a history."""

    def __init__(self, room: Room, name: str, **fields: object) -> None:
        self.session = Session(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: f"token of {name}")
        self.says(type="join", name=name, **fields)
        self.welcome = self.hears()[0]

    def says(self, **fields: object) -> None:
        self.session.receive(json.dumps(fields).encode() + b"\n", 0.0)
        self.session.turn(0.0)

    def hears(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.session.reader.take().splitlines()]


def room_of(history: History, now: float = 0.0) -> Room:
    """Return the room as a server makes it that starts at this time."""
    room = Room(history.log(LOG_BYTES), 10, 20, 600.0, history, history.identities(now))
    room.time = now
    return room


def comes_again(history: History, room: Room, name: str, since: object, now: float = 1.0) -> Client:
    """Let somebody come again; what has happened since is kept."""
    again = Client(room, name, token=f"token of {name}", since=since)
    history.keep(room.log, now)
    return again


def test_who_was_here_comes_again_as_the_same_person(opens: Opens) -> None:
    """After an end without a goodbye: with what was missed, whispers too, and without saying anything twice."""
    history = opens()
    room = room_of(history)
    alice, bob, carol = (Client(room, name) for name in ("alice", "bob", "carol"))
    alice.says(type="say", text="is this thing on?", id="a-1")
    bob.says(type="whisper", to="alice", text="psst", id="b-1")
    since = room.log.end - 3
    history.keep(room.log, 1.0)

    history = opens()
    room = room_of(history, now=2.0)
    again = comes_again(history, room, "alice", since)
    assert again.welcome["resumed"]
    assert [line.get("text") for line in again.hears() if line["type"] in ("said", "whisper")] == []
    again.says(type="say", text="is this thing on?", id="a-1")
    assert again.hears()[-1] == {"type": "duplicate", "id": "a-1", "seq": since + 1}
    bob = comes_again(history, room, "bob", since)
    bob.says(type="whisper", to="alice", text="psst", id="b-1")
    assert [line["type"] for line in bob.hears() if "id" in line] == ["duplicate"]
    assert carol.welcome["token"] == "token of carol"


def test_a_whisper_is_found_again_by_its_two_ends_and_nobody_else(opens: Opens) -> None:
    """After a restart as before it."""
    history = opens()
    room = room_of(history)
    alice, _, _ = (Client(room, name) for name in ("alice", "bob", "carol"))
    alice.says(type="whisper", to="bob", text="psst", id="a-1")
    history.keep(room.log, 1.0)
    history = opens()
    room = room_of(history, now=2.0)
    for name, wanted in (("alice", ["psst"]), ("bob", ["psst"]), ("carol", [])):
        session = Session(room, Reader(room.log, lambda: None), Limits(), 0.0, lambda: "new")
        join = {"type": "join", "name": name, "token": f"token of {name}", "since": 0}
        session.receive(json.dumps(join).encode() + b"\n", 0.0)
        session.turn(0.0)
        heard = [json.loads(line) for line in session.reader.take().splitlines()]
        assert [line["text"] for line in heard if line["type"] == "whisper"] == wanted


def test_who_has_been_gone_for_too_long_is_somebody_new(opens: Opens) -> None:
    """The time counts from their leaving; for whoever was here to the end, from the start of the next server."""
    history = opens()
    room = room_of(history)
    alice = Client(room, "alice")
    Client(room, "bob")
    room.time = 100.0
    alice.session.lost()
    history.keep(room.log, 100.0)
    for now, here in ((650.0, {"token of alice", "token of bob"}), (750.0, {"token of bob"}), (1300.0, set())):
        assert {identity.token for identity in opens().identities(now)} == here


def test_old_things_are_forgotten(opens: Opens, path: Path) -> None:
    """At the start and once a day, if somebody wants it; the file is not just told to, it doesn't hold it any more."""
    history = opens()
    log = history.log(LOG_BYTES)
    for day in range(10):
        log.append(Said("alice", f"secret of day {day}"), day * DAY)
    history.keep(log, 9 * DAY)
    history = opens(days=3)
    history.identities(9 * DAY + 1)
    assert [as_text(entry)[-5:] for entry in read(path)] == ["day 7", "day 8", "day 9"]
    log = history.log(LOG_BYTES)
    log.append(Said("alice", "secret of day 11"), 11 * DAY)
    history.keep(log, 11 * DAY)
    assert [as_text(entry)[-5:] for entry in read(path)] == ["day 8", "day 9", "ay 11"]
    history.close()
    assert b"secret of day 9" in path.read_bytes()
    assert b"secret of day 5" not in path.read_bytes()


# --- Whose file it is -------------------------------------------------------------------------------------------------


def a_text(path: Path) -> None:
    path.write_text("Dear diary, " * 100)


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


def of_the_future(path: Path) -> None:
    History(path, 0.0).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_text, "file is not a database"),
        (another_database, "is a database, and no history of this chat"),
        (of_the_future, "was written by a newer version"),
        (Path.mkdir, "is a folder"),
    ],
)
def test_what_is_no_history_is_left_as_it_is(make: Callable[[Path], None], says: str, path: Path) -> None:
    """And said in a sentence, whether it is to be read or to be written."""
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(HistoryError, match=says):
        History(path, 0.0)
    with pytest.raises(HistoryError, match=says):
        list(read(path))
    assert before == (path.read_bytes() if path.is_file() else None)


def test_there_is_no_history_and_no_place_for_one(tmp_path: Path) -> None:
    """To read makes none, and to write makes no folder."""
    with pytest.raises(HistoryError, match="there is no history"):
        list(read(tmp_path / "nothing.db"))
    with pytest.raises(HistoryError, match="no such file or directory"):
        History(tmp_path / "nowhere" / "chat.db", 0.0)
    assert list(tmp_path.iterdir()) == []


@posix
def test_the_file_is_its_owners_alone(opens: Opens, path: Path) -> None:
    """What SQLite makes beside it, too: private lines are in there."""
    history = opens()
    log = history.log(LOG_BYTES)
    log.append(Joined("alice"), 0.0)
    history.keep(log, 0.0)
    files = sorted(path.parent.iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


# --- The server -------------------------------------------------------------------------------------------------------


def chat(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `python -m chat` with these words."""
    command = [sys.executable, "-m", "chat", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "final"), "PYTHONUTF8": "1"}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def dies(server: ServerProcess) -> None:
    """Kill it on the spot: kill -9, or what Windows has for it."""
    server.process.kill()
    server.process.wait(PATIENCE)
    server.died = True


def test_what_anybody_has_seen_survives_a_kill(serve: Serve, path: Path) -> None:
    """People talk as fast as they can, and the server is killed in the middle of it, again and again."""
    seen: list[str] = []
    for round in range(4):
        server = serve("--history", str(path), "--rate", "0", "--backlog", "0")
        listener = server.comes("listener")
        speakers = [server.comes(f"speaker{number}") for number in range(3)]
        for number in range(200):
            for speaker in speakers:
                speaker.says(f"{round}-{number}")
        for _ in range(150 * (round + 1)):
            seen.append(listener.line())
        dies(server)
        seen += lines_until_the_end(listener)
    kept = [as_text(entry).partition("  ")[2] for entry in read(path)]
    assert [line for line in kept if ": " in line and line in set(seen)] == [line for line in seen if ": " in line]


# A server that ends with a traceback when it is about to send anything that isn't on disk.
WATCHED = """
import sys
sys.path.insert(0, {final!r})
from chat import __main__, history, transport

histories = []
open_it = history.History.__init__

def opened(self, *arguments):
    open_it(self, *arguments)
    histories.append(self)

def watched(send, log_of):
    def sending(self, *arguments):
        assert histories[0].position == log_of(self).end, "sent before it was kept"
        return send(self, *arguments)
    return sending

history.History.__init__ = opened
transport.Crowd.send = watched(transport.Crowd.send, lambda crowd: crowd._log)
transport.Connection.send = watched(transport.Connection.send, lambda connection: connection.reader.log)
__main__.server()
"""


def test_nothing_is_sent_that_is_not_on_disk(serve: Serve, path: Path, tmp_path: Path) -> None:
    """Not even what becomes known while others are being sent to: that somebody's connection is broken."""
    launcher = tmp_path / "watched.py"
    launcher.write_text(WATCHED.format(final=str(ROOT / "final")), encoding="utf-8")
    server = serve("--history", str(path), "--rate", "0", "--backlog", "5", launcher=launcher)
    listeners = [server.comes("plain"), server.comes().says('{"type":"join","name":"rich"}')]
    for round in range(20):
        guests = [server.comes(f"guest{round}-{number}") for number in range(4)]
        for guest in guests:
            guest.says(*(f"hello {number}" for number in range(50)), "/msg plain psst", "/who")
        for guest in guests:
            guest.resets()
    listeners[0].says("the end")
    for listener, last in zip(listeners, ("plain: the end", '"text":"the end"'), strict=True):
        while last not in (line := listener.line()):
            assert line != "(end)"


# A server that may write little, and soon tries again.
LITTLE_ROOM = """
import resource, sys
sys.path.insert(0, {final!r})
from chat import __main__, history

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
history.RETRY_SECONDS = 0.1
__main__.server()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is raised as Linux does it")
def test_everybody_is_told_of_a_full_disk_and_of_its_end(serve: Serve, path: Path, tmp_path: Path) -> None:
    """The chat goes on meanwhile. When there is room again that is found without anybody saying anything."""
    import resource

    launcher = tmp_path / "little_room.py"
    launcher.write_text(LITTLE_ROOM.format(final=str(ROOT / "final")), encoding="utf-8")
    server = serve("--history", str(path), "--rate", "0", launcher=launcher)
    alice, rich = server.comes("alice"), server.comes().says('{"type":"join","name":"rich"}')
    alice.says(*("x" * 4000 for _ in range(100)))
    alice.hears_until("* what is said from now on isn't kept: the server can't write to its disk")
    alice.says("is anybody there?").hears_until("alice: is anybody there?")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    alice.hears("* what is said is kept again")
    for sentence in ("isn't kept", "is kept again"):  # to programs the same, with a code and a number
        while (line := json.loads(rich.line())).get("code") != "history":
            pass
        assert sentence in line["text"]
        assert line["seq"] > 1
    assert [event.text for _, _, event, _ in read(path) if isinstance(event, Said)][-1] == "is anybody there?"
    wait_until(lambda: b"the history is written again" in server.errors, "the log to say it")
    assert b"error the history can't be written reason='" in server.errors


def lines_until_the_end(person: Person) -> list[str]:
    """Return the whole lines that had arrived before the connection broke."""
    try:
        while data := person.sock.recv(65536):
            person.heard += data
    except ConnectionError:
        pass
    *whole, _ = person.heard.split(b"\n")
    return [line.decode() for line in whole]


def test_a_client_goes_on_where_it_was_with_the_next_server(serve: Serve, path: Path) -> None:
    """It resumes by its token, is sent what it missed, and what it says again is not said twice."""
    server = serve("--history", str(path))
    alice = server.comes().says('{"type":"join","name":"alice"}')
    token = json.loads(alice.line())["token"]
    alice.line()
    bob = server.comes("bob")
    joined = json.loads(alice.line())
    alice.says('{"type":"say","text":"is this thing on?","id":"a-1"}')
    bob.hears("alice: is this thing on?")
    dies(server)

    server = serve("--history", str(path))
    again = server.comes().says(json.dumps({"type": "join", "name": "alice", "token": token, "since": joined["seq"]}))
    welcome = json.loads(again.line())
    assert (welcome["token"], welcome["resumed"], welcome["seq"]) == (token, True, joined["seq"] + 1)
    said = json.loads(again.line())
    assert (said["text"], said["id"], said["seq"]) == ("is this thing on?", "a-1", joined["seq"] + 1)
    assert json.loads(again.line())["type"] == "joined"
    again.says('{"type":"say","text":"is this thing on?","id":"a-1"}')
    assert json.loads(again.line()) == {"type": "duplicate", "id": "a-1", "seq": said["seq"]}
    server.comes().says("bob").hears("ok", "* alice has joined the chat", "* bob has joined the chat")


def test_a_newcomer_is_shown_what_was_said_before_the_restart(serve: Serve, path: Path) -> None:
    """The backlog goes back to before it, and so does `chat history`; private lines are only shown when asked for."""
    server = serve("--history", str(path))
    alice, bob = server.comes("alice"), server.comes("bob")
    alice.says("good morning", "/msg bob psst").hears("* bob has joined the chat", "alice: good morning")
    bob.hears("alice: good morning", "* alice whispers to bob: psst")
    assert server.stops() == 0
    server = serve("--history", str(path), "--backlog", "3")
    carol = server.comes().says("carol")
    carol.hears("ok", "* bob has joined the chat", "alice: good morning", "* the server is closing; goodbye")

    shown = chat("history", path)  # while the server runs
    assert [line[21:] for line in shown.stdout.splitlines()][:4] == [
        "* alice has joined the chat",
        "* bob has joined the chat",
        "alice: good morning",
        "* the server is closing; goodbye",
    ]
    assert "alice whispers to bob: psst" in chat("history", path, "--private").stdout
    assert json.loads(chat("history", path, "--json").stdout.splitlines()[2])["text"] == "good morning"
    assert chat("history", path, "--since", "2999-01-01").stdout == ""


def test_two_servers_have_no_history_in_common(serve: Serve, path: Path) -> None:
    """The second one says so and ends; the first one isn't disturbed."""
    server = serve("--history", str(path))
    command = [sys.executable, str(LAUNCHER), "--port", "0", "--history", str(path)]
    second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"can't write the history {path}: another server keeps its history there\n"
    server.comes("alice").says("hello").hears("alice: hello")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("history", "nothing.db"), 1, "there is no history nothing.db\n"),
        (("history", "nothing.db", "--since", "yesterday"), 2, "'yesterday' is no day: write it as 2026-01-31\n"),
        (("server", "--history-days", "-1"), 2, "-1 isn't between 0 and 1e+06\n"),
    ],
)
def test_errors_are_sentences(words: tuple[str, ...], status: int, says: str) -> None:
    """No traceback, and a status that a script can ask for."""
    ended = chat(*words)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.endswith(says)


def test_a_database_of_somebody_else_has_its_own_mark(path: Path, opens: Opens) -> None:
    """SQLite's field for whose file it is says "CHAT", so that `file` can tell."""
    opens()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA application_id").fetchone()[0] == APPLICATION == int.from_bytes(b"CHAT", "big")
    database.close()
