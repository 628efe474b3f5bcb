"""The likely cause of a failure, found in what was seen: what is recognised, what is not, and the exact words."""

from dataclasses import replace

import pytest
from suites.diagnosis import (
    CAUSES,
    CLOSED,
    ERRORS,
    LISTENING,
    PORTS,
    RESET,
    RESTING,
    SILENCE,
    SYMPTOMS,
    TAKEN,
    Seen,
    could_not_start,
    hint,
)

IDEA = "Think."

BEGINNING = "Only the beginning came, as if it were a line: keep what has come until its newline is there."
END = "Only the end came, the rest was thrown away: keep what has come until its newline is there."
MERGED = "Two lines have become one. One recv may bring two lines, or more: cut at every newline."
BYTES = "b'…' is how Python shows bytes: decode what comes before you put it into a text."
QUOTED = "The quotes are part of what was sent: send the text itself, not its repr or its JSON."
NOT_UTF_8 = 'What came is not UTF-8. Lines are UTF-8, which has every letter there is: encode("utf-8") where you send.'
MOJIBAKE = 'The bytes of UTF-8 were read as Latin-1: write decode("utf-8") where you read.'
CUT_LETTER = "A letter was cut in two, and its pieces decoded apart: decode whole lines, not what a recv brings."
QUESTION_MARKS = "Letters became “?”: encode to UTF-8, which has them all, not to ASCII or Latin-1."
MISSING_LETTERS = 'Letters have gone missing: encode and decode with UTF-8, and without errors="ignore".'
OTHER_LETTERS = "The letters look the same but are other characters: pass on what came, and normalize only to compare."
CARRIAGE_RETURN = "“\\r” belongs to the end of the line: take off “\\r\\n”, not “\\n” alone."
ESCAPED = "A backslash and an “n” came in place of a newline: in a raw string, or in a repr, “\\n” is two characters."
NAME_MISSING = "The speaker's name is missing: put “alice: ” before what alice says."
NAME_LOST = (
    f"An earlier line had the name before it, this one hasn't: they came together, and were taken for one. {IDEA}"
)
NAME_TWICE = "The name was put before it twice: who sends must not add what the reader has added already."
NAME_UNWANTED = "A name was put before it: in this stage a line comes back as it was sent."
WRONG_NAME = f"alice has said it, and bob's name is before it. {IDEA}"
WRITES_THE_NAME = "The server knows whose connection a line came from: it writes the name, whatever the line says."
FORM = "The form is the name, a colon, a space and the text, and nothing else: “alice: hello”."
REFUSED = f"The name is free and allowed, and was refused. {IDEA}"
ALONE = f"The first line after the name has to be “ok”, alone: a greeting may come after it. {IDEA}"
WORDS = "A notice has exactly these words: “* bob has joined the chat”."
CONTROL = "Control characters got through: replace them when a line arrives, before anybody else sees it."
EMPTY = f"An empty line came: was a newline sent twice, or the end of a connection taken for an empty message? {IDEA}"
TWICE = "The same line has come twice: send each line once to each client, the speaker among them."
OVERTAKEN = "A line that was said later has come first: the earlier one is lost or has been overtaken."
NO_NEWLINE = "The line came without its newline: send the text and “\\n”."
NO_CASE = "Only upper and lower case differ: pass on what came, and casefold only to compare."
BLANKS = "Only blanks differ: pass a line on as it came, and take off nothing but its end."

CATCH = f"A connection broke, and that was not caught: catch OSError where you read and where you send. {IDEA}"
LISTEN = (
    f"A connection broke, and nobody listened for that: give every socket a listener, socket.on('error', …). {IDEA}"
)

NAMES = ("alice", "bob", "server")


def line(expected: str, came: str, said: tuple[str, ...] = (), heard: tuple[str, ...] = ()) -> Seen:
    """This line was expected, and that one came."""
    return Seen(expected=expected, came=came, said=said, heard=heard, names=NAMES)


def python(last: str, frame: str = '  File "/home/ann/server.py", line 7, in serve\n    serve()\n') -> Seen:
    """The program has printed a traceback that ends in this."""
    return Seen(errors=f"Traceback (most recent call last):\n{frame}{last}\n", ending=SILENCE)


ROWS: list[tuple[Seen, str]] = [
    # Lines that were cut in the wrong places.
    (line("one", "onetwo", said=("one", "two")), MERGED),
    (line("alice: one", "alice: onetwo", said=("alice", "one", "two")), MERGED),
    (line("two", "onetwo", said=("one", "two")), MERGED),
    (line("alice: one", "alice: one\ufffdtwo", said=("alice", "one", "two")), MERGED),
    (line("alice: two", "two", said=("one", "two"), heard=("alice: one",)), NAME_LOST),
    (line("one", "onethree", said=("one", "two")), IDEA),
    (line("one", "onetwo", said=("one", "two", "onetwo")), OVERTAKEN),
    (line("ok", "ok* alice has joined the chat"), "“ok” and what comes after it have become one line: "
     "send a newline after each line."),
    (line("ok", "okhello", said=("alice", "hello")), "“ok” and what comes after it have become one line: "
     "send a newline after each line."),
    (line("bob: hi", "bob: hi* bob has left the chat"), "Two lines have become one: send a newline after each line."),
    (line("hello", "he"), BEGINNING),
    (line("alice: hello", "alice: he"), BEGINNING),
    (line("hello", "llo"), END),
    (line("alice: hello", "alice: llo"), END),
    (line("hello", "hallo"), IDEA),
    (line("x" * 4095, "x" * 1024), BEGINNING),
    (line("hello", "hello\r"), CARRIAGE_RETURN),
    (line("hello", "hello\\n"), ESCAPED),
    (line("a\\nb", "a\\nc"), IDEA),
    (line("hello", ""), EMPTY),
    # Letters.
    (line("hello", "b'hello'"), BYTES),
    (line("bob: hi", "b'bob': hi"), BYTES),
    (line("hello", 'b"hello"'), BYTES),
    (line("b'x'", "a'x'"), IDEA),
    (line("alice: hello", "alice: rob's"), IDEA),
    (line("hello", "'hello'"), QUOTED),
    (line("hello", '"hello"'), QUOTED),
    (Seen(expected="café", pending=b"caf\xe9"), NOT_UTF_8),
    (line("café", "cafÃ©"), MOJIBAKE),
    (line("Привет", "Ð\x9fÑ\x80Ð¸Ð²ÐµÑ\x82"), MOJIBAKE),
    (line("café", "caf\ufffd\ufffd"), CUT_LETTER),
    (line("caf\ufffd", "ca\ufffd"), IDEA),
    (line("alice: one", "alice: one\ufffdtwo"), IDEA),  # a newline that was replaced: no letter was cut
    (line("日本", "??"), QUESTION_MARKS),
    (line("déjà vu", "dj vu"), MISSING_LETTERS),
    (line("cafe\u0301", "café"), OTHER_LETTERS),
    (line("Zoë: hi", "zoë: hi"), NO_CASE),
    (line("hello", "HELLO"), NO_CASE),
    (line("tab\tin", "tab in"), BLANKS),
    (line("hello", " hello"), BLANKS),
    (line("hello", "hello\x1b[2J"), CONTROL),
    (line("tab\tin the middle", "tab\tin the end"), IDEA),
    # Names.
    (line("alice: hello", "hello"), NAME_MISSING),
    (line("carol: hello", "hello"), IDEA),
    (line("alice: hello", "alice: alice: hello"), NAME_TWICE),
    (line("hello", "alice: hello"), NAME_UNWANTED),
    (line("alice: hello", "bob: hello"), WRONG_NAME),
    (line("alice: hello", "carol: hello"), "alice has said it, under that very name: keep the name as it was given."),
    (line("alice: hello", " alice: hello"), "Strip the name: blanks around it are no part of it."),
    (line("alice: bob: hi", "bob: hi"), WRITES_THE_NAME),
    (line("alice: hello", "<alice> hello"), FORM),
    (line("alice: hello", "alice:hello"), FORM),
    (line("alice: hello", "[alice] hello!"), FORM),
    (line("alice: hello", "alice says hello"), IDEA),
    # Verdicts.
    (line("ok", "failed"), REFUSED),
    (line("ok", "OK"), f"The answer is exactly “ok”: no other case, no blanks. {IDEA}"),
    (line("failed", "failed "), f"The answer is exactly “failed”: no other case, no blanks. {IDEA}"),
    (line("ok", "Welcome, alice!"), ALONE),
    (line("ok", "* alice has joined the chat"), ALONE),
    (line("ok", "alice", said=("alice",)), "The name came back as it was sent: from stage 02 on, the answer to the "
     "first line is “ok”."),
    (line("failed", "ok"), f"The name was accepted. {IDEA}"),
    # Notices.
    (line("* bob has joined the chat", "bob joined the chat"), WORDS),
    (line("* bob has joined the chat", "* bob has joined the chat!"), WORDS),
    (line("* bob has joined the chat", "* carol has joined the chat"), "The notice is about carol, and should be about "
     "bob: take the name from the connection."),
    (line("* bob has left the chat", "* bob has joined the chat"), "bob has left, and the notice says “joined”."),
    (line("* bob has left the chat", "alice: hello"), IDEA),
    (line("alice: hi", "* null has left the chat"), "Nobody is called null: who was let in under a name is announced, "
     "and nobody else."),
    (Seen(expected="* bob has joined the chat", ending=SILENCE, heard=("ok",), names=("bob", "server")), "From stage "
     "03 on, “ok” is followed by a notice for everyone, the newcomer too: “* bob has joined the chat”."),
    (Seen(expected="* bob has joined the chat", ending=SILENCE, heard=("ok",), names=NAMES), "No notice says that bob "
     f"has joined; whoever waits for it is still connected. {IDEA}"),
    (Seen(expected="* bob has left the chat", ending=SILENCE, names=NAMES), "No notice says that bob has left; "
     f"whoever waits for it is still connected. {IDEA}"),
    (line("alice: hi", "* alice has left the chat"), "alice was taken for gone: one client's trouble, or one word, "
     "must not end another's connection."),
    # Order and number.
    (line("alice: two", "alice: one", heard=("alice: one",)), TWICE),
    (line("alice: two", "alice: one", heard=("alice: one", "alice: x")), IDEA),
    (line("one", "three", said=("one", "two", "three")), OVERTAKEN),
    (line("three", "one", said=("one", "two", "three")), IDEA),
    (line("hello", "HTTP/1.1 400 Bad Request"), "That is a web server's answer: is another program listening on this "
     "port?"),
    # No line at all.
    (Seen(expected="hello", pending=b"hello", ending=SILENCE), NO_NEWLINE),
    (Seen(expected="bob: hi", pending=b"hi", ending=CLOSED, said=("hi",)), NO_NEWLINE),
    (Seen(expected="hello", pending=b"hel", ending=SILENCE), "The line breaks off in the middle: sendall goes on until "
     "all of it is gone; send may not."),
    (Seen(expected="hello", pending=b"hello\r", ending=SILENCE), "“\\r” ends no line: a line ends in “\\n”."),
    (Seen(expected="hello", pending=b"what", ending=SILENCE), "Something came, but no newline after it: send a newline "
     "after each line."),
    (Seen(ending=SILENCE), f"Nothing came, and the connection is still open. {IDEA}"),
    (Seen(ending=CLOSED), f"The connection was closed where a line should come. {IDEA}"),
    (Seen(ending=CLOSED, said=("ok", "")), "The client closed the connection right after “ok”. What comes is bytes, "
     "and has a newline: compare the line, decoded and without its end."),
    (Seen(ending=CLOSED, said=("ok", "hello", "")), f"The connection was closed where a line should come. {IDEA}"),
    (Seen(ending=RESET), "The connection was reset: its other end has closed it before it had read all, or its program "
     f"has ended. {IDEA}"),
    (Seen(ending=CLOSED, status=3), f"The program has ended, with exit status 3. {IDEA}"),
    (Seen(ending=CLOSED, status=-11), f"The program was ended by signal 11. {IDEA}"),
    (Seen(ending=SILENCE, busy=0.98), "Nothing happens, and the program uses 98% of a processor: a loop runs in "
     f"circles. {IDEA}"),
    (Seen(ending=SILENCE, busy=0.2), f"Nothing came, and the connection is still open. {IDEA}"),
    (Seen(), IDEA),
    # The first line of a server.
    (Seen(expected=LISTENING, output="listening on 127.0.0.1:0\n"), "Port 0 asks the system for any free port: "
     "server.getsockname() says which one you were given. Print that."),
    (Seen(expected=LISTENING, output="Listening on ('127.0.0.1', 5050)\n"), "The line has exactly this form: listening "
     "on 127.0.0.1:5050. No other case, no brackets, nothing before or after it."),
    (Seen(expected=LISTENING, output="Server started\n"), "Something else is printed before it: the first line of all "
     "has to be “listening on HOST:PORT”."),
    (Seen(expected=LISTENING, output="Server…"), "The line is there, without its newline: end it with one."),
    (Seen(expected=LISTENING), "The first line that a server prints is “listening on 127.0.0.1:5050”, with the port "
     "that it was given. If yours does print it, it waits in a buffer: print(…, flush=True) sends it on at once."),
    (Seen(expected=LISTENING, status=1), IDEA),
    # Tracebacks.
    (python("ConnectionResetError: [Errno 104] Connection reset by peer"), CATCH),
    (python("ConnectionResetError: [WinError 10054] An existing connection was forcibly closed"), CATCH),
    (python("BrokenPipeError: [Errno 32] Broken pipe"), CATCH),
    (python("ConnectionRefusedError: [Errno 111] Connection refused"), ERRORS[0][1]),
    (python("OSError: [Errno 98] Address already in use"), ERRORS[1][1]),
    (python("OSError: [WinError 10048] Only one usage of each socket address is permitted"), ERRORS[1][1]),
    (replace(python("OSError: [Errno 98] Address already in use"), port=RESTING), PORTS[RESTING]),
    (replace(python("OSError: [Errno 98] Address already in use"), port=TAKEN), PORTS[TAKEN]),
    (replace(python("TimeoutError: timed out"), port=TAKEN), ERRORS[16][1]),
    (python("OSError: [Errno 99] Cannot assign requested address"), ERRORS[2][1]),
    (python("UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3 in position 3"), ERRORS[3][1]),
    (python("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xc3 in position 3"), ERRORS[4][1]),
    (python("UnicodeEncodeError: 'ascii' codec can't encode character"), ERRORS[5][1]),
    (python("RuntimeError: dictionary changed size during iteration"), ERRORS[6][1]),
    (python("RuntimeError: main thread is not in main loop"), ERRORS[7][1]),
    (python("_tkinter.TclError: no display name and no $DISPLAY environment variable"), ERRORS[8][1]),
    (python('_tkinter.TclError: invalid command name ".!text"'), ERRORS[9][1]),
    (python("KeyboardInterrupt"), ERRORS[10][1]),
    (python("EOFError: EOF when reading a line"), ERRORS[11][1]),
    (python("TypeError: a bytes-like object is required, not 'str'"), ERRORS[12][1]),
    (python('TypeError: can only concatenate str (not "bytes") to str'), ERRORS[13][1]),
    (python("OSError: [Errno 9] Bad file descriptor"), ERRORS[14][1]),
    (python("BlockingIOError: [Errno 11] Resource temporarily unavailable"), ERRORS[15][1]),
    (python("TimeoutError: timed out"), ERRORS[16][1]),
    (python("IndexError: list index out of range"), ERRORS[17][1]),
    (python("KeyError: 'bob'"), ERRORS[18][1]),
    (python("ValueError: list.remove(x): x not in list"), ERRORS[18][1]),
    (python("RecursionError: maximum recursion depth exceeded"), ERRORS[19][1]),
    (python("RuntimeError: can't start new thread"), ERRORS[20][1]),
    (python("StopIteration"), ERRORS[21][1]),
    (python("OverflowError: bind(): port must be 0-65535."), ERRORS[22][1]),
    (python("OverflowError: Python int too large to convert to C int"), "OverflowError in server.py, line 7, in serve: "
     "serve(). Read a traceback from its end: the last line names the error, those above it the way there. Catch it "
     "there."),
    (python("ValueError: invalid literal for int() with base 10: 'http'"), ERRORS[23][1]),
    (python("ImportError: no tkinter here"), ERRORS[24][1]),
    (python("NameError: name 'clinet' is not defined"), "NameError in server.py, line 7, in serve: serve(). Read a "
     "traceback from its end: the last line names the error, those above it the way there. Mend it there."),
    (Seen(errors="Error: listen EADDRINUSE: address already in use 127.0.0.1:5050\n"
     "    at Server.setupListenHandle [as _listen2] (node:net:1817:16)\n"), ERRORS[1][1]),
    (Seen(errors="Error: read ECONNRESET\n    at TCP.onStreamRead (node:internal/stream_base_commons:217:20) {\n"),
     IDEA),
    (Seen(errors="Error: read ECONNRESET\n    at TCP.onStreamRead (node:internal/stream_base_commons:217:20)\n"),
     LISTEN),
    (Seen(errors="Error: write EPIPE\n    at afterWriteDispatched (node:internal/stream_base_commons:161:15)\n"),
     LISTEN),
    (Seen(errors="The port is taken.\n"), IDEA),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "says"), ROWS, ids=range(len(ROWS)))
def test_what_was_seen_says_the_cause(seen: Seen, says: str) -> None:
    """Each cause is recognised, and what only looks like it is not; the words are these."""
    assert hint(seen, IDEA) == says


def test_every_cause_and_symptom_is_found_by_some_row() -> None:
    """No matcher is without a row."""
    idle = [matcher.__name__ for matcher in [*CAUSES, *SYMPTOMS] if not any(matcher(seen) for seen, _ in ROWS)]
    assert not idle


def test_every_error_has_a_row() -> None:
    """No kind of error is without a row."""
    said = {says for _, says in ROWS}
    assert not [meaning for _, meaning in ERRORS if meaning not in said]


def test_nothing_right_is_taken_for_wrong() -> None:
    """Where what came is what was expected, no cause is seen."""
    for text in ("hello", "alice: hello", "ok", "* bob has left the chat", "日本", "tab\tin"):
        assert hint(line(text, text, said=("hello",)), IDEA) == IDEA


@pytest.mark.parametrize(
    ("errors", "status", "never_ran"),
    [
        ('  File "server.py", line 3\n    def (\n        ^\nSyntaxError: invalid syntax\n', 1, True),
        ("python: can't open file '/home/ann/sever.py': [Errno 2] No such file or directory\n", 2, True),
        ("ModuleNotFoundError: No module named 'scoket'\n", 1, True),
        ("Error: Cannot find module '/home/ann/sever.js'\n", 1, True),
        ("SyntaxError: invalid syntax\n", None, False),
        ("OSError: [Errno 98] Address already in use\n", 1, False),
        ("", 0, False),
    ],
)
def test_what_never_ran_is_told_from_what_failed(errors: str, status: int | None, never_ran: bool) -> None:
    """A program that does not even start is not a failed check."""
    assert could_not_start(errors, status) == never_ran
