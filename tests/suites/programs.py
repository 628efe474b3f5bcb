"""Runs the programs that are tested, as a person would: a command line, a keyboard, a screen, Ctrl-C.

What a program prints is collected by two threads for as long as it runs, so that it never waits for us.
Knows nothing of chats, but for the line in which a server says where it listens.
"""

import codecs
import difflib
import errno
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import psutil

from .complaints import CannotStart, Complaint, visible
from .diagnosis import LISTENING, Seen, could_not_start
from .tracebacks import failures, has_failed, retold

MOST_PRINTED = 16_000_000  # characters that are kept of what a program prints
# What Python says (3.11) when a signal that we send at the end meets it in the middle of Thread.start.
STOPPED_AT_A_BAD_MOMENT = "RuntimeError: release unlocked lock"
ALIKE = 0.6  # how much a line has to be like another to stand in its place: of 1, as difflib counts
LEFT_OUT = "[what it printed then is left out]"


class Program:
    """A running program, its keyboard and what it has printed. `deadline` is in seconds, for every wait."""

    def __init__(
        self,
        command: Sequence[str],
        deadline: float,
        environment: Mapping[str, str] | None = None,
        called: str = "The program",
    ) -> None:
        self.command = list(command)
        self.deadline = deadline
        self.called = called  # at the beginning of a sentence
        self.note: Callable[[str], object] = lambda _text: None  # whoever writes the conversation down puts theirs here
        self.told = False  # a failure of it has been complained about: once is enough
        self.port_is = ""  # RESTING or TAKEN, where it was told to take such a port
        self.output = ""  # what it has printed so far; the reading threads add to it while holding `printed`
        self.errors = ""
        self.printed = threading.Condition()
        self.stopped = False  # by us, so that its exit status says nothing
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Unbuffered, since somebody who runs a program on a terminal sees every line at once, too.
                env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **(environment or {})},
                # A group of its own, or Ctrl-Break on Windows would stop the tests as well.
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            what = f"{called} could not be started, so nothing was tested: {error.strerror}."
            hint = NAME_ITS_INTERPRETER if error.errno in (errno.EACCES, errno.ENOEXEC) else ""
            raise CannotStart(what, details=f"command: {' '.join(self.command)}", hint=hint) from None
        self.readers = [
            threading.Thread(target=self._collect, args=("output", self.process.stdout), daemon=True),
            threading.Thread(target=self._collect, args=("errors", self.process.stderr), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _collect(self, name: str, stream: IO[bytes]) -> None:
        """Add what is printed on one stream to the attribute of this name, until the stream ends."""
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        while chunk := os.read(stream.fileno(), 65536):
            text = decoder.decode(chunk)
            with self.printed:
                setattr(self, name, within_bounds(getattr(self, name) + text))
                self.printed.notify_all()
        with self.printed:
            self.printed.notify_all()

    def types(self, text: str) -> None:
        """Type one line at the program's keyboard."""
        self.note(f"“{text}” is typed")
        assert self.process.stdin is not None, "the program was started with a keyboard"
        try:
            self.process.stdin.write(f"{text}\n".encode())
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended: whoever waits for an answer will hear of it

    def ends_typing(self) -> None:
        """Close the program's keyboard, as Ctrl-D or Ctrl-Z would."""
        self.note("its input ends")
        assert self.process.stdin is not None, "the program was started with a keyboard"
        try:
            self.process.stdin.close()
        except OSError:
            pass  # it has ended already

    def prints(self, wanted: str, hint: str = "") -> None:
        """Wait until the program has printed this text on standard output."""
        try:
            self.waits(lambda: wanted in self.output, f"The program should print “{visible(wanted)}”.", hint)
        except Complaint as complaint:
            line, printed = wanted.removesuffix("\n"), last_line(self.output)
            if line != wanted and line in self.output:
                complaint.hint = NO_NEWLINE_AFTER
            if difflib.SequenceMatcher(None, line, printed).ratio() > ALIKE:  # what it printed in its place may say why
                complaint.seen = replace(complaint.seen, expected=line, came=printed)
            raise

    def complains(self, hint: str = "") -> str:
        """Wait until the program has said something on standard error, and return it."""
        self.waits(lambda: "\n" in self.errors, "The program should say so on standard error.", hint)
        return self.errors

    def waits(self, condition: Callable[[], bool], otherwise: str, hint: str = "") -> None:
        """Wait until the condition holds of what has been printed, or complain."""
        with self.printed:
            if not self.printed.wait_for(lambda: condition() or self._is_silent(), self.deadline) or not condition():
                raise self.complain(otherwise, self.screen(), hint)

    def _is_silent(self) -> bool:
        """Whether nothing more can be printed."""
        return not any(reader.is_alive() for reader in self.readers)

    def ends(self, status: int | None = None, hint: str = "") -> None:
        """Wait until the program has ended by itself, with this exit status if one is given."""
        if not self.has_ended(self.deadline):
            raise self.complain("The program should end.", hint=hint)
        for reader in self.readers:
            reader.join(self.deadline)
        if status is not None and self.process.returncode != status:
            self.has_no_traceback(hint)  # says more than a number
            what = f"The exit status should be {status}, and is {in_words(self.process.returncode)}."
            raise self.complain(what, details=self.command_line, hint=hint)

    def has_ended(self, seconds: float) -> bool:
        """Whether the program ends within this time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def interrupt(self) -> None:
        """Press Ctrl-C (on Windows Ctrl-Break, which reaches one program alone)."""
        self.note("Ctrl-C is pressed")
        self._signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))

    def asked_to_end(self) -> None:
        """Ask the program to end, as the system does when it shuts down."""
        self.note("the system asks it to end")
        self._signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))

    def _signal(self, number: int) -> None:
        """Send a signal, if there is still somebody to hear it."""
        if self.process.poll() is None:
            try:
                self.process.send_signal(number)
            except (OSError, SystemError):
                pass  # on Windows, one that has just ended

    def becomes_idle(self, hint: str = "") -> None:
        """Wait until the program uses next to no processor time: less than a third over an eighth of a second."""
        for _ in range(int(self.deadline * 8)):
            busy = self.busy()
            if busy < 1 / 3:
                return
        raise self.complain(f"Nothing happens, but the program uses {busy:.0%} of a processor.", hint=hint, busy=busy)

    def busy(self, seconds: float = 0.125) -> float:
        """Measure which share of a processor the program uses."""
        try:
            process = psutil.Process(self.process.pid)
            before = process.cpu_times()
            threading.Event().wait(seconds)
            after = process.cpu_times()
        except psutil.Error:
            return 0.0  # it has ended
        return ((after.user - before.user) + (after.system - before.system)) / seconds  # exactly 0 where nothing ran

    @contextmanager
    def stands_still(self) -> Iterator[None]:
        """Stop the program's clock, so to speak: what comes meanwhile, comes at the same instant for it."""
        process = psutil.Process(self.process.pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def rests(self) -> None:
        """Let the program read what has come: wait until it has used no processor time for a twentieth of a second.

        For pieces that should be read one by one. It can't be seen from outside that they were; where the machine
        is too busy for that, a check is milder, never wrong.
        """
        for _ in range(20):
            if self.busy(0.05) == 0 and not self.wants_a_processor():
                return

    def wants_a_processor(self) -> bool:
        """Whether it would run if it were its turn: on a busy machine it may have had none. (Only Linux tells.)"""
        try:
            return sys.platform == "linux" and psutil.Process(self.process.pid).status() == psutil.STATUS_RUNNING
        except psutil.Error:
            return False  # it has ended

    def has_no_traceback(self, hint: str = "", details: str = "") -> None:
        """Complain if an exception got away, in whatever thread of the program, and nobody has complained of it yet."""
        if self.stopped and STOPPED_AT_A_BAD_MOMENT in self.errors:
            return
        if has_failed(self.errors) and not self.told:
            if self.stopped and not any(failures(self.errors)):
                details = f"{details}\n{CUT_OFF}".lstrip()
            raise self.complain("An exception in the program was not caught.", details=details, hint=hint)

    @property
    def command_line(self) -> str:
        """What the program was started with, to be told where that is what a check is about."""
        return f"command: {' '.join(self.command)}"

    def complain(self, what: str, details: str = "", hint: str = "", busy: float = 0.0) -> Complaint:
        """Return a complaint about this program, which tells what it has printed."""
        complaint = Complaint(what, details=details, hint=hint, story=self.story(), seen=self.seen(Seen(busy=busy)))
        complaint.program = self
        return complaint

    def could_not_start(self, hint: str = "") -> CannotStart:
        """Return the complaint for a program that never ran."""
        what = f"{self.called} could not be started, so nothing was tested."
        screen = "" if self.errors and not self.output else self.screen()  # what it printed is told either way
        details = f"command: {' '.join(self.command)}\n{screen}".rstrip()
        complaint = CannotStart(what, details=details, hint=hint, story=self.story())
        complaint.program = self
        return complaint

    def seen(self, seen: Seen) -> Seen:
        """Add what can be seen of the program to what was seen besides."""
        status = None if self.stopped else self.process.poll()
        output, errors = seen.output + self.output, seen.errors + self.errors
        return replace(seen, output=output, errors=errors, status=status, port=self.port_is)

    def story(self) -> str:
        """Tell how the program ended, if it has, and what is on standard error, its own lines first."""
        ended = None if self.stopped else self.process.poll()
        lines = [] if ended is None else [f"{self.called} has ended, with exit status {ended}."]
        printed = [f"  {visible(line)}".replace(r"\\", "\\") for line in retold(self.errors)]  # code as it is written
        return "\n".join(lines + [f"{self.called} printed:"] * bool(printed) + printed)

    def screen(self) -> str:
        """Show the last lines on standard output."""
        lines = self.output.splitlines()[-4:]
        return "\n".join(
            ["on its screen:", *(f"  {visible(line)}" for line in lines)]
            if lines
            else [f"It printed nothing{' on standard output' if self.errors else ''}."]
        )

    @property
    def never_ran(self) -> bool:
        """Whether the program could not even be started."""
        return could_not_start(self.errors, None if self.stopped else self.process.poll())

    def kill(self) -> None:
        """End the program at once, if it has not ended."""
        self.stopped = not self.has_ended(0)
        self.process.kill()

    def close(self, ends_by_itself: bool = False) -> None:
        """End the program, however it takes it, and collect the last that it printed.

        `ends_by_itself`: it should, now that its keyboard is closed. Give it the time, so that a request to end
        does not meet it on its way out.
        """
        self.note = lambda _text: None  # this is no part of the conversation
        self.ends_typing()
        self.stopped = self.stopped or not self.has_ended(0)
        if not (ends_by_itself and self.has_ended(2)):
            self.asked_to_end()
        if not self.has_ended(2):
            self.process.kill()
        self.ends()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def last_line(text: str) -> str:
    """The last line that has anything in it."""
    return next((line for line in reversed(text.split("\n")) if line), "")


def within_bounds(text: str) -> str:
    """What a program has printed, without its middle when that is too much: some print without end."""
    return (
        text if len(text) <= MOST_PRINTED else f"{text[: MOST_PRINTED // 4]}\n{LEFT_OUT}\n{text[-MOST_PRINTED // 4 :]}"
    )


def in_words(status: int) -> str:
    """An exit status; where the system has ended the program with a signal, which one it was."""
    if status >= 0:
        return str(status)
    try:
        return f"{status}: the signal {signal.Signals(-status).name} has ended it"
    except ValueError:  # one that has no name here
        return str(status)


NO_NEWLINE_AFTER = (
    "The line is there, and no newline after it: does a prompt stand right behind it, or is print told end=…?"
)
NAME_ITS_INTERPRETER = (
    "The system can't run that by itself. Name the program that runs it as well, as in “python3 my_server.py {port}”."
)
CUT_OFF = "It was just printing this when the check was over. Ask once more: another time all of it may be there."
ENDS_AT_ONCE = "It ended without a word. A server prints “listening on HOST:PORT”, and goes on running."


class Server(Program):
    """A server that is tested. It listens when this object exists; `host` and `port` say where."""

    def __init__(
        self,
        command: Sequence[str],
        deadline: float,
        environment: Mapping[str, str] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(command, deadline, environment, called="The server")
        try:
            self.listens(hint)
        except BaseException:
            self.process.kill()
            self.close()
            raise

    def listens(self, hint: str = "") -> None:
        """Wait for the line that says where it listens."""
        try:
            self.waits(lambda: "\n" in self.output, "The server should print where it listens.", hint)
            self.host, self.port = listening_line(self.output.partition("\n")[0])
        except Complaint as complaint:
            complaint.seen = self.seen(Seen(expected=LISTENING))
            complaint.program = self
            if self.has_ended(1):  # what it printed comes before its end: give that a moment
                silent = "" if self.output or self.errors else ENDS_AT_ONCE
                raise self.could_not_start(hint or silent) from None
            raise


class RunningServer(Server):
    """A server that somebody else has started: it can be talked to, and nothing else can be seen of it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.called = "The server"
        self.output = self.errors = ""
        self.told = False

    def becomes_idle(self, hint: str = "") -> None:
        """Nobody can tell whether it does."""

    def busy(self, seconds: float = 0.125) -> float:
        """Nobody can tell."""
        return 0.0

    @contextmanager
    def stands_still(self) -> Iterator[None]:
        """It can't be stopped: what comes at the same instant for one that can, comes nearly so."""
        yield

    def rests(self) -> None:
        """Nobody can tell whether it does."""

    def seen(self, seen: Seen) -> Seen:
        """There is no more to be seen."""
        return seen

    def story(self) -> str:
        """There is nothing to tell."""
        return ""

    @property
    def never_ran(self) -> bool:
        """It runs already."""
        return False

    def close(self, ends_by_itself: bool = False) -> None:
        """It goes on running."""


def listening_line(line: str) -> tuple[str, int]:
    """Read host and port out of a server's first line."""
    match = re.fullmatch(r"listening on (\S+):(\d+)", line)
    if match is None:
        raise Complaint(
            "The server's first line should be “listening on HOST:PORT”.", details=f"It is '{visible(line)}'."
        )
    if match[2] == "0":
        raise Complaint("The server's first line should say which port it was given.", details=f"It is {line!r}.")
    return match[1], int(match[2])


def python_program(folder: Path, name: str, *arguments: str) -> list[str]:
    """Return the command that runs a Python program of a stage."""
    return [sys.executable, str(folder / name), *arguments]
