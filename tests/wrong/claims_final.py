"""The server of stage 03, tested as if it were the final one: it is known to get one thing wrong."""

from conftest import STAGES, Stage
from suites.broadcast import *

STAGE = Stage(5, STAGES / "03_broadcast")
