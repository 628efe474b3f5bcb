"""Which small changes to a stage's program do the suites notice? Mutation testing, with Cosmic Ray.

    pip install cosmic-ray
    python tests/mutants.py 03_broadcast server

Cosmic Ray changes one thing at a time (a number, a comparison, an `and`, an exception that is caught) and runs a
command; the command is the suites of that stage, from outside, as for everybody's program, and test_stages.py, which
asks of the stages' own programs what nobody asks of a learner's. All of it happens in a copy.
What survived is shown line by line at the end: mend it with a sharper check, or explain it in tests/README.md.
"""

import argparse
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "01_echo": "test_01_echo.py",
    "02_usernames": "test_02_usernames.py",
    "03_broadcast": "test_03_broadcast.py",
    "04_tk_client": "test_04_tk_client.py",
}

# Survivors that nobody could tell from the right program, from outside: they count neither as caught nor as missed.
EQUIVALENT = {
    r"-PORT = ": "the port when none is given: every check gives one",
    r"-(POLL|PATIENCE) = ": "how often to look, how long to be patient",
    r"create_connection.*timeout": "how long to be patient with a server that doesn't answer",
    r'next_line\(lines\) >= "ok"': "there are two answers, and “failed” comes before “ok” in the alphabet",
    r"end=\"\", file=sys.stderr, flush=True": "in stage 01 each sentence ends its line (elsewhere it is caught)",
    r"frozen=": "nobody tries to change an event",
    r"-\s+pause = 1": "how long the window may draw",
    r"\.(delete|insert|selection_range)\( (-1|1, username)": "Tk takes -1 for 0, and 1 in an empty entry as well",
    r"yview\(\)\[1\] >= 1\.0": "it is never more",
    r'"windowingsystem"\) (<=|>=) "x11"': "true on X11",
    r"-if __name__": "`<=` or `>=` of two equal names says the same as `==`",
    r'-\s+if sys\.platform != "win32".*\n\+.*[<>]': "true on the same systems",
    r"SO_REUSEADDR, 1.*\n.*SO_REUSEADDR, 2": "any number but 0 is yes",
    r"TCP_NODELAY": "lines would leave a little later",
    r"-\s+server\.settimeout\(1\)": "how often to look for Ctrl-C, on Windows",
    r"-\s+time\.sleep\(": "how long to wait when the system has no more files",
    r"-.*daemon=True.*\n\+.*daemon=False": "the program ends with os._exit, which waits for no thread",
    r"-.*description=__doc__": "the words of --help",
    r'-.*getattr\(error, "strerror", None\) or error': "the reason in other words",
}

CONFIGURATION = """
[cosmic-ray]
module-path = "stages/{stage}/{program}.py"
timeout = 120.0
excluded-modules = []
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


def main() -> None:
    """Mutate one program, run the suites on each mutant, and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", choices=MODULES)
    parser.add_argument("program", choices=("server", "client"))
    parser.add_argument("--deadline", default="3", help="seconds that a check waits for anything (%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "final", "notebooks"))
        module = MODULES[arguments.stage]
        command = (
            f"{sys.executable} -m pytest tests/{module} tests/test_stages.py -x -q -p no:cacheprovider --timeout=60 "
            f"-k '{module.removesuffix('.py')} or ({arguments.stage} and {arguments.program})' "
            f"--{arguments.program} '{sys.executable} stages/{arguments.stage}/{arguments.program}.py' "
            f"--deadline {arguments.deadline} --seed 1"
        )
        configuration = copy / "mutants.toml"
        configuration.write_text(
            CONFIGURATION.format(stage=arguments.stage, program=arguments.program, command=command), encoding="utf-8"
        )
        cosmic_ray("baseline", configuration)
        cosmic_ray("init", configuration, "mutants.sqlite")
        cosmic_ray("exec", configuration, "mutants.sqlite")
        with sqlite3.connect(copy / "mutants.sqlite") as database:
            report(database)


def cosmic_ray(step: str, configuration: Path, *session: str) -> None:
    """Do one of Cosmic Ray's steps in the folder of its configuration."""
    program = shutil.which("cosmic-ray", path=str(Path(sys.executable).parent)) or shutil.which("cosmic-ray")
    if program is None:
        sys.exit("Cosmic Ray is not installed: pip install cosmic-ray")
    subprocess.run([program, step, configuration.name, *session], check=True, cwd=configuration.parent)


def report(database: sqlite3.Connection) -> None:
    """Print each survivor, and which share of those that could be seen was caught."""
    outcomes = database.execute(
        "SELECT test_outcome, start_pos_row, diff FROM work_results NATURAL JOIN mutation_specs ORDER BY start_pos_row"
    ).fetchall()
    survivors = [(row, changed_lines(diff)) for outcome, row, diff in outcomes if outcome == "SURVIVED"]
    missed = [(row, changed) for row, changed in survivors if not is_equivalent(changed)]
    for row, changed in missed:
        print(f"line {row} survived:\n{changed}")
    visible = len(outcomes) - len(survivors) + len(missed)
    print(f"{len(outcomes)} mutants, {len(survivors) - len(missed)} of them equivalent; of the {visible} others,")
    print(f"{visible - len(missed)} were caught: {(visible - len(missed)) / visible:.0%}")


def changed_lines(diff: str) -> str:
    """Return the lines of a diff that were taken out and put in."""
    return "\n".join(line for line in diff.splitlines() if re.match(r"[-+](?![-+])", line))


def is_equivalent(changed: str) -> bool:
    """Whether nobody could see this change from outside."""
    return any(re.search(pattern, changed) for pattern in EQUIVALENT)


if __name__ == "__main__":
    main()
