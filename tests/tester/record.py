"""A plugin for pytest: runs its share of the checks, and writes what became of each, one JSON object a line.

Several processes may run the same checks side by side: whoever first makes the file that claims a check, runs it. So
all are busy until the end, and the checks begin in their order. A file named `stop` keeps those from beginning that
are of a later stage than it says. Knows nothing of who reads what it writes.
"""

import inspect
import json
import time
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from suites.complaints import CannotStart, Complaint
from suites.diagram import Event

SUITES = ("echo", "usernames", "broadcast", "window")  # in the order of the stages, from 1 on

failures = pytest.StashKey[dict[str, Any]]()  # of an item: what the first thing that went wrong in it says


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tester")
    group.addoption("--record", type=Path, help="write what became of each check to this file")
    group.addoption("--claims", type=Path, help="the folder in which the processes share out the checks")
    group.addoption("--only", metavar="CHECK", help="only the check of this name")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was asked for, and write down what that is."""
    items[:] = [item for item in items if is_wanted(item, config.getoption("only"))]
    write(config, {"outcome": "collected", "checks": [names(item) for item in items]})


def is_wanted(item: pytest.Item, only: str | None) -> bool:
    return not only or only in (item.name, item.name.partition("[")[0])


def suite_of(item: pytest.Item) -> str:
    module: str = getattr(getattr(item, "function", None), "__module__", "")
    return module.rpartition(".")[2]


def stage_of(item: pytest.Item) -> int:
    """The stage whose suite a check belongs to; what isn't of a suite comes last."""
    return SUITES.index(suite_of(item)) + 1 if suite_of(item) in SUITES else len(SUITES) + 1


def names(item: pytest.Item) -> dict[str, Any]:
    """How a check is called, by us and in words."""
    about = inspect.getdoc(getattr(item, "function", None)) or item.name
    return {"check": item.name, "suite": suite_of(item), "stage": stage_of(item), "about": about}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Write down what became of a check, once it is over."""
    began = time.monotonic()
    result = yield
    seconds = round(time.monotonic() - began, 3)
    if item.stash[claimed]:
        failure: dict[str, Any] = item.stash[failures] if failures in item.stash else {}  # noqa: SIM401, which isn't typed
        write(item.config, {**names(item), "outcome": "passed", "seconds": seconds, **failure})
    return result


claimed = pytest.StashKey[bool]()  # of an item: whether it is this process that runs it


@pytest.hookimpl(tryfirst=True, specname="pytest_runtest_protocol")
def pytest_runtest_protocol_or_not(item: pytest.Item) -> bool | None:
    """Leave a check to the process that has claimed it, or to nobody once it is too late for it."""
    item.stash[claimed] = may_begin(item) and claims(item)
    return None if item.stash[claimed] else True


def may_begin(item: pytest.Item) -> bool:
    folder = item.config.getoption("claims")
    stop = folder and folder / "stop"
    return not (stop and stop.exists() and stage_of(item) > int(stop.read_text() or 0))


def claims(item: pytest.Item) -> bool:
    folder = item.config.getoption("claims")
    if folder is None:
        return True
    try:
        (folder / f"{item.session.items.index(item):04}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember the first thing that went wrong: what comes after may only follow from it."""
    report = yield
    if call.excinfo is not None and failures not in item.stash:
        item.stash[failures] = told(call.excinfo.value, report)
    return report


def told(error: BaseException, report: pytest.TestReport) -> dict[str, Any]:
    """What an exception says, as JSON can hold it."""
    if isinstance(error, Complaint):
        outcome = "cannot start" if isinstance(error, CannotStart) else "failed"
        return {"outcome": outcome, "text": str(error), **details_of(error)}
    if report.skipped:
        return {"outcome": "skipped", "reason": str(error)}
    if isinstance(error, pytest.fail.Exception):  # it took so long that pytest-timeout has ended it
        return {"outcome": "failed", "text": str(error), "what": f"This check did not come to its end: {error}"}
    return {"outcome": "error", "reason": f"{type(error).__name__}: {error}", "text": report.longreprtext}


def details_of(complaint: Complaint) -> dict[str, Any]:
    """The parts of a complaint."""
    topic = complaint.topic
    return {
        "what": complaint.what,
        "details": complaint.details,
        "hint": complaint.hint,
        "topic": {**asdict(topic), "reading": topic.reading, "place": topic.place} if topic else None,
        "events": [event_as_json(event) for event in complaint.events],
        "story": complaint.story,
    }


def event_as_json(event: Event) -> dict[str, Any]:
    return {"kind": type(event).__name__.lower(), **asdict(event)}


def write(config: pytest.Config, line: dict[str, Any]) -> None:
    path = config.getoption("record")
    if path is not None:
        with path.open("a", encoding="utf-8") as record:
            record.write(json.dumps(line) + "\n")
