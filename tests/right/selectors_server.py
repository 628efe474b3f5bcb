"""Stage 03's server with selectors: one thread, one loop, and what could not be sent yet waits with its client."""

import argparse
import io
import re
import selectors
import signal
import socket
import sys

MAX_LINE = 4096  # bytes, the newline included
MOST_KEPT = 1_000_000  # bytes that wait for one client; who has more does not get to speak
LET_GO = 8_000_000  # bytes; who has even more is let go
USERNAME = re.compile(r"[\w.-]{1,32}")
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

selector = selectors.DefaultSelector()


class Client:
    """A connection, what has come of its next line, and what waits to be sent."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.name = ""
        self.incoming = b""
        self.outgoing = bytearray()
        self.leaving = False  # nothing more is read; it goes when all has been sent

    def wants(self) -> int:
        """The events that this client waits for."""
        reads = selectors.EVENT_READ if not self.leaving and len(self.outgoing) < MOST_KEPT else 0
        return reads | (selectors.EVENT_WRITE if self.outgoing or self.leaving else 0)


clients: set[Client] = set()


def accept(server: socket.socket) -> None:
    """Let somebody in, who has no name yet."""
    try:
        connection, _ = server.accept()
    except OSError:
        return  # gone again
    connection.setblocking(False)
    client = Client(connection)
    clients.add(client)
    selector.register(connection, selectors.EVENT_READ, client)


def read(client: Client) -> None:
    """Take what has come, and handle the whole lines in it."""
    try:
        data = client.connection.recv(65536)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if not data:
        leave(client)
    *lines, client.incoming = (client.incoming + data).split(b"\n")
    for line in lines:
        if len(line) >= MAX_LINE:
            leave(client)
        if not client.leaving:
            hear(client, UNSAFE.sub("?", line.decode(errors="replace").removesuffix("\r")))
    if len(client.incoming) >= MAX_LINE:
        leave(client)


def hear(client: Client, line: str) -> None:
    """The first line is the name; all others are said."""
    if client.name:
        tell_all(f"{client.name}: {line}")
        return
    name = line.strip()
    taken = name.casefold() in {other.name.casefold() for other in clients}
    if taken or not USERNAME.fullmatch(name):
        client.outgoing += b"failed\n"
        client.leaving = True
        return
    client.outgoing += b"ok\n"
    client.name = name
    tell_all(f"* {name} has joined the chat")


def leave(client: Client) -> None:
    """Read nothing more from this client, and tell the others."""
    if client.leaving:
        return
    client.leaving = True
    name, client.name = client.name, ""
    if name:
        tell_all(f"* {name} has left the chat")


def tell_all(line: str) -> None:
    """Put a line out for everyone who has a name."""
    print(line, flush=True)
    for client in clients:
        if client.name:
            client.outgoing += f"{line}\n".encode()


def write(client: Client) -> None:
    """Send what the system takes."""
    try:
        del client.outgoing[: client.connection.send(client.outgoing)]
    except BlockingIOError:
        pass
    except OSError:
        client.outgoing.clear()
        leave(client)


def turn(server: socket.socket) -> None:
    """One turn of the loop: what has happened, then what is wanted next."""
    for key, events in selector.select():
        if key.data is None:
            accept(server)
            continue
        if events & selectors.EVENT_READ:
            read(key.data)
        if events & selectors.EVENT_WRITE:
            write(key.data)
    for client in list(clients):
        if len(client.outgoing) > LET_GO:
            client.outgoing.clear()
            leave(client)
        if client.leaving and not client.outgoing:
            selector.unregister(client.connection)
            client.connection.close()
            clients.remove(client)
        elif (wants := client.wants()) != selector.get_key(client.connection).events:
            selector.modify(client.connection, wants, client)


def port_number(text: str) -> int:
    """Turn an argument into a port."""
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def main() -> None:
    """Listen, and turn until somebody says to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=5050)
    arguments = parser.parse_args()
    assert isinstance(sys.stdout, io.TextIOWrapper), "this is a program on a terminal"
    sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    try:
        server = socket.create_server((arguments.host, arguments.port))
    except OSError as error:
        sys.exit(f"Can't listen: {error.strerror}")
    server.setblocking(False)
    print("listening on {}:{}".format(*server.getsockname()), flush=True)
    selector.register(server, selectors.EVENT_READ)
    while True:
        turn(server)


if __name__ == "__main__":
    main()
