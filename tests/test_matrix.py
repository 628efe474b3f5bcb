"""The suites tell the stages apart: each passes on its own stage, and fails on the stage before.

That each passes is what test_01_echo.py and its sisters show. Here each runs against the stage before.
"""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STAGES = HERE.parent / "stages"


@pytest.mark.parametrize(
    ("module", "suite", "before"),
    [
        ("test_02_usernames.py", "usernames", "01_echo"),
        ("test_03_broadcast.py", "broadcast", "02_usernames"),
        ("test_04_tk_client.py", "window", "03_broadcast"),
    ],
)
def test_a_suite_fails_on_the_stage_before(module: str, suite: str, before: str) -> None:
    """Of what a stage adds, the stage before has not even the first check, and the complaint is a sentence."""
    first = first_check(suite)
    command = [sys.executable, "-m", "pytest", f"{module}::{first}", "--programs", str(STAGES / before)]
    run = subprocess.run(
        [*command, "-q", "--deadline", "2", "-p", "no:cacheprovider"],
        check=False,
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1, run.stdout
    assert "Traceback" not in run.stdout, run.stdout


def first_check(suite: str) -> str:
    """Return the name of a suite's first check."""
    lines = (HERE / "suites" / f"{suite}.py").read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith("def test_")).removeprefix("def ").partition("(")[0]
