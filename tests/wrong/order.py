"""The order in which a learner meets the checks: suite after suite, and in each from top to bottom.

A wrong program should be caught where its author can still see the mistake: by the first check that is about it. So
each row of the table says which check that is, and every check before it has to pass.
"""

from collections.abc import Callable
from types import ModuleType

from suites import broadcast, echo, usernames, window

SUITES = {1: (echo,), 2: (echo, usernames), 3: (echo, usernames, broadcast), 4: (window,), 5: (broadcast,)}


def checks_of(suite: ModuleType) -> dict[str, Callable[..., None]]:
    """Return the checks of a suite by their names, in order."""
    return {name: check for name, check in vars(suite).items() if name.startswith("test_")}


def checks_that_see(program: str, stage: int) -> list[str]:
    """Return the names of the checks that start this program of the stage, server.py or client.py, in order.

    A check of the terminal client has a server of our own, and a check of the server has no client but us: what is
    wrong with one of the two can't be seen by the checks of the other.
    """
    all_checks = {name: check for suite in SUITES[stage] for name, check in checks_of(suite).items()}
    return [name for name, check in all_checks.items() if sees(check, program, stage)]


def sees(check: Callable[..., None], program: str, stage: int) -> bool:
    """Whether this check starts this program of the stage."""
    marks = {mark.name for mark in getattr(check, "pytestmark", [])}
    if "final_only" in marks and stage < 5:
        return False
    return stage == 4 or ("terminal" in marks) == (program == "client.py")


def up_to(check: str, program: str, stage: int) -> list[str]:
    """Return the checks from the first one up to this one, whichever of its variants is meant."""
    checks = checks_that_see(program, stage)
    return checks[: checks.index(check.partition("[")[0]) + 1]
