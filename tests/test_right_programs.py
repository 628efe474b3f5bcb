"""Right programs pass, whatever their style: no check asks for more than the wire and the three states of a window.

Servers with threads, asyncio, selectors, socketserver and Node, clients for the terminal and with windows, each once
with random delays and restless threads. `endurance.py` does the same for hours.
"""

import pytest
from right.programs import PROGRAMS, Right
from suites.complaints import complain


@pytest.mark.timeout(300)  # a whole suite, slowed down
@pytest.mark.parametrize("right", PROGRAMS, ids=lambda right: right.name)
def test_a_right_program_passes(right: Right, request: pytest.FixtureRequest) -> None:
    """Every check that is about this program passes on it."""
    if not right.can_run():
        pytest.skip(f"{right.interpreter} is not on this computer")
    run = right.tested("--seed", str(request.config.option.seed), "--jitter", "1")
    if run.returncode != 0:
        raise complain("No check should fail on a right program.", details=run.stdout + run.stderr)
