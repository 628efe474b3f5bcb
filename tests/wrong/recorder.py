"""A plugin for pytest that writes down what failed and how: one JSON object a line, in the file of --record."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from suites.complaints import Complaint


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", type=Path, help="write what failed to this file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo is not None:
        failure = {
            "check": item.name,
            "complaint": call.excinfo.errisinstance(Complaint),
            "text": str(call.excinfo.value) or repr(call.excinfo.value),
            "report": report.longreprtext,
        }
        with item.config.getoption("record").open("a", encoding="utf-8") as record:
            record.write(json.dumps(failure) + "\n")
    return report
