"""The tester of the learner's own chat: what `course.py check` and its sisters do.

The idea: the shared suites are the judge. This package runs them, in processes of their own, and makes of what they
say something that a learner, a teacher or a program can read. It does not know how a chat works, nor what a check does.

`check` runs and `report` tells; `workspace` is the learner's folder, `skeleton` what stands in it at first; `record` is
the part that runs inside pytest. What `__main__` imports at its top needs no package, so that `start` and `--help` work
before there is a .venv.
"""
