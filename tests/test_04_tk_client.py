"""pytest for stage 04: all suites; its server is that of stage 03, its client a window."""

from conftest import STAGES, Stage
from suites.broadcast import *
from suites.echo import *
from suites.usernames import *
from suites.window import *

STAGE = Stage(4, STAGES / "04_tk_client")
