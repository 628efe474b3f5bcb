"""Runs a program beside a notebook, for as long as the notebook lives, and no longer.

    python beside.py PORT PROGRAM [ARGUMENT ...]

Whoever starts it listens on PORT, and holds the connection like a leash. However the notebook ends (restarted,
interrupted, killed), its system closes the connection, and this process ends at once. That works on every system,
and no port stays busy. Standard library alone, since it runs inside the program.
"""

import os
import socket
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType, TracebackType


def watch(leash: socket.socket) -> None:
    """Wait for the end of the connection, then end the process. Runs in a thread of its own."""
    try:
        leash.recv(1)
    except OSError:
        pass  # it broke, which is an end as well
    os._exit(0)


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as if the program had been started alone, without this file in it."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)


def main() -> None:
    """Run the program under the name `__main__`, as Python would."""
    leash = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=watch, args=(leash,), daemon=True, name="leash").start()
    sys.excepthook = explain
    del sys.argv[:2]
    program = Path(sys.argv[0])
    sys.path[0] = str(program.parent)
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__dict__.update(__file__=str(program), __builtins__=__builtins__)
    exec(compile(program.read_bytes(), str(program), "exec"), module.__dict__)


if __name__ == "__main__":
    main()
