"""The wire, without a wire: lines come out whole whatever pieces they arrive in, and nothing that arrives surprises."""

import json
from collections.abc import Iterator

import pytest
from chat import protocol
from chat.protocol import (
    MAX_LINE,
    TOO_LONG,
    BadRequest,
    Form,
    Join,
    Leave,
    LineReader,
    Ping,
    Pong,
    Said,
    Say,
    Whisper,
    Who,
    parse_plain,
    parse_rich,
)
from hypothesis import given
from hypothesis import strategies as st

STREAMS = {
    "two lines": (b"alice\nhello\n", [b"alice", b"hello"]),
    "carriage returns": (b"alice\r\nhello\r\n", [b"alice", b"hello"]),
    "a return in the middle": (b"a\rb\n", [b"a\rb"]),
    "blank lines": (b"\n\r\n\n", [b"", b"", b""]),
    "a part at the end": (b"alice\nhel", [b"alice"]),
    "characters of several bytes": ("é日😀\n".encode(), ["é日😀".encode()]),
    "the longest line": (b"x" * (MAX_LINE - 1) + b"\nnext\n", [b"x" * (MAX_LINE - 1), b"next"]),
    "one byte too long": (b"x" * MAX_LINE + b"\nnext\n", [TOO_LONG, b"next"]),
    "much too long": (b"x" * 10_000 + b"\nnext\n", [TOO_LONG, b"next"]),
    "too long twice": (b"x" * 5000 + b"\n" + b"y" * 5000 + b"\nnext\n", [TOO_LONG, TOO_LONG, b"next"]),
}


def pieces(data: bytes) -> Iterator[list[bytes]]:
    """The data whole, byte by byte, cut at every place (or at many), and with a byte trailing."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    step = max(1, len(data) // 300)
    for cut in range(1, len(data), step):
        yield [data[:cut], data[cut:]]


@pytest.mark.parametrize(("data", "lines"), STREAMS.values(), ids=STREAMS)
def test_lines_come_out_the_same_however_they_arrive(data: bytes, lines: list[bytes]) -> None:
    """Whole, byte by byte, and cut at every place."""
    for cut in pieces(data):
        reader = LineReader()
        for piece in cut:
            reader.feed(piece)
        assert reader.take(1000) == lines
        assert reader.has_part == (not data.endswith(b"\n"))


@pytest.mark.parametrize(("data", "lines"), STREAMS.values(), ids=STREAMS)
def test_lines_come_out_whatever_follows(data: bytes, lines: list[bytes]) -> None:
    """Something trailing is kept for later."""
    reader = LineReader()
    reader.feed(data + b"trailing")
    assert reader.take(1000) == lines
    reader.feed(b"\n")
    assert reader.take(1000)[0].endswith(b"trailing")


def test_a_line_without_end_takes_no_more_memory_than_a_line() -> None:
    """What is being skipped isn't kept."""
    reader = LineReader()
    for _ in range(1000):
        reader.feed(b"x" * 1000)
    assert reader.take(1000) == [TOO_LONG]
    assert reader._tail is None


def test_lines_are_taken_a_few_at_a_time() -> None:
    """The rest waits."""
    reader = LineReader()
    reader.feed(b"1\n2\n3\n")
    assert reader.take(2) == [b"1", b"2"]
    assert reader.has_lines
    assert reader.take(2) == [b"3"]
    assert not reader.has_lines


@given(st.lists(st.binary(max_size=40)))
def test_nothing_that_arrives_is_lost_or_added(parts: list[bytes]) -> None:
    """The lines, joined again, are what was fed."""
    reader = LineReader()
    for part in parts:
        reader.feed(part)
    data = b"".join(parts).replace(b"\r\n", b"\n")
    assert b"".join(line + b"\n" for line in reader.take(10_000)) == data[: data.rfind(b"\n") + 1]


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("hello", Say("hello")),
        ("/who", Who()),
        ("/who is there?", Say("/who is there?")),
        ("//who", Say("/who")),
        ("/", Say("/")),
        ("/quit", Leave()),
        ("/quitting", Say("/quitting")),
        ("/msg bob psst, you", Whisper("bob", "psst, you")),
        ("/msg  bob  psst ", Whisper("bob", "psst")),
        ("quit", Say("quit")),
        ("{quit}", Say("{quit}")),
        (" /who", Say(" /who")),
    ],
)
def test_a_plain_line_is_a_command_or_text(line: str, request_: object) -> None:
    """And text it is, unless it is exactly a command."""
    assert parse_plain(line) == request_


@pytest.mark.parametrize("line", ["/msg", "/msg ", "/msg bob", "/msg bob  "])
def test_a_whisper_needs_somebody_and_something(line: str) -> None:
    """Anything less is answered with how it is done."""
    with pytest.raises(BadRequest, match="/msg NAME TEXT"):
        parse_plain(line)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ('{"type":"join","name":"alice"}', Join("alice")),
        ('{"type":"join","name":"alice","token":"t","since":0,"version":1}', Join("alice", "t", 0, 1)),
        ('{"type":"join","name":"alice","token":null,"since":null}', Join("alice")),
        ('{"type":"say","text":"é","more":[1]}', Say("é")),
        ('{"type":"say","text":"\\u00e9","id":"1"}', Say("é", "1")),
        ('{"type":"whisper","to":"bob","text":"hi"}', Whisper("bob", "hi")),
        ('{"type":"who"}', Who()),
        ('{"type":"ping"}', Ping()),
        ('{"type":"ping","data":"x"}', Ping("x")),
        ('{"type":"pong"}', Pong()),
        (' {"type" : "leave"} ', Leave()),
    ],
)
def test_a_rich_line_is_a_request(line: str, request_: object) -> None:
    """Fields that mean nothing are ignored."""
    assert parse_rich(line.encode()) == request_


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"[]", "json"),
        (b"1", "json"),
        (b"\xff{}", "json"),
        (b"[" * 4000, "json"),
        (b'{"a":' * 800, "json"),
        ('{"type":"who"}'.encode("utf-16"), "json"),
        (b"{}", "field"),
        (b'{"type":1}', "field"),
        (b'{"type":"say"}', "field"),
        (b'{"type":"say","text":1}', "field"),
        (b'{"type":"say","text":"a","id":1}', "field"),
        (b'{"type":"say","text":"a","id":"' + b"x" * 65 + b'"}', "field"),
        (b'{"type":"say","text":"a","id":"\\u0000"}', "field"),
        (b'{"type":"say","text":"a","id":"\\ud800"}', "field"),
        (b'{"type":"join","name":"a","since":-1}', "field"),
        (b'{"type":"join","name":"a","since":true}', "field"),
        (b'{"type":"join","name":"a","since":1.5}', "field"),
        (b'{"type":"join","name":"a","since":' + b"9" * 4000 + b"}", "field"),
        (b'{"type":"join","name":"a","since":NaN}', "field"),
        (b'{"type":"dance"}', "type"),
        (b'{"type":"\\u001b[31m"}', "type"),
    ],
)
def test_a_line_that_is_no_request_says_what_is_wrong(line: bytes, code: str) -> None:
    """In a sentence that can be shown anywhere, and with no other exception."""
    with pytest.raises(BadRequest, match=" ") as bad:
        parse_rich(line)
    assert bad.value.code == code
    assert str(bad.value).isprintable()


def code_of(line: bytes) -> str | None:
    """What is wrong with a line, or None if it is a request."""
    try:
        parse_rich(line)
    except BadRequest as bad:
        return bad.code
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_bad_one(line: bytes) -> None:
    """Nothing else is ever raised."""
    assert code_of(line) in (None, "json", "field", "type")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["join", "say", "whisper", "ping", "x"]) | JSON},
        optional=dict.fromkeys(("name", "to", "text", "id", "data", "since", "token", "version"), JSON),
    )
)
def test_any_object_is_a_request_or_a_bad_one(fields: dict[str, object]) -> None:
    """Whatever its fields are."""
    assert code_of(json.dumps(fields).encode()) in (None, "json", "field", "type")


@pytest.mark.parametrize("time", [0.0, 0.9996, 1_769_862_896.789])
def test_times_have_milliseconds_and_say_that_they_are_utc(time: float) -> None:
    """Always the same number of characters."""
    assert len(protocol.timestamp(time)) == len("2026-01-31T12:34:56.789Z")


@given(st.lists(st.text(alphabet='ab日"\\é', min_size=1, max_size=32), max_size=400))
def test_who_is_here_fits_into_lines(names: list[str]) -> None:
    """As many as it takes; nobody is lost, and only the last says that it is."""
    lines = protocol.people(Form.RICH, protocol.batches(names)).splitlines(keepends=True)
    assert all(len(line) <= MAX_LINE for line in lines)
    said = [json.loads(line) for line in lines]
    assert [name for line in said for name in line["names"]] == names
    assert [line["more"] for line in said] == [True] * (len(said) - 1) + [False]


def test_an_event_is_written_in_both_forms() -> None:
    """The same conversation."""
    event = Said("alice", 'a "quote"', "1")
    assert protocol.encode_plain([event]) == [b'alice: a "quote"\n']
    assert json.loads(protocol.encode_rich(7, 0.0, event)) == {
        "type": "said",
        "seq": 7,
        "time": "1970-01-01T00:00:00.000Z",
        "name": "alice",
        "text": 'a "quote"',
        "id": "1",
    }
