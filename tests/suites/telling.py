"""Completes a complaint before it is shown: what the check was about, what its programs printed, the likely cause.

Who complains has seen one thing, a line that did not come perhaps. Here all of it comes together. Knows programs and
scenes, but nothing of pytest.
"""

from collections.abc import Sequence
from dataclasses import replace

from .complaints import EVENTS, CannotStart, Complaint
from .diagnosis import SILENCE, hint
from .people import Scene
from .programs import Program
from .topics import Topic


def complete(complaint: Complaint, scene: Scene | None, about: str, topic: Topic | None) -> Complaint:
    """Return the complaint with all that its author should read; another one, if a program never ran.

    The cause that can be seen is the best hint. Then what the check knew better than its topic; then the topic's idea.
    """
    programs = [complaint.program] if complaint.program else scene.programs if scene else []
    look_at(programs, complaint)
    for program in programs:
        if program.never_ran and not isinstance(complaint, CannotStart):
            complaint = program.could_not_start()
    if scene and not complaint.events:
        complaint.events = tuple(scene.conversation[-EVENTS:])
    if isinstance(complaint, CannotStart):
        complaint.hint = hint(complaint.seen, complaint.hint)
        return complaint
    complaint.about = about
    complaint.topic = complaint.topic or topic  # its own, where something went wrong before what the check is about
    complaint.hint = hint(complaint.seen, complaint.hint or (topic.idea if topic else ""))
    return complaint


def look_at(programs: Sequence[Program], complaint: Complaint) -> None:
    """Add what the programs have printed, once they have had the time to print it."""
    seen = replace(complaint.seen, output="", errors="")
    for program in programs:
        program.rests()
        seen = program.seen(seen)
        program.told = True
    if seen.ending == SILENCE:
        seen = replace(seen, busy=max((program.busy() for program in programs), default=0.0))
    complaint.seen = seen
    complaint.story = "\n".join(filter(None, (program.story() for program in programs)))
