"""The learner's folder my_chat/: their server.py and client.py, how far they are, and copies of what was replaced.

The idea: nothing that a learner has written is ever lost. Whatever replaces a file here puts a copy of it into kept/
first. How far one is stands in progress.json, which a person can read. Knows nothing of checks.
"""

import json
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("server.py", "client.py")


def stage_folder(stage: int) -> Path:
    """Where the reference of a stage is."""
    return next((ROOT / "stages").glob(f"{stage:02}_*"))


class Workspace:
    """A folder in which somebody writes a chat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress = folder / "progress.json"
        self.kept = folder / "kept"

    def knows(self) -> dict[str, Any]:
        """What is remembered: the stage, the stages that passed, and how many hints were given for each check."""
        known: dict[str, Any] = {"passed": {}, "last check": {}, "hints": {}}
        try:
            read = json.loads(self.progress.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # not there yet, or somebody has edited it: then we begin to count anew
            return known
        return known | read if isinstance(read, dict) else known

    def remembers(self, **news: Any) -> None:
        """Write more into the progress file. Words with a space are written with an underscore here."""
        if self.folder.is_dir():
            known = self.knows() | {name.replace("_", " "): value for name, value in news.items()}
            self.progress.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def stage(self) -> int:
        """The stage that the learner is at: the one that was started, or the one that their programs name."""
        stage = self.knows().get("stage") or max(map(self.stage_named_in, PROGRAMS))
        return stage if stage in (1, 2, 3, 4) else 1

    def stage_named_in(self, name: str) -> int:
        """The stage of which a program's first line says that it is, as in “Stage 02, server: …”."""
        try:
            found = re.match(r'"""Stage (\d\d),', (self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 1
        return int(found[1]) if found else 1

    def first_version(self, name: str, stage: int) -> Path:
        """What a program was when its stage was begun."""
        return self.kept / f"start_of_stage_{stage:02}" / name

    def is_begun(self, name: str, stage: int) -> bool:
        """Whether there is a program that isn't as `start` left it. One that a stage does not change need not be."""
        path, first = self.folder / name, self.first_version(name, stage)
        if not path.is_file():
            return False
        if not first.is_file() or first.read_bytes() != path.read_bytes():
            return True
        return stage > 1 and not differs_from_the_stage_before(name, stage)

    def keep(self, name: str) -> Path | None:
        """Put a copy of a file into kept/, and say where; None when there was nothing to keep."""
        path = self.folder / name
        if not path.is_file():
            return None
        moment = f"{datetime.now():%Y-%m-%d_%H.%M.%S}"  # without colons, which Windows has no room for in a name
        numbers = ("", *(f"_{number}" for number in range(2, 1000)))
        copies = (self.kept / f"{path.stem}.{moment}{number}{path.suffix}" for number in numbers)
        copy = next(copy for copy in copies if not copy.exists())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        return copy

    def put(self, name: str, text: str) -> Path | None:
        """Write a program, and say where a copy of what stood there is."""
        path = self.folder / name
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            return None
        copy = self.keep(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return copy

    def note_the_start(self, name: str, stage: int) -> None:
        """Remember what a program is now, at the start of a stage."""
        first = self.first_version(name, stage)
        first.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.folder / name, first)


def differs_from_the_stage_before(name: str, stage: int) -> bool:
    return (stage_folder(stage) / name).read_bytes() != (stage_folder(stage - 1) / name).read_bytes()


def the_workspace() -> Workspace:
    return Workspace(Path(os.environ.get("CHAT_WORKSPACE") or ROOT / "my_chat"))
