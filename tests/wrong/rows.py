"""What a row of the table is: a wrong program, and what the suites must say about it.

Most are a stage's own program with a small edit. The old text has to be there exactly once, so that an edit can't
go stale and test the right program unnoticed. Knows nothing of pytest.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent
STAGES = TESTS.parent / "stages"
FOLDERS = {1: "01_echo", 2: "02_usernames", 3: "03_broadcast", 4: "04_tk_client", 5: "03_broadcast"}


@dataclass(frozen=True)
class Wrong:
    """One wrong program."""

    name: str  # says the mistake
    stage: int  # whose program it takes the place of, and which suites are run; 5 claims to be final/
    mistakes: tuple[int, ...]  # by their numbers in docs/mistakes.md; none for what is not among them
    checks: tuple[
        str, ...
    ]  # the first that catches it, in the order of order.py; then others that have to fail as well.
    # Each is written "test_x", or "test_x[closes]" for one variant.
    says: str  # what the first of them must say, among other things
    edits: Sequence[tuple[str, str]] = ()  # old text, new text
    program: str = "server.py"  # what it is; the stage's other program stays beside it
    source: str = ""  # the file that is edited, below tests/; if empty, the stage's own program
    race: bool = False  # the mistake shows itself by chance, and so, now and then, to a check before the declared one

    def build(self, folder: Path) -> None:
        """Put the wrong program into a folder, and the stage's other program beside it."""
        stage = STAGES / FOLDERS[self.stage]
        for name in ("server.py", "client.py"):
            shutil.copy(stage / name, folder)
        text = (TESTS / self.source if self.source else stage / self.program).read_text(encoding="utf-8")
        for old, new in self.edits:
            if text.count(old) != 1:
                raise ValueError(f"{self.name}: {text.count(old)} times, not once, in the program: {old!r}")
            text = text.replace(old, new)
        (folder / self.file_name).write_text(text, encoding="utf-8")

    @property
    def file_name(self) -> str:
        """What it is called in its folder."""
        return f"{Path(self.program).stem}{Path(self.source or self.program).suffix}"

    @property
    def in_javascript(self) -> bool:
        """Whether it is for Node."""
        return self.file_name.endswith(".js")

    def options(self, folder: Path) -> list[str]:
        """Return the options that make pytest test it."""
        if not self.in_javascript:
            return ["--programs", str(folder)]
        return [f"--{Path(self.program).stem}", f'node "{folder / self.file_name}"']
