"""What a check says about itself, besides its name and docstring.

`teaches(PIECES, mistakes=(2, 3))` names the topic that somebody should think about who fails the check, and the
common mistakes that it provokes, by their numbers in docs/mistakes.md. `final_only` marks what the stages are known
to get wrong, `terminal` what makes no sense for a client that is a window, and `process` what can be seen only of a
server that the check has started itself.
"""

import pytest

from .topics import Topic

final_only = pytest.mark.final_only
terminal = pytest.mark.terminal
process = pytest.mark.process


def teaches(topic: Topic, mistakes: tuple[int, ...] = ()) -> pytest.MarkDecorator:
    """Say what a check is about, and which mistakes it is there for."""
    return pytest.mark.teaches(topic, mistakes)


def topic_of(item: pytest.Item) -> Topic | None:
    """Return what a check is about; None for a test that is no check."""
    mark = item.get_closest_marker("teaches")
    if mark is None:
        return None
    topic: Topic = mark.args[0]
    return topic
