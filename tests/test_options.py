"""The tester's own ways: whom it tests, in which order, and what it says of a program that does not even start.

Each test runs pytest as a learner would, in a process of its own.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import STAGES, Stage
from suites.programs import Server, python_program

HERE = Path(__file__).parent
SERVER = f'"{Path(sys.executable).as_posix()}" "{(STAGES / "03_broadcast" / "server.py").as_posix()}"'
CLIENT = f'"{Path(sys.executable).as_posix()}" "{(STAGES / "03_broadcast" / "client.py").as_posix()}"'


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on the checks of a stage."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    # Where CI is set, pytest tells every failure a second time, whole, in its summary.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    return subprocess.run(command, check=False, cwd=HERE, env=environment, capture_output=True, text=True, timeout=110)


def collected(*arguments: str) -> list[str]:
    """List the checks that pytest would run, in its order, without their variants."""
    lines = run("--collect-only", *arguments).stdout.splitlines()
    return list(dict.fromkeys(line.partition("::")[2].partition("[")[0] for line in lines if "::" in line))


def written(suite: str) -> list[str]:
    """List the checks of a suite from top to bottom."""
    tree = ast.parse((HERE / "suites" / f"{suite}.py").read_text("utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def test_checks_run_in_teaching_order() -> None:
    """A learner reads the first failure first: suite by suite, and in each from top to bottom."""
    checks = collected("test_04_tk_client.py")
    everything = [name for suite in ("echo", "usernames", "broadcast", "window") for name in written(suite)]
    assert checks == [name for name in everything if name in checks]
    assert checks[0] == "test_the_first_line_is_flushed"
    assert checks[-1] == "test_two_windows_talk"


@pytest.mark.parametrize(
    ("options", "about_server", "about_client"),
    [
        (["--server", "anything"], True, False),
        (["--target", "127.0.0.1:5050"], True, False),
        (["--client", "anything"], False, True),
        (["--client", "anything", "--server", "anything"], True, True),
    ],
)
def test_only_what_was_given_is_tested(options: list[str], about_server: bool, about_client: bool) -> None:
    """Who gives a server is not asked for a client, and the other way round."""
    checks = collected("test_03_broadcast.py", *options)
    assert ("test_a_line_comes_back" in checks) == about_server
    assert ("test_client_sends_no_empty_line" in checks) == about_client
    assert [name for name in checks if name.startswith("test_client") != about_client] == [] or about_server


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--server", "no-such-program {port}"], "The server could not be started"),
        (["--client", f'"{Path(sys.executable).as_posix()}" no_such_file.py'], "no_such_file.py"),
    ],
)
def test_what_can_not_be_started_is_no_failed_check(options: list[str], says: str) -> None:
    """One clear message with what was printed, and pytest's exit status for a wrong use."""
    result = run("test_01_echo.py", "--deadline", "5", *options)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR, result.stdout
    assert result.stdout.count("could not be started, so nothing was tested") == 1
    assert says in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--server", "x", "--target", "127.0.0.1:5050"], "give one of them"),
        (["--target", "5050"], "'5050' is no HOST:PORT"),
        (["--server", "'"], "This is no program to test"),
        (["--programs", "suites"], "There is no server.py in suites"),
    ],
)
def test_wrong_options_are_said_at_once(options: list[str], says: str) -> None:
    """Before anything runs, in one line."""
    result = run("test_01_echo.py", *options)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert says in result.stderr


def test_a_server_that_runs_already(deadline: float) -> None:
    """It is talked to, check after check, and one check's names and notices don't reach the next."""
    server = Server(python_program(STAGES / "03_broadcast", "server.py", "--port", "0"), deadline)
    try:
        checks = [
            *("test_others_go_on_when_one_goes", "test_everyone_hears_who_leaves", "test_a_taken_name_is_refused"),
            *("test_the_server_prints_the_conversation", "test_broken_receivers_keep_nothing_from_the_others"),
        ]
        names = [f"test_03_broadcast.py::{check}" for check in checks]
        result = run(*names, "--target", f"{server.host}:{server.port}")
    finally:
        server.close()
    assert "7 passed, 1 skipped" in result.stdout, result.stdout


def test_programs_of_their_own_with_jitter() -> None:
    """Commands take the place of both programs; what is sent to them comes in pieces, at random moments."""
    checks = ["test_a_burst_comes_back_in_order", "test_client_puts_pieces_together", "test_everyone_hears_everyone"]
    names = [f"test_03_broadcast.py::{check}" for check in checks]
    result = run(*names, "--server", SERVER, "--client", CLIENT, "--jitter", "3")
    assert "3 passed" in result.stdout, result.stdout


def test_a_stage_knows_whether_it_has_a_window() -> None:
    """From the fourth on."""
    assert [Stage(number, STAGES).has_window for number in (3, 4, 5)] == [False, True, True]
