"""Stage 03's server with asyncio: one thread, and an object for each client that is told what happens to it."""

import argparse
import asyncio
import io
import re
import signal
import sys

MAX_LINE = 4096  # bytes, the newline included
MOST_KEPT = 4_000_000  # bytes for one client that does not read; then it is let go
USERNAME = re.compile(r"[\w.-]{1,32}")
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

members: dict[str, "Client"] = {}  # by casefolded name


class Client(asyncio.Protocol):
    """One connection, before and after it has a name."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.name = ""
        self.pending = b""  # the beginning of a line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "TCP's transports read and write"
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            if len(line) >= MAX_LINE:
                self.transport.close()
            if not self.transport.is_closing():
                self.hear(UNSAFE.sub("?", line.decode(errors="replace").removesuffix("\r")))
        if len(self.pending) >= MAX_LINE:
            self.transport.close()

    def hear(self, line: str) -> None:
        """The first line is the name; all others are said."""
        if self.name:
            tell_all(f"{self.name}: {line}")
            return
        name = line.strip()
        if not USERNAME.fullmatch(name) or name.casefold() in members:
            self.transport.write(b"failed\n")
            self.transport.close()
            return
        self.name = name
        self.transport.write(b"ok\n")
        members[name.casefold()] = self
        tell_all(f"* {name} has joined the chat")

    def connection_lost(self, error: Exception | None) -> None:
        if self.name:
            del members[self.name.casefold()]
            tell_all(f"* {self.name} has left the chat")

    def pause_writing(self) -> None:
        self.transport.pause_reading()  # who does not listen is not listened to

    def resume_writing(self) -> None:
        self.transport.resume_reading()


def tell_all(line: str) -> None:
    """Send a line to everyone in the chat."""
    print(line, flush=True)
    for member in list(members.values()):
        member.transport.write(f"{line}\n".encode())
        if member.transport.get_write_buffer_size() > MOST_KEPT:
            member.transport.abort()


async def serve(host: str, port: int) -> None:
    """Serve until the program is asked to end."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked.set))
    try:
        server = await loop.create_server(Client, host, port)
    except OSError as error:
        sys.exit(f"Can't listen on {host}:{port}: {error.strerror}")
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await asked.wait()


def port_number(text: str) -> int:
    """Turn an argument into a port."""
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=5050)
    arguments = parser.parse_args()
    assert isinstance(sys.stdout, io.TextIOWrapper), "this is a program on a terminal"
    sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    asyncio.run(serve(arguments.host, arguments.port))
