"""The command line: python -m chat server, chat-server, and python final/server.py are this program.

The only module that knows everyone. What needs a package from outside is imported late, so that a missing one is a
sentence and not a traceback.
"""

import argparse
import gc
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .limits import Limits

if TYPE_CHECKING:
    import logging

    from .history import History
    from .tls import Lobby

# Import name -> the package that has it.
_PACKAGES = {"precis_i18n": "precis-i18n"}
_WINDOW_PACKAGES = {"platformdirs": "platformdirs"}
_TERMINAL_PACKAGES = {"platformdirs": "platformdirs", "prompt_toolkit": "prompt-toolkit"}
_METRICS_PACKAGES = {"prometheus_client": "prometheus-client"}
# The smallest log is many times what is said between two sendings, or its readers would fall off while they keep up.
_SMALLEST_LOG = 1_048_576


def main(arguments: list[str] | None = None) -> int:
    """python -m chat COMMAND; return the exit status."""
    parser = argparse.ArgumentParser(prog="chat", description="A chat for everybody in the room.")
    parser.add_argument("--version", action="version", version=f"chat {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_server_flags(commands.add_parser("server", help="run the server", formatter_class=_Help))
    _add_client_flags(commands.add_parser("client", help="open the chat's window", formatter_class=_Help))
    _add_history_flags(commands.add_parser("history", help="show what a server has kept with --history"))
    options = parser.parse_args(arguments)
    return {"server": _run_server, "client": _run_client, "history": _run_history}[options.command](options)


def server(arguments: list[str] | None = None) -> NoReturn:
    """chat-server and final/server.py: run the server and exit."""
    parser = argparse.ArgumentParser(prog="chat-server", description="Run the chat's server.", formatter_class=_Help)
    _add_server_flags(parser)
    sys.exit(_run_server(parser.parse_args(arguments)))


def client(arguments: list[str] | None = None) -> NoReturn:
    """chat-client and final/client.py: open the chat's window and exit when it is closed."""
    parser = argparse.ArgumentParser(prog="chat-client", description="Open the chat's window.", formatter_class=_Help)
    parser.add_argument("--version", action="version", version=f"chat {__version__}")
    _add_client_flags(parser)
    sys.exit(_run_client(parser.parse_args(arguments)))


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that says each default, where there is one to say."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        nothing_to_say = action.default is None or action.default is False
        return action.help if nothing_to_say else super()._get_help_string(action)


def _add_server_flags(parser: argparse.ArgumentParser) -> None:
    for name, kind, default, help in _flags(Limits()):
        parser.add_argument(name, type=kind, default=default, help=help, metavar=name.split("-")[-1].upper())
    parser.add_argument("--version", action="version", version=f"chat {__version__}")
    parser.add_argument(
        "--history",
        type=Path,
        metavar="FILE",
        help="keep the conversation in this file, private lines too: it goes on there after a restart; without it, "
        "what was said is gone when the server ends",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="speak TLS, with this certificate (PEM; with those between it and its authority; with its key if there is "
        "no --key); read again when it has been renewed",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key (PEM, without a password)")
    parser.add_argument(
        "--print",
        action="store_true",
        dest="show",
        help="print the conversation even when standard output isn't a terminal",
    )
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="what is logged on standard error: a few lines a day at info, every coming and going at debug",
    )


def _flags(limits: Limits) -> Iterator[tuple[str, Callable[[str], Any], Any, str]]:
    yield "--host", str, "127.0.0.1", "address to listen on: this computer alone; 0.0.0.0 or :: is whoever can reach it"
    yield "--port", _port, 5050, "port to listen on; 0 is any free one"
    yield "--max-clients", _count, limits.max_clients, "people in the room; each costs some 10 KB, most in the kernel"
    yield (
        "--max-per-address",
        _number,
        limits.max_per_address,
        "connections from one address, 0 for any number; a whole class can sit behind one",
    )
    yield (
        "--rate",
        _seconds,
        limits.rate,
        "lines a second that one may say in the long run, 0 for any; nobody types so fast",
    )
    yield "--burst", _count, limits.burst, "lines that one may say in one go: what somebody pastes or sends again"
    yield "--backlog", _number, limits.backlog, "lines that a newcomer is shown: a screenful"
    yield (
        "--log-bytes",
        _log_bytes,
        16 * 1_048_576,
        "memory for what was said: how far a slow reader may fall behind and a lost one resume",
    )
    yield "--name-time", _time, limits.name_time, "seconds to give a name: a person at a terminal needs less"
    yield "--line-time", _time, limits.line_time, "seconds to finish a line once begun: only broken clients need more"
    yield "--ping-time", _time, limits.ping_time, "seconds until a silent program is asked, and again until it is gone"
    yield "--stall-time", _time, limits.stall_time, "seconds until one that takes nothing it is sent is taken for dead"
    yield "--resume-time", _time, limits.resume_time, "seconds in which a lost client can come back as the same person"
    yield "--history-days", _number, 0, "days after which the history forgets what was said, 0 for never"
    yield "--metrics", _port, None, "port on which Prometheus, on this computer, is told the figures; off by default"


def _add_client_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the server's address; without it, the server used last", default=None)
    parser.add_argument("--port", type=_client_port, default=None, help="the server's port; without it, 5050")
    parser.add_argument("--name", default="", help="join at once, under this name")
    parser.add_argument("--tls", action="store_true", help="speak TLS; the same as tls:// before the address")
    parser.add_argument(
        "--authority",
        type=Path,
        metavar="FILE",
        help="trust servers for whom the authority in this file vouches, besides those that the system trusts; "
        "remembered",
    )
    parser.add_argument("--terminal", action="store_true", help="chat on the terminal, without a window")


def _add_history_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what the server was given with --history")
    parser.add_argument("--since", type=_day, default=0.0, metavar="DAY", help="only from this day on: 2026-01-31")
    parser.add_argument("--private", action="store_true", help="private lines too")
    parser.add_argument("--json", action="store_true", help="as lines of JSON, as programs are sent them")


def _run_history(options: argparse.Namespace) -> int:
    from .history import HistoryError, as_json, as_text, read

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    write = as_json if options.json else as_text
    try:
        for entry in read(options.file, options.since):
            if options.private or entry.tokens is None:
                print(write(entry))
    except HistoryError as error:
        return _fail(str(error))
    except BrokenPipeError:  # whoever read it has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run_client(options: argparse.Namespace) -> int:
    missing = _missing(_TERMINAL_PACKAGES if options.terminal else _WINDOW_PACKAGES)
    if missing:
        packages = " ".join(missing)
        return _fail(f"this client needs more packages; install them with: python -m pip install {packages}")
    return _run_terminal(options) if options.terminal else _run_window(options)


def _run_window(options: argparse.Namespace) -> int:
    gc.disable()  # until the window is there: next to nothing that is made before then becomes rubbish
    try:
        import tkinter

        from .client.window import run
    except ImportError:
        return _fail("this Python has no tkinter, so there can be no window; install it (Debian and Ubuntu: "
                     "sudo apt install python3-tk), or chat on the terminal with --terminal")  # fmt: skip
    try:
        run(_server_address(options), options.name, _authority(options))
    except tkinter.TclError as error:
        return _fail(f"no window can be opened here: {error}; to chat on the terminal, add --terminal")
    return 0


def _run_terminal(options: argparse.Namespace) -> int:
    from .client.console import run

    try:
        run(_server_address(options), options.name, _authority(options))
    except OSError as error:
        return _fail(f"can't chat here: {_why(error)}")
    return 0


def _server_address(options: argparse.Namespace) -> str:
    """What the flags say, or "" if they say nothing."""
    from .client.address import DEFAULT_PORT, TLS, Address

    if options.host is None and options.port is None and not options.tls:
        return ""
    host = options.host or "127.0.0.1"
    tls = options.tls or host.startswith(TLS)
    return str(Address(host.removeprefix(TLS), options.port or DEFAULT_PORT, tls))


def _authority(options: argparse.Namespace) -> str:
    """Where its certificate is, whatever folder the next start is in; or ""."""
    return str(options.authority.absolute()) if options.authority else ""


def _run_server(options: argparse.Namespace) -> int:
    missing = _missing(_PACKAGES | (_METRICS_PACKAGES if options.metrics is not None else {}))
    if missing:
        command = f"python -m pip install {' '.join(missing)}"
        return _fail(f"this server needs {' and '.join(missing)}; install with: {command}")
    if options.key and not options.certificate:
        return _fail("--key needs a --certificate that it belongs to")
    try:
        return _serve_safely(options) if options.certificate else _serve_with_memory(options, None)
    except KeyboardInterrupt:
        return 0  # asked to end before it had begun, or a second time


def _serve_safely(options: argparse.Namespace) -> int:
    from .tls import Certificate, Lobby, TlsError

    try:
        certificate = Certificate(options.certificate, options.key)
    except TlsError as error:
        return _fail(str(error))
    return _serve_with_memory(options, Lobby(certificate, options.name_time))


def _serve_with_memory(options: argparse.Namespace, lobby: "Lobby | None") -> int:
    if options.history is None:
        return _serve(options, lobby, None)
    from .history import History, HistoryError

    try:
        with closing(History(options.history, options.resume_time, options.history_days)) as history:
            return _serve(options, lobby, history)
    except HistoryError as error:
        return _fail(str(error))


def _serve(options: argparse.Namespace, lobby: "Lobby | None", history: "History | None") -> int:
    from . import server as serving
    from .terminal import open_log, open_screen

    try:
        listener = serving.listen(options.host, options.port)
    except (OSError, UnicodeError, OverflowError) as error:
        return _fail(f"can't listen on {options.host} port {options.port}: {_why(error)}")
    log = open_log(options.log_level)
    capacity = _capacity(serving.capacity(), options.max_clients)
    # There is no standard output at all under pythonw, and for some services.
    screen = open_screen() if sys.stdout is not None and (options.show or sys.stdout.isatty()) else None
    chat = serving.Server(listener, _limits(options), options.log_bytes, capacity, screen, history, lobby)
    try:
        if options.metrics is not None and not _serve_metrics(chat, options.metrics):
            return 1
        _spare_the_collector()
        chat.run(lambda: _announce(serving.address_of(listener)))
        return 0
    finally:
        written = [outlet.close() for outlet in (screen, log) if outlet is not None]
        if not all(written):
            # A thread that writes where nobody reads can't be ended, and Python would wait for its stream.
            os._exit(0)


def _announce(address: str) -> None:
    """Print the first line. If nobody can read it (a closed pipe, a full disk), the chat goes on all the same."""
    try:
        print(f"listening on {address}", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again when it ends


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(
        max_clients=options.max_clients,
        max_per_address=options.max_per_address,
        rate=options.rate,
        burst=options.burst,
        name_time=options.name_time,
        line_time=options.line_time,
        ping_time=options.ping_time,
        stall_time=options.stall_time,
        resume_time=options.resume_time,
        backlog=options.backlog,
    )


def _capacity(capacity: int, max_clients: int) -> int:
    if capacity < max_clients:
        _logger().warning("the system allows fewer connections than --max-clients connections=%d", capacity)
    return capacity


def _serve_metrics(chat: Any, port: int) -> bool:
    from .metrics import serve

    try:
        _, url = serve(chat, port)
    except OSError as error:
        _fail(f"can't serve metrics on port {port}: {_why(error)}")
        return False
    _logger().info("metrics url=%s", url)
    return True


def _logger() -> "logging.Logger":
    import logging  # late: the window is there sooner without it

    return logging.getLogger("chat")


def _spare_the_collector() -> None:
    """What was made so far stays: the collector needn't look at it again. And with a thousand people here, looking at
    everything after every 700 new objects is a pause that they would notice."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _missing(packages: dict[str, str]) -> list[str]:
    return [package for name, package in packages.items() if importlib.util.find_spec(name) is None]


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


# --- What the flags take ----------------------------------------------------------------------------------------------


def _number_between(least: float, most: float, kind: Callable[[str], float]) -> Callable[[str], Any]:
    def parse(text: str) -> float:
        number = kind(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} isn't between {least:g} and {most:g}")
        return number

    parse.__name__ = "number"  # argparse says "invalid number value" by it
    return parse


_port = _number_between(0, 65_535, int)
_client_port = _number_between(1, 65_535, int)
_number = _number_between(0, 1_000_000, int)
_count = _number_between(1, 1_000_000, int)
_seconds = _number_between(0, 1_000_000, float)
_time = _number_between(0.05, 1_000_000, float)


def _day(text: str) -> float:
    """Turn a day of this computer's calendar into seconds since 1970."""
    from datetime import datetime  # late: no window needs it to open

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2026-01-31") from None


_log_bytes = _number_between(_SMALLEST_LOG, 2**40, int)


if __name__ == "__main__":
    sys.exit(main())
