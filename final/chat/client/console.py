"""The chat on a terminal, for a machine without a screen: the same connection and model as the window's.

Lines that arrive are printed above the line that is being typed, which prompt_toolkit keeps whole. One event loop does
both: it waits for keys, and thirty times a second looks into the queue of the connection's thread.

This module knows the terminal, and nothing of sockets.
"""

import asyncio
import os
import queue
import sys
import time

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from ..protocol import Leave, Request
from . import address as addresses
from . import settings as storage
from .address import Address
from .connection import Connection
from .events import Event
from .journal import open_log
from .model import Entry, Fate, Kind, Model, State

# Seconds between two looks into the queue.
TICK = 0.03
FAREWELL = 1.0
_QUIT = "/quit"


class Console:
    """One person at a terminal."""

    def __init__(self, where: Address, authority: str = "") -> None:
        self._where = where
        self._authority = authority
        self.model = Model(log=str(storage.log_file()))
        self._session: PromptSession[str] = PromptSession()
        # What the connection's thread reports: each connection has a queue of its own.
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._id_prefix, self._ids = os.urandom(4).hex(), 0
        # How much of what there is to see has been printed.
        self._printed = 0
        self._said = ""
        # What was typed before we were in: it was meant for the chat, and waits for the verdict.
        self._early: list[str] = []

    async def run(self, name: str) -> None:
        """Chat until the person leaves."""
        with patch_stdout():
            watching = asyncio.create_task(self._watch())
            try:
                await self._chat(name)
            except (EOFError, KeyboardInterrupt):
                pass  # Ctrl-D and Ctrl-C are how one leaves a terminal
            finally:
                watching.cancel()
                self._hang_up()

    async def _chat(self, name: str) -> None:
        if name:
            self._join(name)
        while True:
            typed = await self._session.prompt_async(self._prompt)
            if typed.strip() == _QUIT:
                return
            if self.model.state is State.OUTSIDE:
                self._join(typed)
            elif self.model.state is State.JOINING:
                self._early.append(typed)
            elif not self._say(typed):
                return

    def _prompt(self) -> str:
        match self.model.state:
            case State.OUTSIDE:
                return "username: "
            case State.JOINING:
                return "… "
        return f"{self.model.name}> "

    def _join(self, typed: str) -> None:
        name = self.model.join(str(self._where), typed)
        if name is not None:
            self._hang_up()
            self._events = queue.SimpleQueue()
            host, port, tls = self._where
            self._connection = Connection(host, port, name, self._events.put, tls=tls, authority=self._authority)
            self._connection.start()
        self._show()

    def _say(self, typed: str) -> bool:
        """Say it, or do what it asks for. Returns whether the person stays."""
        self._ids += 1
        request: Request | None = self.model.say(typed, f"{self._id_prefix}-{self._ids}", time.time())
        if isinstance(request, Leave):
            return False
        if request is not None and self._connection is not None:
            self._connection.request(request)
        self._show()
        return True

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.end()
            self._connection.wait(FAREWELL)
            self._connection = None

    # What follows from the queue

    async def _watch(self) -> None:
        while True:
            while not self._events.empty():
                self.model.handle(self._events.get(), time.time())
            self._show()
            await asyncio.sleep(TICK)

    def _show(self) -> None:
        """Print what is new."""
        model = self.model
        for entry in model.transcript.between(self._printed, model.transcript.end):
            print(_written(entry))
        self._printed = model.transcript.end
        if model.sentence != self._said:
            self._said = model.sentence
            print(f"({model.status(time.time())})")
            self._session.app.invalidate()
        if self.model.state is not State.JOINING:
            self._say_what_was_early()
        self._complain()

    def _say_what_was_early(self) -> None:
        early, self._early = self._early, []
        for typed in early:
            if self.model.may_talk:
                self._say(typed)
            elif typed.strip():
                print(f"(not said: “{typed}”: you aren't in the chat)")

    def _complain(self) -> None:
        """Say what wasn't said, once."""
        for id, waiting in list(self.model.unacknowledged.items()):
            if waiting.fate is not Fate.WAITING:
                print(f"(not said: “{waiting.request.text}”: {waiting.why})")
                self.model.drop(id)


def _written(entry: Entry) -> str:
    clock = time.strftime("%H:%M", time.localtime(entry.time))
    return f"{clock} {entry.line}" if entry.kind is not Kind.ANSWER else entry.line


def run(server: str, name: str, authority: str = "") -> None:
    """Chat on this terminal until the person leaves; `authority` as in window.py. Raises OSError if there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OSError("standard input and output have to be a terminal")
    open_log()
    settings = storage.load()
    where = addresses.parse(server or next(iter(settings.servers), "")) or Address("127.0.0.1")
    if authority:
        settings.authority = authority
        storage.save(settings)
    asyncio.run(Console(where, settings.authority).run(name))
