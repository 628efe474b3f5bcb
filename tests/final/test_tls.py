"""TLS from outside: the same chat, which nobody on the way can read, and in which nobody slow holds up anybody."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest
import trustme
from chat.refusal import Refused
from chat.tls import Certificate, Lobby, shake, trust, wrap

from .chatting import LAUNCHER, PATIENCE, Papers, Person, ServerProcess, wait_until

Serve = Callable[..., ServerProcess]


@pytest.fixture
def safe(serve: Serve, papers: Papers) -> ServerProcess:
    """A server that speaks TLS, and is otherwise as usual."""
    return serve(*papers.flags)


# --- The same chat ----------------------------------------------------------------------------------------------------


def test_people_talk_in_both_forms(safe: ServerProcess, papers: Papers) -> None:
    """It is the chat that it is without TLS."""
    alice = safe.comes("alice", tls=papers.client)
    bob = safe.comes(tls=papers.client).says(json.dumps({"type": "join", "name": "bob"}))
    assert json.loads(bob.line())["type"] == "welcome"
    alice.hears("* bob has joined the chat").says("hello, bob").hears("alice: hello, bob")
    while (said := json.loads(bob.line()))["type"] != "said":
        pass
    assert said["text"] == "hello, bob"
    bob.says(json.dumps({"type": "whisper", "to": "alice", "text": "psst"}))
    alice.hears("* bob whispers to alice: psst")


def test_nobody_on_the_way_can_read_it(safe: ServerProcess, papers: Papers) -> None:
    """What crosses the wire has none of the words in it."""
    with Tapped(safe.port) as tap:
        alice = Person(tap.port, tls=papers.client).joins("alice")
        alice.says("the launch code is 0000").hears("alice: the launch code is 0000")
        alice.leaves()
    assert len(tap.seen) > 500
    assert b"alice" not in tap.seen
    assert b"0000" not in tap.seen


def test_a_paste_of_many_records_is_said_whole(safe: ServerProcess, papers: Papers) -> None:
    """Also when more has come than one record holds: nothing is left lying where no selector looks."""
    alice = safe.comes("alice", tls=papers.client)
    lines = [f"{number} " + "x" * 200 for number in range(500)]
    alice.says(*lines)
    alice.hears(*(f"alice: {line}" for line in lines))


def test_a_handshake_and_talk_by_the_byte(safe: ServerProcess, papers: Papers) -> None:
    """Wherever the network cuts it."""
    slow = ByTheByte(safe.port, papers.client)
    slow.sends(b"alice\n")
    assert slow.receives(b"ok\n* alice has joined the chat\n")
    slow.sends("caf\u00e9\n".encode())
    assert slow.receives("alice: caf\u00e9\n".encode())
    slow.close()


def test_a_client_that_has_said_its_last_word_hears_what_is_left(safe: ServerProcess, papers: Papers) -> None:
    """One side of a connection may end before the other."""
    alice = ByTheByte(safe.port, papers.client)
    alice.sends(b"alice\nhello\n", and_ends=True)
    assert alice.receives(b"ok\n* alice has joined the chat\n")
    alice.close()


def test_whoever_comes_back_is_the_same(safe: ServerProcess, papers: Papers) -> None:
    """A connection that is reset leaves its owner a way back."""
    alice = safe.comes(tls=papers.client).says(json.dumps({"type": "join", "name": "alice"}))
    token = json.loads(alice.line())["token"]
    alice.resets()
    again = safe.comes(tls=papers.client).says(
        json.dumps({"type": "join", "name": "alice", "token": token, "since": 1})
    )
    assert json.loads(again.line())["resumed"] is True


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_end_is_said_to_be_one(safe: ServerProcess, papers: Papers, ending: int) -> None:
    """The goodbye arrives, and then TLS's own: whoever cuts a connection off can't pass for it."""
    alice = safe.comes("alice", tls=papers.client)
    assert safe.stops(ending) == 0
    alice.hears_until("(end)")


# --- Those who aren't safe --------------------------------------------------------------------------------------------


def test_who_talks_in_the_clear_is_told_what_to_do(safe: ServerProcess, papers: Papers) -> None:
    """In the form that they speak; and nobody hears what they say."""
    alice = safe.comes("alice", tls=papers.client)
    safe.comes().says("bob", "does anybody hear me?").hears("failed", "(end)")
    rich = safe.comes().says(json.dumps({"type": "join", "name": "bob"}))
    answer = json.loads(rich.line())
    assert (answer["type"], answer["reason"]) == ("failed", "tls")
    assert "tls://" in answer["text"]
    rich.hears("(end)")
    alice.says("nobody").hears("alice: nobody")


def test_a_server_without_tls_says_so_at_once(serve: Serve, papers: Papers) -> None:
    """It doesn't wait for a newline from somebody who waits for a handshake."""
    server = serve("--name-time", "1000")
    server.comes().sends(b"\x16\x03\x01\x02\x00\x01").hears("failed", "(end)")
    with pytest.raises(ssl.SSLError):
        server.comes(tls=papers.client)
    server.comes("alice")


def test_an_old_tls_is_refused(safe: ServerProcess, papers: Papers) -> None:
    """Before 1.2 it isn't safe any more (RFC 8996)."""
    context = papers.client
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        safe.comes(tls=context)
    safe.comes("alice", tls=papers.client)


# --- Nobody waits for anybody -----------------------------------------------------------------------------------------


def test_who_is_silent_at_the_door_holds_up_nobody(serve: Serve, papers: Papers) -> None:
    """Neither before the handshake nor in its middle; and is let go when the time for it is up."""
    server = serve(*papers.flags, "--name-time", "1.5")
    silent = [server.comes() for _ in range(20)]
    for person in silent[:10]:
        person.sends(hello(papers)[:100])
    server.comes("alice", tls=papers.client).says("hello").hears("alice: hello")
    for person in silent:
        person.hears("(end)")


def test_who_breaks_a_handshake_off_is_forgotten(serve: Serve, papers: Papers) -> None:
    """However it is broken off, nothing of it stays: there is room for the next ones."""
    server = serve(*papers.flags, "--max-clients", "3", "--name-time", "1000", "--max-per-address", "0")
    for number in range(60):
        for beginning in (b"", hello(papers)[: number * 4 + 1], b"\x16\x03\x01\x00\x04junk" + os.urandom(50)):
            person = server.comes().sends(beginning)
            person.resets() if number % 2 else person.leaves()
    for name in ("alice", "bob", "carol"):
        server.comes(name, tls=papers.client)


def test_a_room_full_of_handshakes_takes_no_more(serve: Serve, papers: Papers) -> None:
    """What is kept for those at the door is bounded; when they go, others can come."""
    server = serve(*papers.flags, "--max-clients", "1", "--name-time", "1000", "--max-per-address", "0")
    waiting = [server.comes() for _ in range(101)]  # one, and the 100 who may hear that there is no room
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on what the system was doing
        server.comes(tls=papers.client)
    waiting[0].leaves()
    wait_until(lambda: can_come(server, papers), "a place at the door")


def can_come(server: ServerProcess, papers: Papers) -> bool:
    with contextlib.suppress(OSError):
        server.comes("alice", tls=papers.client)
        return True
    return False


def test_many_who_come_at_once_all_come_in(safe: ServerProcess, papers: Papers) -> None:
    """More than the loop shakes hands with in one turn."""
    names = [f"guest{number}" for number in range(70)]
    barrier = threading.Barrier(len(names))
    people: list[Person] = []

    def come(name: str) -> None:
        barrier.wait(PATIENCE)
        people.append(safe.comes(tls=papers.client).says(name).hears("ok"))

    threads = [threading.Thread(target=come, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(people) == len(names)
    late = safe.comes("late", tls=papers.client).says("is everybody here?")
    for person in (*people, late):
        person.hears_until("late: is everybody here?")


def test_who_stops_reading_holds_up_nobody_and_misses_nothing(safe: ServerProcess, papers: Papers) -> None:
    """A record that the system has taken a part of is followed by its rest, and not by another beginning."""
    slow = safe.comes("slow", tls=papers.client, receive_buffer=4096)
    alice = safe.comes("alice", tls=papers.client)
    slow.hears("* alice has joined the chat")
    lines = [f"{number} " + "é" * 1000 for number in range(3000)]  # 6 MB: more than all the buffers on the way
    for start in range(0, len(lines), 100):
        some = lines[start : start + 100]
        alice.says(*some).hears(*(f"alice: {line}" for line in some))
    slow.hears(*(f"alice: {line}" for line in lines))
    slow.says("all of it").hears("slow: all of it")
    alice.hears("slow: all of it")


def test_a_tls_socket_behaves_like_one_without(papers: Papers, tmp_path: Path) -> None:
    """It says that it would block as they do, goes on where it stopped, and has an end."""
    papers.authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    server = Lobby(Certificate(papers.certificate, papers.key), 10.0).wrap(one)
    client = wrap(trust(str(tmp_path / "authority.pem")), other, "127.0.0.1")
    with server, client:
        while shake(client) | shake(server):
            pass
        with pytest.raises(BlockingIOError):
            server.recv(16_384)
        data = os.urandom(3_000_000)
        sent = sends_until_it_would_block(server, data)
        got = b""
        while len(got) < len(data):
            with contextlib.suppress(BlockingIOError):
                got += client.recv(16_384)
                sent += server.send(data[sent:])
        assert got == data
        server.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError):
            server.send(b"in the clear")
        assert client.recv(16_384) == b""


def sends_until_it_would_block(sock: socket.socket, data: bytes) -> int:
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while some := sock.send(data[sent:]):
            sent += some
        pytest.fail("it would block, and doesn't say so")
    return sent


class House:
    """A server's part, as far as a lobby needs it."""

    free = 10

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()

    def accept(self, sock: socket.socket, address: str, refusal: Refused | None = None) -> None:
        raise AssertionError("nobody's hand is shaken here")


def test_who_is_let_go_in_the_turn_in_which_they_speak_is_gone(papers: Papers) -> None:
    """The selector has found both, and one after the other is looked at: the server may end in between."""
    lobby = Lobby(Certificate(papers.certificate, papers.key), 10.0)
    house = House()
    lobby.open(house)
    client, server = socket.socketpair()
    with client, house.selector:
        lobby.enter(server, "address")
        client.sendall(hello(papers))
        [(key, events)] = house.selector.select(PATIENCE)
        lobby.close()
        key.data.ready(events, 1.0)
    assert server.fileno() == -1
    assert lobby.due == inf


# --- Certificates -----------------------------------------------------------------------------------------------------


def test_a_renewed_certificate_is_taken(safe: ServerProcess, papers: Papers) -> None:
    """Without a restart; those who are here stay."""
    alice = safe.comes("alice", tls=papers.client)
    other = trustme.CA()
    papers.renew(other)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    other.configure_trust(context)
    safe.comes("bob", tls=context)
    alice.hears("* bob has joined the chat")
    with pytest.raises(ssl.SSLCertVerificationError):
        safe.comes(tls=papers.client)
    assert b"certificate renewed" in safe.errors


def test_a_certificate_that_is_no_good_is_not_taken(safe: ServerProcess, papers: Papers) -> None:
    """It may be half written. The old one stays in use until the new one can be."""
    good = papers.certificate.read_bytes()
    papers.certificate.write_bytes(good[: len(good) // 2])
    safe.comes("alice", tls=papers.client)
    papers.certificate.unlink()
    safe.comes("bob", tls=papers.client)
    assert safe.errors.count(b"certificate not renewed") == 2


def test_certificate_and_key_may_be_in_one_file(serve: Serve, papers: Papers) -> None:
    """As some make them."""
    with papers.certificate.open("ab") as file:
        file.write(papers.key.read_bytes())
    server = serve("--certificate", str(papers.certificate))
    server.comes("alice", tls=papers.client)


def without_certificate(papers: Papers) -> list[str]:
    papers.certificate.unlink()
    return list(papers.flags)


def with_another_key(papers: Papers) -> list[str]:
    papers.authority.issue_cert("elsewhere").private_key_pem.write_to_path(str(papers.key))
    return list(papers.flags)


def with_no_key(papers: Papers) -> list[str]:
    return ["--certificate", str(papers.certificate)]


def with_no_pem(papers: Papers) -> list[str]:
    papers.certificate.write_text("a certificate")
    return list(papers.flags)


def with_a_password(papers: Papers) -> list[str]:
    shutil.copy(papers.key, papers.key.with_suffix(".plain"))
    locked = subprocess.run([sys.executable, "-c", _LOCK, str(papers.key)], capture_output=True, check=True).stdout
    papers.key.write_bytes(locked)
    return list(papers.flags)


_LOCK = """
import sys
from cryptography.hazmat.primitives import serialization as s
key = s.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
sys.stdout.buffer.write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"secret")))
"""


def key_alone(papers: Papers) -> list[str]:
    return ["--key", str(papers.key)]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (without_certificate, "can't read {certificate}: no such file or directory"),
        (with_another_key, "the key in {key} isn't that of the certificate in {certificate}"),
        (with_no_key, "there is no key in {certificate}"),
        (with_no_pem, "there is no certificate in {certificate}: it has to be in PEM form"),
        (with_a_password, "the key in {key} is protected by a password"),
        (key_alone, "--key needs a --certificate that it belongs to"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_a_sentence(
    papers: Papers, how: Callable[[Papers], list[str]], says: str
) -> None:
    """One line, and exit status 1."""
    flags = how(papers)
    command = [sys.executable, str(LAUNCHER), "--port", "0", *flags]
    nobody = subprocess.DEVNULL  # to type a password
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE, stdin=nobody)
    assert done.returncode == 1
    assert done.stderr.startswith(says.format(certificate=papers.certificate, key=papers.key))
    assert done.stderr.count("\n") == 1


# --- What the above is made of ----------------------------------------------------------------------------------------


def hello(papers: Papers) -> bytes:
    """How a client begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        papers.client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


class ByTheByte:
    """A client whose every byte travels alone."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        while not self._shaken():
            self._incoming.write(self._sock.recv(1))

    def _shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def _flush(self) -> None:
        for byte in self._outgoing.read():
            self._sock.sendall(bytes([byte]))

    def sends(self, data: bytes, and_ends: bool = False) -> None:
        """Send it; and perhaps say that this was all."""
        self._tls.write(data)
        if and_ends:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        self._flush()
        if and_ends:
            self._sock.shutdown(socket.SHUT_WR)

    def receives(self, wanted: bytes) -> bool:
        """Wait for these bytes."""
        got = b""
        while wanted not in got:
            try:
                got += self._tls.read(65536)
            except ssl.SSLWantReadError:
                byte = self._sock.recv(1)
                assert byte, f"the connection ended after {got!r}"
                self._incoming.write(byte)
        return True

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


class Tapped:
    """A wire to a server on which somebody listens."""

    def __init__(self, port: int) -> None:
        self.seen = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Tapped":
        self._threads.append(threading.Thread(target=self._listen))
        self._threads[0].start()
        return self

    def _listen(self) -> None:
        client, _ = self._listener.accept()
        with client:
            back = threading.Thread(target=self._pass_on, args=(self._server, client))
            back.start()
            self._pass_on(client, self._server)
            back.join(PATIENCE)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.seen += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def __exit__(self, *error: object) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
        self._server.close()
        self._listener.close()
