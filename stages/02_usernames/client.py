"""Stage 02, client: a name first; if it is refused, another one, on a new connection.

It speaks and listens in turn: one line out, then lines in until its own has come back.
Standard output holds what the server sends and nothing else. What the program has to say goes to standard error.
"""

import argparse
import io
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from typing import BinaryIO

HOST = "127.0.0.1"  # this computer; for a server on another one, give its address with --host
PORT = 5050
MAX_LINE = 4096  # bytes, the newline included: no server takes a longer line

GONE = "The server has closed the connection."

# What could move a terminal's cursor, clear its screen or turn the text around. The tab is harmless.
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def connect_to_server(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the server, or end the program with a sentence that says why not."""
    try:
        server = socket.create_connection((host, port), timeout=10)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"Cannot reach a server at {host}:{port}: {reason}. Is it running, and is the address right?")
    server.settimeout(None)  # from here on, wait for as long as it takes
    return server


def join_chat(username: str, server: socket.socket, lines: Iterator[str]) -> bool:
    """Ask to be let in under this name; False if it is taken or not allowed."""
    send_message(server, username)
    return next_line(lines) == "ok"


def talk(username: str, server: socket.socket, lines: Iterator[str], typed: Iterator[str]) -> None:
    """Send what is typed and print what comes back, until nothing more is typed.

    Known limit: what others say is seen only after one's own next line; and from a server that writes our name
    otherwise than we typed it, we wait for that line for ever. Stage 03 listens all the time.
    """
    for text in typed:
        send_message(server, text)
        line = ""
        while not line.startswith(f"{username}: "):
            line = next_line(lines)
            show(line)


def send_message(server: socket.socket, text: str) -> None:
    """Send one line to the server."""
    try:
        server.sendall(f"{text}\n".encode("utf-8", errors="replace"))
    except OSError:
        sys.exit(GONE)


def next_line(lines: Iterator[str]) -> str:
    """Return the server's next line, or end the program when there will be none."""
    for line in lines:
        return line
    sys.exit(GONE)


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines that arrive, as clean text without their ends, until the server is gone.

    TCP carries bytes, not messages: what was sent as one line may arrive in pieces, and what was sent as
    two may arrive as one. `readline` keeps what has come until the newline is there. Only whole lines are
    decoded, so no letter is cut in two.
    """
    while True:
        try:
            line = stream.readline()
        except OSError:
            return  # a connection that breaks has ended, just like one that was closed
        if not line.endswith(b"\n"):
            return  # nothing: it was closed. Something: the end cut it off
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def typed_lines() -> Iterator[str]:
    """Yield what is typed, line by line, without what can't be sent: the empty and the too long."""
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if len(text.encode("utf-8", errors="replace")) >= MAX_LINE:
            tell(f"That line is too long to send: it has to stay under {MAX_LINE} bytes.\n")
        elif text.strip():
            yield text


def show(text: str) -> None:
    """Print one line from the server, at once."""
    try:
        print(text, flush=True)
    except OSError:
        os._exit(1)  # whoever read what we print has gone


def tell(text: str) -> None:
    """Say something of our own to the person at the keyboard."""
    print(text, end="", file=sys.stderr, flush=True)


def port_number(text: str) -> int:
    """Turn an argument into a port, 1 to 65535. Raises ArgumentTypeError if it is not one."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    """Read --host and --port from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default=HOST, help="the server's address (%(default)s)")
    parser.add_argument("--port", default=PORT, type=port_number, help="the server's port (%(default)s)")
    return parser.parse_args()


def end_when_told() -> None:
    """End the program at once on Ctrl-C, and when the system asks for it.

    At once: no thread is waited for. Nothing is lost, for what was printed is on the screen, and the system
    closes the sockets.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # SIGBREAK is Ctrl-Break, on Windows alone
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda _number, _frame: os._exit(0))


def main() -> None:
    """Connect and talk, until the end of the input, Ctrl-C, or a request to end."""
    arguments = parse_arguments()
    end_when_told()
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):  # not so where IDLE or a notebook has put its own
            stream.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    typed = typed_lines()
    tell("Your name: ")
    for username in map(str.strip, typed):
        with connect_to_server(arguments.host, arguments.port) as server, server.makefile("rb") as stream:
            lines = read_lines(stream)
            if join_chat(username, server, lines):
                tell("You are in. Type a line and press Enter.\n")
                talk(username, server, lines, typed)
                return
        tell(f"The server refused {username!r}: it is taken or not allowed. Another name: ")


if __name__ == "__main__":
    main()
