"""Right programs never fail: runs the suites on them again and again, under conditions that bring out what is brittle.

    python tests/endurance.py --runs 200

Each run takes the next of the right programs, a new seed, random delays between and inside what is sent (--jitter), and
for Python's programs a thread switch interval of a few microseconds, so that threads take turns in the middle of
everything. The first failure is shown whole and ends it.
"""

import argparse
import sys
import time
from pathlib import Path

from right.programs import PROGRAMS

TESTS = Path(__file__).parent


def main() -> None:
    """Run as often as asked, or until something fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200, help="how many (%(default)s)")
    parser.add_argument("--first-seed", type=int, default=1, help="the seed of the first (%(default)s)")
    parser.add_argument("--jitter", type=float, default=2, help="milliseconds, the longest delay (%(default)s)")
    arguments = parser.parse_args()
    rights = [right for right in PROGRAMS if right.can_run()]
    for run in range(arguments.runs):
        right = rights[run % len(rights)]
        began = time.monotonic()
        result = right.tested("--seed", str(arguments.first_seed + run), "--jitter", str(arguments.jitter))
        if result.returncode != 0:
            sys.exit(f"{result.stdout}{result.stderr}\nrun {run + 1}: {right.name} failed")
        print(f"{run + 1:4}  {right.name:24}  {time.monotonic() - began:5.1f} s", flush=True)
    print(f"{arguments.runs} runs, and nothing failed.")


if __name__ == "__main__":
    main()
