"""The client with TLS: it talks to whom it can trust, and says in a sentence why it doesn't to others."""

import contextlib
import datetime
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from chat.client import connection as connecting
from chat.client.connection import Connection
from chat.client.events import Came, Event, Lost, Refused, Said, Trying, Welcome
from chat.protocol import Say

from .chatting import PATIENCE, Papers, ServerProcess

LONG_AGO = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)

Serve = Callable[..., ServerProcess]
E = TypeVar("E", bound=Event)


class Alice:
    """Somebody with the client's connection, and what happens to her."""

    def __init__(self, port: int, authority: Path | str = "", host: str = "127.0.0.1", **how: Any) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        how = {"tls": True, "authority": str(authority), **how}
        self.connection = Connection(host, port, "alice", self.events.put, **how)
        self.connection.start()

    def sees(self, kind: type[E]) -> E:
        """Wait for the next event of this kind."""
        while True:
            event = self.events.get(timeout=PATIENCE)
            if isinstance(event, kind):
                return event
            assert not isinstance(event, Lost), event

    def is_told(self) -> str:
        """Wait until she is outside again; return why."""
        lost = self.sees(Lost)
        assert lost.again_in is None
        return lost.sentence

    def ends(self) -> None:
        """Hang up; which takes no time, whatever the server does."""
        self.connection.end()
        self.connection.wait(PATIENCE)
        assert not any(thread.name == "connection" for thread in threading.enumerate())


@pytest.fixture
def meet() -> Iterator[Callable[..., Alice]]:
    """Have Alice connect; she hangs up when the test is over."""
    people: list[Alice] = []

    def come(*where: Any, **how: Any) -> Alice:
        people.append(Alice(*where, **how))
        return people[-1]

    yield come
    for alice in people:
        alice.ends()


Meet = Callable[..., Alice]


@pytest.fixture
def authority(papers: Papers, tmp_path: Path) -> Path:
    """The certificate of the test's authority."""
    path = tmp_path / "authority.pem"
    papers.authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def safe(serve: Serve, papers: Papers) -> ServerProcess:
    """A server that speaks TLS."""
    return serve(*papers.flags)


def test_the_way_in(safe: ServerProcess, papers: Papers, authority: Path, meet: Meet) -> None:
    """To a server for which the authority vouches; and what is said gets there."""
    bob = safe.comes("bob", tls=papers.client)
    alice = meet(safe.port, authority)
    alice.sees(Welcome)
    bob.hears("* alice has joined the chat")
    alice.connection.request(Say("hello " + "é" * 1900, "a-1"))
    assert alice.sees(Said).id == "a-1"
    bob.hears("alice: hello " + "é" * 1900).says(*map(str, range(3000)))
    for number in range(3000):
        assert alice.sees(Said).text == str(number)
    alice.connection.end()
    bob.hears_until("* alice has left the chat")


def test_the_way_back(
    safe: ServerProcess, papers: Papers, authority: Path, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection is made again, as safe as it was; what was said meanwhile comes."""
    monkeypatch.setattr(connecting, "FIRST_DELAY", 0.001)
    bob = safe.comes("bob", tls=papers.client)
    with Wire(safe.port) as wire:
        alice = meet(wire.port, authority)
        alice.sees(Came)
        wire.cut()
        assert alice.sees(Lost).again_in is not None
        bob.hears_until("* alice has left the chat")
        bob.says("are you there?")
        alice.sees(Trying)
        assert alice.sees(Welcome).resumed
        assert alice.sees(Said).text == "are you there?"
        alice.connection.end()


def test_a_server_that_nobody_vouches_for(safe: ServerProcess, papers: Papers, meet: Meet) -> None:
    """It may be anybody."""
    assert meet(safe.port).is_told() == (
        f"No safe connection to 127.0.0.1:{safe.port}: nobody whom this computer trusts has signed its certificate; "
        "--authority names somebody else to trust."
    )


def test_a_server_under_another_name(safe: ServerProcess, authority: Path, meet: Meet) -> None:
    """Whoever stands in for it has a certificate too, but not for this name."""
    assert meet(safe.port, authority, host="localhost").is_told().endswith("its certificate is for another name.")


def test_a_server_at_another_address(serve: Serve, papers: Papers, authority: Path, meet: Meet) -> None:
    """The same for an address."""
    issued = papers.authority.issue_cert("chat.example.org")
    issued.private_key_pem.write_to_path(str(papers.key))
    papers.certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    server = serve(*papers.flags)
    assert meet(server.port, authority).is_told().endswith("its certificate is for another address.")


def test_a_certificate_that_has_expired(serve: Serve, papers: Papers, authority: Path, meet: Meet) -> None:
    """Or the clock is wrong: both happen."""
    expired = papers.authority.issue_cert("127.0.0.1", not_after=LONG_AGO)
    expired.private_key_pem.write_to_path(str(papers.key))
    papers.certificate.write_bytes(expired.cert_chain_pems[0].bytes())
    server = serve(*papers.flags)
    assert "its certificate has expired" in meet(server.port, authority).is_told()


def test_a_server_without_tls(server: ServerProcess, authority: Path, meet: Meet) -> None:
    """It says so, and nothing was said in the clear."""
    assert meet(server.port, authority).is_told().endswith("the server doesn't speak TLS there.")


def test_a_server_that_wants_tls(safe: ServerProcess, meet: Meet) -> None:
    """The other way round: the server's own sentence says what to do."""
    refused = meet(safe.port, tls=False).sees(Refused)
    assert (refused.reason, refused.sentence) == ("tls", "this server wants TLS: write tls:// before its address")


def test_an_authority_that_is_not_there(safe: ServerProcess, tmp_path: Path, meet: Meet) -> None:
    """The file has gone since it was named."""
    assert "can't read the certificate of the authority" in meet(safe.port, tmp_path / "gone.pem").is_told()


def test_an_authority_that_is_no_certificate(safe: ServerProcess, papers: Papers, meet: Meet) -> None:
    """The wrong file: a key, say."""
    assert (
        meet(safe.port, papers.key)
        .is_told()
        .endswith(f"there is no certificate in {papers.key}: it has to be in PEM form.")
    )


def test_a_server_that_hangs_up_in_the_handshake(authority: Path, meet: Meet) -> None:
    """Or a network that does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        alice = meet(listener.getsockname()[1], authority)
        sock, _ = listener.accept()
        sock.recv(65536)
        sock.close()
        assert alice.is_told().endswith("it hung up in the middle of the handshake.")


def test_a_server_that_never_shakes_hands(authority: Path, meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends, as with one that never answers."""
    monkeypatch.setattr(connecting, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        alice = meet(listener.getsockname()[1], authority)
        assert alice.is_told().endswith("there is no answer.")


def test_to_end_in_the_middle_of_a_handshake_waits_for_nothing(
    authority: Path, meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes the window doesn't wait for a server that never shakes hands."""
    monkeypatch.setattr(connecting, "PATIENCE", 1000.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        alice = meet(listener.getsockname()[1], authority)
        sock, _ = listener.accept()
        with sock:
            assert sock.recv(1)
            alice.ends()


# --- What the above is made of ----------------------------------------------------------------------------------------


class Wire:
    """A wire to a server, which can be cut; who connects after that is connected again."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # Those that aren't cut yet, and all.
        self._ends: list[socket.socket] = []
        self._all: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Wire":
        self._listener.settimeout(0.02)  # to look whether it is closed: on some systems closing wakes nobody
        self._start(self._accept)
        return self

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        while self._listener.fileno() >= 0:
            with contextlib.suppress(OSError):  # nobody came, or it is closed
                client, _ = self._listener.accept()
                client.settimeout(PATIENCE)
                server = socket.create_connection(("127.0.0.1", self._to), PATIENCE)
                self._ends += [client, server]
                self._all += [client, server]
                self._start(self._pass_on, client, server)
                self._start(self._pass_on, server, client)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # cut

    def cut(self) -> None:
        """End every connection there is, without TLS's word for it."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):  # it may have ended by itself
                end.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self._threads[0].join(PATIENCE)
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in self._all:
            end.close()
