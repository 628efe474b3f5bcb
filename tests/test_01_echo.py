"""pytest for stage 01: the echo suite."""

from conftest import STAGES, Stage
from suites.echo import *

STAGE = Stage(1, STAGES / "01_echo")
