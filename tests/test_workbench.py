"""What the notebooks are made with: a step finds its place or says why not, a conversation is what crossed the wire,
and nothing that a notebook has started outlives it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))

import steps  # noqa: E402
import wire  # noqa: E402
from suites.diagram import Message, Remark  # noqa: E402

ECHO = ROOT / "stages" / "01_echo" / "server.py"

FIRST = '''\
def first(a: int) -> int:
    """Do it."""
    b = a
    return b
'''
PROGRAM = f"""\
import os

PORT = 5050


{FIRST}

class Window:
    def show(self) -> None:
        pass

    def hide(self) -> None:
        pass
"""


def after(cell: str, program: str = PROGRAM) -> str:
    """Return the program after the steps of this cell."""
    for step in steps.steps_of(cell):
        program = steps.take(step, program)
    return program


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        (
            "%%put it.py\nimport sys\nfrom re import A\nimport io",
            "import os\n",
            "import io\nimport os\nimport sys\nfrom re import A\n",
        ),
        ('%%put it.py --after "import os"\nimport re', "import os\n", "import os\nimport re\n"),
        ('%%put it.py --before "import os"\nimport io', "import os\n", "import io\nimport os\n"),
        ('%%put it.py --after "PORT"\n\n# Why.\nHOST = 1', "PORT = 5050\n", "PORT = 5050\n\n# Why.\nHOST = 1\n"),
        ('%%put it.py --before "PORT"\n\nHOST = 1', "PORT = 5050\n", "HOST = 1\n\nPORT = 5050\n"),
        ('%%put it.py --after "b = a"\n    b += 1', "    b = a\n", "    b = a\n    b += 1\n"),
        ('%%put it.py --replace "b = a"\n    b = 2', "    b = a\n", "    b = 2\n"),
        ('%%put it.py --replace "b = a" --to "return b"\n    return a', "    b = a\n    return b\n", "    return a\n"),
        ("%%put it.py\ndef first() -> None: ...", FIRST, "def first() -> None: ...\n"),
        ("%%put it.py --before 'def first'\ndef a() -> None: ...", "\n\ndef f", "\n\ndef a() -> None: ...\n\n\ndef f"),
        ("%%put it.py --after 'def first'\ndef a() -> None: ...", "b\n\n\n", "b\n\n\ndef a() -> None: ...\n\n\n"),
        ("%%put it.py --after 'def show'\n    def a(self): ...", "pass\n\n", "pass\n\n    def a(self): ...\n\n"),
        (
            "%%put it.py --in Window.hide --replace pass\n        ...",
            "hide(self) -> None:\n        pass",
            "hide(self) -> None:\n        ...",
        ),
        ('%cut it.py "import os"', "import os\n\n", ""),
        ('%cut it.py "def first"', f"\n\n{FIRST}", ""),
        ('%cut it.py "def show" --in Window', "    def show(self) -> None:\n        pass\n\n", ""),
    ],
)
def test_a_piece_finds_its_place(cell: str, old: str, new: str) -> None:
    """A step changes one place, and nothing else; taken again it changes nothing."""
    assert PROGRAM.count(old) == 1, "the row means one place"
    assert after(cell) == PROGRAM.replace(old, new)
    assert after(cell, after(cell)) == after(cell)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ('%%put it.py --after "import re"\nimport io', "'import re' doesn't stand in it.py"),
        ('%%put it.py --replace "pass"\n        ...', "'pass' stands 2 times in it.py"),
        ('%%put it.py --in Door --replace "pass"\n        ...', "there is no Door in it.py"),
        ('%%put it.py --after "b = a"\nimport io', "it.py would not compile"),
        ('%%put it.py --beside "b = a"\nimport io', "--beside"),
    ],
)
def test_a_piece_without_a_place_is_told_in_a_sentence(cell: str, sentence: str) -> None:
    """Whoever has changed the file by hand reads what is missing, and nothing is changed."""
    with pytest.raises(steps.Lost, match=sentence.replace(".", r"\.")):
        after(cell)


def test_a_piece_that_has_grown_since_is_there_already() -> None:
    """To run an early cell again doesn't undo what later steps have put between its lines."""
    cell = "%%put it.py\ndef a() -> None:\n    b()\n    c()"
    grown = after(cell).replace("    b()\n", "    b()\n    between()\n")
    assert after(cell, grown) == grown


def test_the_bytes_are_drawn_as_they_were_read() -> None:
    """What is sent alone arrives alone, what is sent together arrives together, half a letter is half a letter."""
    with wire.conversing(ECHO) as talk:
        alice = talk.connects("alice")
        alice.sends("hel")
        alice.sends_together("lo\n", b"caf\xc3")
        alice.sends(b"\xa9\n")
        assert [alice.hears(), alice.hears()] == ["hello", "café"]
        assert alice.hears(within=0.1) is None
        said = [event.text for event in talk.notes.events if isinstance(event, Message) and event.sender == "alice"]
        seen = [event.text for event in talk.notes.events if isinstance(event, Remark)]
    assert said == ["hel", "lo\ncaf\\xc3", "\\xa9\n"]
    assert seen == ["connects", "sends lo\n", "sends caf\\xc3", "waits in vain"]


def test_what_nobody_waited_for_is_drawn_too() -> None:
    """A conversation that is over has an answer on its way: it belongs to the drawing."""
    with wire.conversing(ECHO) as talk:
        talk.connects("alice").says("hello")
        talk.notes.settle()
        said = [event.text for event in talk.notes.events if isinstance(event, Message)]
    assert said == ["hello\n", "hello\n"]


def test_who_stops_reading_is_sent_no_more_than_the_buffers_hold() -> None:
    """What comes after that waits at the server."""
    with wire.conversing(ECHO) as talk:
        sleeper = talk.connects("sleeper")
        sleeper.stops_reading()
        assert sleeper.floods("x" * 1000) > 0
        heard = [event for event in talk.notes.events if isinstance(event, Message) and event.receiver == "sleeper"]
    assert not heard


@pytest.mark.parametrize("how", ["closes", "breaks"])
def test_an_end_passes_the_wire(how: str) -> None:
    """A close and a reset reach the server as what they are, and are noted."""
    with wire.conversing(None) as talk, socket.create_server(talk.address) as server:
        alice = talk.connects("alice")
        inside, _ = server.accept()
        getattr(alice, how)()
        inside.settimeout(wire.DEADLINE)
        try:
            assert inside.recv(1) == b""
            assert how == "closes"
        except ConnectionResetError:
            assert how == "breaks"
        assert [event.text for event in talk.notes.events] == ["connects", how]
        inside.close()


@pytest.mark.parametrize("chance", range(10))
def test_a_break_passes_the_wire_while_something_comes(chance: int) -> None:
    """Whichever of the wire's two threads is told of the reset, it was hers, and the server is told as well."""
    with wire.conversing(None) as talk, socket.create_server(talk.address) as server:
        alice = talk.connects("alice")
        inside, _ = server.accept()
        inside.settimeout(wire.DEADLINE)
        talking = threading.Thread(target=sends_for_ever, args=(inside,))
        talking.start()
        alice.receives()
        alice.breaks()
        talking.join(wire.DEADLINE)
        assert not talking.is_alive()
        remarks = [event.text for event in talk.notes.events if event.parties in (("alice",), ("server",))]
        assert remarks == ["connects", "breaks"]
        inside.close()


def sends_for_ever(one: socket.socket) -> None:
    """Send until the connection is broken."""
    try:
        while True:
            one.sendall(b"x" * 1000)
    except ConnectionError:
        pass


NOTEBOOK = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "notebooks")!r})
import wire
with wire.conversing(Path({str(ECHO)!r})) as talk:
    alice = talk.connects("alice")
    print(talk.server.process.pid, flush=True)
    alice.receives()
"""


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_nothing_outlives_the_kernel(how: str) -> None:
    """However the process ends in which a notebook's cells run, its server ends as well, and its port is free."""
    kernel = subprocess.Popen([sys.executable, "-c", NOTEBOOK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert kernel.stdout is not None
    server = psutil.Process(int(kernel.stdout.readline()))
    if how == "kill" or sys.platform == "win32":
        kernel.kill()
    else:
        kernel.send_signal(signal.SIGINT)
    kernel.wait(2 * wire.DEADLINE)  # an interrupt that just precedes the wait in recv is heard when that has ended
    kernel.stdout.close()
    _, alive = psutil.wait_procs([server], wire.DEADLINE)
    assert not alive, "the server goes on without its notebook"


BEGIN = f"""
import sys
sys.path.insert(0, {str(ROOT / "notebooks")!r})
import workbench
workbench.begin("02_usernames")
workbench.begin("02_usernames")
"""


def test_beginning_keeps_what_was_there(tmp_path: Path) -> None:
    """A notebook begins with the stage before it, and what the learner had is put aside, once."""
    (tmp_path / "server.py").write_text("mine = 1\n", "utf-8")
    environment = {**os.environ, "CHAT_WORKSPACE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", BEGIN], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.count("is kept in my_chat/kept/1") == 1
    assert (tmp_path / "kept" / "1" / "server.py").read_text("utf-8") == "mine = 1\n"
    assert not (tmp_path / "kept" / "2").exists()
    assert (tmp_path / "server.py").read_bytes() == ECHO.read_bytes()


CHECK = f"""
import sys
sys.path.insert(0, {str(ROOT / "notebooks")!r})
import workbench
try:
    workbench.check("a line comes back")
except workbench.Lost as lost:
    print(lost)
"""


def test_a_check_before_the_beginning_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Whoever goes on tomorrow, with a new kernel, reads which cells to run first."""
    environment = {**os.environ, "CHAT_WORKSPACE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, check=True, capture_output=True, text=True)
    assert "Run it from the top down to here" in done.stdout


def test_a_step_into_a_program_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    """The same for a step: there is no file to have a look at."""
    put = 'workbench.put(\'server.py --after "PORT = 5050"\', "A = 1")'
    code = CHECK.replace('workbench.check("a line comes back")', put)
    environment = {**os.environ, "CHAT_WORKSPACE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "There is no server.py in my_chat/ yet: run the cells above first.\n"
