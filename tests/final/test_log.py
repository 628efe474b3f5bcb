"""The conversation and its readers: one order for all, nothing lost or doubled, no more memory than was allowed."""

import json
import tracemalloc

from chat.log import CHUNK_BYTES, Log, Reader
from chat.protocol import Form, Joined, Left, Said, Whispered


def nobody() -> None:
    """What a reader calls when it is told something that nobody waits for."""


def reader_of(log: Log, form: Form = Form.PLAIN, position: int = 1) -> Reader:
    reader = Reader(log, nobody)
    reader.follow(form, position)
    return reader


def everything(reader: Reader) -> bytes:
    parts = []
    while data := reader.take():
        parts.append(data)
    return b"".join(parts)


def test_a_reader_gets_everything_once_and_in_order() -> None:
    """However often it looks."""
    log = Log(1_000_000)
    reader = reader_of(log)
    log.append(Joined("alice"), 0.0)
    log.append(Said("alice", "1"), 0.0)
    assert reader.take() == b"* alice has joined the chat\nalice: 1\n"
    assert reader.take() == b""
    log.append(Left("alice"), 0.0)
    assert reader.take() == b"* alice has left the chat\n"


def test_what_many_need_at_the_same_place_is_joined_once() -> None:
    """They are handed the very same bytes."""
    log = Log(1_000_000)
    for i in range(10):
        log.append(Said("alice", str(i)), 0.0)
    for form in Form:
        assert log.chunk(form, 3, 8) is log.chunk(form, 3, 8)
        assert reader_of(log, form, 3).take() is reader_of(log, form, 3).take()


def test_a_reader_that_lags_is_sent_a_bounded_piece_at_a_time() -> None:
    """Whole lines of it, and everything in the end."""
    log = Log(10_000_000)
    for i in range(5000):
        log.append(Said("alice", f"{i} " + "x" * 60), 0.0)
    reader, pieces = reader_of(log), []
    while piece := reader.take():
        assert piece.endswith(b"\n")
        assert len(piece) < 2 * CHUNK_BYTES
        pieces.append(piece)
    assert len(pieces) > 3
    assert b"".join(pieces) == log.chunk(Form.PLAIN, 1, 5001)


def test_readers_who_lag_at_different_places_come_to_stand_at_the_same() -> None:
    """So that what they need is joined once from then on."""
    log = Log(10_000_000)
    log.extend([Said("alice", "x" * 60)] * 5000, 0.0)
    places = set()
    for start in (1, 7, 30):
        reader = reader_of(log, position=start)
        reader.take()
        places.add(reader.position)
    assert len(places) == 1


def test_from_within_a_block_a_chunk_goes_to_its_end() -> None:
    """A thousand who joined a line after the other have the rest in common then; small logs end where they end."""
    log = Log(10_000_000)
    log.extend([Said("alice", "x" * 60)] * 5000, 0.0)
    assert {log.chunk_end(Form.PLAIN, start, 5001) for start in (1, 7, 30)} == {64}
    assert 64 + 700 < log.chunk_end(Form.PLAIN, 64, 5001) < 64 + 1100
    assert log.chunk_end(Form.PLAIN, 64, 200) == 200
    assert log.chunk_end(Form.PLAIN, 7, 20) == 20


def test_what_is_for_one_alone_waits_at_its_place() -> None:
    """After what was said before, and before what was said after."""
    log = Log(1_000_000)
    reader, other = reader_of(log), reader_of(log)
    log.append(Said("alice", "before"), 0.0)
    reader.tell(b"for you\n")
    log.append(Said("alice", "after"), 0.0)
    assert everything(reader) == b"alice: before\nfor you\nalice: after\n"
    assert everything(other) == b"alice: before\nalice: after\n"


def test_the_memory_of_a_log_is_what_it_was_allowed() -> None:
    """Lists, events, strings and all; measured, in both forms."""
    allowed = 1_000_000
    for form in Form:
        tracemalloc.start()
        log = Log(allowed)
        for i in range(6_000):
            log.extend([Said("alice", f"{i:064}")], float(i))
            if form is Form.RICH:
                log.chunk(form, log.end - 1, log.end)
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert used < 1.3 * allowed
        assert log.end == 6_001
        assert log.first > 1


def test_a_reader_that_fell_off_the_end_goes_on_at_the_oldest_entry() -> None:
    """With a word about what it missed. Answers are never missed; what was whispered to it before is."""
    log = Log(20_000)
    reader = reader_of(log, Form.RICH)
    reader.tell(b"welcome\n")
    reader.tell_private(log.append_private(Whispered("alice", "bob", "secret"), 0.0, frozenset()))
    for i in range(100):
        log.append(Said("alice", str(i)), 0.0)
    reader.tell(b"pong\n")
    assert reader.fallen
    reader.catch_up()
    assert not reader.fallen
    welcome, missed, *said, pong = everything(reader).splitlines()
    assert (welcome, pong) == (b"welcome", b"pong")
    assert json.loads(missed) == {"type": "missed", "from": 1, "count": log.first - 1}
    assert [json.loads(line)["seq"] for line in said] == list(range(log.first, log.end))
    assert reader.own_bytes == 0


def test_what_was_missed_is_said_where_it_is_missing() -> None:
    """Before an answer that was given after it, and after one that was given before."""
    log = Log(20_000)
    reader = reader_of(log, Form.RICH)
    for _ in range(100):
        log.append(Said("alice", "hello"), 0.0)
        reader.tell(f'{{"place":{log.end}}}\n'.encode())
    reader.catch_up()
    heard = [json.loads(line) for line in everything(reader).splitlines()]
    where = [fields.get("type") for fields in heard].index("missed")
    assert (heard[where - 1]["place"], heard[where + 1]["place"]) == (log.first - 1, log.first)
    assert heard[where + 2]["seq"] == log.first


def test_a_reader_that_is_cut_off_reads_its_last_word_alone() -> None:
    """And nothing that is said later."""
    log = Log(1_000_000)
    reader = reader_of(log)
    log.append(Said("alice", "1"), 0.0)
    reader.cut(b"goodbye\n")
    log.append(Said("alice", "2"), 0.0)
    assert everything(reader) == b"goodbye\n"


def test_a_reader_that_does_not_follow_never_falls() -> None:
    """It only has what is its own, however far the log goes on."""
    log = Log(20_000)
    reader = Reader(log, nobody)
    for i in range(100):
        log.append(Said("alice", str(i)), 0.0)
    assert not reader.fallen
    reader.tell(b"failed\n")
    assert everything(reader) == b"failed\n"


def test_the_last_lines_are_counted_without_what_was_private() -> None:
    """A newcomer is shown as many lines as it was promised."""
    log = Log(1_000_000)
    for i in range(10):
        log.append(Said("alice", str(i)), 0.0)
        log.append_private(Said("alice", "secret"), 0.0, frozenset({"token"}))
    assert reader_of(log, position=log.last_public(3)).take() == b"alice: 7\nalice: 8\nalice: 9\n"
    assert log.last_public(0) == log.end
    assert log.last_public(1000) == 1


def test_what_is_private_counts_like_the_rest() -> None:
    """The short and the long, and what waits at its two ends: else whispers could fill memory that nobody allowed."""
    allowed = 1_000_000
    for size in (20, 4000):
        tracemalloc.start()
        log = Log(allowed)
        ends = [reader_of(log, Form.RICH), reader_of(log, Form.RICH)]
        for i in range(8_000_000 // (size + 1000)):
            seq = log.append_private(Whispered("alice", "bob", f"{i:0{size}}"), 0.0, frozenset({f"{i}", "token"}))
            for end in ends:
                end.tell_private(seq)
                if end.fallen:
                    end.catch_up()
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert used < 1.3 * allowed
        assert log.first > 1
        assert log.last_public(1) == log.end
