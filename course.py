"""The one command a newcomer needs: `chat` shows the chat, `test` checks the project, `doctor` says what is missing.

The idea: this file starts other programs, shows what they say, and ends them. It doesn't know how a chat works (that is
what stages/ teaches), only that every server's first line is "listening on HOST:PORT". It needs no package itself, and
`doctor` needs none either; `chat` and `test` make .venv and install there what final/ and the checks need.

An old Python must get as far as the sentence that says that it is too old. So the syntax here is Python 3.6's (ruff is
told so in pyproject.toml), and what stands above the version check also runs there.
"""

import argparse
import contextlib
import hashlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Iterator, NamedTuple, NoReturn, TextIO

HERE = Path(__file__).resolve().parent
COMMAND = "py course.py" if sys.platform == "win32" else "python3 course.py"


# ---- Which command mends what, on which system ----

OS_RELEASE = "/etc/os-release"

# A word of ID or ID_LIKE in there -> who installs software on such a system.
MANAGERS = {"debian": "apt", "fedora": "dnf", "arch": "pacman", "suse": "zypper", "alpine": "apk"}

INSTALL = {
    "apt": "apt-get install -y",
    "dnf": "dnf install",
    "pacman": "pacman -S",
    "zypper": "zypper install",
    "apk": "apk add",
    "brew": "brew install",
}

# What a thing is called by whom; a dash where it has no package. {v} is this Python's version, as in 3.12, and {vv} the
# same without the dot. "tkinter2" is for a Python that stands beside the system's own; only Debian takes venv out.
PACKAGES = """
thing     apt             dnf                   pacman            zypper                apk              brew
python    python3.11      python3.12            python            python313             python3          python@3.13
tkinter   python3-tk      python3-tkinter       tk                python3-tk            python3-tkinter  python-tk@{v}
tkinter2  python{v}-tk    python{v}-tkinter     -                 python{vv}-tk         -                -
libtk     tk              tk                    tk                tk                    tk               tcl-tk
tk-dev    tk-dev          tk-devel              tk                tk-devel              tk-dev           tcl-tk
venv      python{v}-venv  -                     -                 -                     -                -
Xvfb      xvfb            xorg-x11-server-Xvfb  xorg-server-xvfb  xorg-x11-server-Xvfb  xvfb             -
"""

DOWNLOADS = "https://www.python.org/downloads/"


def package_manager() -> str:
    """Who installs software on this system; empty when we don't know."""
    if sys.platform == "darwin":
        return "brew"
    try:
        with open(OS_RELEASE, encoding="utf-8") as file:
            release = file.read()
    except OSError:  # Windows, and systems that we don't know
        return ""
    words = re.findall(r"""^ID(?:_LIKE)?=["']?([^"'\n]*)""", release, re.MULTILINE)
    return next((MANAGERS[word] for word in " ".join(words).split() if word in MANAGERS), "")


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def package(thing: str, manager: str) -> str:
    """What this manager calls this thing; empty when it has no package for it."""
    header, *rows = [line.split() for line in PACKAGES.strip().splitlines()]
    names = {row[0]: dict(zip(header, row)) for row in rows}
    name = names[thing].get(manager, "-").strip("-")
    return name.format(v="{}.{}".format(*sys.version_info), vv="{}{}".format(*sys.version_info))


def install_command(thing: str, manager: str) -> str:
    """What to type to install a thing; empty when there is nothing that helps."""
    if not package(thing, manager):
        return ""
    sudo = "" if is_root() or manager == "brew" else "sudo "
    return f"{sudo}{INSTALL[manager]} {package(thing, manager)}"


def old_python_advice() -> str:
    """What to do about a Python that is too old: use a newer one that is here, or install one."""
    for minor in range(20, 10, -1):
        if shutil.which(f"python3.{minor}"):
            return f"python3.{minor} is installed here, so type: python3.{minor} course.py doctor"
    if sys.platform == "win32":
        return "type: winget install Python.Python.3.13"
    command = install_command("python", package_manager())
    return f"get one from {DOWNLOADS}" + (f" or type: {command}" if command else "")


if sys.version_info < (3, 11):
    this = "{}.{}".format(*sys.version_info)
    sys.exit(f"course.py needs Python 3.11 or newer, and this is {this}; {old_python_advice()}")


# ---- What every command uses ----


END_LIMIT = 5  # seconds that a program has to end when it is asked to


class Problem(Exception):
    """Something that ends the command: a sentence for a person to read."""


def say(words: str = "", stream: TextIO | None = None) -> None:
    """Print at once: programs that we start write to the same screen, and the order matters."""
    print(words, file=stream, flush=True)


def warn(words: str) -> None:
    print(f"course.py: {words}", file=sys.stderr, flush=True)


def complaint(python: str, code: str) -> str:
    """Run a line of Python in a process of its own: the last line of its error, or nothing when all went well.

    In a process of its own, because some of what we ask can crash (Tk on a Mac without a desktop) or hang.
    """
    try:
        done = subprocess.run([python, "-c", code], check=False, stderr=subprocess.PIPE, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
    return said.splitlines()[-1] if done.returncode else ""


def call(
    command: list[str], environment: dict[str, str] | None = None, folder: Path = HERE, output: TextIO | None = None
) -> int:
    """Run a program that has the keyboard and the screen to itself, and give its status."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output)
    try:
        return process.wait()
    except KeyboardInterrupt as interruption:
        if interruption.args == (signal.SIGINT,):  # Ctrl-C, which it heard as well: let it tidy up
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_LIMIT)
        raise
    finally:
        end(process)


def start(command: list[str], output: int | None = None) -> subprocess.Popen[bytes]:
    """Start a program that runs beside us. Ctrl-C reaches us alone, and we end it: to be told twice could hurt it."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        env={**os.environ, "PYTHONUTF8": "1"},  # what it prints for us to read is UTF-8 on every system
        process_group=0,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same, on Windows
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program: politely, and when that hasn't helped for a while, without asking."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(END_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---- Can a window open here? ----


def tkinter_complaint() -> str:
    return complaint(sys.executable, "import tkinter")


def window_complaint() -> str:
    return complaint(sys.executable, "import tkinter; tkinter.Tk().destroy()")


def why_no_window() -> str:
    """Why the terminal client has to do; empty when a window can open."""
    if not window_complaint():
        return ""
    said = tkinter_complaint()
    return f"This Python has no tkinter (to mend it, {tkinter_advice(said)})" if said else "There is no display here"


def tkinter_advice(said: str) -> str:
    """What brings tkinter to this Python, judged by what `import tkinter` said."""
    if sys.platform == "win32":
        return "run Python's installer again, choose Modify, and tick 'tcl/tk and IDLE'"
    command = install_command(tkinter_package(said), package_manager())
    if command and is_pyenvs_python():
        command += " && pyenv install --force {}.{}.{}".format(*sys.version_info)
    return f"type: {command}" if command else f"install a Python that has it, from {DOWNLOADS}"


def tkinter_package(said: str) -> str:
    if "libtk" in said or "libtcl" in said:  # Python has its half, the system lacks Tk itself
        return "libtk"
    if is_pyenvs_python():
        return "tk-dev"
    return "tkinter" if is_the_systems_python() else "tkinter2"


def is_pyenvs_python() -> bool:
    """Whether it was built here: such a Python has tkinter when Tk's header files were there first."""
    return "pyenv" in Path(sys.base_prefix).as_posix()


def is_the_systems_python() -> bool:
    """Whether the system's package of tkinter is for this Python."""
    return sys.platform == "darwin" or os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3")


# ---- chat ----

Address = tuple[str, int]

START_LIMIT = 20  # seconds until a server must have said where it listens; it takes a tenth of one
DEFAULT_PORT = 5050
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # addresses to listen on, and how to reach them from here


def chat(options: argparse.Namespace) -> int:
    """Talk, until the windows are closed or Ctrl-C is pressed; both are good ends."""
    try:
        if options.join:
            return join(options.join)
        if options.server_only:
            return serve((options.host or "0.0.0.0", DEFAULT_PORT if options.port is None else options.port))
        return converse((options.host or "127.0.0.1", options.port or 0))
    except KeyboardInterrupt:
        return 0


def chat_folder() -> Path:
    """Where the chat's server.py and client.py are: final/ once it has both, the last stage until then."""
    final = HERE / "final"
    whole = (final / "server.py").is_file() and (final / "client.py").is_file()
    return final if whole else HERE / "stages" / "04_tk_client"


def chat_python() -> str:
    """The Python that the chat runs on: the stages need no packages, and those that final/ needs are in .venv."""
    return ready_python(this_python(), HERE / ".venv") if chat_folder().name == "final" else sys.executable


def terminal_client() -> Path:
    """The client for where no window can open. It speaks the same lines as the window does."""
    return HERE / "stages" / "03_broadcast" / "client.py"


def program(path: Path, address: Address) -> list[str]:
    if not path.is_file():
        raise Problem(f"{path.relative_to(HERE)} isn't here. Is this checkout whole?")
    host, port = address
    return [chat_python(), "-u", str(path), "--host", host, "--port", str(port)]  # -u: its words come at once


class Server:
    """A running server.py: where it listens, what it said, and its end (at the end of a `with`)."""

    def __init__(self, address: Address, aloud: bool) -> None:
        self.aloud = aloud  # whether its words go to the screen as they come
        self.words: deque[str] = deque(maxlen=50)  # its last lines; only the reading thread adds to them
        self.address: Address | None = None  # the reading thread writes it, once, before it sets `settled`
        self.settled = threading.Event()  # it listens, or it has ended
        self.process = start(program(chat_folder() / "server.py", address), output=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exception: object) -> None:
        end(self.process)
        self.reader.join(END_LIMIT)

    def read(self) -> None:
        """Hear what the server says for as long as it lives. Runs in a thread of its own."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.hear(line.decode(errors="replace").rstrip())
        self.process.wait()
        self.settled.set()

    def hear(self, line: str) -> None:
        self.words.append(line)
        found = re.fullmatch(r"listening on \[?(.+?)\]?:(\d+)", line)
        if found and self.address is None:
            self.address = (found[1], int(found[2]))
            self.settled.set()
        elif self.aloud and self.address:
            say(f"server | {line}")

    def wait_until_it_listens(self) -> Address:
        """Where it can be reached from this computer."""
        if not self.settled.wait(START_LIMIT):
            raise Problem(f"The server hasn't said within {START_LIMIT} seconds where it listens.")
        if self.address is None:
            said = "\n".join(self.words) or "nothing"
            raise Problem(f"The server ended at once, with status {self.process.returncode}. It said: {said}")
        host, port = self.address
        return EVERYWHERE.get(host, host), port

    def verdict(self) -> int:
        """The command's status, by how the server is: running or ended is well, broken down is told."""
        if self.process.poll():
            last = self.words[-1] if self.words else "nothing"
            raise Problem(f"The server broke down, with status {self.process.returncode}. It said last: {last}")
        return 0


def converse(address: Address) -> int:
    """A server and two windows, so that one person can see a conversation."""
    obstacle = why_no_window()
    with Server(address, aloud=not obstacle) as server:
        where = server.wait_until_it_listens()
        if obstacle:
            say(f"{obstacle}, so this is the terminal client. For a second person: {join_command(where)}")
            return run_terminal_client(where) or server.verdict()
        say(f"The server listens on {written(where)}. Two windows open: join with two names, and talk.")
        say("To end it all, close both windows or press Ctrl-C here.")
        return open_windows(2, where) or server.verdict()


def join(where: Address) -> int:
    """One client, for a server that runs elsewhere."""
    obstacle = why_no_window()
    if not obstacle:
        return open_windows(1, where)
    say(f"{obstacle}, so this is the terminal client.")
    return run_terminal_client(where)


def open_windows(count: int, where: Address) -> int:
    """Open windows, and wait until they are all closed."""
    command = program(chat_folder() / "client.py", where)
    windows: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            windows.append(start(command))
        return wait_for_all(windows)
    finally:
        for window in windows:
            end(window)


def wait_for_all(windows: list[subprocess.Popen[bytes]]) -> int:
    """Ask again and again: on Windows, a Python that waits for a process doesn't hear Ctrl-C."""
    status, waiting = 0, list(windows)
    while waiting:
        for window in [window for window in waiting if window.poll() is not None]:
            waiting.remove(window)
            status = verdict_on_client(window.returncode) or status
        time.sleep(0.05)
    return status


def run_terminal_client(where: Address) -> int:
    return verdict_on_client(call(program(terminal_client(), where)))


def verdict_on_client(status: int) -> int:
    if status:
        warn(f"A client ended with status {status}; what it said is above.")
    return 1 if status else 0


def serve(address: Address) -> int:
    """A server that other computers reach, until Ctrl-C."""
    with Server(address, aloud=True) as server:
        _, port = server.wait_until_it_listens()
        say(f"The server listens on {written((address[0], port))}. Ctrl-C ends it.")
        invite(lan_addresses() if address[0] in EVERYWHERE else [address[0]], port)
        while server.process.poll() is None:
            time.sleep(0.05)  # as in wait_for_all
        return server.verdict()


def invite(hosts: list[str], port: int) -> None:
    """Say what to type on the other computers."""
    if not hosts:
        say(f"This computer is in no network; here, type: {join_command(('127.0.0.1', port))}")
        return
    say("To join, type this on a computer that can reach this one:")
    for host in hosts:
        say(f"    {join_command((host, port))}")
    say(f"If others can't reach it, this computer's firewall has to let Python in on port {port}.")


def lan_addresses() -> list[str]:
    """This computer's addresses in its networks, judged by the one it would use to speak to each kind of network."""
    found = []
    for network in ("192.0.2.1", "192.168.0.1", "10.0.0.1", "172.16.0.1"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((network, 9))  # with UDP this only chooses a route; nothing is sent
            found.append(probe.getsockname()[0])
    return [host for host in dict.fromkeys(found) if not host.startswith("127.")]


def written(where: Address) -> str:
    host, port = where
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def join_command(where: Address) -> str:
    return f"{COMMAND} chat --join {written(where)}"


def address_from(text: str) -> Address:
    """HOST:PORT as a person types it; an IPv6 address stands in brackets, as in a browser."""
    found = re.fullmatch(r"(?:\[([\w:.%]*:[\w:.%]*)\]|([^\s:\[\]]+)):([0-9]{1,5})", text)
    if not found or not 1 <= int(found[3]) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} isn't an address; write it like 192.168.1.20:5050 or [::1]:5050")
    return found[1] or found[2], int(found[3])


def port_from(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a port; a port is a number from 0 (any free one) to 65535")
    return int(text)


# ---- .venv: made on first use, mended when it is broken, left alone otherwise ----

# What a Python says of itself: its kind, its version, and the program that it is (under a venv, the one beneath it).
DESCRIBE = """
import os, platform, sys
real = getattr(sys, "_base_executable", "") or sys.executable
real = real if os.path.exists(real) else os.path.realpath(sys.executable)
print(sys.implementation.name, platform.python_version() + getattr(sys, "abiflags", ""), real, sep="\\n")
"""


class Python(NamedTuple):
    kind: str
    version: str
    path: str


def describe(path: str) -> Python | None:
    """What the Python at this path is; None when none runs there."""
    try:
        done = subprocess.run([path, "-c", DESCRIBE], check=True, capture_output=True, text=True, timeout=30)
        kind, version, real = done.stdout.splitlines()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Python(kind, version, real)


def this_python() -> Python:
    """The Python that runs this, or the one beneath it: a .venv can't be asked to make itself again."""
    found = describe(sys.executable or "python3")
    if found is None:
        raise Problem(f"This Python ({sys.executable}) can't be started a second time; try another one.")
    return found


def ready_python(python: Python, folder: Path) -> str:
    """The Python of a virtual environment that holds what the project needs; quick when it is there already."""
    inside = str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    stamp, wanted = folder / "course-stamp.txt", fingerprint(python)
    healthy = is_healthy(inside, python)
    if healthy and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return inside
    check_writable(folder)
    stamp.unlink(missing_ok=True)  # from here to the last line it is unfinished, and has to look so
    if not healthy:
        make_venv(python, folder)
    install_tools(inside, folder)
    stamp.write_text(wanted, encoding="utf-8")
    return inside


def fingerprint(python: Python) -> str:
    """Another one when something has to be installed anew: pip notes where the project is, and it may have moved."""
    project = HERE / "pyproject.toml"
    if not project.is_file():
        raise Problem("pyproject.toml isn't here. Is this checkout whole?")
    return hashlib.sha256(project.read_bytes() + f"{python.version} {HERE}".encode()).hexdigest()


def is_healthy(inside: str, python: Python) -> bool:
    """Its Python runs, is the one that we want, and has a whole pip (whose list of files is written last)."""
    found = describe(inside)
    has_pip = "import importlib.metadata; assert importlib.metadata.files('pip')"
    return found is not None and found.version == python.version and not complaint(inside, has_pip)


def check_writable(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        trial = folder / "course-trial.txt"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise Problem(f"{folder} can't be written: {error.strerror}. Copy the project to a folder of yours.") from None


# What making ready has to tell goes to standard error: standard output is the command's own, and may be JSON.


def make_venv(python: Python, folder: Path) -> None:
    say(f"Making {folder.name} with Python {python.version}; that takes a few seconds.", sys.stderr)
    if complaint(python.path, "import ensurepip, venv"):
        raise Problem(f"Python {python.version} has no venv module; {venv_advice()}")
    if call([python.path, "-m", "venv", "--clear", str(folder)], output=sys.stderr):
        raise Problem(f"{folder.name} couldn't be made; above is why. Delete that folder and try again.")


def install_tools(inside: str, folder: Path) -> None:
    say(f"Installing what the chat and its tests need in {folder.name}; that takes a minute, once.", sys.stderr)
    if call([inside, "-m", "pip", "install", "--disable-pip-version-check", "-e", ".[test]"], output=sys.stderr):
        raise Problem("pip couldn't install it; above is why. When that is mended, type the same command again.")


def venv_advice() -> str:
    command = install_command("venv", package_manager())
    return f"type: {command}" if command else f"install Python again, from {DOWNLOADS}"


# ---- Your own chat: tests/tester/ has these commands, and says with --help what each can do ----

TESTER = {
    "start": "make my_chat/, with a server and a client to fill in, or go on to the next stage",
    "check": "is mine right? In any language, with --server and --client",
    "watch": "check again whenever a file is saved",
    "hint": "a little help with what fails, a little more each time",
    "solution": "yours beside one that is right",
    "reset": "a program as it was when its stage was started; yours is kept",
    "progress": "how far you are",
    "grade": "check a class's programs, and make a table",
}
WITHOUT_PACKAGES = ("start", "solution", "reset", "progress")


def hand_over(words: list[str]) -> int:
    """Give a command to the tester as it was typed. The paths in it are meant from where it was typed."""
    needs_packages = words[0] not in WITHOUT_PACKAGES and not {"-h", "--help"}.intersection(words)
    python = ready_python(this_python(), HERE / ".venv") if needs_packages else sys.executable
    path = os.pathsep.join(filter(None, [str(HERE / "tests"), os.environ.get("PYTHONPATH")]))
    try:
        return call([python, "-m", "tester", *words], {**os.environ, "PYTHONPATH": path}, Path.cwd())
    except KeyboardInterrupt:
        if words[0] != "watch":
            raise
        return 0  # for what goes on until Ctrl-C, that is a good end


def notebooks(options: argparse.Namespace) -> int:
    """Open the course in JupyterLab, which is installed the first time."""
    inside = ready_python(this_python(), HERE / ".venv")
    if complaint(inside, "import jupyterlab, nbformat"):
        say("Installing JupyterLab in .venv; that takes some minutes, once.")
        if call([inside, "-m", "pip", "install", "--disable-pip-version-check", "-e", ".[notebooks]"]):
            raise Problem("pip couldn't install it; above is why. When that is mended, type the same command again.")
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        # It shows what is under the folder that it is started in, and the notebooks show pictures from docs/.
        words = ["--FileContentsManager.preferred_dir=notebooks", *["--no-browser"] * options.no_browser]
        # Jupyter refuses to run as root unless it is told to, and in a container there is often nobody else.
        return call([inside, "-m", "jupyterlab", *words, *["--allow-root"] * is_root()])
    return 0


# ---- test ----

# Programs that the tests start on Linux, each with the thing in PACKAGES that brings it. Xvfb is a display that nobody
# sees: windows open there when no display is at hand, and don't disturb anybody when one is.
TEST_PROGRAMS = {"Xvfb": "Xvfb"}


class Check(NamedTuple):
    name: str
    command: list[str]
    missing: str = ""  # why it can't even be tried; then it fails


class Result(NamedTuple):
    name: str
    passed: bool
    seconds: float


def test(options: argparse.Namespace) -> int:
    """Run every check of the project, and say at the end which passed."""
    supply_what_tests_need()
    if options.all_pythons:
        return summary([run(check) for check in checks_on_every_python(options.pytest)])
    inside = ready_python(this_python(), HERE / ".venv")
    return summary([run(check) for check in checks(inside, options.pytest)])


def supply_what_tests_need() -> None:
    """Install what the system lacks where we may: as root on Debian and its children. Elsewhere say what to type."""
    needs = needs_of_tests()
    if needs and package_manager() == "apt" and is_root():
        apt_install([thing for thing, _, _ in needs if thing != "tk-dev"])  # which alone wouldn't do
        needs = needs_of_tests()
    if needs:
        raise Problem("The tests can't run yet." + "".join(f"\n  {name} is missing: {do}" for _, name, do in needs))


def needs_of_tests() -> list[tuple[str, str, str]]:
    """What the tests lack on this system: the thing in PACKAGES, its name for people, what they can do."""
    needs = []
    if complaint(sys.executable, "import ensurepip, venv"):
        needs.append(("venv", "Python's venv module", venv_advice()))
    said = tkinter_complaint()
    if said:
        needs.append((tkinter_package(said), "tkinter", tkinter_advice(said)))
    if sys.platform == "linux":
        absent = [name for name in TEST_PROGRAMS if not shutil.which(name)]
        needs += [(TEST_PROGRAMS[name], name, program_advice(name)) for name in absent]
    return needs


def program_advice(name: str) -> str:
    command = install_command(TEST_PROGRAMS[name], package_manager())
    return f"type: {command}" if command else f"install {name}"


def apt_install(things: list[str]) -> None:
    for command in ["apt-get update"] * bool(things) + [install_command(thing, "apt") for thing in things]:
        say(f"{command}    (the tests need it; that takes a minute, once)")
        call(command.split(), environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def checks(python: str, pytest_arguments: list[str]) -> Iterator[Check]:
    yield Check("ruff check", [python, "-m", "ruff", "check", "."])
    yield Check("ruff format", [python, "-m", "ruff", "format", "--check", "."])
    for name, paths in parts_with_types():
        command = [python, "-m", "mypy", "--strict", "--exclude", "^tests/wrong/", *paths]
        yield Check(f"mypy {name}", command, missing="" if paths else f"{name} has no Python files yet.")
    command = [python, "-m", "pytest", "-n", "auto", *pytest_arguments]  # in as many processes as there are processors
    tests = list((HERE / "tests").glob("test_*.py"))
    yield Check("pytest", command, missing="" if tests else "tests has none yet.")


def parts_with_types() -> Iterator[tuple[str, list[str]]]:
    """What mypy reads in one go. Every stage has a server.py and a client.py: it can't read two of a name at once."""
    yield "course.py", ["course.py"]
    yield "tests", ["tests"] if list((HERE / "tests").glob("*.py")) else []
    stages = sorted(folder for folder in (HERE / "stages").glob("[0-9]*") if folder.is_dir())
    for folder in stages or [HERE / "stages"]:
        name = folder.relative_to(HERE).as_posix()
        yield name, [f"{name}/{path.name}" for path in sorted(folder.glob("*.py"))]
    for name in ("final/chat", "docs", "bench", "notebooks"):
        if list((HERE / name).glob("*.py")):
            yield name, [name]


def checks_on_every_python(pytest_arguments: list[str]) -> Iterator[Check]:
    """The stages' suites, once for each Python that is installed here."""
    suites = sorted(f"tests/{path.name}" for path in (HERE / "tests").glob("test_0*.py"))
    for python in installed_pythons():
        name = f"stages on {python.version}"
        try:
            inside = python_for_suites(python, suites)
            yield Check(name, [inside, "-m", "pytest", *suites, *pytest_arguments])
        except Problem as problem:
            yield Check(name, [], missing=str(problem))


def python_for_suites(python: Python, suites: list[str]) -> str:
    if not suites:
        raise Problem("tests has no suites of stages yet.")
    if complaint(python.path, "import tkinter"):
        raise Problem(f"{python.path} has no tkinter; what mends it: {python.path} course.py doctor")
    return ready_python(python, HERE / f".venv-{python.version}")


def run(check: Check) -> Result:
    """Run a check with its own words on the screen, between a heading and a result."""
    say(f"\n==== {check.name}")
    began = time.monotonic()
    if check.missing:
        say(check.missing)
    passed = not check.missing and call(check.command) == 0
    result = Result(check.name, passed, time.monotonic() - began)
    say(line_for(result))
    return result


def line_for(result: Result) -> str:
    return f"{'ok' if result.passed else 'FAIL':4}  {result.name:24}  {result.seconds:6.1f} s"


def summary(results: list[Result]) -> int:
    say("\n==== Summary")
    for result in results:
        say(line_for(result))
    passed = sum(result.passed for result in results)
    say(f"{passed} of {len(results)} checks passed.")
    return 0 if passed == len(results) else 1


def installed_pythons() -> list[Python]:
    """Every CPython that is new enough, once for each version, oldest first."""
    found: dict[str, Python] = {}
    for python in filter(None, map(describe, python_paths())):
        if python.kind == "cpython" and version_key(python) >= [3, 11]:
            found.setdefault(python.version, python)
    return sorted(found.values(), key=version_key)


def version_key(python: Python) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", python.version)[:3]]


def python_paths() -> Iterator[str]:
    """Where Pythons are: this one, on the PATH, in pyenv's folder, and where the Windows launcher knows them."""
    yield sys.executable
    for folder in os.get_exec_path():
        found = [shutil.which(f"python3.{minor}", path=folder) for minor in range(11, 31)]
        yield from filter(None, found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.*/bin/python")))
    if shutil.which("py"):
        listed = subprocess.run(["py", "-0p"], check=False, capture_output=True, text=True, errors="replace")
        yield from re.findall(r"[A-Za-z]:\\.*\.exe", listed.stdout)


# ---- doctor ----


class Finding(NamedTuple):
    fine: bool
    says: str
    mend: str = ""
    stops_the_chat: bool = False


def doctor(options: argparse.Namespace) -> int:
    """Look at everything that the project needs, and say what to do where something is missing."""
    findings = [finding for look in LOOKS for finding in look()]
    for finding in findings:
        say(f"{'ok' if finding.fine else 'MEND' if finding.stops_the_chat else 'note':4}  {finding.says}")
        if not finding.fine:
            say(f"      -> {finding.mend}")
    if any(finding.stops_the_chat and not finding.fine for finding in findings):
        say("\nThe chat can't run here as it should, until what is marked MEND is mended.")
        return 1
    say(f"\nThe chat can run here: {COMMAND} chat")
    return 0


def look_at_python() -> Iterator[Finding]:
    yield Finding(True, "Python {}.{}.{}".format(*sys.version_info))  # an older one didn't come this far


def look_at_programs() -> Iterator[Finding]:
    needed = [chat_folder() / "server.py", chat_folder() / "client.py", terminal_client()]
    absent = [path.relative_to(HERE).as_posix() for path in needed if not path.is_file()]
    if absent:
        yield Finding(False, f"not here: {', '.join(absent)}", "get the whole project again", stops_the_chat=True)
    else:
        yield Finding(True, f"the chat's programs, in {chat_folder().relative_to(HERE).as_posix()}")


def look_at_the_window() -> Iterator[Finding]:
    said = tkinter_complaint()
    if said:
        yield Finding(False, f"no tkinter, so no window ({said})", tkinter_advice(said), stops_the_chat=True)
        return
    yield Finding(True, "tkinter, which makes the windows")
    said = window_complaint()
    if said:
        advice = "to see windows, work at a desktop (or with ssh -X); here, chat runs in the terminal"
        yield Finding(False, f"no display ({said})", advice)
    else:
        yield Finding(True, "a display")


def look_at_loopback() -> Iterator[Finding]:
    """Really talk to ourselves: only that shows a firewall, or a container without a loopback."""
    try:
        echo_a_byte()
    except OSError as error:
        says = f"programs here can't reach each other on 127.0.0.1 ({error})"
        yield Finding(False, says, loopback_advice(), stops_the_chat=True)
    else:
        yield Finding(True, "programs here reach each other on 127.0.0.1")


def echo_a_byte() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        with socket.create_connection(server.getsockname(), timeout=5) as client, server.accept()[0] as accepted:
            accepted.settimeout(5)
            client.sendall(b"?")
            accepted.sendall(accepted.recv(1))
            if client.recv(1) != b"?":
                raise OSError("the byte that was sent didn't come back")


def loopback_advice() -> str:
    if sys.platform == "linux":
        return f"type: {'' if is_root() else 'sudo '}ip link set lo up; if that changes nothing, a firewall blocks it"
    return f"allow this program in your firewall: {sys.executable}"


def look_at_the_port() -> Iterator[Finding]:
    if not is_busy(DEFAULT_PORT):
        yield Finding(True, f"port {DEFAULT_PORT} is free")
        return
    who = f"netstat -ano | findstr :{DEFAULT_PORT}" if sys.platform == "win32" else f"lsof -i :{DEFAULT_PORT}"
    advice = f"this shows who has it: {who}; or take another: {COMMAND} chat --server-only --port {DEFAULT_PORT + 1}"
    yield Finding(False, f"port {DEFAULT_PORT} is busy; chat --server-only would take it", advice)


def is_busy(port: int) -> bool:
    """Somebody answers there, or it can't be had. Either alone misses a case: systems differ in what may be shared."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    try:
        socket.create_server(("0.0.0.0", port)).close()
    except OSError:
        return True
    return False


def look_at_venv() -> Iterator[Finding]:
    if complaint(sys.executable, "import ensurepip, venv"):
        chat_needs_it = chat_folder().name == "final"
        yield Finding(False, "no venv module; the tests need it", venv_advice(), stops_the_chat=chat_needs_it)
    else:
        yield Finding(True, "the venv module, for the tests")


def look_at_test_programs() -> Iterator[Finding]:
    for name in TEST_PROGRAMS if sys.platform == "linux" else ():
        if shutil.which(name):
            yield Finding(True, f"{name}, for the tests")
        else:
            yield Finding(False, f"no {name}; the tests need it", program_advice(name))


def look_at_the_index() -> Iterator[Finding]:
    """Can pip find a package? Worth asking only until .venv is made, and only where there is a pip to ask."""
    if (HERE / ".venv").exists() or complaint(sys.executable, "import pip"):
        return
    ask = [sys.executable, "-m", "pip", "--timeout=5", "--retries=0", "download", "--no-deps", "pytest", "--dest"]
    with tempfile.TemporaryDirectory() as nowhere:
        try:
            subprocess.run([*ask, nowhere], check=True, capture_output=True, timeout=20)
        except subprocess.SubprocessError:
            advice = f"connect to the internet before the first {COMMAND} chat or test"
            yield Finding(False, "pip finds no packages; the tests need some", advice)
        else:
            yield Finding(True, "pip finds packages, for the tests")


LOOKS = [
    look_at_python,
    look_at_programs,
    look_at_the_window,
    look_at_loopback,
    look_at_the_port,
    look_at_venv,
    look_at_test_programs,
    look_at_the_index,
]


# ---- The command line ----

INTRODUCTION = f"""\
A multi-user desktop chat in Python, built stage by stage.

  {COMMAND} chat      see it: a server, and two windows to talk in
  {COMMAND} test      check everything: lint, types, tests
  {COMMAND} doctor    say what is missing on this computer, and what mends it

To learn it, and write your own:

  {COMMAND} notebooks   the course, in JupyterLab
{{TESTER}}

Each says more about itself: {COMMAND} chat --help
""".format(TESTER="\n".join(f"  {COMMAND} {name:10}  {about}" for name, about in TESTER.items()))

ABOUT_CHAT = f"""\
Without options: a server on a free port and two windows, so that one person sees a conversation.

For several people, one of them starts the server, and tells the others the address that it prints:
  {COMMAND} chat --server-only
The others join with it:
  {COMMAND} chat --join 192.168.1.20:5050
"""

ABOUT_TEST = f"""\
Runs ruff, mypy and pytest on the whole project. The first time it makes .venv and installs them there.

What stands after -- goes to pytest:
  {COMMAND} test -- -k usernames -x
"""


def command_line() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser("course.py", usage=f"{COMMAND} COMMAND", formatter_class=style)
    whole.description = INTRODUCTION
    commands = whole.add_subparsers(prog=COMMAND, metavar="command", help=argparse.SUPPRESS)

    talk = commands.add_parser("chat", description=ABOUT_CHAT, formatter_class=style, allow_abbrev=False)
    role = talk.add_mutually_exclusive_group()
    role.add_argument("--server-only", action="store_true", help="a server that other computers can reach; no window")
    role.add_argument("--join", metavar="HOST:PORT", type=address_from, help="one window, for a server elsewhere")
    talk.add_argument("--host", help="where to listen (127.0.0.1; with --server-only 0.0.0.0, which is everywhere)")
    talk.add_argument("--port", type=port_from, help="the port to listen on (any free one; with --server-only 5050)")
    talk.set_defaults(act=chat)

    check = commands.add_parser("test", description=ABOUT_TEST, formatter_class=style, allow_abbrev=False)
    every = "the stages' suites on every Python, 3.11 and newer, that is installed here, and nothing else"
    check.add_argument("--all-pythons", action="store_true", help=every)
    check.set_defaults(act=test)

    read = commands.add_parser("notebooks", description="Opens the course in JupyterLab.", allow_abbrev=False)
    read.add_argument("--no-browser", action="store_true", help="only say the address at which a browser finds it")
    read.set_defaults(act=notebooks)

    for name in TESTER:  # so that they are known here; the tester reads what they are given
        commands.add_parser(name, add_help=False).set_defaults(act=None)

    commands.add_parser("doctor", description="Says what is missing here, and what mends it.").set_defaults(act=doctor)
    return whole


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in TESTER:
        return obey(argparse.Namespace(act=lambda _options: hand_over(arguments)))
    dashes = arguments.index("--") if "--" in arguments else len(arguments)
    whole = command_line()
    options = whole.parse_args(arguments[:dashes])
    options.pytest = arguments[dashes + 1 :]
    if "act" not in options:
        whole.print_help()
        return 0
    if options.pytest and options.act is not test:
        whole.error("only test takes something after --")
    if options.act is chat and options.join and (options.host or options.port is not None):
        whole.error("--host and --port say where to listen, and --join listens nowhere")
    return obey(options)


# How one is told to end: Ctrl-C, the system, a closed terminal, Ctrl-Break. Not every system has each.
ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def obey(options: argparse.Namespace) -> int:
    """Run a command. Whatever goes wrong in it is told in a sentence; Ctrl-C needs none."""
    for ending in ENDINGS:
        signal.signal(ending, interrupt)
    try:
        status: int = options.act(options)
        return status
    except KeyboardInterrupt:
        return 130
    except (Problem, OSError) as problem:
        warn(str(problem))
        return 1


def interrupt(number: int, _frame: object) -> NoReturn:
    """End what we have started. Whoever presses Ctrl-C again, out of impatience, must not stop that half-way."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a screen without a letter shows a question mark, no traceback
    sys.exit(main(sys.argv[1:]))
