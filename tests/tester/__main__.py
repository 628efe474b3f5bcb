"""The commands around the suites: course.py hands them over to here. `--help` tells what each does.

Only what a command needs is imported, and only when it is given: `start` and `--help` work without packages.
"""

import argparse
import io
import json
import os
import re
import signal
import sys
from pathlib import Path

from tester import learn
from tester.learn import COMMAND, Problem
from tester.workspace import PROGRAMS, the_workspace

WRONG_ARGUMENTS = 2
JOBS = os.cpu_count() or 1
DEADLINE = 5.0  # seconds that a check waits for anything, unless --deadline says more


def check(options: argparse.Namespace) -> int:
    """Judge the workspace, or the programs that are named."""
    from tester.check import Programs, Wish, check_workspace, run, there
    from tester.report import junit

    workspace = the_workspace()
    stage = options.stage or workspace.stage
    wish = Wish(keep_going=options.keep_going, deadline=options.deadline)
    programs = Programs(options.programs, options.server, options.client, options.target or "")
    if programs == Programs():
        report = check_workspace(workspace, stage, wish)
        learn.remember(workspace, report)
    elif options.programs and not there(options.programs):
        raise Problem(f"There is no {' and no '.join(PROGRAMS)} in {options.programs}.")
    else:
        report = run(stage, programs, wish=wish)
    print(json.dumps(report.as_json, indent=2) if options.json else report.text)
    if options.junit:
        options.junit.write_bytes(junit({"": report}))
    if options.svg:
        draw(options.svg, report.svg())
    return report.status


def watch(options: argparse.Namespace) -> int:
    from tester.watch import watch

    return watch(options)


def grade(options: argparse.Namespace) -> int:
    from tester.grade import grade

    return grade(options)


def draw(path: Path, picture: str) -> None:
    if picture:
        path.write_text(picture, encoding="utf-8")
    else:
        print(f"{path} was not drawn: no failure has a conversation to show.", file=sys.stderr)


def stage_from(text: str) -> int:
    """A stage as a person writes it: 3, 03, 03_broadcast."""
    found = re.fullmatch(r"0?([1-4])(_\w+)?/?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no stage; they are 01, 02, 03 and 04")
    return int(found[1])


def target_from(text: str) -> str:
    if not re.fullmatch(r"(\[[\w:.%]+\]|[^\s:\[\]]+):[0-9]{1,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} isn't an address; write it like 127.0.0.1:5050")
    return text


def folder_from(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder")
    return Path(text).resolve()


def seconds_from(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


ABOUT_CHECK = f"""\
Is it right? Runs the suites of the stages 01 to STAGE, in order, on your programs in my_chat/, or on those that you
name, in any language. It stops after the first stage that fails, and shows the first failure whole.

  {COMMAND} check
  {COMMAND} check 03 --server "node my_server.js {{port}}"
  {COMMAND} check 03 --target 127.0.0.1:5050

The exit status is 0 when all passed, 1 when something failed, 2 when an argument is wrong or a program could not be
started, 3 when nothing was attempted yet.
"""

ABOUT_START = f"""\
Makes my_chat/ with a server.py and a client.py to fill in, or goes on with it: your own programs go along to the next
stage, and a note says what is to be added. Nothing of yours is overwritten without a copy in my_chat/kept/.

  {COMMAND} start
  {COMMAND} start 03 --from-solution      # from the solution of stage 02, in place of your own
"""

ABOUT_HINT = """\
One of three hints for the first check that fails, a little more each time: a question, then the idea, then the place
in the notebook and the line to think about.
"""

ABOUT_SOLUTION = """\
Shows how your programs differ from the stage's own, as `diff -u` does: what has a - is yours, what has a + is one
solution (there are many).
"""

ABOUT_RESET = "Puts programs back to what they were when their stage was started. What stood there is kept in a copy."


ABOUT_WATCH = """\
Checks again whenever one of your programs in my_chat/ is saved, up to the first failure, and shows what is done,
what is current and what comes next. Ctrl-C ends it.
"""

ABOUT_GRADE = f"""\
Checks every submission in a folder, several at a time, and makes a table. A submission is a folder with a server.py and
a client.py, or with a run.txt that says how its programs are started:

  server: node server.js {{port}}
  client: node client.js {{host}} {{port}}

  {COMMAND} grade submissions --stage 03 --csv marks.csv

Each runs on a copy, in processes of its own. One that takes too long, fills the memory, starts too many processes or
prints without end is ended with all that it has started, and marked by the checks that were done until then.

What this does not protect against: a submission has your rights. It can read and delete your files, use the network,
and forge its own marks. If you don't know who wrote it, grade in a virtual machine or a container.
"""


def number_from(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def command_line() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog=COMMAND)
    commands = whole.add_subparsers(prog=COMMAND, metavar="command", required=True)

    def add(name: str, act: object, about: str) -> argparse.ArgumentParser:
        style = argparse.RawDescriptionHelpFormatter
        command = commands.add_parser(name, description=about, formatter_class=style, allow_abbrev=False)
        command.set_defaults(act=act)
        return command

    stage = {"nargs": "?", "metavar": "STAGE", "type": stage_from}
    judge = add("check", check, ABOUT_CHECK)
    judge.add_argument("stage", **stage, help="01 to 04 (the one that my_chat/ is at)")  # type: ignore[arg-type]
    judge.add_argument(
        "--server", metavar="CMD", default="", help="starts your server; {port} is where it is to listen"
    )
    judge.add_argument("--client", metavar="CMD", default="", help="starts your client; {host} and {port} say for whom")
    judge.add_argument("--target", metavar="HOST:PORT", type=target_from, help="a server that runs already")
    judge.add_argument("--programs", metavar="FOLDER", type=folder_from, help="the server.py and client.py of a folder")
    judge.add_argument("--keep-going", action="store_true", help="beyond the first stage that fails")
    judge.add_argument("--json", action="store_true", help="tell it all to a program")
    judge.add_argument("--svg", metavar="FILE", type=Path, help="draw the conversation of the first failure")
    judge.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit's XML")
    patience = f"how long to wait for anything ({DEADLINE:g})"
    judge.add_argument("--deadline", metavar="SECONDS", type=seconds_from, default=DEADLINE, help=patience)

    begin = add("start", learn.start, ABOUT_START)
    begin.add_argument("stage", **stage, help="01 to 04 (the first, or the next)")  # type: ignore[arg-type]
    begin.add_argument("--from-solution", action="store_true", help="take the solution of the stage before as the base")

    again = add("watch", watch, ABOUT_WATCH)
    again.add_argument("stage", **stage, help="01 to 04 (the one that my_chat/ is at)")  # type: ignore[arg-type]

    help_me = add("hint", learn.hint, ABOUT_HINT)
    help_me.add_argument("stage", **stage, help="01 to 04 (the one that my_chat/ is at)")  # type: ignore[arg-type]
    answer = add("solution", learn.solution, ABOUT_SOLUTION)
    answer.add_argument("file", nargs="?", metavar="FILE", help="server.py or client.py (both)")
    answer.add_argument("--stage", type=stage_from, help="01 to 04 (the one that my_chat/ is at)")
    back = add("reset", learn.reset, ABOUT_RESET)
    back.add_argument("file", nargs="?", metavar="FILE", help="server.py or client.py (both)")
    add("progress", learn.progress, "Says how far you are. The same stands in my_chat/progress.json.")

    mark = add("grade", grade, ABOUT_GRADE)
    mark.add_argument("folder", metavar="FOLDER", type=folder_from, help="the folder with all submissions in it")
    mark.add_argument("--stage", type=stage_from, required=True, help="01 to 04: what they claim to be")
    mark.add_argument("--csv", metavar="FILE", type=Path, required=True, help="write the table to this file")
    mark.add_argument("--reports", metavar="DIR", type=Path, help="where the report on each goes (beside the table)")
    mark.add_argument(
        "--junit", metavar="FILE_OR_DIR", type=Path, help="JUnit's XML: all in FILE.xml, or one each in DIR"
    )
    mark.add_argument("--jobs", metavar="N", type=number_from, default=JOBS, help=f"how many at a time ({JOBS})")
    limit = "seconds that a submission has (300)"
    mark.add_argument("--time-limit", metavar="S", type=number_from, default=300, help=limit)
    limit = "megabytes that its programs may use together (512)"
    mark.add_argument("--memory-limit", metavar="MB", type=number_from, default=512, help=limit)
    mark.add_argument("--deadline", metavar="SECONDS", type=seconds_from, default=DEADLINE, help=patience)
    return whole


def main(arguments: list[str]) -> int:
    options = command_line().parse_args(arguments)
    try:
        status: int = options.act(options)
        return status
    except KeyboardInterrupt:
        return 130
    except Problem as problem:
        print(problem, file=sys.stderr)
        return WRONG_ARGUMENTS
    except OSError as error:
        print(f"{error.filename or 'course.py'}: {error.strerror or error}", file=sys.stderr)
        return WRONG_ARGUMENTS


def interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for ending in ("SIGTERM", "SIGHUP", "SIGBREAK"):  # what ends us ends what we have started, too
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a screen without a letter shows a question mark, no traceback
    sys.exit(main(sys.argv[1:]))
