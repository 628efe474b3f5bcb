"""What is remembered from one day to the next, and where: servers, names, the theme, the size.

The folder is the system's usual one (platformdirs knows it), or CHAT_HOME if that is set: for a chat on a stick, and
for tests. What can't be read is as if it had never been written, and what can't be written is lost: nobody is kept
from talking by a broken settings file.

This module knows files, and nothing of what the settings do.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import platformdirs

APP = "messaging-application"
SMALLEST, USUAL, LARGEST = -4, 0, 12  # steps of the letters' size, in points

_REMEMBERED_SERVERS = 8
_SIZE = re.compile(r"\d{2,5}x\d{2,5}", re.A)


class Settings:
    """What is remembered. (No data class: their module alone takes a tenth of the window's start.)"""

    def __init__(self, servers: Iterable[str] = (), dark: bool = False, larger: int = USUAL, muted: bool = False):
        self.servers = list(servers)  # the one used last first
        self.names: dict[str, str] = {}  # server -> the name used there last
        self.dark = dark
        self.larger = larger  # points added to the usual size
        self.muted = muted
        self.geometry = ""  # how large the window was, as Tk writes it: 640x480
        self.authority = ""  # a file with certificates of those who may vouch for a server; see tls.py

    def remember(self, server: str, name: str) -> None:
        """Note where somebody was let in, and as whom."""
        self.servers = [server, *(other for other in self.servers if other != server)][:_REMEMBERED_SERVERS]
        names = {**self.names, server: name}
        self.names = {known: names[known] for known in self.servers if known in names}


def folder() -> Path:
    """Where settings are."""
    home = os.environ.get("CHAT_HOME")
    return Path(home) if home else platformdirs.user_config_path(APP, appauthor=False)


def log_file() -> Path:
    """Where errors are logged."""
    home = os.environ.get("CHAT_HOME")
    return (Path(home) if home else platformdirs.user_log_path(APP, appauthor=False)) / "client.log"


def load() -> Settings:
    """Return what was remembered, as far as it can be read."""
    try:
        written = json.loads((folder() / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    settings = Settings()
    for key, value in written.items() if isinstance(written, dict) else ():
        if _fits(getattr(settings, key, None), value):
            setattr(settings, key, value)
    if not _SIZE.fullmatch(settings.geometry):
        settings.geometry = ""
    settings.larger = min(max(settings.larger, SMALLEST), LARGEST)
    return settings


def save(settings: Settings) -> None:
    """Remember; whole or not at all, whatever happens meanwhile."""
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        new = folder() / f"settings.{os.getpid()}.json"
        new.write_text(json.dumps(vars(settings), ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(new, folder() / "settings.json")


def _fits(usual: Any, value: Any) -> bool:
    """Whether a value can stand where this one does: the same type, and text in its lists and dictionaries."""
    if type(value) is not type(usual):
        return False
    inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return all(isinstance(one, str) for one in inside)
