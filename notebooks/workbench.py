"""What the notebooks import: a step, a check, a conversation, a picture. All of it works on my_chat/, your folder.

    %%put server.py --after "import sys"   a step: the code below goes into my_chat/server.py (`steps.py` says where)
    %cut client.py "import io"             takes a line, or a whole `def name`, out
    %%experiment hasty.py                  writes a program of its own, into my_chat/experiments/
    conversation(...)                      a server runs beside the notebook, people talk to it, and it is drawn
    check("a line comes back")             the tester's word on what stands in my_chat/

Knows notebooks; how programs run and what crosses the wire is in `wire.py`.
"""

import difflib
import html
import importlib.util
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.magic import no_var_expand, register_cell_magic, register_line_magic
from IPython.display import display

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "notebooks"), str(ROOT / "tests")]  # for the notebook will work in another folder

from PIL import ImageGrab
from steps import Lost, Step, cut_step, put_step, take
from suites.commands import python_command
from suites.complaints import Complaint
from suites.diagram import Event, draw_svg, draw_text
from suites.people import Scene
from suites.windows import Window, open_window
from tester.check import Programs, Trouble, Wish, quoted, run
from tester.report import told
from wire import DEADLINE, Conversation, conversing

WORKSPACE = Path(os.environ.get("CHAT_WORKSPACE") or ROOT / "my_chat").resolve()
EXPERIMENTS = WORKSPACE / "experiments"
STAGES = ("", "01_echo", "02_usernames", "03_broadcast", "04_tk_client")
PROGRAMS = ("server.py", "client.py")
LONG = 8  # lines that are shown whole when they come together
WIDTH = 100  # letters in a line of what the tester says

__all__ = ["alone", "begin", "check", "conversation", "load", "picture", "window"]

here = SimpleNamespace(stage=0)  # which stage the notebook leads to; `begin` sets it
NOT_BEGUN = (
    "This notebook hasn't begun yet, or its kernel is a new one. Run it from the top down to here, "
    "in JupyterLab with Run, Run All Above Selected Cell."
)


def show(what: object, **how: Any) -> None:
    """Show something below the cell that runs."""
    display(what, **how)  # type: ignore[no-untyped-call]


# The chain: each notebook begins where the one before it ended.


def begin(name: str) -> None:
    """Make my_chat/ hold what the stage before this one ends with: for 01_echo, nothing.

    What was there, if it is not just that, is kept in my_chat/kept/.
    """
    here.stage = int(name[:2])
    before = ROOT / "stages" / STAGES[here.stage - 1] if here.stage > 1 else None
    kept = keep_what_differs(before)
    for program in PROGRAMS:
        (WORKSPACE / program).unlink(missing_ok=True)
        if before:
            shutil.copyfile(before / program, WORKSPACE / program)
    print(f"my_chat/ is {'as stage ' + before.name + ' leaves it' if before else 'empty'}.{kept}")


def keep_what_differs(before: Path | None) -> str:
    """Put the learner's programs aside if they are not those of this stage, and say where."""
    mine = [WORKSPACE / program for program in PROGRAMS if (WORKSPACE / program).is_file()]
    if all(before and path.read_bytes() == (before / path.name).read_bytes() for path in mine):
        return ""
    number = next(number for number in range(1, 10_000) if not (WORKSPACE / "kept" / str(number)).exists())
    (WORKSPACE / "kept" / str(number)).mkdir(parents=True)
    for path in mine:
        shutil.copyfile(path, WORKSPACE / "kept" / str(number) / path.name)
    return f" What was there is kept in my_chat/kept/{number}."


# Steps.


class Difference:
    """What a step has changed, as a notebook shows it. Of a long piece, which stands above, the middle is left out."""

    def __init__(self, file: str, before: str, after: str) -> None:
        self.file = file
        found = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm=""))[2:]
        self.lines = [line for _, run in groupby(found, key=lambda line: line[0]) for line in shortened(list(run))]

    def __repr__(self) -> str:
        if not self.lines:
            return f"{self.file}: that is there already."
        return "\n".join(self.readable(line) for line in self.lines)

    def _repr_html_(self) -> str:
        if not self.lines:
            return f"<code>{self.file}</code>: that is there already."
        rows = "".join(coloured(self.readable(line)) for line in self.lines)
        return f"<pre style='margin:0;line-height:1.35;white-space:pre;overflow-x:auto'>{rows}</pre>"

    def readable(self, line: str) -> str:
        """Write `@@ -7,3 +7,5 @@` so that it can be read by somebody who has never seen a diff."""
        if not line.startswith("@@"):
            return line
        return f"{self.file}, line {line.partition('+')[2].partition(',')[0].partition(' ')[0]}"


def shortened(run: list[str]) -> list[str]:
    """Leave out the middle of many lines that have come, or gone, together."""
    if len(run) <= LONG:
        return run
    return [*run[: LONG - 3], f"{run[0][0]}    … {len(run) - LONG + 2} lines more …", run[-1]]


def coloured(line: str) -> str:
    """Return one line of a difference as HTML: green what has come, red what has gone; the signs say it as well."""
    colours = {"+": "rgba(46,160,67,.22)", "-": "rgba(248,81,73,.22)"}
    text = html.escape(line)
    if line[0] in colours:
        tag = "ins" if line[0] == "+" else "del"
        style = f"display:block;text-decoration:none;background:{colours[line[0]]}"
        return f"<{tag} style='{style}'>{text}\n</{tag}>"
    return f"<span style='display:block;opacity:.65'>{text}\n</span>"


def put(line: str, cell: str) -> None:
    """The magic %%put: put the code of this cell into a program."""
    do(put_step(line, cell))


def cut(line: str) -> None:
    """The magic %cut: take a line or a function out of a program."""
    do(cut_step(line))


def do(step: Step) -> None:
    """Take a step in my_chat/, and show what it has changed."""
    path = WORKSPACE / step.file
    before = path.read_text("utf-8") if path.is_file() else ""
    try:
        after = take(step, before)
    except Lost:
        if path.is_file():
            raise
        raise Lost(f"There is no {step.file} in my_chat/ yet: run the cells above first.") from None
    if after != before:
        path.write_text(after, "utf-8", newline="\n")
    show(Difference(step.file, before, after))


def experiment(line: str, cell: str) -> None:
    """Write a program that is no part of the chat, to see what it does."""
    path = EXPERIMENTS / line.strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(cell, "utf-8", newline="\n")


def program(name: str) -> Path:
    """Return the path of one of the learner's programs, or of an experiment, from where the notebook stands.

    `stages/01_echo/server.py` is the one that the notebook leads to.
    """
    if name.startswith("stages/"):
        return ROOT / name
    path = WORKSPACE / name if name in PROGRAMS else EXPERIMENTS / name
    if not path.is_file():
        raise Lost(f"There is no {name} in my_chat/ yet: run the cells above first.")
    return path.relative_to(WORKSPACE)


def load(name: str = "server.py") -> ModuleType:
    """Import one of the learner's programs as it is now, to play with its functions."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), program(name))
    assert spec is not None
    assert spec.loader is not None, "a path that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Conversations.


class Drawing:
    """A conversation that has happened, as a sequence diagram."""

    def __init__(self, events: list[Event], title: str) -> None:
        self.events = events
        self.title = title

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the pictures, and what they show in a form that a test can compare."""
        pictures = {
            "image/svg+xml": draw_svg(self.events, title=self.title),
            "text/plain": draw_text(self.events),
        }
        return pictures, {"conversation": [[*event.parties, event.text] for event in self.events]}


@contextmanager
def conversation(title: str, server: str | None = "server.py") -> Iterator[Conversation]:
    """Run a server, let people talk to it, and draw at the end what has crossed the wire.

    with conversation("A line comes back") as talk:
        alice = talk.connects("alice")
        alice.says("hello")
        alice.hears()
    """
    path = program(server) if server else None
    try:
        with conversing(path, PYTHONPATH=str(WORKSPACE)) as talk:  # an experiment may import what is there
            try:
                yield talk
            finally:  # before everything ends, which nobody wants to see
                talk.notes.settle()
                if talk.notes.events:
                    show(Drawing(list(talk.notes.events), title))
    except Complaint as complaint:
        raise Lost(str(complaint)) from None


# Windows.


@contextmanager
def screen() -> Iterator[None]:
    """The screen that is there; on Linux without one, a virtual one, which only `picture` sees."""
    if not sys.platform.startswith("linux") or (os.environ.get("DISPLAY") and "CHAT_SCREEN" not in os.environ):
        yield
        return
    from pyvirtualdisplay.display import Display

    with Display(visible=False, size=(1280, 1024)):
        yield


@contextmanager
def window(talk: Conversation, name: str, client: str = "client.py", empty: bool = False) -> Iterator[Window]:
    """Open a client's window for somebody; `picture` takes a picture of it. It is closed when the conversation ends.

    `empty`: there is nothing in it yet, and may never be.
    """
    talk.stack.enter_context(screen())
    host, port = talk.door(name).address
    environment = {**os.environ, "PYTHONPATH": str(WORKSPACE)}  # an experiment may import what is there
    opened = open_window(python_command(program(client)), host, port, Scene(DEADLINE), environment, empty)
    talk.stack.callback(close_window, opened)
    yield opened


@contextmanager
def alone(client: str = "client.py", empty: bool = False) -> Iterator[Window]:
    """Open a window behind which there is no server. `empty`: there is nothing in it yet."""
    with conversation("Nobody listens", server=None) as talk, window(talk, "you", client, empty) as opened:
        yield opened


def close_window(opened: Window) -> None:
    """End the program of a window, whatever it is doing."""
    for one in (opened.answers, opened.control):
        one.close()
    opened.program.kill()
    opened.program.close()


def picture(opened: Window, about: str) -> None:
    """Show the window as it is now. `about` says in words what can be seen, for somebody who can't see it."""
    opened.ask("draw")
    top = next(widget for widget in opened.widgets() if widget["path"] == ".")
    left, upper, width, height = (top[key] for key in ("rootx", "rooty", "width", "height"))
    try:
        image = ImageGrab.grab((left, upper, left + width, upper + height), xdisplay=os.environ.get("DISPLAY"))
    except OSError:
        print(f"(There is no way to take a picture of this screen, but the window is on it: {about})")
        return
    png = io.BytesIO()
    image.save(png, "PNG", optimize=True)
    pictures = {"image/png": png.getvalue(), "text/plain": about}
    show(pictures, metadata={"image/png": {"alt": about}}, raw=True)


# Checks.


class Verdict:
    """What the tester says about one or several checks."""

    def __init__(self, passed: bool, text: str) -> None:
        self.passed = passed
        self.text = text

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return {"text/plain": self.text}, {"passed": self.passed}


def check(*names: str, server: str = "server.py", client: str = "client.py") -> None:
    """Ask the tester about my_chat/: `check("a line comes back")`; without a name, about all of this stage.

    `server` or `client` can be an experiment instead.
    """
    if not here.stage:  # the kernel has been restarted, most likely
        raise Lost(NOT_BEGUN)
    with programs_to_check(server, client) as (programs, part, folder):
        for name in names or ("",):
            show(verdict(name, programs, part, folder))


@contextmanager
def programs_to_check(server: str, client: str) -> Iterator[tuple[Programs, str, str]]:
    """Give the programs to judge, which of them is meant if it isn't both, and the folder where they are.

    Each keeps its name, since that is what a failure speaks of. Beside an experiment are the learner's own programs:
    it may import them.
    """
    if client == "client.py" and not (WORKSPACE / client).is_file():
        part = "server"  # for the other isn't there yet
    else:
        part = "server" if server not in PROGRAMS else "client" if client not in PROGRAMS else ""
    with tempfile.TemporaryDirectory() as folder:
        for name in PROGRAMS:
            if (WORKSPACE / name).is_file():
                shutil.copyfile(WORKSPACE / name, Path(folder) / name)
        commands: dict[str, Any] = {}
        for kind, chosen in (("server", server), ("client", client)):
            if part in ("", kind):
                path = Path(folder) / Path(chosen).name
                shutil.copyfile(program(chosen), path)
                commands[kind] = quoted([sys.executable, str(path)])
        yield Programs(**commands), part, folder


def verdict(name: str, programs: Programs, part: str, folder: str) -> Verdict:
    """Run one check, or all of the stage, and return what the tester says."""
    wish = Wish(only=f"test_{name.replace(' ', '_')}" if name else "", part=part, deadline=DEADLINE / 2)
    try:
        report = run(here.stage, programs, wish=wish)
    except Trouble as trouble:
        raise Lost(str(trouble)) from None
    if report.passed:
        return Verdict(True, f"passed: {name}" if name else report.count(here.stage))
    text = told(report.first, WIDTH) if report.first else report.text
    return Verdict(False, text.replace(folder + os.sep, ""))


# The notebook works in my_chat/, and knows the words of a step.

WORKSPACE.mkdir(parents=True, exist_ok=True)
os.chdir(WORKSPACE)
# A compiled copy is known by its second and its size: after two steps in one second it could be the wrong one.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
if get_ipython():
    register_cell_magic(no_var_expand(put))
    register_cell_magic(experiment)
    register_line_magic(no_var_expand(cut))
