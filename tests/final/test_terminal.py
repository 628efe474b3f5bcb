"""Whoever writes to the screen or the log never waits for it."""

import io
import threading

from chat.terminal import Outlet


class Stopped(io.StringIO):
    """A terminal that somebody stopped with Ctrl-S, until they let it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.stands_still = threading.Event()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.stands_still.set()
        self.goes_on.wait(15)
        return super().write(text)


def test_what_a_stopped_screen_cannot_take_is_counted_and_dropped() -> None:
    """So the memory for it is bounded, and whoever sees it again knows that something is missing."""
    screen = Stopped()
    outlet = Outlet(screen)
    outlet.show(b"the first\n")
    assert screen.stands_still.wait(15)
    for _ in range(5000):
        outlet.show(b"x" * 999 + b"\n")
    screen.goes_on.set()
    assert outlet.close(15)
    assert screen.getvalue() == "the first\n" + ("x" * 999 + "\n") * 1000 + "(4000 lines not shown)\n"


def test_an_outlet_says_whether_everything_was_written() -> None:
    """A stopped screen can't be waited for."""
    screen = Stopped()
    outlet = Outlet(screen)
    outlet.show(b"hello\n")
    assert not outlet.close(0.05)
    screen.goes_on.set()
    assert outlet.close(15)
