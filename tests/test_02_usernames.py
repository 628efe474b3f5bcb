"""pytest for stage 02: the suites up to usernames."""

from conftest import STAGES, Stage
from suites.echo import *
from suites.usernames import *

STAGE = Stage(2, STAGES / "02_usernames")
