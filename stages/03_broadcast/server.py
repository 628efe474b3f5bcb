"""Stage 03, server: everyone hears everyone; a connection that ends is noticed, announced and forgotten.

The main thread waits for clients. Each client gets a thread of its own, which reads what the client sends. The
wire is lines of UTF-8 that end in a newline, so `nc 127.0.0.1 5050` is a client too.

This file does not know what a client looks like.
"""

import argparse
import io
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

HOST = "127.0.0.1"  # this computer alone; --host 0.0.0.0 lets in the others on the network
PORT = 5050
MAX_LINE = 4096  # bytes, the newline included: a bound on what one client can make us keep

# Letters, digits, "_", "-" and ".". No space and no colon: "bob: hi" has to be said by bob, and a notice, which
# begins with "*", by the server. (final/chat/names.py knows more: vowels that are written as marks, as in Hindi,
# and names that only look alike.)
USERNAME = re.compile(r"[\w.-]{1,32}")

# What could move a terminal's cursor, clear its screen or turn the text around. The tab is harmless.
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

clients: dict[str, socket.socket] = {}  # who is here, by casefolded name; only while holding clients_lock
clients_lock = threading.Lock()  # held for a moment only, so that a newcomer is let in even while a send waits
speaking = threading.Lock()  # held while a line goes to everyone: lines stay whole, and in one order for all
printing = threading.Lock()  # held by whichever thread is printing, so that lines do not mix


def start_server(host: str = HOST, port: int = PORT) -> socket.socket:
    """Return a TCP socket that listens on an IPv4 address; port 0 means any free port.

    Raises OSError or ValueError when the address can't be had.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # its clients' lines leave at once, however short
    if sys.platform != "win32":
        # A stopped server's port rests for a minute; take it all the same. (On Windows the option
        # means something else: two servers on one port. And there the port does not rest.)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen()
    server.settimeout(1)  # seconds: on Windows, Ctrl-C is not heard while accept waits
    return server


def accept_client(server: socket.socket) -> None:
    """Accept clients without end, each in a thread of its own.

    A thread for each client is simple, and dear from some hundreds on; in final/, one thread serves them all.
    """
    while True:
        try:
            client, _address = server.accept()
        except (TimeoutError, ConnectionError):
            continue  # nobody came in this second, or somebody who has gone again
        except OSError as error:
            show(f"* nobody can be let in: {error}")  # too many open files, most likely; who waits stays in the queue
            time.sleep(1)  # or we would spin until somebody leaves
            continue
        try:
            threading.Thread(target=serve_client, args=(client,), daemon=True).start()
        except RuntimeError as error:
            show(f"* a client could not be served: {error}")  # the system has no more threads
            client.close()


def serve_client(client: socket.socket) -> None:
    """Serve one client from its first line to its last. Runs in the client's own thread."""
    with client, client.makefile("rb") as stream:
        lines = read_lines(stream)
        username = next(lines, "").strip()
        if not add_client(username, client):
            send_line(client, "failed")
            return
        try:
            with speaking:
                show(f"* {username} has joined the chat")
                send_message_to_clients(f"* {username} has joined the chat")
            receive_messages(username, lines)
        finally:  # whatever ended it: a close, a reset, or a mistake of ours
            with speaking:  # in one turn, so that nobody of this name is announced in between
                remove_client(username)
                show(f"* {username} has left the chat")
                send_message_to_clients(f"* {username} has left the chat")


def add_client(username: str, client: socket.socket) -> bool:
    """Let a client in under this name, and tell it so; False if the name is taken or not allowed.

    One lock over the look and the adding: when two ask for the same name at the same instant, one gets it.
    """
    with clients_lock:
        if not USERNAME.fullmatch(username) or username.casefold() in clients:
            return False
        send_line(client, "ok")  # while nobody else can send to it; three bytes do not have to wait
        clients[username.casefold()] = client
        return True


def remove_client(username: str) -> None:
    """Forget a client. Its name is free again."""
    with clients_lock:
        del clients[username.casefold()]


def receive_messages(username: str, lines: Iterator[str]) -> None:
    """Put the name before everything that this client says and pass it on, until it is gone."""
    for message in lines:
        line = f"{username}: {message}"
        with speaking:
            show(line)
            send_message_to_clients(line)


def send_message_to_clients(message: str) -> None:
    """Send a message to everyone in the chat, the speaker too. To be called while holding `speaking`.

    Known limit: a client that stops reading stops the room. When its buffers are full, `sendall` waits for
    it, and everyone who wants to speak waits as well. In final/chat/log.py nobody waits for anybody: a
    message is added to a log, and each client reads on from its own place there.
    """
    with clients_lock:
        receivers = list(clients.values())  # a copy: others may come and go while we send
    for receiver in receivers:
        send_line(receiver, message)


def send_line(client: socket.socket, text: str) -> None:
    """Send one line to one client, and wait until the system has taken all of it."""
    try:
        client.sendall(f"{text}\n".encode())
    except OSError:
        pass  # this client is gone: its own thread will see the end of its lines, and clean up


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines that arrive, as clean text without their ends, until the other side is gone.

    TCP carries bytes, not messages: what was sent as one line may arrive in pieces, and what was sent as
    two may arrive as one. `readline` keeps what has come until the newline is there. Only whole lines are
    decoded, so no letter is cut in two.
    """
    while True:
        try:
            line = stream.readline(MAX_LINE)
        except OSError:
            return  # a connection that breaks has ended, just like one that was closed
        if not line.endswith(b"\n"):
            return  # nothing: it was closed. Something: the end cut it off, or it is too long to be a line
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def show(text: str) -> None:
    """Print one line on this terminal, at once. (While the terminal is paused, so is whoever wants to print.)"""
    with printing:
        try:
            print(text, flush=True)
        except OSError:
            pass  # nobody reads this terminal any more, and that is no reason to end


def port_number(text: str) -> int:
    """Turn an argument into a port, 0 to 65535. Raises ArgumentTypeError if it is not one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    """Read --host and --port from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default=HOST, help="address to listen on; 0.0.0.0 is every IPv4 one (%(default)s)")
    parser.add_argument("--port", default=PORT, type=port_number, help="port; 0 is any free one (%(default)s)")
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
    """Listen, say where, and serve until Ctrl-C or a request to end."""
    arguments = parse_arguments()
    end_when_told()
    if isinstance(sys.stdout, io.TextIOWrapper):  # not so where IDLE or a notebook has put its own
        sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    try:
        server = start_server(arguments.host, arguments.port)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(
            f"Cannot listen on {arguments.host}:{arguments.port}: {reason}. "
            "Choose another --port (0 is any free one) or --host."
        )
    with server:
        host, port = server.getsockname()
        show(f"listening on {host}:{port}")
        accept_client(server)


if __name__ == "__main__":
    main()
