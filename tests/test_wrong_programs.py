"""Every check of the suites can fail: there is a wrong program that it catches, and it says so in words.

The table is in wrong/; each of its programs is tested as a learner would test it, by pytest in a process of its own.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from suites import broadcast, echo, usernames, window
from suites.complaints import Complaint, complain
from wrong.order import checks_of, up_to
from wrong.rows import TESTS, Wrong
from wrong.table import MISTAKES, UNSEEN, WRONG

# Seconds: what a wrong program never says, a check waits for in vain. A row that is not caught as it should be is tried
# again, with more patience. For there are two kinds of chance. A busy machine may keep a right answer so long that a
# check before the declared one gives up: with more time it doesn't. And a race, which is what some rows are about, may
# hide from the declared check, or show itself in a check before it; each of that is the exception, and three in a row
# are a row that declares the wrong check. (What always fails too early fails so three times, and is reported.)
DEADLINES = ("1.5", "4", "10")
MODULES = {
    1: "test_01_echo.py",
    2: "test_02_usernames.py",
    3: "test_03_broadcast.py",
    4: "test_04_tk_client.py",
    5: "wrong/claims_final.py",
}


# That no earlier check catches a row takes far longer to see than that the declared one does: a minute and a half of
# processor time for ten rows. So a run does it for some of the rows, by chance, and --thorough for all of them.
SHARE = 0.2


@pytest.mark.timeout(900)  # for the tries with more patience
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.stage:02} {wrong.name}")
def test_a_wrong_program_is_caught(wrong: Wrong, tmp_path: Path, chance: random.Random, thorough: bool) -> None:
    """The check that the row declares catches it, no earlier one does, and it says what it should."""
    if wrong.in_javascript and shutil.which("node") is None:
        pytest.skip("Node is not on this computer")
    wrong.build(tmp_path)
    from_the_first = thorough or chance.random() < SHARE
    for deadline in DEADLINES:
        try:
            require_the_first(wrong, tmp_path, deadline, from_the_first)
            require_the_others(wrong, tmp_path, deadline)
            return
        except Complaint:
            if deadline == DEADLINES[-1]:
                raise


@pytest.fixture
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether every row is to be run from the first check on."""
    return bool(request.config.option.thorough)


def require_the_first(wrong: Wrong, folder: Path, deadline: str, from_the_first: bool) -> None:
    """Run the checks in their order; complain unless the declared one is the first to fail, and says what it should.

    Or, if not from the first one on, the declared one alone.
    """
    declared = wrong.checks[0]
    checks = up_to(declared, wrong.program, wrong.stage) if from_the_first else [declared]
    failed = failures(wrong, checks, folder, deadline, "-x")
    if not failed:
        raise complain(f"{declared} should fail.")
    check, text = failed[0]
    if wrong.race and not is_one_of(check, declared):
        require_the_first(wrong, folder, deadline, from_the_first=False)
        return
    if not is_one_of(check, declared):
        raise complain(f"{declared} should be the first that fails, and {check} is.", details=text)
    if wrong.says not in text:
        raise complain(f"{check} should say “{wrong.says}”.", details=text)


def require_the_others(wrong: Wrong, folder: Path, deadline: str) -> None:
    """Run the further checks that the row names; complain about one that passes."""
    failed = failures(wrong, wrong.checks[1:], folder, deadline) if wrong.checks[1:] else []
    for check in wrong.checks[1:]:
        if not any(is_one_of(name, check) for name, _ in failed):
            raise complain(f"{check} should fail as well.", details=f"failed: {[name for name, _ in failed]}")


def is_one_of(name: str, check: str) -> bool:
    """Whether a test of this name is the check, or one of its variants if the row leaves open which."""
    return name == check or name.startswith(f"{check}[")


def failures(wrong: Wrong, checks: Sequence[str], folder: Path, deadline: str, *options: str) -> list[tuple[str, str]]:
    """Run these checks on the row's program; return which failed, and what they said."""
    record = folder / "failures.jsonl"
    record.unlink(missing_ok=True)
    nodes = [f"{TESTS / MODULES[wrong.stage]}::{check}" for check in checks]
    options += ("-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "wrong.recorder", "--timeout=60")
    options += (*wrong.options(folder), "--deadline", deadline, "--seed", "1", "--record", str(record))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *nodes, *options],
        check=False,
        cwd=TESTS.parent,
        # Plugins that happen to be installed are left out: starting them takes longer than most checks.
        env=os.environ | {"PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if run.returncode == 0:
        return []
    if run.returncode != 1:  # pytest could not do what was asked
        raise complain(f"pytest ended with {run.returncode}.", details=run.stdout + run.stderr)
    failed = []
    for line in record.read_text(encoding="utf-8").splitlines():
        failure = json.loads(line)
        if not failure["complaint"]:
            raise complain(f"{failure['check']} fails, but not with a complaint.", details=failure["report"])
        failed.append((failure["check"], failure["text"]))
    return failed


@pytest.mark.parametrize("suite", [echo, usernames, broadcast, window], ids=lambda suite: suite.__name__)
def test_every_check_catches_something(suite: ModuleType) -> None:
    """No check of a suite is without a wrong program that it catches."""
    killed = {check.partition("[")[0] for wrong in WRONG for check in wrong.checks}
    idle = [name for name in checks_of(suite) if name not in killed]
    if idle:
        raise complain("No wrong program is caught by these checks.", details="\n".join(idle))


def test_every_mistake_has_a_wrong_program() -> None:
    """Every common mistake that can be seen from outside is made by some row."""
    made = {number for wrong in WRONG for number in wrong.mistakes}
    missing = set(MISTAKES) - UNSEEN - made
    if missing:
        raise complain("No wrong program makes these mistakes.", details=str(sorted(missing)))
    if made & UNSEEN:
        raise complain("These can't be seen from outside.", details=str(sorted(made & UNSEEN)))


def test_every_row_has_a_name_of_its_own() -> None:
    """Rows can be told apart by stage and name."""
    names = [(wrong.stage, wrong.name) for wrong in WRONG]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise complain("Some rows have the same name.", details=str(twice))
