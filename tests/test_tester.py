"""The commands around the suites, as a learner meets them: what they print, how they end, what they leave behind.

Each runs in a process of its own with a workspace in a temporary folder, on programs of the stages or on small wrong
ones, so that the suites themselves are the real ones.
"""

import ast
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest
from suites.topics import TOPICS
from tester import skeleton
from tester.check import quoted
from tester.grade import as_text, programs_of
from tester.learn import hint_text
from tester.report import Report, Result
from tester.watch import going_on, snapshot
from tester.workspace import PROGRAMS, ROOT, Workspace, stage_folder

TESTS = Path(__file__).parent
LIMIT = 280  # seconds; far more than anything here takes, on a busy machine as well
pytestmark = pytest.mark.timeout(300)


class Learner:
    """Somebody with a workspace, and what they were told last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "my chat"  # a space, as in many people's folders
        self.workspace = Workspace(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(TESTS), "CHAT_WORKSPACE": str(self.folder), "PYTHONUTF8": "1"}

    def types(self, *words: str, cwd: Path = TESTS, limit: int = LIMIT) -> "Told":
        """Type a command, and wait until it has ended."""
        done = subprocess.run(
            [sys.executable, "-m", "tester", *words],
            check=False,
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=limit,
        )
        return Told(done.returncode, done.stdout, done.stderr)

    def writes(self, name: str, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def reads(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def copies(self, name: str) -> list[str]:
        """What was kept of this program, oldest first."""
        return [path.read_text(encoding="utf-8") for path in sorted((self.folder / "kept").glob(name))]


class Told:
    """What a command told us."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status = status
        self.output = output
        self.errors = errors
        assert "Traceback" not in errors, f"errors are sentences:\n{output}{errors}"

    def __repr__(self) -> str:
        return f"status {self.status}\n{self.output}\n{self.errors}"


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def program(stage: int, name: str, *changes: tuple[str, str]) -> str:
    """A stage's program with these changes, each of which must be one."""
    text = (stage_folder(stage) / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{old!r} is not in {name} of stage {stage}"
        text = text.replace(old, new)
    return text


def folder_with(folder: Path, server: str, client: str) -> Path:
    (folder / "server.py").write_text(server, encoding="utf-8")
    (folder / "client.py").write_text(client, encoding="utf-8")
    return folder


DEAF = ("    for message in lines:\n", "    for message in list(lines):\n")  # answers when its client has gone
SHOUTS = ("send_message_to_clients(message, client)\n", "send_message_to_clients(message.upper(), client)\n")
SHORT = ("MAX_LINE = 4096", "MAX_LINE = 400")
LETS_ALL_IN = (" or username.casefold() in clients", "")  # and whoever has left is taken out twice


# ---- The skeleton ----


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_skeleton_is_the_stage_without_the_bodies(name: str) -> None:
    """Name for name and line for line, a skeleton is the stage's program, apart from what is to be written."""
    path = stage_folder(1) / name
    ours, whole = (ast.parse(text) for text in (skeleton.skeleton(path), path.read_text(encoding="utf-8")))
    for one, other in zip(ours.body, whole.body, strict=True):
        if isinstance(one, ast.FunctionDef) and one.name in skeleton.TO_WRITE[name]:
            assert isinstance(other, ast.FunctionDef)
            assert ast.unparse(one.args) == ast.unparse(other.args)
            assert ast.get_docstring(one) == ast.get_docstring(other)
            assert len(one.body) == 2, f"{one.name} should have a docstring and a place to fill in"
        else:
            assert ast.unparse(one) == ast.unparse(other)
    assert skeleton.still_to_write(ast.unparse(ours)) == [
        node.name for node in whole.body if isinstance(node, ast.FunctionDef) and node.name in skeleton.TO_WRITE[name]
    ]


def test_a_skeleton_has_the_words_of_the_specification() -> None:
    """What the course calls its functions is there to be filled in."""
    words = {"start_server", "accept_client", "receive_messages", "send_message_to_clients"}
    assert words <= set(skeleton.TO_WRITE["server.py"])
    assert "send_message" in skeleton.TO_WRITE["client.py"]


def test_what_is_new_names_what_a_stage_adds() -> None:
    """The note of a stage tells new functions with what they do, and which change."""
    new = skeleton.what_is_new(stage_folder(1) / "server.py", stage_folder(2) / "server.py")
    assert "new      add_client(username, client)\n             Let a client in under this name" in new
    assert re.search(r"changes +serve_client, receive_messages\n?", new), new
    same = skeleton.what_is_new(stage_folder(3) / "server.py", stage_folder(4) / "server.py")
    assert "stays as it is" in same


# ---- start ----


def test_start_makes_a_skeleton_that_counts_as_not_attempted(learner: Learner) -> None:
    told = learner.types("start")
    assert told.status == 0
    assert "Stage 01" in told.output
    assert learner.reads("server.py") == skeleton.skeleton(stage_folder(1) / "server.py")
    told = learner.types("check")
    assert told.status == 3, told
    assert "Not attempted yet: server.py and client.py" in told.output
    assert "as `start` left them" in told.output


def test_without_a_workspace_nothing_is_attempted(learner: Learner) -> None:
    told = learner.types("check")
    assert told.status == 3, told
    assert "course.py start" in told.output
    assert not learner.folder.exists()


def test_start_again_leaves_what_was_written_alone(learner: Learner) -> None:
    learner.types("start")
    learner.writes("server.py", "# mine\n")
    told = learner.types("start", "01")
    assert "server.py: yours, as it is." in told.output
    assert learner.reads("server.py") == "# mine\n"


def test_the_learners_own_code_goes_along(learner: Learner) -> None:
    """The next stage begins with what one has, is not attempted until that changes, and a note says what to add."""
    learner.types("start")
    for name in PROGRAMS:
        learner.writes(name, program(1, name))
    told = learner.types("start", "02")
    assert told.status == 0
    assert "add_client(username, client)" in told.output
    assert learner.reads("stage_02.txt") in told.output
    assert learner.reads("server.py") == program(1, "server.py")
    told = learner.types("check")
    assert told.status == 3, told
    assert json.loads(learner.reads("progress.json"))["stage"] == 2


def test_from_solution_takes_the_stage_before_and_keeps_a_copy(learner: Learner) -> None:
    learner.types("start")
    learner.writes("server.py", "# mine\n")
    told = learner.types("start", "03", "--from-solution")
    assert told.status == 0
    assert learner.reads("server.py") == program(2, "server.py")
    assert "# mine\n" in learner.copies("server.*.py")
    assert "kept" in told.output
    assert learner.types("check").status == 3


def test_there_is_no_solution_before_the_first_stage(learner: Learner) -> None:
    told = learner.types("start", "01", "--from-solution")
    assert told.status == 2
    assert "stage 01" in told.errors


def test_the_server_of_stage_04_counts_as_begun(learner: Learner) -> None:
    """Stage 04 changes the client alone: whoever brings the server of 03 has nothing to change in it."""
    learner.types("start", "04", "--from-solution")
    assert learner.workspace.is_begun("server.py", 4)
    assert not learner.workspace.is_begun("client.py", 4)


# ---- check ----


def test_a_right_program_passes_and_is_remembered(learner: Learner) -> None:
    """The stage's own programs pass their stage: a line for the stage, and what comes next."""
    learner.types("start")
    for name in PROGRAMS:
        learner.writes(name, program(1, name))
    told = learner.types("check", "--deadline", "20")
    assert told.status == 0, told
    assert re.fullmatch(
        r"Stage 01, echo: \d+ checks pass\.\nStage 01 is done \(.* s\)\. Next: .* start 02\n", told.output
    )
    assert "1" in json.loads(learner.reads("progress.json"))["passed"]
    assert "-> 01_echo        done, " in learner.types("progress").output
    assert "Stage 02" in learner.types("start").output, "start goes on to the next stage"


def test_one_program_is_judged_before_the_other_is_begun(learner: Learner) -> None:
    """With a server alone, the server's checks are run; the client is not attempted yet."""
    learner.types("start")
    learner.writes("server.py", program(1, "server.py"))
    told = learner.types("check", "--deadline", "20", "--json")
    report = json.loads(told.output)
    assert told.status == report["status"] == 3, told
    assert report["untouched"] == ["client.py"]
    checks = {check["check"]: check["outcome"] for check in report["checks"]}
    assert checks["test_a_line_comes_back"] == "passed"
    assert "test_client_ends_with_its_input" not in checks


def test_a_wrong_program_fails_with_its_first_failure_shown_whole(learner: Learner, tmp_path: Path) -> None:
    """JSON, JUnit's XML and the exit status say that it fails; the text shows one failure and names the others."""
    folder = folder_with(tmp_path, program(1, "server.py", DEAF), program(1, "client.py"))
    told = learner.types(
        "check", "01", "--programs", str(folder), "--deadline", "1", "--junit", str(tmp_path / "x.xml")
    )
    assert told.status == 1, told
    assert "Stage 01, echo: " in told.output
    assert "hint: " in told.output
    assert "Also failing:" in told.output
    assert told.output.count("hint: ") == 1, "one failure at a time"
    suites = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert sum(int(suite.attrib["failures"]) for suite in suites) >= 2
    assert suites.findall(".//failure")[0].text


def test_it_stops_after_the_first_stage_that_fails(learner: Learner, tmp_path: Path) -> None:
    """What comes after a stage that fails says little: it is not begun, unless with --keep-going. JSON tells it all."""
    folder = folder_with(tmp_path, program(2, "server.py", SHORT, LETS_ALL_IN), program(2, "client.py"))
    words = ("check", "02", "--programs", str(folder), "--json", "--deadline", "10")
    told = learner.types(*words)
    report: dict[str, Any] = json.loads(told.output)
    assert told.status == report["status"] == 1
    assert not report["passed"]
    checks = {check["check"]: check for check in report["checks"]}
    failure = checks["test_a_long_line_comes_back_whole"]
    assert failure["outcome"] == "failed"
    assert (failure["suite"], failure["stage"]) == ("echo", 1)
    assert failure["what"]
    assert failure["hint"]
    assert failure["topic"]["reading"].startswith("notebooks/01_echo.ipynb, ")
    assert {event["kind"] for event in failure["events"]} == {"message", "remark"}
    assert checks["test_a_line_comes_back"]["outcome"] == "passed"
    assert len(checks) == len(report["checks"]), "no check is run twice, however many processes share them"
    assert report["untried"]
    report = json.loads(learner.types(*words, "--keep-going").output)
    assert not report["untried"]
    failed = {check["stage"] for check in report["checks"] if check["outcome"] == "failed"}
    assert failed == {1, 2}


def test_why_some_checks_were_not_tried_is_said(learner: Learner, tmp_path: Path) -> None:
    """A program that is far from right gets some failures to think about, and reads why there are no more."""
    server = (TESTS / "wrong" / "programs" / "tutorial_chat.py").read_text("utf-8")
    folder = folder_with(tmp_path, server, program(1, "client.py"))
    told = learner.types("check", "01", "--programs", str(folder), "--deadline", "2")
    assert told.status == 1
    counted, why, *_ = told.output.splitlines()
    assert re.search(r"\d+ of \d+ checks fail, \d+ not tried", counted)
    assert why.endswith("failures are enough to begin with: the rest is tried when there are fewer.")


# ---- What can't be started ----

LABEL = "import tkinter as tk\nroot = tk.Tk()\ntk.Label(root, text='hello').pack()\nroot.mainloop()\n"
ENTRY = LABEL.replace("tk.Label(root, text='hello').pack()", "tk.Entry(root).pack()\ntk.Button(root, text='ok').pack()")


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("print('hello'\n", "SyntaxError"),
        ("print('so far')\nimport nothing_like_this\n", "so far"),
        ("import nothing_like_this\n", "No module named 'nothing_like_this'"),
        ("import socket\nsocket.create_server(('127.0.0.1', 80000))", "OverflowError: bind"),
        ("", "exit status 0"),
    ],
)
def test_a_program_that_cannot_be_started_is_told_with_what_it_printed(
    learner: Learner, server: str, said: str
) -> None:
    learner.types("start")
    learner.writes("server.py", server)
    told = learner.types("check")
    assert told.status == 2, told
    assert told.output.startswith("Nothing could be checked.")
    assert said in told.output
    assert max(map(len, told.output.partition("hint: ")[2].splitlines()), default=0) <= 100


@pytest.mark.parametrize("stage", ["01", "03", "04"])
def test_a_client_that_cannot_be_started_is_told_with_what_it_printed(
    learner: Learner, tmp_path: Path, stage: str
) -> None:
    """On the terminal, and with a window: that it never ran is seen only when a check has failed."""
    (tmp_path / "mine.py").write_text("print('hello'\n", encoding="utf-8")
    told = learner.types("check", stage, "--client", quoted([sys.executable, str(tmp_path / "mine.py")]))
    assert told.status == 2, told
    assert told.output.startswith("Nothing could be checked.\nThe client could not be started")
    assert "SyntaxError" in told.output


@pytest.mark.parametrize(
    ("words", "program", "said"),
    [
        (("01", "--server"), "", "It ended without a word."),
        (("01", "--client"), "", "has ended.\ncommand: "),
        (("01", "--client"), "input()", "your client is told on its command line"),
        (
            ("04", "--client"),
            "",
            "The program has ended, and has shown no window.\nhint: A window is there for as long",
        ),
        (("04", "--client"), "input()", "one that is frozen from the start.\nhint: A window is there for as long"),
        (
            ("04", "--client"),
            LABEL,
            "The window should have an entry in it.\nthe window, “tk”:\n  Label: 'hello'\nhint: One window",
        ),
        (
            ("04", "--client"),
            ENTRY,
            "There should be an entry for messages.\nthe window, “tk”:\n  Entry: ''\n  Button: 'ok'\nhint: One",
        ),
    ],
)
def test_a_program_that_does_nothing_is_told_where_to_begin(
    learner: Learner, tmp_path: Path, words: tuple[str, ...], program: str, said: str
) -> None:
    (tmp_path / "mine.py").write_text(program, encoding="utf-8")
    told = learner.types("check", *words, quoted([sys.executable, str(tmp_path / "mine.py")]), "--deadline", "1")
    assert told.status in (1, 2), told
    assert said in told.output


def test_a_program_that_needs_another_to_run_it_is_told_so(learner: Learner, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print('hello')", encoding="utf-8")
    told = learner.types("check", "01", "--server", quoted([str(tmp_path / "mine.py")]))
    assert told.status == 2, told
    assert "hint: The system can't run that by itself. Name the program that runs it" in told.output


@pytest.mark.parametrize(
    "words",
    [
        ("check", "01", "--server", "no-such-program-anywhere {port}"),
        ("check", "01", "--target", "127.0.0.1:1"),
    ],
)
def test_what_is_not_there_cannot_be_checked(learner: Learner, words: tuple[str, ...]) -> None:
    told = learner.types(*words)
    assert told.status == 2, told
    assert "Nothing could be checked." in told.output


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("check", "05"), "'05' is no stage"),
        (("check", "--target", "here"), "'here' isn't an address"),
        (("check", "--programs", "no such folder"), "'no such folder' is no folder"),
        (("check", "--deadline", "0"), "'0' is no number of seconds"),
        (("check", "--server", "'unfinished"), "no program to test"),
        (("grade", ".", "--stage", "1"), "--csv"),
        (("grade", ".", "--stage", "1", "--csv", "x", "--jobs", "no"), "'no' is no whole number"),
        (("reset", "chat.py"), "'chat.py' is none of the programs"),
        (("solution", "chat.py"), "'chat.py' is none of the programs"),
        (("dance",), "dance"),
    ],
)
def test_wrong_arguments_are_told(learner: Learner, words: tuple[str, ...], wrong: str) -> None:
    told = learner.types(*words)
    assert told.status == 2, told
    assert wrong in told.errors


# ---- hint, solution, reset, progress ----


def test_hints_come_one_after_the_other(learner: Learner) -> None:
    """For the first failure, each says more than the one before, and how many were given is remembered."""
    learner.types("start")
    learner.writes("server.py", program(1, "server.py", SHOUTS))
    told = [learner.types("hint") for _ in range(2)]
    assert [one.status for one in told] == [0, 0], told
    assert "Hint 1 of 3: What does your server do with a line" in told[0].output
    # What was seen of this program, and then what is always so.
    assert re.search(r"Hint 2 of 3: Only upper and lower case differ: .* Go round in a loop", told[1].output)
    assert json.loads(learner.reads("progress.json"))["hints"] == {"test_a_line_comes_back": 2}


def test_after_the_third_hint_all_are_given() -> None:
    """A solution is only spoken of after the last."""
    topic = {"question": "Who asks?", "idea": "Somebody does.", "place": "Read there."}
    failure = Result("test_it", "echo", 1, "It works.", "failed", topic=topic)
    texts = [hint_text(failure, given) for given in range(4)]
    for number, hint in enumerate(topic.values(), 1):
        assert f"Hint {number} of 3: {hint}\n" in texts[number - 1]
        assert hint in texts[3]
    assert ["solution" in text for text in texts] == [False, False, True, True]


def test_solution_shows_both_sides(learner: Learner) -> None:
    learner.types("start")
    learner.writes("server.py", program(1, "server.py", DEAF))
    told = learner.types("solution", "server.py")
    assert told.status == 0
    assert "\n-    for message in list(lines):\n+    for message in lines:\n" in told.output
    learner.writes("server.py", program(1, "server.py"))
    assert "is the same as" in learner.types("solution", "server.py").output


def test_reset_keeps_a_copy_each_time(learner: Learner) -> None:
    """However fast one resets, every version is kept, and the other program is left alone."""
    learner.types("start")
    first = learner.reads("server.py")
    learner.writes("client.py", "# my client\n")
    for turn in range(3):
        learner.writes("server.py", f"# turn {turn}\n")
        assert learner.types("reset", "server.py").status == 0
        assert learner.reads("server.py") == first
    assert sorted(learner.copies("server.*.py")) == [f"# turn {turn}\n" for turn in range(3)]
    assert learner.reads("client.py") == "# my client\n"


def test_reset_needs_a_start(learner: Learner) -> None:
    told = learner.types("reset")
    assert told.status == 2
    assert "course.py start" in told.errors


def test_progress_survives_an_edited_file(learner: Learner) -> None:
    """Who has spoilt the file of their progress loses only that."""
    learner.types("start")
    learner.writes("progress.json", "{nonsense")
    assert learner.types("progress").status == 0
    assert learner.types("check").status == 3


# ---- watch ----


@pytest.mark.skipif(sys.platform == "win32", reason="a test can't press Ctrl-C for one program alone on Windows")
def test_watch_checks_again_when_a_file_is_saved(learner: Learner) -> None:
    """A verdict, and another one after the program was mended; Ctrl-C is a good end."""
    learner.types("start")
    learner.writes("server.py", "import nothing_like_this\n")
    watching = subprocess.Popen(
        [sys.executable, "-m", "tester", "watch"],
        cwd=TESTS,
        env=learner.environment,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert watching.stdout is not None
        shown = until(watching.stdout, "nothing_like_this")
        assert "Nothing could be checked." in shown
        learner.writes("server.py", program(1, "server.py", DEAF))
        assert "waits in vain" in until(watching.stdout, "For a question to think about")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(LIMIT) == 0
    finally:
        watching.kill()
        watching.communicate()


def until(lines: Iterable[str], wanted: str) -> str:
    """Read up to a line with this in it, and return all that was read."""
    read = ""
    for line in lines:
        read += line
        if wanted in line:
            return read
    raise AssertionError(f"{wanted!r} never came:\n{read}")


def test_a_saved_file_is_seen_by_its_size_too(learner: Learner) -> None:
    """Some network drives have times of whole seconds: a change of size in the same second is a change."""
    learner.writes("server.py", "1\n")
    path = learner.folder / "server.py"
    about, before = path.stat(), snapshot(learner.workspace)
    learner.writes("server.py", "22\n")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert snapshot(learner.workspace) != before


def test_watch_says_what_is_done_current_and_next() -> None:
    checks: list[dict[str, Any]] = [
        {"check": f"test_{n}", "suite": "echo", "stage": 1, "about": f"Check {n}."} for n in range(1, 7)
    ]
    results = [Result(**check, outcome="passed") for check in checks[:2]]
    lines = going_on(checks, results).splitlines()
    assert lines[0] == "done     01 echo       [######..............] 2 of 6"
    assert lines[1:] == ["current  Check 3", "next     Check 4", "next     Check 5", "next     Check 6"]


# ---- grade ----

LISTENING = 'print("listening on 127.0.0.1:1", flush=True)\n'
SUBMISSIONS = {
    "fills": f"{LISTENING}filled = []\nwhile True:\n    filled.append(b'x' * 1_000_000)\n",
    "forks": f"{LISTENING}import subprocess, sys\nwhile True:\n"
    "    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], start_new_session=True)\n",
    "hangs": f"{LISTENING}import threading\nthreading.Event().wait()\n",
    "lost": "import nothing_like_this\n",
}


@pytest.mark.timeout(400)
def test_no_submission_stops_the_grading(learner: Learner, tmp_path: Path) -> None:
    """Whatever they do, each gets a row and a report; what was started for them has ended; the originals stay."""
    for name, server in SUBMISSIONS.items():
        (tmp_path / "submissions" / name).mkdir(parents=True)
        (tmp_path / "submissions" / name / "server.py").write_text(server, encoding="utf-8")
    (tmp_path / "submissions" / "empty").mkdir()
    words = ("--deadline", "1", "--time-limit", "40", "--memory-limit", "100", "--junit", str(tmp_path / "all.xml"))
    before = set(psutil.pids())
    told = learner.types(
        "grade", str(tmp_path / "submissions"), "--stage", "1", "--csv", str(tmp_path / "marks.csv"), *words, limit=380
    )
    assert told.status == 0, told
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert {name: row["result"] for name, row in rows.items()} == {
        "empty": "no program",
        "fills": "stopped",
        "forks": "stopped",
        "hangs": rows["hangs"]["result"],  # the limit of time may come first on a busy machine
        "lost": "not started",
    }
    assert "memory" in rows["fills"]["note"]
    assert rows["forks"]["note"].startswith("Ended, for it ")  # had many processes, or the memory of many
    assert rows["hangs"]["result"] in ("failed", "stopped")
    assert "nothing_like_this" in rows["lost"]["note"]
    for name in rows:
        assert (tmp_path / "marks_reports" / f"{name}.txt").read_text(encoding="utf-8").startswith(f"{name}: ")
    assert "forks" in told.output
    assert ElementTree.parse(tmp_path / "all.xml").getroot().tag == "testsuites"
    assert not [pid for pid in set(psutil.pids()) - before if "time.sleep(1000)" in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def test_a_run_txt_names_programs_in_other_languages(tmp_path: Path) -> None:
    (tmp_path / "run.txt").write_text("# mine\nServer: node server.js {port}\n", encoding="utf-8")
    (tmp_path / "client.py").write_text("", encoding="utf-8")
    programs, missing = programs_of(tmp_path)
    assert programs["server"] == "node server.js {port}"
    assert programs["client"].strip("'\"").endswith("client.py") or "client.py" in programs["client"]
    assert not missing


def test_there_must_be_submissions(learner: Learner, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    told = learner.types("grade", str(tmp_path / "none"), "--stage", "1", "--csv", str(tmp_path / "x.csv"))
    assert told.status == 2
    assert "There are no submissions" in told.errors


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x"])
def test_a_table_holds_no_formulas(value: str) -> None:
    """A spreadsheet runs what begins like a formula: what a submission is called must not be one."""
    assert as_text(value) == f"'{value}"


def results(count: int, outcome: str) -> list[Result]:
    """What became of so many checks."""
    return [Result(f"test_{number}", "echo", 1, f"Check {number}.", outcome) for number in range(count)]


def report(done: list[Result]) -> Report:
    """The report on a program that was named, not on a workspace."""
    return Report(1, [{"check": result.check, "suite": "echo", "stage": 1} for result in done], done)


def test_many_failures_fit_on_a_screen() -> None:
    """Of a program that does hardly anything yet, not every check is named: the first is the one to work on."""
    assert len(report(results(73, "failed")).text.splitlines()) <= 20
    assert report(results(73, "failed")).text.endswith("  and 62 more")
    assert report(results(11, "failed")).text.endswith("  Check 10   (test_10)")


def test_who_names_a_program_is_not_sent_to_the_workspace() -> None:
    """The next stage is begun there by learners alone."""
    assert report(results(2, "passed")).text == "Stage 01, echo: 2 checks pass.\nStage 01 is done (0.0 s)."


# ---- Another language ----


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_a_server_in_another_language_is_judged(learner: Learner, tmp_path: Path) -> None:
    """A server for Node, relative to where one types; what it lacks is told as of any other."""
    (tmp_path / "echo.js").write_text(NODE, encoding="utf-8")
    told = learner.types("check", "01", "--server", "node echo.js {port}", "--json", cwd=tmp_path)
    checks = {check["check"]: check["outcome"] for check in json.loads(told.output)["checks"]}
    assert told.status == 1, told
    assert checks["test_a_line_comes_back"] == "passed"
    assert checks["test_two_lines_in_one_send_are_two"] == "failed"
    assert not [check for check in checks if check.startswith("test_client_")], "there is no client to judge"


NODE = """
const server = require("net").createServer((socket) => {
  socket.on("data", (data) => socket.write(data.toString().split(/\\r?\\n/)[0] + "\\n"));
  socket.on("error", () => {});
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
"""


# ---- docs/teaching.md ----


def test_what_the_page_for_teachers_refers_to_is_there() -> None:
    """Notebooks with their headings, files, functions: as the topics and the stages have them."""
    page = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    readings = re.findall(r"notebooks/\d\d_\w+\.ipynb,\s“[^”]+”", page)
    assert len(readings) >= 11
    assert {" ".join(reading.split()) for reading in readings} <= {topic.reading for topic in TOPICS}
    for path in re.findall(r"\]\(\.\./([^)]+)\)", page):
        assert (ROOT / path).is_file(), path
    for names, path in re.findall(r"((?:`\w+`(?:, | and the | and )?)+) in\s\[([^\]]+)\]", page):
        for name in re.findall(r"`(\w+)`", names):
            assert name in (ROOT / path).read_text(encoding="utf-8"), f"{name} is not in {path}"
