"""What a failure says: in order, no longer than a screen, the learner's own lines first."""

import re
import sys

import pytest
from suites import programs
from suites.complaints import LINES, Complaint, difference
from suites.diagnosis import SILENCE, Seen
from suites.diagram import Event, Message, Remark
from suites.people import Scene
from suites.programs import Program, Server
from suites.telling import complete
from suites.topics import FLUSH, PIECES
from suites.tracebacks import failures, retold

PYTHON = """\
Exception in thread Thread-1 (serve):
Traceback (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 1038, in _bootstrap_inner
    self.run()
  File "/home/ann/my chat/server.py", line 12, in serve
    data = read(client)
           ^^^^^^^^^^^^
  File "/home/ann/my chat/server.py", line 5, in read
    return client.recv(1024)
           ^^^^^^^^^^^^^^^^^
ConnectionResetError: [Errno 104] Connection reset by peer
"""

WINDOWS = r"""Traceback (most recent call last):
  File "C:\Users\Ann\my_chat\server.py", line 3, in <module>
    import socket, scoket
  File "C:\Python312\Lib\json\decoder.py", line 355, in raw_decode
    raise JSONDecodeError("Expecting value", s, err.value) from None
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
"""

NODE = """\
node:events:492
      throw er; // Unhandled 'error' event
      ^

TypeError: Cannot read properties of undefined (reading 'write')
    at broadcast (/home/ann/server.js:20:12)
    at Socket.<anonymous> (file:///home/ann/server.js:31:5)
    at Socket.emit (node:events:514:28)

Node.js v18.19.0
"""

SYNTAX = """\
  File "/home/ann/server.py", line 3
    def (
        ^
SyntaxError: invalid syntax
"""


def test_the_programs_own_lines_come_first() -> None:
    """Of a traceback only the lines of the program are told, and then the error."""
    assert retold(PYTHON) == [
        "server.py, line 12, in serve: data = read(client)",
        "server.py, line 5, in read: return client.recv(1024)",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
    ]


def test_tracebacks_of_other_systems_and_languages() -> None:
    """Windows paths, a path with spaces, a module's own level, Node, a syntax error."""
    assert retold(WINDOWS) == [
        "server.py, line 3: import socket, scoket",
        "JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    ]
    assert retold(NODE) == [
        "server.js, line 31, in Socket.<anonymous>",
        "server.js, line 20, in broadcast",
        "TypeError: Cannot read properties of undefined (reading 'write')",
    ]
    assert retold(SYNTAX) == ["server.py, line 3: def (", "SyntaxError: invalid syntax"]


def test_what_is_no_traceback_is_told_as_it_is() -> None:
    """Plain lines on standard error are shown, the last of them."""
    assert retold("one\ntwo\n") == ["one", "two"]
    assert len(retold("line\n" * 100)) == 6
    assert not list(failures("Error: the port is taken.\n"))


def test_several_failures_are_told_by_the_last() -> None:
    """Who sees two tracebacks reads the last."""
    assert [failure.kind for failure in failures(PYTHON + WINDOWS)] == ["ConnectionResetError", "JSONDecodeError"]
    assert retold(PYTHON + WINDOWS)[-1].startswith("JSONDecodeError")


def test_a_traceback_that_another_one_runs_into_gives_it_none_of_its_lines() -> None:
    """Two threads print at the same time: what is told is the way to one error."""
    frame = '  File "client.py", line {0}, in {1}\n    {1}()\n'
    errors = (
        f"Exception in thread Thread-1 (listen):\nTraceback (most recent call last):\n{frame.format(50, 'listen')}"
        f"Traceback (most recent call last):\n{frame.format(56, 'main')}BrokenPipeError: [Errno 32] Broken pipe\n"
    )
    assert retold(errors) == ["client.py, line 56, in main: main()", "BrokenPipeError: [Errno 32] Broken pipe"]


TALK: list[Event] = [
    Message(0.1, "alice", "server", "he"),
    Message(0.2, "alice", "server", "llo\n"),
    Message(0.3, "server", "alice", "he\n", fault=True),
]


def told(complaint: Complaint) -> str:
    """Return the text of a complaint that has been completed, for a check about pieces."""
    return str(complete(complaint, None, "Half a line comes, then the rest.", PIECES))


def test_a_complaint_is_in_order() -> None:
    """What was tried, what was expected and came, the hint, where to read on, then the conversation."""
    seen = Seen(expected="hello", came="he")
    text = told(Complaint("alice hears something else.", details=difference("hello", "he"), events=TALK, seen=seen))
    parts = [
        "Half a line comes",
        "alice hears something else.",
        "expected: hello",
        "    came: he\n            ^",
        "hint: Only the beginning came",
        "read on: notebooks/01_echo.ipynb, “Bytes are not lines”",
        "the conversation:",
        "✗   0.300",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_best_hint_is_the_cause_then_the_checks_then_the_topics() -> None:
    """What was seen comes first; the check may know better than its topic."""
    assert f"hint: {PIECES.idea}" in told(Complaint("Oh."))
    assert "hint: Look there." in told(Complaint("Oh.", hint="Look there."))
    assert "hint: Only the beginning" in told(Complaint("Oh.", hint="There.", seen=Seen(expected="hello", came="he")))
    assert "still open. Look there." in told(Complaint("Oh.", hint="Look there.", seen=Seen(ending=SILENCE)))


def test_a_complaint_is_no_longer_than_a_screen() -> None:
    """However much a program prints, and however much was said: at most so many lines, and the end of the talk."""
    many: list[Event] = [Message(number, "alice", "server", f"{number}\n") for number in range(40)]
    complaint = Complaint("Oh.", details="x: y\n" * 4, events=many)
    complaint = complete(complaint, None, "About.", PIECES)
    complaint.story = "printed\n" * 50
    above, _, below = str(complaint).partition("\nthe conversation, the last ")
    assert len(above.splitlines()) <= LINES + 1
    assert "39⏎" in below
    assert "3⏎" not in re.findall(r"\S+⏎", below)


def test_a_scene_marks_the_event_that_was_complained_about() -> None:
    """The last event is at fault, if no other is named; the conversation itself stays as it was."""
    scene = Scene(deadline=1)
    first = scene.message("alice", "server", "hello\n")
    scene.remark("alice", "waits in vain")
    assert [event.fault for event in scene.complain("Oh.").events] == [False, True]
    assert [event.fault for event in scene.complain("Oh.", fault=first).events] == [True, False]
    assert not any(event.fault for event in scene.conversation)
    assert [type(event) for event in scene.conversation] == [Message, Remark]


def test_jitter_changes_when_bytes_go_and_not_which() -> None:
    """Cut at random places, everything is sent, in order; without jitter in one piece."""
    scene = Scene(deadline=1, jitter=0.0001)
    pieces = [list(scene.pieces(b"hello\nworld\n")) for _ in range(50)]
    assert {b"".join(parts) for parts in pieces} == {b"hello\nworld\n"}
    assert len({len(parts) for parts in pieces}) > 1
    assert list(Scene(deadline=1).pieces(b"hello\n")) == [b"hello\n"]


def test_another_first_line_is_not_taken_for_none() -> None:
    """A server has printed something, only not what it should: that nothing has come yet is no cause of it."""
    with pytest.raises(Complaint) as failure:
        Server([sys.executable, "-c", "print('Server started', flush=True); input()"], deadline=5.0)
    assert complete(failure.value, None, "about", FLUSH).hint.startswith("Something else is printed before it")


def test_code_is_told_as_it_is_written() -> None:
    """A newline in a line of code has one backslash there, and has one in what is told of it."""
    code = r"import sys; print('send(\"hi\\n\")\x1b', file=sys.stderr)"
    program = Program([sys.executable, "-c", code], deadline=5.0)
    program.ends(0)
    program.close()
    assert r'  send("hi\n")\x1b' in program.story().splitlines()


def test_a_wrong_exit_status_is_told_with_the_command() -> None:
    """Which arguments a program was given can't be guessed, and without them its exit status says little."""
    program = Program([sys.executable, "-c", "raise SystemExit(int(input()))", "--port", "-1"], deadline=5.0)
    program.types("3")
    with pytest.raises(Complaint) as failure:
        program.ends(2)
    program.close()
    assert failure.value.what == "The exit status should be 2, and is 3."
    assert failure.value.details.endswith(" --port -1")


@pytest.mark.skipif(sys.platform == "win32", reason="there, nothing ends by a signal")
def test_a_signal_that_ended_a_program_is_told_by_its_name() -> None:
    """-2 says little to somebody whose program does not know of Ctrl-C."""
    code = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)"
    program = Program([sys.executable, "-c", code], deadline=5.0)
    with pytest.raises(Complaint) as failure:
        program.ends(0)
    program.close()
    assert failure.value.what == "The exit status should be 0, and is -2: the signal SIGINT has ended it."


def test_what_a_program_prints_without_end_is_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first lines and its last are, and that some are left out is said."""
    monkeypatch.setattr(programs, "MOST_PRINTED", 40_000)
    code = "print('first'); [print('again ' * 1000) for _ in range(1000)]; print('last')"
    program = Program([sys.executable, "-c", code], deadline=5.0)
    program.waits(lambda: program.output.endswith("last\n"), "It should come to its end.")
    program.close()
    assert program.output.startswith("first\nagain ")
    assert programs.LEFT_OUT in program.output
    assert len(program.output) <= 40_000


def test_a_traceback_that_is_cut_off_is_said_to_be() -> None:
    """The program was ended while it printed it: the complaint says that there is more to be seen."""
    words = "import sys; print('Traceback (most recent call last):', file=sys.stderr, flush=True); sys.stdin.read()"
    program = Program([sys.executable, "-c", words], deadline=10)
    program.complains()
    program.kill()
    program.close()
    with pytest.raises(Complaint, match="Ask once more") as caught:
        program.has_no_traceback(details="command: mine")
    assert "command: mine" in str(caught.value)
