"""The command lines of the programs that are tested, in whatever language they are written.

A learner gives them as one text, with {host} and {port} where those belong: `node server.js {port}`. No shell reads
it. Knows nothing of processes.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST, PORT = "{host}", "{port}"


@dataclass(frozen=True)
class Command:
    """How to start a program. What has no place for host and port is given --host and --port."""

    words: tuple[str, ...]
    more: tuple[str, ...] = ()  # arguments that come after all the others

    @property
    def takes_host(self) -> bool:
        """Whether it can be told the host."""
        return self._has(HOST) or not self._has(PORT)

    def at(self, port: int | str, host: str = "") -> list[str]:
        """Return the words that start it for this port, and this host if one is given."""
        words = [word.replace(HOST, host or "127.0.0.1").replace(PORT, str(port)) for word in self.words]
        if not (self._has(HOST) or self._has(PORT)):
            words += [*(["--host", host] if host else []), "--port", str(port)]
        return [*words, *self.more]

    def _has(self, placeholder: str) -> bool:
        return any(placeholder in word for word in self.words)

    def __str__(self) -> str:
        return " ".join(self.words)


def command(text: str, windows: bool = os.name == "nt") -> Command:
    r"""Read a command line. On Windows a backslash is part of a path, and only double quotes hold words together.

    Raises ValueError if a quote is not closed, or there is no word.
    """
    words = shlex.split(text, posix=not windows)
    if windows:
        words = [word.replace('"', "") for word in words]
    if not words:
        raise ValueError("there is no command")
    return Command(tuple(words))


def python_command(program: Path, *more: str) -> Command:
    """Return the command that runs a Python program."""
    return Command((sys.executable, str(program)), more)


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT. Raises ValueError if it is none."""
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{text!r} is no HOST:PORT, as 127.0.0.1:5050 is")
    return host.strip("[]"), int(port)


def probed(words: Sequence[str], probe: Path, port: int) -> list[str]:
    """Return the words that run a Python program with a probe beside it, which is told a port.

    Raises ValueError if that is no Python program.
    """
    number = next((number for number, word in enumerate(words) if word.endswith((".py", ".pyw"))), None)
    if number is None:
        raise ValueError("a window can be tested only if it is a Python program with tkinter: python client.py")
    return [*(words[:number] or [sys.executable]), str(probe), str(port), *words[number:]]
