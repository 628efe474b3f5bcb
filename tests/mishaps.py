"""Runs a program in a world where something goes wrong that can't be arranged from outside on every system.

    python mishaps.py accept|thread|screen PROGRAM [ARGUMENTS]

accept  the first calls of `accept` end without a client: nobody came in time, somebody has gone again, no more files
thread  the system has no thread for the first client
screen  nobody reads what is printed, after the first line of it

It changes a function of Python's before the program runs; the program knows nothing of it.
"""

import builtins
import errno
import itertools
import runpy
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


def failing_first(real: Callable[..., Any], mishaps: Iterator[Exception]) -> Callable[..., Any]:
    """Return the function, but each call first meets the next mishap, until there are no more."""

    def call(*arguments: Any, **options: Any) -> Any:
        if (mishap := next(mishaps, None)) is not None:
            raise mishap
        return real(*arguments, **options)

    return call


def failing_after_first(real: Callable[..., None]) -> Callable[..., None]:
    """Return `print`, but nobody reads standard output any more when something has been printed there."""
    printed = itertools.count()

    def call(*arguments: Any, **options: Any) -> None:
        if "file" not in options and next(printed) > 0:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        real(*arguments, **options)

    return call


def arrange(what: str) -> None:
    """Have this go wrong."""
    if what == "accept":
        no_more_files = OSError(errno.EMFILE, "Too many open files")
        mishaps = iter([TimeoutError("timed out"), ConnectionAbortedError("gone again"), no_more_files])
        socket.socket.accept = failing_first(socket.socket.accept, mishaps)  # type: ignore[method-assign]
    elif what == "thread":
        no_more_threads = RuntimeError("can't start new thread")
        threading.Thread.start = failing_first(threading.Thread.start, iter([no_more_threads]))  # type: ignore[method-assign]
    elif what == "screen":
        builtins.print = failing_after_first(print)
    else:
        sys.exit(f"What is {what!r}? See the beginning of {__file__}.")


if __name__ == "__main__":
    _, what, *sys.argv = sys.argv
    arrange(what)
    runpy.run_path(sys.argv[0], run_name="__main__")
