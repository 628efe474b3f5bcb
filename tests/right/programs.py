"""The right programs, and how the suites are run on one: as a learner would, by pytest in a process of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent
HASTY = TESTS / "right" / "hasty"  # what makes threads take turns much more often
MODULES = {
    1: "test_01_echo.py",
    2: "test_02_usernames.py",
    3: "test_03_broadcast.py",
    4: "test_04_tk_client.py",
}


@dataclass(frozen=True)
class Right:
    """One right program."""

    path: str  # below tests/
    stage: int  # whose suites it passes
    option: str = "--server"  # what it is; or "--client"

    @property
    def name(self) -> str:
        """What to call it."""
        return self.path.removeprefix("right/").removeprefix("../")

    @property
    def interpreter(self) -> str:
        """The program that runs it."""
        return "node" if self.path.endswith(".js") else sys.executable

    def can_run(self) -> bool:
        """Whether what runs it is on this computer."""
        return shutil.which(self.interpreter) is not None

    def tested(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run every check that is about it, with these options for pytest."""
        command = f'"{self.interpreter}" "{(TESTS / self.path).resolve()}"'
        module = TESTS / MODULES[self.stage]
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                str(module),
                self.option,
                command,
                "-q",
                "-p",
                "no:cacheprovider",
                *options,
            ],
            check=False,
            cwd=TESTS.parent,
            env=os.environ | {"PYTHONPATH": str(HASTY)},
            capture_output=True,
            text=True,
        )


PROGRAMS = [
    Right("../stages/03_broadcast/server.py", 3),  # threads
    Right("right/asyncio_server.py", 3),
    Right("right/selectors_server.py", 3),
    Right("right/socketserver_server.py", 2),
    Right("right/node_server.js", 3),
    Right("../stages/03_broadcast/client.py", 3, "--client"),
    Right("right/node_client.js", 3, "--client"),
    Right("right/plain_window.py", 4, "--client"),
    Right("../stages/01_echo/server.py", 1),
    Right("../stages/01_echo/client.py", 1, "--client"),
    Right("../stages/02_usernames/server.py", 2),
    Right("../stages/02_usernames/client.py", 2, "--client"),
    Right("../stages/04_tk_client/client.py", 4, "--client"),
]
