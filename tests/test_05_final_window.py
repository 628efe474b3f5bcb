"""pytest for the final client: the window suite of the stages, unchanged.

The suite's server speaks plain lines, and the final client asks for the rich form first. So here that server does what
every stage's server does with the JSON of that question: it takes it for a name that isn't allowed.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import STAGES, Stage
from suites.people import FakeServer, Line, Scene
from suites.window import *

STAGE = Stage(5, STAGES.parent / "final", ("--backlog", "0", "--rate", "0"))


class StageServer(FakeServer):
    """A server that doesn't know the rich form."""

    def accepts(self) -> Line:
        """Wait for the client to connect, and to come again when it was sent away for what is no name."""
        line = super().accepts()
        if line.socket.recv(1, socket.MSG_PEEK) == b"{":
            line.next_line("a question for the rich form")
            line.says("failed")
            line.hears_the_end()
            return super().accepts()
        return line


@pytest.fixture
def fake_server(scene: Scene) -> Iterator[FakeServer]:
    server = StageServer(scene)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def settings_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the tests' windows remember isn't what the developer's do."""
    monkeypatch.setenv("CHAT_HOME", str(tmp_path / "home"))
