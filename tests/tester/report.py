"""What became of the checks, told to a person, to a program (JSON), or to what reads JUnit's XML.

A learner works on one failure at a time: so the first is shown whole, and of the others the names. Knows nothing of how
checks are run.
"""

import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from suites.diagram import Message, Remark, draw_svg

COMMAND = "py course.py" if sys.platform == "win32" else "python3 course.py"
PASSED, FAILED, CANNOT_JUDGE, NOT_ATTEMPTED = 0, 1, 2, 3  # exit statuses
MOST_OTHERS = 10  # failures besides the first that are named: with it, they fit on a screen


@dataclass(frozen=True)
class Result:
    """What became of one check."""

    check: str
    suite: str
    stage: int
    about: str
    outcome: str  # "passed", "failed", "skipped", or "error", which is a mistake of the tester
    seconds: float = 0
    what: str = ""
    details: str = ""
    hint: str = ""
    topic: dict[str, Any] | None = None
    events: tuple[Message | Remark, ...] = ()
    story: str = ""
    reason: str = ""
    text: str = ""

    @classmethod
    def read(cls, line: dict[str, Any]) -> "Result":
        return cls(**{**line, "events": tuple(map(event_from, line.get("events", ())))})

    @classmethod
    def lost(cls, check: dict[str, Any]) -> "Result":
        return cls(**check, outcome="error", reason="The process that ran this check has ended in the middle of it.")

    @property
    def is_bad(self) -> bool:
        return self.outcome in ("failed", "error")

    @property
    def as_json(self) -> dict[str, Any]:
        events = [{"kind": type(event).__name__.lower(), **vars(event)} for event in self.events]
        return {**vars(self), "events": events}


def event_from(line: dict[str, Any]) -> Message | Remark:
    values = {name: value for name, value in line.items() if name != "kind"}
    return Message(**values) if line["kind"] == "message" else Remark(**values)


@dataclass
class Report:
    """What a run has shown of somebody's programs."""

    stage: int
    checks: list[dict[str, Any]] = field(default_factory=list)  # all that there were, in their order
    results: list[Result] = field(default_factory=list)  # of those that were run, in the same order
    untouched: list[str] = field(default_factory=list)  # programs of the workspace that aren't begun
    unwritten: dict[str, list[str]] = field(default_factory=dict)  # functions that are still places to fill in
    folder: Path | None = None
    could_not_start: str = ""
    had_enough: bool = False  # failures, and so no more checks were begun
    seconds: float = 0

    @property
    def bad(self) -> list[Result]:
        return [result for result in self.results if result.is_bad]

    @property
    def status(self) -> int:
        """The exit status that says it all in a number."""
        if self.could_not_start:
            return CANNOT_JUDGE
        if self.bad:
            return FAILED
        return NOT_ATTEMPTED if self.untouched else PASSED

    @property
    def passed(self) -> bool:
        return self.status == PASSED

    @property
    def first(self) -> Result | None:
        """The failure to work on."""
        return next(iter(self.bad), None)

    @property
    def text(self) -> str:
        """All that a person should read."""
        return "\n\n".join(part for part in self.parts() if part)

    def parts(self) -> list[str]:
        if self.could_not_start:
            return ["Nothing could be checked.\n" + readable(self.could_not_start)]
        if not self.results:
            return [self.not_begun()]
        counts = "\n".join(self.count(stage) for stage in self.stages())
        if self.first is None:
            done = f"Stage {self.stage:02} is done ({self.seconds:.1f} s). {self.onwards()}".rstrip()
            return [f"{counts}\n{self.not_begun() or done}"]
        return [counts + self.why_no_more(), told(self.first), self.others(), self.what_now()]

    def why_no_more(self) -> str:
        """Why not all checks were tried, where that is because too many failed."""
        number, stage = len(self.bad), self.bad[0].stage
        if not self.had_enough or len(self.of(stage)) == len(self.there(stage)):
            return ""
        return f"\n{number} failures are enough to begin with: the rest is tried when there are fewer."

    def of(self, stage: int) -> list[Result]:
        return [result for result in self.results if result.stage == stage]

    def stages(self) -> list[int]:
        """The stages that there is something to say of: not those that were only begun before an earlier one failed."""
        stages = sorted({result.stage for result in self.results})
        last = self.first.stage if self.first else self.stage
        return [stage for stage in stages if stage <= last or len(self.of(stage)) == len(self.there(stage))]

    def there(self, stage: int) -> list[dict[str, Any]]:
        return [check for check in self.checks if check["stage"] == stage]

    def count(self, stage: int) -> str:
        there, done = self.there(stage), self.of(stage)
        failing = [result for result in done if result.is_bad]
        name = f"Stage {stage:02}, {there[0]['suite'] if there else ''}:"
        left = len(there) - len(done)
        untried = f", {left} not tried" if left else ""
        if failing:
            return f"{name} {len(failing)} of {len(there)} checks fail{'s' * (len(failing) == 1)}{untried}."
        return f"{name} {len(done)} check{'s pass' if len(done) != 1 else ' passes'}{untried}."

    def not_begun(self) -> str:
        """What a learner reads who has not begun, or has begun with one program alone."""
        if not self.untouched or self.folder is None:
            return ""
        names, one = " and ".join(self.untouched), len(self.untouched) == 1
        if not (self.folder / self.untouched[0]).is_file():
            return (
                f"Not attempted yet: {self.folder} has no {names.replace('and', 'and no')}. To begin: {COMMAND} start"
            )
        verb, them = ("is", "it") if one else ("are", "them")
        return f"Not attempted yet: {names} in {self.folder} {verb} as `start` left {them}."

    def onwards(self) -> str:
        """Where a learner goes on; whoever checks other programs knows that better."""
        if self.folder is None:
            return ""
        return f"Next: {COMMAND} start {self.stage + 1:02}" if self.stage < 4 else "Next: notebooks/05_final.ipynb."

    def others(self) -> str:
        """The names of the other failures."""
        rest = self.bad[1:]
        lines = [f"  {shortened(result.about)}   ({result.check})" for result in rest[:MOST_OTHERS]]
        if len(rest) > MOST_OTHERS:
            lines.append(f"  and {len(rest) - MOST_OTHERS} more")
        return "\n".join(["Also failing:", *lines]) if rest else ""

    def what_now(self) -> str:
        """What may help, besides reading the failure."""
        places = [f"{name}: {', '.join(functions)}" for name, functions in self.unwritten.items() if functions]
        if places:
            return f"Still to be written in {'; in '.join(places)}."
        return f"For a question to think about: {COMMAND} hint" if self.folder else ""

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "status": self.status,
            "passed": self.passed,
            "untouched": self.untouched,
            "could_not_start": self.could_not_start,
            "seconds": round(self.seconds, 3),
            "checks": [result.as_json for result in self.results],
            "untried": [check["check"] for check in self.checks if check["check"] not in self.tried()],
        }

    def tried(self) -> set[str]:
        return {result.check for result in self.results}

    def svg(self) -> str:
        """The conversation of the first failure as a picture; empty when there is none."""
        return (
            draw_svg(self.first.events, title=shortened(self.first.about)) if self.first and self.first.events else ""
        )


def shortened(about: str) -> str:
    """The first sentence or line of what a check is about."""
    return about.partition("\n")[0].rstrip(".")


def told(result: Result, width: int = 100) -> str:
    """One failure, whole: what was tried, what came, what to think about, where to read on, what was said."""
    if result.outcome == "error":
        return f"{result.check}: a mistake of the tester, not yours. {result.reason}\n{result.text}"
    return readable(f"{result.text.rstrip()}\n\n(This check is called {result.check}.)", result.about, width)


def readable(text: str, about: str = "", width: int = 100) -> str:
    """The same with its prose wrapped: the hint, and what the check is about. What programs said stays as it is."""
    prose = ("hint: ", about) if about else "hint: "
    return "\n".join(wrapped(line, width) if line.startswith(prose) else line for line in text.splitlines())


def wrapped(prose: str, width: int) -> str:
    indent = " " * len("hint: ") * prose.startswith("hint: ")
    return textwrap.fill(prose, width, subsequent_indent=indent)


def junit(reports: dict[str, Report]) -> bytes:
    """Reports as JUnit's XML: a suite for each name and stage."""
    top = ElementTree.Element("testsuites")
    for name, report in reports.items():
        for stage in sorted({check["stage"] for check in report.checks}):
            done = {result.check: result for result in report.results}
            checks = [check for check in report.checks if check["stage"] == stage]
            add_suite(top, f"{name} {stage:02}".strip(), [(check, done.get(check["check"])) for check in checks])
    ElementTree.indent(top)
    written: bytes = ElementTree.tostring(top, encoding="utf-8", xml_declaration=True)
    return written


def add_suite(top: ElementTree.Element, name: str, checks: list[tuple[dict[str, Any], Result | None]]) -> None:
    """One stage's checks; what was not tried counts as skipped."""
    count = {"tests": len(checks), "failures": 0, "errors": 0, "skipped": 0}
    suite = ElementTree.SubElement(top, "testsuite", name=name)
    for check, result in checks:
        seconds = f"{result.seconds if result else 0:.3f}"
        case = ElementTree.SubElement(suite, "testcase", classname=check["suite"], name=check["check"], time=seconds)
        kind = JUNIT[result.outcome if result else "skipped"]
        if kind:
            count[f"{kind}s" if kind != "skipped" else kind] += 1
            message = (result.what or result.reason) if result else "not tried"
            child = ElementTree.SubElement(case, kind, message=for_xml(message))
            child.text = for_xml(told(result)) if result and result.is_bad else None
    suite.attrib.update({word: str(number) for word, number in count.items()})


JUNIT = {"passed": "", "failed": "failure", "error": "error", "skipped": "skipped"}


def for_xml(text: str) -> str:
    """What XML has no letter for, as a question mark."""
    return "".join(char if char in "\n\t" or char.isprintable() else "?" for char in text)
