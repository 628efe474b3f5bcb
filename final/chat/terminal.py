"""The conversation on the server's own screen, and its logs on standard error.

A terminal can be stopped with Ctrl-S, and a pipe can be full: who writes there waits. So a thread does the writing, and
takes what is handed over in batches; when it can't keep up, what doesn't fit is dropped and counted, never waited for.

This module knows nothing of the chat; it is given lines.
"""

import logging
import sys
import threading
import time
from collections import deque
from typing import TextIO

# What may wait to be written: more than anybody reads.
_WAITING_CHARACTERS = 1_000_000


class Outlet:
    """A stream that is written to by a thread of its own. Anybody may write, from any thread, without waiting."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # What follows is shared with the thread; whoever holds the condition may touch it.
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._dropped = 0
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="outlet", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Have some lines written, or dropped if too much waits already."""
        with self._changed:
            if self._characters + len(text) > _WAITING_CHARACTERS:
                self._dropped += text.count("\n")
                return
            self._waiting.append(text)
            self._characters += len(text)
            self._changed.notify()

    def show(self, lines: bytes) -> None:
        """Have encoded lines written (server.Printer)."""
        self.write(lines.decode())

    def close(self, patience: float = 1.0) -> bool:
        """Wait for what was handed over to be written, for so many seconds at most; return whether it was."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _write_all(self) -> None:
        try:
            while text := self._next():
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads it any more; the chat goes on

    def _next(self) -> str:
        """Wait for something to write; return "" when there will be nothing more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            text = "".join(self._waiting)
            if self._dropped:
                text += f"({self._dropped} lines not shown)\n"
            self._waiting.clear()
            self._characters = self._dropped = 0
            return text


def open_screen() -> Outlet:
    """Return an outlet to standard output that can show every character, if need be as a question mark."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return Outlet(sys.stdout)


class _LogLine(logging.Formatter):
    """2026-01-31T12:34:56.789Z warning accepting pauses reason='Too many open files'"""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record)} {record.levelname.lower()} {record.getMessage()}\n"


class _ToOutlet(logging.Handler):
    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet
        self.setFormatter(_LogLine())

    def emit(self, record: logging.LogRecord) -> None:
        self._outlet.write(self.format(record))


def open_log(level: str) -> Outlet:
    """Have the chat's log written to standard error, one line for each thing that happened; return its outlet."""
    outlet = Outlet(sys.stderr)
    logger = logging.getLogger("chat")
    logger.setLevel(level.upper())
    logger.addHandler(_ToOutlet(outlet))
    logger.propagate = False
    return outlet
