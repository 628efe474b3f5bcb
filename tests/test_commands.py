"""Command lines of other people's programs: placeholders, quotes, Windows paths, a probe beside a window."""

import sys
from pathlib import Path

import pytest
from suites.commands import Command, address, command, probed, python_command


def test_placeholders_are_replaced() -> None:
    """{port} and {host} stand where the program wants them, also inside a word."""
    given = command("node server.js {port} --listen={host}:{port}", windows=False)
    assert given.at(0) == ["node", "server.js", "0", "--listen=127.0.0.1:0"]
    assert given.at(5050, "192.0.2.1") == ["node", "server.js", "5050", "--listen=192.0.2.1:5050"]
    assert given.takes_host


def test_a_command_without_placeholders_is_run_like_a_program_of_the_course() -> None:
    """--host and --port come after it; the host only where one is wanted."""
    given = command("python my_server.py", windows=False)
    assert given.at(0) == ["python", "my_server.py", "--port", "0"]
    assert given.at(5050, "127.0.0.1") == ["python", "my_server.py", "--host", "127.0.0.1", "--port", "5050"]
    assert given.takes_host


def test_a_command_may_have_no_place_for_the_host() -> None:
    """Where only {port} stands, the program can't be told a host."""
    given = command("node server.js {port}", windows=False)
    assert given.at(0, "192.0.2.1") == ["node", "server.js", "0"]
    assert not given.takes_host


def test_more_arguments_come_last() -> None:
    """What a stage's own server is started with comes after the port."""
    words = python_command(Path("server.py"), "--backlog", "0").at(0)
    assert words == [sys.executable, "server.py", "--port", "0", "--backlog", "0"]


@pytest.mark.parametrize(
    ("text", "windows", "words"),
    [
        ("python 'my server.py' {port}", False, ("python", "my server.py", "{port}")),
        (r'"C:\Program Files\node.exe" my\server.js', True, (r"C:\Program Files\node.exe", r"my\server.js")),
        (r"py -3 C:\Users\Ann\server.py", True, ("py", "-3", r"C:\Users\Ann\server.py")),
        ("echo $HOME; rm *", False, ("echo", "$HOME;", "rm", "*")),
    ],
)  # fmt: skip
def test_a_command_line_is_read_as_its_system_does(text: str, windows: bool, words: tuple[str, ...]) -> None:
    """Quotes hold words together; on Windows backslashes are kept; no shell ever reads it."""
    assert command(text, windows).words == words


@pytest.mark.parametrize("text", ["", "   ", "python 'server.py"])
def test_what_is_no_command(text: str) -> None:
    """Nothing, or a quote that is not closed."""
    with pytest.raises(ValueError, match=r"command|quotation"):
        command(text, windows=False)


@pytest.mark.parametrize("text", ["", "5050", "127.0.0.1", "127.0.0.1:", ":5050", "host:99999", "host:x", "host:0"])
def test_what_is_no_address(text: str) -> None:
    """Host and port are both needed, and the port has to be one."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        address(text)


def test_an_address() -> None:
    """A host and its port; brackets around a host of IPv6."""
    assert address("chat.example:5050") == ("chat.example", 5050)
    assert address("[::1]:5050") == ("::1", 5050)


def test_a_window_is_run_with_the_probe_beside_it() -> None:
    """The probe comes before the Python program, whatever comes before that."""
    probe = Path("probe.py")
    assert probed(["python3", "-u", "client.py", "--port", "1"], probe, 7) == [
        *["python3", "-u", "probe.py", "7"],
        *["client.py", "--port", "1"],
    ]
    assert probed(["./client.py"], probe, 7) == [sys.executable, "probe.py", "7", "./client.py"]
    with pytest.raises(ValueError, match="Python"):
        probed(["node", "client.js"], probe, 7)


def test_a_command_can_be_shown() -> None:
    """As it was given, more or less."""
    assert str(Command(("node", "server.js", "{port}"))) == "node server.js {port}"
