"""pytest for final: its server passes the suites of the stages, unchanged.

It is asked to do as they do: to show newcomers nothing of what was said before, to print the conversation though
standard output isn't a terminal, and to let everybody say as much as they like.
"""

from conftest import STAGES, Stage
from suites.broadcast import *
from suites.echo import *
from suites.usernames import *

STAGE = Stage(5, STAGES.parent / "final", ("--backlog", "0", "--print", "--rate", "0"))
