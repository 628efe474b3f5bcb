"""The topics of the checks: each has three hints, and what they quote is really there."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from suites import broadcast, echo, usernames, window
from suites.topics import TOPICS, Topic

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_line_to_think_about_stands_in_the_program(topic: Topic) -> None:
    """The third hint quotes a line of the stage's own program, as it stands there."""
    program = (ROOT / "stages" / topic.notebook / topic.program).read_text("utf-8")
    lines = {line.strip() for line in program.splitlines()}
    assert set(topic.line.splitlines()) <= lines


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_hints_go_from_a_question_to_the_idea(topic: Topic) -> None:
    """The first hint asks, the second tells; both fit on a screen's line or two."""
    assert topic.question.endswith("?")
    assert topic.idea.endswith(".")
    assert max(len(topic.question), len(topic.idea)) <= 120
    assert topic.heading in topic.place
    assert topic.line in topic.place


def test_topics_can_be_told_apart() -> None:
    """No two topics have the same name."""
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("notebook", ["01_echo", "02_usernames", "03_broadcast", "04_tk_client"])
def test_a_notebook_has_few_headings(notebook: str) -> None:
    """The topics of a stage share some headings, so that a notebook reads like a chapter, not like a list."""
    assert 6 <= len({topic.heading for topic in TOPICS if topic.notebook == notebook}) <= 10


CHECKS = [
    (suite.__name__, name, check)
    for suite in (echo, usernames, broadcast, window)
    for name, check in inspect.getmembers(suite, inspect.isfunction)
    if name.startswith("test_")
]


@pytest.mark.parametrize(("suite", "name", "check"), CHECKS, ids=[f"{suite} {name}" for suite, name, _ in CHECKS])
def test_every_check_has_one_topic(suite: str, name: str, check: Callable[..., None]) -> None:
    """Each check says what it is about, once, and what it does, in a sentence that a learner reads first."""
    marks = [mark for mark in getattr(check, "pytestmark", []) if mark.name == "teaches"]
    assert [mark.args[0] in TOPICS for mark in marks] == [True]
    assert (inspect.getdoc(check) or "").endswith(".")


def test_every_topic_has_a_check() -> None:
    """There is no topic that nobody could get wrong."""
    taught = {
        mark.args[0] for _, _, check in CHECKS for mark in getattr(check, "pytestmark", []) if mark.name == "teaches"
    }
    assert not [topic.name for topic in TOPICS if topic not in taught]
