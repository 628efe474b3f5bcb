"""People and a server, so that the tests read like people talking: alice.says("hello"), bob.hears("alice: hello")."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "final" / "server.py"
sys.path.insert(0, str(ROOT / "final"))

# Never what a test waits for, only how long until it says that it waits in vain.
PATIENCE = 15.0


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for the thing itself. (The nap is the resolution of the wait, not its length.)"""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


class Person:
    """One connection, and what it says and hears."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        if tls:
            # An end that wasn't said is an error here, and not b"" as for most.
            self.sock = tls.wrap_socket(self.sock, server_hostname=host, suppress_ragged_eofs=False)
        self.heard = b""

    def sends(self, data: bytes) -> Person:
        """Send bytes as they are."""
        self.sock.sendall(data)
        return self

    def says(self, *lines: str) -> Person:
        """Send lines."""
        return self.sends("".join(f"{line}\n" for line in lines).encode())

    def line(self) -> str:
        """Return the next line, without its newline; "(end)" when the connection has ended in good order."""
        while b"\n" not in self.heard:
            data = self.sock.recv(65536)
            if not data:
                assert not self.heard, f"the connection ended in the middle of a line: {self.heard!r}"
                return "(end)"
            self.heard += data
        line, self.heard = self.heard.split(b"\n", 1)
        return line.decode()

    def hears(self, *lines: str) -> Person:
        """Expect exactly these lines next."""
        for line in lines:
            got = self.line()
            assert got == line, f"heard {got!r} where {line!r} was expected"
        return self

    def hears_until(self, line: str) -> list[str]:
        """Return what comes before this line."""
        before: list[str] = []
        while (got := self.line()) != line:
            assert got != "(end)", f"the connection ended before {line!r}; heard {before[-20:]}"
            before.append(got)
        return before

    def joins(self, name: str) -> Person:
        """Give a name, and be in."""
        self.says(name).hears("ok")
        self.hears_until(f"* {name} has joined the chat")
        return self

    def resets(self) -> None:
        """Break the connection off."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def leaves(self) -> None:
        """Close the connection."""
        self.sock.close()


class ServerProcess:
    """The server as its user runs it: a process, its first line, and what it says on standard error."""

    def __init__(self, *flags: str, host: str = "127.0.0.1", launcher: Path = LAUNCHER) -> None:
        command = [sys.executable, str(launcher), "--host", host, "--port", "0", *flags]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": ""}
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.errors = b""
        self.died = False  # it was killed, and has no exit status to be proud of
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self.host = host
        self.people: list[Person] = []
        first = self.process.stdout.readline().decode()
        if not first.startswith("listening on "):
            self.process.wait(PATIENCE)
            self._reader.join(PATIENCE)
            raise AssertionError(f"the first line was {first!r}; on standard error: {self.errors.decode()}")
        self.port = int(first.rpartition(":")[2])
        self.first_line = first

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        while piece := os.read(self.process.stderr.fileno(), 65536):
            self.errors += piece

    def comes(self, name: str | None = None, **how: Any) -> Person:
        """Let somebody connect, and join if there is a name."""
        person = Person(self.port, **{"host": self.host, **how})
        self.people.append(person)
        return person.joins(name) if name else person

    def stops(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def cleanup(self) -> None:
        """End it, whatever state it is in, and see that it never showed a traceback."""
        for person in self.people:
            person.sock.close()
        status = self.process.poll()
        if status is None:
            status = self.stops()
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        assert b"Traceback" not in self.errors, self.errors.decode()
        assert self.died or status == 0, f"exit status {status}: {self.errors.decode()}"


@pytest.fixture
def serve() -> Iterator[Callable[..., ServerProcess]]:
    """Start servers with flags; they are ended, and searched for tracebacks, when the test is over."""
    with contextlib.ExitStack() as stack:

        def start(*flags: str, **how: Any) -> ServerProcess:
            server = ServerProcess(*flags, **how)
            stack.callback(server.cleanup)
            return server

        yield start


@pytest.fixture
def server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """A server with its defaults."""
    return serve()


class Papers(NamedTuple):
    """An authority, and what it has vouched for, in files."""

    authority: trustme.CA
    certificate: Path
    key: Path

    @property
    def flags(self) -> tuple[str, ...]:
        """With these a server speaks TLS."""
        return ("--certificate", str(self.certificate), "--key", str(self.key))

    @property
    def client(self) -> ssl.SSLContext:
        """What a client needs that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context

    def renew(self, authority: trustme.CA) -> None:
        """Write other files in the place of these, as whatever renews certificates does."""
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(str(self.key))
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    """A certificate for 127.0.0.1, made for this test alone."""
    authority = trustme.CA()
    papers = Papers(authority, tmp_path / "certificate.pem", tmp_path / "key.pem")
    papers.renew(authority)
    return papers
