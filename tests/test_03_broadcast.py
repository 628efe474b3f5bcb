"""pytest for stage 03: the suites up to broadcast."""

from conftest import STAGES, Stage
from suites.broadcast import *
from suites.echo import *
from suites.usernames import *

STAGE = Stage(3, STAGES / "03_broadcast")
