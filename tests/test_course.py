"""What course.py does, as the person at the keyboard sees it: what it prints, how it ends, what it leaves behind.

It runs in a small copy of the checkout whose servers, clients and tools (pip, venv, ruff, mypy, pytest, tkinter) are
stand-ins of a few lines. They come first on Python's path, and note how they were called. So nothing is downloaded, and
nothing here knows how course.py is written, except where it says that it looks inside.
"""

import ast
import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

COURSE = Path(__file__).parent.parent / "course.py"
DEADLINE = 20  # seconds; far more than anything here takes
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and #! are POSIX's")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")

# Every stand-in begins with this: it notes who was called, with what.
NOTE = """
import json, os, sys
if __name__ == "__main__":
    with open(os.environ["NOTES"], "a", encoding="utf-8") as notes:
        notes.write(json.dumps({"who": WHO, "args": sys.argv[1:], "pid": os.getpid()}) + "\\n")
"""

# Listens, tells what it was told, and hangs up on its clients when two are there: so each client has met the other.
SERVER = """
host, port = sys.argv[2], int(sys.argv[4])
listener = socket.create_server((host, port))
print("listening on %s:%d" % listener.getsockname(), flush=True)
while True:
    two = [listener.accept()[0] for _ in range(2)]
    print("two are here", flush=True)
    [one.close() for one in two]
"""

# Stays until the server hangs up.
CLIENT = """
with socket.create_connection((sys.argv[2], int(sys.argv[4]))) as line:
    line.recv(1)
"""

# Notes the first signal that it gets, and ends.
FIRST_SIGNAL = """
name = signal.Signals(signal.sigwait([signal.SIGINT, signal.SIGTERM])).name
with open(os.environ["NOTES"], "a", encoding="utf-8") as notes:
    notes.write(json.dumps({"who": "signal", "args": [name], "pid": os.getpid()}) + "\\n")
"""

TERMINAL_CLIENT = """
print("terminal client:", sys.stdin.read().strip(), flush=True)
"""

# What the tools do: fail when they are named in FAILING.
TOOL = """
if __name__ == "__main__":
    sys.exit(1 if WHO in os.environ.get("FAILING", "").split() else 0)
"""

# A virtual environment without pip, made in a moment by the real venv.
VENV = """
if __name__ == "__main__":
    sys.path = [folder for folder in sys.path if folder != os.environ["PYTHONPATH"]]
    import pathlib, venv
    venv.EnvBuilder(clear=True, symlinks=os.name == "posix").create(sys.argv[-1])
    [packages] = {path.resolve() for path in pathlib.Path(sys.argv[-1]).glob("[Ll]ib/**/site-packages")}
    (packages / "pip-1.dist-info").mkdir()
    (packages / "pip-1.dist-info" / "RECORD").write_text("pip.py,,\\n")
"""

# Pip is only in such an environment: doctor is not to ask the network.
PIP = """
if "a check out" not in sys.prefix:
    raise ImportError("no pip")
"""

A_DISPLAY = "class Tk:\n    def destroy(self): pass\n"
NO_DISPLAY = "class Tk:\n    def __init__(self): raise RuntimeError('no display name')\n"
NO_TKINTER = "raise ImportError(\"No module named '_tkinter'\")\n"


class Checkout:
    """A copy of the project with stand-ins, and what was typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a check out"  # a space, as in many people's folders
        self.stand_ins = folder / "stand-ins"
        self.bin = folder / "bin"
        self.notes = folder / "notes"
        self.started: list[subprocess.Popen[str]] = []
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(self.stand_ins),
            "NOTES": str(self.notes),
            "PATH": os.pathsep.join([str(self.bin), os.environ["PATH"]]),
        }
        self.writes("course.py", COURSE.read_text(encoding="utf-8"))
        self.writes("pyproject.toml", "[project]\n")

    def writes(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replaces(self, pattern: str, text: str) -> None:
        """Change a constant of course.py."""
        course = self.folder / "course.py"
        course.write_text(re.sub(f"^{pattern}", text, course.read_text("utf-8"), flags=re.MULTILINE), "utf-8")

    def program(self, name: str, code: str) -> None:
        self.writes(name, f"WHO = {name!r}{NOTE}import signal, socket\n{code}")

    def stands_in(self, name: str, code: str) -> None:
        self.stand_ins.mkdir(exist_ok=True)
        (self.stand_ins / f"{name}.py").write_text(code, encoding="utf-8")

    def installs(self, name: str, code: str = "") -> None:
        """Put a program on the PATH, on POSIX. Through a shell: #! can't name a Python whose path has spaces."""
        self.bin.mkdir(exist_ok=True)
        (self.bin / f"{name}.py").write_text(f"WHO = {name!r}{NOTE}{code}", encoding="utf-8")
        (self.bin / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$0.py" "$@"\n', encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(self.folder / "course.py"), *words]

    def type(self, *words: str, keys: str = "", **environment: str) -> "Told":
        """Type a command, from another folder, and wait until it has ended."""
        done = subprocess.run(
            self.command(*words),
            input=keys,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
            cwd=self.folder.parent,
            env={**self.environment, **environment},
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Type a command, as in a terminal of its own, and go on."""
        self.started.append(
            subprocess.Popen(
                self.command(*words), stdout=subprocess.PIPE, text=True, env=self.environment, process_group=0
            )
        )
        return self.started[-1]

    def clear_away(self) -> None:
        """End what a course.py that fails its test has left behind."""
        if sys.platform != "win32":
            for program in [note["pid"] for note in self.noted() if note["who"].endswith(".py")]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(program, signal.SIGKILL)
        for course in self.started:
            course.kill()
            course.communicate(timeout=DEADLINE)

    def calls(self, who: str) -> list[list[str]]:
        """The arguments with which this stand-in was called, each time."""
        return [note["args"] for note in self.noted() if note["who"] == who]

    def noted(self) -> list[dict[str, Any]]:
        if not self.notes.exists():
            return []
        return [json.loads(line) for line in self.notes.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


class Told:
    """What a command told us."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status = status
        self.output = output
        self.errors = errors
        assert "Traceback" not in output + errors, f"errors are sentences:\n{output}{errors}"

    def __repr__(self) -> str:
        return f"status {self.status}\n{self.output}\n{self.errors}"


def wait_until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, f"waited {DEADLINE} seconds, and in vain: {what}"
        time.sleep(0.01)  # between two looks; how long it is decides nothing


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout with a chat and a display, and nothing else."""
    checkout = Checkout(tmp_path)
    checkout.program("stages/04_tk_client/server.py", SERVER)
    checkout.program("stages/04_tk_client/client.py", CLIENT)
    checkout.program("stages/03_broadcast/client.py", TERMINAL_CLIENT)
    checkout.stands_in("tkinter", A_DISPLAY)
    checkout.installs("apt-get", "sys.exit(1)")  # or root's tests would install things
    yield checkout
    checkout.clear_away()


@pytest.fixture
def tools(checkout: Checkout) -> Checkout:
    """A checkout with tools and something to check, on a system that lacks nothing."""
    for name in ("ruff", "mypy", "pytest"):
        checkout.stands_in(name, f"WHO = {name!r}{NOTE}{TOOL}")
    checkout.stands_in("venv", f"WHO = 'venv'{NOTE}{VENV}")
    checkout.stands_in("pip", f"WHO = 'pip'{NOTE}{PIP}{TOOL}")
    checkout.stands_in("ensurepip", "")
    checkout.installs("Xvfb")
    checkout.writes("tests/test_01_echo.py", "")
    return checkout


@pytest.fixture
def inside() -> ModuleType:
    """course.py as a module, for the few things that can't be seen from outside on one computer."""
    spec = importlib.util.spec_from_file_location("course_inside", COURSE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SERVER_04, CLIENT_04 = "stages/04_tk_client/server.py", "stages/04_tk_client/client.py"
TERMINAL_03 = "stages/03_broadcast/client.py"


# ---- The command line ----


def test_without_arguments_it_shows_the_three_commands(checkout: Checkout) -> None:
    told = checkout.type()
    assert told.status == 0
    assert re.search(r"course.py chat .*course.py test .*course.py doctor ", told.output, re.DOTALL), told


def test_an_unknown_command_is_a_mistake_of_usage(checkout: Checkout) -> None:
    told = checkout.type("dance")
    assert told.status == 2
    assert "dance" in told.errors


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_an_old_python_says_that_it_is_too_old(checkout: Checkout, version: tuple[int, int, int]) -> None:
    pretend = f"import runpy, sys; sys.version_info = {version}; runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", pretend, str(checkout.folder / "course.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    told = Told(done.returncode, done.stdout, done.stderr)
    assert told.status == 1
    assert told.errors.startswith(f"course.py needs Python 3.11 or newer, and this is 3.{version[1]}; ")


def test_a_real_old_python_reads_it_that_far(checkout: Checkout) -> None:
    """By its grammar, and by the oldest Python that is here."""
    ast.parse(COURSE.read_text(encoding="utf-8"), feature_version=(3, 7))
    pyenv = map(str, sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python")))
    old = next(pyenv, None) or next(filter(None, (shutil.which(f"python3.{minor}") for minor in range(6, 11))), None)
    if not old:
        pytest.skip("no Python between 3.6 and 3.10 is here; the grammar was checked")
    done = subprocess.run([old, *checkout.command()[1:]], capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert "needs Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.168.1.20:5050", "192.168.1.20", 5050),
        ("chat.example:1", "chat.example", 1),
        ("[::1]:5050", "::1", 5050),
        ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
    ],
)
def test_an_address_to_join_is_read(inside: ModuleType, text: str, host: str, port: int) -> None:
    assert inside.address_from(text) == (host, port)
    assert inside.written((host, port)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":5050",
        "host:0",
        "host:65536",
        "host:-1",
        "host:5x",
        "::1:5050",
        "[host]:1",
        "a b:1",
        "a:٣",
    ],
)
def test_a_bad_address_to_join_is_refused(inside: ModuleType, text: str) -> None:
    with pytest.raises(inside.argparse.ArgumentTypeError, match="write it like"):
        inside.address_from(text)


def test_bad_arguments_are_told_with_an_example(checkout: Checkout) -> None:
    told = checkout.type("chat", "--join", "somewhere")
    assert told.status == 2
    assert "'somewhere' isn't an address; write it like 192.168.1.20:5050" in told.errors


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "--port", "70000"),
        ("chat", "--join", "host:1", "--port", "2"),
        ("chat", "--join", "host:1", "--server-only"),
        ("doctor", "--", "-k", "name"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(checkout: Checkout, words: tuple[str, ...]) -> None:
    told = checkout.type(*words)
    assert told.status == 2
    assert checkout.noted() == []


# ---- What is handed over to the tester, and the notebooks ----


@pytest.fixture
def school(tools: Checkout) -> Checkout:
    """A checkout with a tester that notes what it is told, and a JupyterLab."""
    tools.program("tests/tester/__main__.py", "sys.exit(3 if 'check' in sys.argv else 0)")
    tools.stands_in("nbformat", "")
    (tools.folder / "notebooks").mkdir()
    return tools


def test_a_check_is_handed_over_as_it_was_typed(school: Checkout) -> None:
    """Options, programs and all; the tester's status is the command's, and .venv is made for it."""
    told = school.type("check", "03", "--server", "node my server.js {port}", "--json")
    assert told.status == 3
    assert school.calls("tests/tester/__main__.py") == [
        ["check", "03", "--server", "node my server.js {port}", "--json"]
    ]
    assert (school.folder / ".venv").is_dir()


@pytest.mark.parametrize(
    "words", [["start", "02"], ["progress"], ["solution"], ["reset", "server.py"], ["hint", "--help"]]
)
def test_what_needs_no_packages_makes_no_venv(school: Checkout, words: list[str]) -> None:
    assert school.type(*words).status == 0
    assert school.calls("tests/tester/__main__.py") == [words]
    assert not (school.folder / ".venv").exists()


def test_paths_are_meant_from_where_one_types(school: Checkout) -> None:
    """A learner may be in any folder: the tester is started there."""
    school.program("tests/tester/__main__.py", "print('here:', os.getcwd())")
    assert f"here: {school.folder.parent.resolve()}" in school.type("progress").output


def test_notebooks_open_in_jupyterlab(school: Checkout) -> None:
    """What is there already isn't installed again; JupyterLab shows the notebooks first, and hears of --no-browser."""
    school.stands_in("jupyterlab", f"WHO = 'jupyterlab'{NOTE}print('in', os.getcwd())")
    told = school.type("notebooks", "--no-browser")
    assert told.status == 0
    assert f"in {school.folder.resolve()}\n" in told.output  # so that it can show the pictures in docs/
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # to whom Jupyter would say no
    words = ["--FileContentsManager.preferred_dir=notebooks", "--no-browser", *["--allow-root"] * root]
    assert school.calls("jupyterlab") == [words]
    assert not [call for call in school.calls("pip") if ".[notebooks]" in call]


def test_jupyterlab_is_installed_the_first_time(school: Checkout) -> None:
    told = school.type("notebooks")
    assert [call for call in school.calls("pip") if ".[notebooks]" in call], told
    assert "that takes some minutes, once" in told.output


def test_jupyterlab_that_cannot_be_installed_is_told(school: Checkout) -> None:
    school.type("test")  # makes .venv while pip works
    told = school.type("notebooks", FAILING="pip")
    assert told.status == 1
    assert "pip couldn't install it" in told.errors


# ---- chat ----


def test_chat_opens_two_windows_on_the_servers_port_and_ends_with_them(checkout: Checkout) -> None:
    told = checkout.type("chat")
    assert told.status == 0, told
    port = re.search(r"listens on 127\.0\.0\.1:(\d+)", told.output)
    assert port, told
    assert checkout.calls(SERVER_04) == [["--host", "127.0.0.1", "--port", "0"]]
    assert checkout.calls(CLIENT_04) == [["--host", "127.0.0.1", "--port", port[1]]] * 2
    assert "server | two are here" in told.output
    assert not answers(int(port[1])), "the server outlived the command"


def test_chat_and_doctor_make_no_venv(tools: Checkout) -> None:
    assert tools.type("chat").status == 0
    assert tools.type("doctor").status == 0
    assert not (tools.folder / ".venv").exists()


@POSIX
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM"])
def test_ctrl_c_ends_chat_and_all_that_it_started(checkout: Checkout, ending: str) -> None:
    checkout.program(SERVER_04, SERVER.replace("range(2)", "range(9)"))  # never hangs up
    course = checkout.start("chat")
    wait_until(lambda: len(checkout.calls(CLIENT_04)) == 2, "two windows")
    course.send_signal(getattr(signal, ending))
    assert course.wait(DEADLINE) == 0
    assert [note["who"] for note in checkout.noted() if is_running(note["pid"])] == []


@POSIX
def test_ctrl_c_reaches_the_server_once(checkout: Checkout) -> None:
    """A terminal sends Ctrl-C to all that run in it; the server would hear it, and then course.py's own request."""
    listens = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])\n"
    checkout.program(SERVER_04, f"{listens}print('listening on 127.0.0.1:1', flush=True)\n{FIRST_SIGNAL}")
    course = checkout.start("chat", "--server-only")
    assert course.stdout is not None
    course.stdout.readline()
    os.kill(-course.pid, signal.SIGINT)  # the minus: to its whole group
    assert course.wait(DEADLINE) == 0
    assert [note["args"] for note in checkout.noted() if note["who"] == "signal"] == [["SIGTERM"]]


@POSIX
def test_an_impatient_ctrl_c_does_not_stop_the_ending(checkout: Checkout) -> None:
    deaf = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\nprint('listening on 127.0.0.1:1', flush=True)"
    checkout.program(SERVER_04, f"{deaf}\n{FIRST_SIGNAL}signal.pause()")
    checkout.replaces("END_LIMIT = .*", "END_LIMIT = 0.5")
    course = checkout.start("chat", "--server-only")
    assert course.stdout is not None
    course.stdout.readline()
    course.send_signal(signal.SIGINT)
    wait_until(lambda: checkout.calls("signal"), "the server is asked to end")
    course.send_signal(signal.SIGINT)
    course.send_signal(signal.SIGTERM)
    assert course.wait(DEADLINE) == 0
    assert not is_running(checkout.noted()[0]["pid"])


@POSIX
def test_a_program_that_will_not_end_is_ended(inside: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        monkeypatch.setattr(inside, "END_LIMIT", 0.1)
        inside.end(process)
        assert process.returncode == -9  # SIGKILL


def test_a_server_that_dies_at_once_is_quoted(checkout: Checkout) -> None:
    checkout.program(SERVER_04, "sys.exit('Cannot listen on 127.0.0.1:80: Permission denied.')")
    told = checkout.type("chat", "--port", "80")
    assert told.status == 1
    assert "The server ended at once, with status 1. It said: Cannot listen on 127.0.0.1:80" in told.errors
    assert checkout.calls(CLIENT_04) == []


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(checkout: Checkout) -> None:
    checkout.program(SERVER_04, "print('hm', flush=True); sys.stdin.read(); socket.create_server(('', 0)).accept()")
    checkout.replaces("START_LIMIT = .*", "START_LIMIT = 0.5")
    told = checkout.type("chat")
    assert told.status == 1
    assert "hasn't said within 0.5 seconds where it listens" in told.errors


def test_a_window_that_dies_is_told(checkout: Checkout) -> None:
    checkout.program(CLIENT_04, "sys.exit('No window can be opened here.')")
    told = checkout.type("chat")
    assert told.status == 1
    assert "No window can be opened here." in told.errors
    assert "A client ended with status 1; what it said is above." in told.errors


def test_a_server_that_breaks_down_later_is_told(checkout: Checkout) -> None:
    checkout.program(SERVER_04, SERVER.replace("while True", "for _ in range(1)") + "sys.exit('out of paper')")
    told = checkout.type("chat")
    assert told.status == 1
    assert "The server broke down, with status 1. It said last: out of paper" in told.errors


def test_without_a_display_chat_says_so_and_runs_in_the_terminal(checkout: Checkout) -> None:
    checkout.stands_in("tkinter", NO_DISPLAY)
    checkout.program(SERVER_04, "sys.stdin.read()" + SERVER)  # it can't take what is typed for the client
    told = checkout.type("chat", keys="hello")
    assert told.status == 0, told
    first, second = told.output.splitlines()
    assert first.startswith("There is no display here, so this is the terminal client. For a second person: ")
    assert second == "terminal client: hello"
    port = first.rpartition(":")[2]
    assert checkout.calls(TERMINAL_03) == [["--host", "127.0.0.1", "--port", port]]
    assert checkout.calls(CLIENT_04) == []


def test_without_tkinter_chat_says_what_mends_it_and_runs_in_the_terminal(checkout: Checkout) -> None:
    checkout.stands_in("tkinter", NO_TKINTER)
    told = checkout.type("chat", keys="hello")
    assert told.status == 0, told
    assert re.match(r"This Python has no tkinter \(to mend it, .+\), so this is the terminal client\.", told.output)
    assert "terminal client: hello" in told.output


def test_join_opens_one_window(checkout: Checkout) -> None:
    checkout.program(CLIENT_04, "")
    told = checkout.type("chat", "--join", "[::1]:5051")
    assert told.status == 0, told
    assert checkout.noted()[0]["args"] == ["--host", "::1", "--port", "5051"]
    assert len(checkout.noted()) == 1


def test_join_without_a_display_runs_in_the_terminal(checkout: Checkout) -> None:
    checkout.stands_in("tkinter", NO_DISPLAY)
    told = checkout.type("chat", "--join", "there:5051", keys="hello")
    assert told.status == 0, told
    assert told.output.splitlines()[-1] == "terminal client: hello"
    assert checkout.calls(TERMINAL_03) == [["--host", "there", "--port", "5051"]]


def test_join_passes_on_that_the_client_failed(checkout: Checkout) -> None:
    checkout.stands_in("tkinter", NO_DISPLAY)
    checkout.program(TERMINAL_03, "sys.exit('Nobody answers there.')")
    told = checkout.type("chat", "--join", "there:5051")
    assert told.status == 1
    assert "Nobody answers there." in told.errors


def test_a_server_alone_listens_everywhere_and_says_what_others_type(checkout: Checkout) -> None:
    checkout.program(SERVER_04, "print('listening on 0.0.0.0:5050', flush=True)")
    told = checkout.type("chat", "--server-only")
    assert told.status == 0, told
    assert checkout.calls(SERVER_04) == [["--host", "0.0.0.0", "--port", "5050"]]
    assert checkout.calls(CLIENT_04) == []
    assert re.search(r"course\.py chat --join \d+\.\d+\.\d+\.\d+:5050", told.output), told
    assert "--join 0.0.0.0" not in told.output


@POSIX
def test_a_server_alone_runs_until_it_is_ended(checkout: Checkout) -> None:
    course = checkout.start("chat", "--server-only", "--host", "127.0.0.1", "--port", "0")
    assert course.stdout is not None
    lines = iter(course.stdout.readline, "")
    invitation = next(line for line in lines if "--join" in line)
    port = int(invitation.rpartition(":")[2])
    assert answers(port)
    course.send_signal(signal.SIGINT)
    assert course.wait(DEADLINE) == 0
    assert not answers(port)


def test_the_finished_chat_is_used_when_both_of_its_programs_are_there(tools: Checkout) -> None:
    tools.program("final/server.py", SERVER)
    assert tools.type("chat").status == 0
    assert len(tools.calls(CLIENT_04)) == 2
    tools.program("final/client.py", CLIENT)
    assert tools.type("chat").status == 0
    assert len(tools.calls(CLIENT_04)) == 2
    assert len(tools.calls("final/client.py")) == 2
    assert len(tools.calls("final/server.py")) == 1


def test_a_checkout_without_the_programs_is_told(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / "stages")
    told = checkout.type("chat")
    assert told.status == 1
    assert re.search(r"04_tk_client.server\.py isn't here", told.errors)


# ---- test ----


def test_test_runs_every_check_and_sums_up(tools: Checkout) -> None:
    tools.writes("final/chat/__init__.py", "")
    told = tools.type("test", "--", "-k", "one name")
    assert told.status == 0, told
    assert tools.calls("ruff") == [["check", "."], ["format", "--check", "."]]
    assert [args[3:] for args in tools.calls("mypy")] == [
        ["course.py"],
        ["tests"],
        ["stages/03_broadcast/client.py"],
        ["stages/04_tk_client/client.py", "stages/04_tk_client/server.py"],
        ["final/chat"],
    ]
    assert all("--strict" in args for args in tools.calls("mypy"))
    assert tools.calls("pytest") == [["-n", "auto", "-k", "one name"]]
    summary = told.output.partition("==== Summary\n")[2]
    assert re.findall(r"^(ok|FAIL) +(\S+(?: \S+)*)", summary, re.MULTILINE) == [
        ("ok", "ruff check"),
        ("ok", "ruff format"),
        ("ok", "mypy course.py"),
        ("ok", "mypy tests"),
        ("ok", "mypy stages/03_broadcast"),
        ("ok", "mypy stages/04_tk_client"),
        ("ok", "mypy final/chat"),
        ("ok", "pytest"),
    ]
    assert "8 of 8 checks passed." in summary


def test_a_failing_check_fails_the_whole_and_stops_none(tools: Checkout) -> None:
    told = tools.type("test", FAILING="ruff")
    assert told.status == 1
    summary = told.output.partition("==== Summary")[2]
    assert len(re.findall("^FAIL  ruff", summary, re.MULTILINE)) == 2
    assert re.search("^ok +pytest", summary, re.MULTILINE)
    assert "5 of 7 checks passed." in summary


def test_what_is_not_there_fails(tools: Checkout) -> None:
    shutil.rmtree(tools.folder / "stages")
    shutil.rmtree(tools.folder / "tests")
    told = tools.type("test")
    assert told.status == 1
    assert re.findall(r"^FAIL  (\S+(?: \S+)*)", told.output.partition("==== Summary")[2], re.MULTILINE) == [
        "mypy tests",
        "mypy stages",
        "pytest",
    ]
    assert "stages has no Python files yet." in told.output


def test_tools_are_installed_until_they_are_there_and_again_when_the_project_asks_for_others(tools: Checkout) -> None:
    failed = tools.type("test", FAILING="pip")
    assert failed.status == 1
    assert "Making .venv" in failed.errors  # what is told on standard output is the command's own, and may be JSON
    assert "Making .venv" not in failed.output
    assert "pip couldn't install it; above is why." in failed.errors
    assert tools.calls("ruff") == []
    assert tools.type("test").status == 0
    assert (len(tools.calls("venv")), len(tools.calls("pip"))) == (1, 2)
    assert tools.calls("pip")[1][-2:] == ["-e", ".[test]"]
    again = tools.type("test")
    assert "Installing" not in again.output + again.errors
    tools.writes("pyproject.toml", "[project]\nname = 'another'\n")
    assert tools.type("test").status == 0
    assert (len(tools.calls("venv")), len(tools.calls("pip"))) == (1, 3)


def test_a_broken_venv_is_made_again(tools: Checkout) -> None:
    """Its making was interrupted before pip was whole; later, its Python vanishes."""
    assert tools.type("test").status == 0
    [record] = (tools.folder / ".venv").glob("**/pip-1.dist-info/RECORD")
    record.unlink()
    assert tools.type("test").status == 0
    assert (len(tools.calls("venv")), len(tools.calls("pip"))) == (2, 2)
    shutil.rmtree(tools.folder / ".venv" / ("bin" if os.name == "posix" else "Scripts"))
    assert tools.type("test").status == 0
    assert (len(tools.calls("venv")), len(tools.calls("pip"))) == (3, 3)


def test_a_checkout_that_was_moved_installs_again(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Looks inside: what is compared to know whether to install again."""
    before = inside.fingerprint(inside.this_python())
    assert inside.fingerprint(inside.this_python()) == before
    shutil.copy(COURSE.with_name("pyproject.toml"), tmp_path)
    monkeypatch.setattr(inside, "HERE", tmp_path)
    assert inside.fingerprint(inside.this_python()) != before


def test_a_venv_of_another_python_is_not_ours(inside: ModuleType) -> None:
    ours = inside.this_python()
    assert inside.is_healthy(sys.executable, ours)
    assert not inside.is_healthy(sys.executable, ours._replace(version="3.99.0"))


def test_from_within_a_venv_it_finds_the_python_beneath(inside: ModuleType, tmp_path: Path) -> None:
    """Looks inside: a .venv that was asked to make itself again would delete what it runs on."""
    venv.EnvBuilder(symlinks=os.name == "posix").create(tmp_path / "venv")
    python = inside.describe(str(tmp_path / "venv" / ("bin/python" if os.name == "posix" else "Scripts/python.exe")))
    assert tmp_path not in Path(python.path).parents
    assert inside.describe(python.path) == python


def test_a_place_that_cannot_be_written_is_told(tools: Checkout) -> None:
    tools.writes(".venv", "a file where the folder has to be")
    told = tools.type("test")
    assert told.status == 1
    assert "can't be written" in told.errors
    assert "Copy the project to a folder of yours." in told.errors


def test_a_python_without_venv_is_told(tools: Checkout) -> None:
    tools.stands_in("ensurepip", "raise ImportError('no ensurepip')")
    told = tools.type("test")
    assert told.status == 1
    assert "Python's venv module is missing: " in told.errors
    assert tools.calls("pip") == []


@LINUX
def test_a_linux_without_xvfb_is_told_what_to_type(tools: Checkout) -> None:
    (tools.bin / "Xvfb").unlink()
    told = tools.type("test", PATH=str(tools.bin))
    assert told.status == 1
    assert "The tests can't run yet.\n  Xvfb is missing: " in told.errors
    assert tools.calls("ruff") == []


def test_root_of_a_debian_gets_it_installed(inside: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks inside: not everybody is root of a Debian."""
    needs = [("Xvfb", "Xvfb", "type: apt-get install -y xvfb")]
    typed: list[str] = []

    def call(command: list[str], environment: dict[str, str]) -> int:
        assert environment["DEBIAN_FRONTEND"] == "noninteractive"
        typed.append(" ".join(command))
        if "xvfb" in command:
            needs.clear()
        return 0

    monkeypatch.setattr(inside, "needs_of_tests", lambda: list(needs))
    monkeypatch.setattr(inside, "package_manager", lambda: "apt")
    monkeypatch.setattr(inside, "is_root", lambda: True)
    monkeypatch.setattr(inside, "call", call)
    inside.supply_what_tests_need()
    assert typed == ["apt-get update", "apt-get install -y xvfb"]
    inside.supply_what_tests_need()
    assert len(typed) == 2, "nothing was missing the second time"


def test_others_are_told_and_nothing_is_installed(inside: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "needs_of_tests", lambda: [("Xvfb", "Xvfb", "type: sudo apt-get install -y xvfb")])
    monkeypatch.setattr(inside, "package_manager", lambda: "apt")
    monkeypatch.setattr(inside, "is_root", lambda: False)
    monkeypatch.setattr(inside, "call", lambda *_: pytest.fail("it installs without being root"))
    with pytest.raises(inside.Problem, match="Xvfb is missing: type: sudo apt-get install -y xvfb"):
        inside.supply_what_tests_need()


def test_all_pythons_runs_the_stages_suites_on_each(inside: ModuleType, tools: Checkout) -> None:
    tools.writes("tests/test_course.py", "")
    told = tools.type("test", "--all-pythons", "--", "-x", PATH=str(tools.bin), PYENV_ROOT=str(tools.folder))
    assert told.status == 0, told
    assert tools.calls("pytest") == [["tests/test_01_echo.py", "-x"]]
    assert tools.calls("ruff") == []
    assert re.search(r"^ok    stages on 3\.\d+\.\d+", told.output, re.MULTILINE)
    assert [path.name for path in tools.folder.glob(".venv*")] == [f".venv-{inside.this_python().version}"]


def test_a_python_without_tkinter_fails_at_once_and_is_sent_to_the_doctor(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looks inside: this one has tkinter, or the tests wouldn't run."""
    monkeypatch.setattr(inside, "installed_pythons", lambda: [inside.this_python()])
    monkeypatch.setattr(inside, "complaint", lambda _python, code: "no _tkinter" if "tkinter" in code else "")
    [check] = inside.checks_on_every_python([])
    assert not inside.run(check).passed
    assert re.search(r"has no tkinter; what mends it: \S+ course\.py doctor", capsys.readouterr().out)


@POSIX
def test_every_python_is_found_once(inside: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretends(folder: Path, name: str, *words: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#!/bin/sh\nprintf '%s\\n' " + " ".join(words), encoding="utf-8")
        (folder / name).chmod(0o755)

    on_path, pyenv = tmp_path / "bin", tmp_path / "pyenv"
    pretends(on_path, "python3.12", "cpython", "3.12.9", "/a")
    pretends(on_path, "python3.13", "pypy", "3.13.0", "/b")
    pretends(on_path, "python3.14", "broken")
    for version in ("3.12.9", "3.9.1", "3.100.0"):
        pretends(pyenv / "versions" / version / "bin", "python", "cpython", version, f"/pyenv/{version}")
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.setenv("PYENV_ROOT", str(pyenv))
    monkeypatch.setattr(inside.sys, "executable", str(on_path / "python3.12"))
    assert [python.path for python in inside.installed_pythons()] == ["/a", "/pyenv/3.100.0"]


# ---- doctor ----


def findings(told: Told) -> dict[str, list[str]]:
    """What doctor says, sorted by its verdicts; advice stands after its finding."""
    sorted_lines: dict[str, list[str]] = {"ok": [], "note": [], "MEND": []}
    for verdict, words in re.findall(r"^(ok|note|MEND) +(.*(?:\n +-> .*)?)", told.output, re.MULTILINE):
        sorted_lines[verdict].append(words)
    return sorted_lines


@pytest.fixture
def patient(tools: Checkout) -> Checkout:
    """A checkout in which doctor has nothing to say; without .venv it would ask pip, and the network."""
    (tools.folder / ".venv").mkdir()
    return tools


def test_doctor_finds_that_the_chat_can_run(patient: Checkout) -> None:
    told = patient.type("doctor")
    assert told.status == 0, told
    assert findings(told)["MEND"] == []
    assert "a display" in findings(told)["ok"]
    assert "programs here reach each other on 127.0.0.1" in findings(told)["ok"]
    assert "The chat can run here" in told.output


def test_doctor_finds_that_tkinter_is_missing(patient: Checkout) -> None:
    patient.stands_in("tkinter", NO_TKINTER)
    told = patient.type("doctor")
    assert told.status == 1
    assert re.match(r"no tkinter, so no window \(.*_tkinter.*\)\n +-> \S", findings(told)["MEND"][0]), told


def test_doctor_finds_that_there_is_no_display_and_the_chat_can_run(patient: Checkout) -> None:
    patient.stands_in("tkinter", NO_DISPLAY)
    told = patient.type("doctor")
    assert told.status == 0
    assert any(words.startswith("no display (") and "terminal" in words for words in findings(told)["note"]), told


def test_doctor_finds_a_blocked_loopback(patient: Checkout) -> None:
    refusal = "import socket\nclass socket_(socket.socket):\n    def connect(self, _): raise OSError('blocked')\n"
    patient.stands_in("sitecustomize", refusal + "socket.socket = socket_\n")
    told = patient.type("doctor")
    assert told.status == 1
    assert findings(told)["MEND"][0].startswith("programs here can't reach each other on 127.0.0.1 (blocked)"), told


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_where_somebody_answers_is_busy(inside: ModuleType, host: str) -> None:
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        assert inside.is_busy(port)
    assert not inside.is_busy(port)


def test_a_port_that_somebody_holds_without_answering_is_busy(inside: ModuleType) -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        assert inside.is_busy(holder.getsockname()[1])


def test_doctor_finds_that_the_port_is_busy_and_the_chat_can_run(patient: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        patient.replaces("DEFAULT_PORT = .*", f"DEFAULT_PORT = {port}")
        told = patient.type("doctor")
    assert told.status == 0
    busy = [words for words in findings(told)["note"] if words.startswith(f"port {port} is busy")]
    assert f"chat --server-only --port {port + 1}" in busy[0]


def test_doctor_finds_that_venv_is_missing_and_the_chat_can_run(patient: Checkout) -> None:
    patient.stands_in("ensurepip", "raise ImportError('no ensurepip')")
    told = patient.type("doctor")
    assert told.status == 0
    assert any(words.startswith("no venv module; the tests need it\n") for words in findings(told)["note"]), told


@LINUX
def test_doctor_finds_that_xvfb_is_missing_and_the_chat_can_run(patient: Checkout) -> None:
    (patient.bin / "Xvfb").unlink()
    told = patient.type("doctor", PATH=str(patient.bin))
    assert told.status == 0
    assert any(words.startswith("no Xvfb; the tests need it\n") for words in findings(told)["note"]), told


@pytest.mark.parametrize(("failing", "verdict", "says"), [("", "ok", "pip finds"), ("pip", "note", "pip finds no")])
def test_doctor_asks_pip_only_until_venv_is_made(patient: Checkout, failing: str, verdict: str, says: str) -> None:
    patient.stands_in("pip", f"WHO = 'pip'{NOTE}{TOOL}")
    patient.type("doctor")
    assert patient.calls("pip") == []
    (patient.folder / ".venv").rmdir()
    told = patient.type("doctor", FAILING=failing)
    assert told.status == 0
    assert any(words.startswith(says) for words in findings(told)[verdict]), told


def test_doctor_finds_that_the_programs_are_missing(patient: Checkout) -> None:
    (patient.folder / "stages/04_tk_client/client.py").unlink()
    told = patient.type("doctor")
    assert told.status == 1
    assert "not here: stages/04_tk_client/client.py\n" in findings(told)["MEND"][0]


# ---- Which command mends what (looks inside: nobody has all these systems) ----


@pytest.mark.parametrize(
    ("release", "manager"),
    [
        ("ID=debian\n", "apt"),
        ("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", "apt"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "apt"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"),
        ("ID=fedora\n", "dnf"),
        ("ID=manjaro\nID_LIKE=arch\n", "pacman"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "zypper"),
        ("ID=alpine\nVERSION_ID=3.20\n", "apk"),
        ("ID=of_our_own\n", ""),
    ],
)
def test_a_linux_is_known_by_its_family(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, release: str, manager: str
) -> None:
    (tmp_path / "os-release").write_text(release, encoding="utf-8")
    monkeypatch.setattr(inside, "OS_RELEASE", str(tmp_path / "os-release"))
    monkeypatch.setattr(inside.sys, "platform", "linux")
    assert inside.package_manager() == manager


@pytest.mark.parametrize(
    ("thing", "manager", "command"),
    [
        ("tkinter", "apt", "sudo apt-get install -y python3-tk"),
        ("tkinter", "dnf", "sudo dnf install python3-tkinter"),
        ("tkinter", "brew", "brew install python-tk@3.12"),
        ("tkinter2", "zypper", "sudo zypper install python312-tk"),
        ("venv", "apt", "sudo apt-get install -y python3.12-venv"),
        ("venv", "dnf", ""),
        ("Xvfb", "pacman", "sudo pacman -S xorg-server-xvfb"),
        ("Xvfb", "", ""),
    ],
)
def test_a_thing_is_installed_by_what_the_system_has(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, thing: str, manager: str, command: str
) -> None:
    monkeypatch.setattr(inside, "is_root", lambda: False)
    monkeypatch.setattr(inside.sys, "version_info", (3, 12, 1, "final", 0))
    assert inside.install_command(thing, manager) == command


@pytest.mark.parametrize(
    ("said", "prefix", "advice"),
    [
        ("ImportError: libtk8.6.so: cannot open shared object file", "/usr/local", "type: apt-get install -y tk"),
        (
            "No module named '_tkinter'",
            "/home/ann/.pyenv/versions/3.12.1",
            "apt-get install -y tk-dev && pyenv install",
        ),
        ("No module named 'tkinter'", "/opt/python", "type: apt-get install -y python3.12-tk"),
    ],
)
def test_tkinter_comes_from_where_python_came_from(
    inside: ModuleType, monkeypatch: pytest.MonkeyPatch, said: str, prefix: str, advice: str
) -> None:
    monkeypatch.setattr(inside.sys, "version_info", (3, 12, 1, "final", 0))
    monkeypatch.setattr(inside.sys, "base_prefix", prefix)
    monkeypatch.setattr(inside.sys, "platform", "linux")
    monkeypatch.setattr(inside, "is_the_systems_python", lambda: False)
    monkeypatch.setattr(inside, "is_root", lambda: True)
    monkeypatch.setattr(inside, "package_manager", lambda: "apt")
    assert advice in inside.tkinter_advice(said)
