"""The package from the working tree, and settings of the tests' own."""

import sys
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
