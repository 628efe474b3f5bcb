"""Read by every Python whose PYTHONPATH has this folder: its threads take turns every few microseconds, not every five
milliseconds, so that whatever can be interrupted between two steps will be."""

import sys

sys.setswitchinterval(5e-6)
