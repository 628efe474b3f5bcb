"""The package from the working tree, and settings of the tests' own."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

FINAL = Path(__file__).resolve().parents[2] / "final"
sys.path.insert(0, str(FINAL))
# How long an example takes says something about the machine, and nothing about the chat.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True)
def settings_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the tests' windows remember isn't what the developer's do."""
    monkeypatch.setenv("CHAT_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def logger_of_its_own() -> Iterator[None]:
    """What one test does to the client's logger, the next one doesn't find.

    While a logger passes nothing on, pytest (from 9.1 on) hangs a handler of its own into it, which a test must not
    take for the client's.
    """
    logger = logging.getLogger("chat.client")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [], True
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers, logger.propagate = handlers, propagate
