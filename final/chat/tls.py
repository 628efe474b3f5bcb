"""TLS: what is said can be read by nobody on its way, and the server is the one that it says it is.

It takes some words to and fro before anybody may say something (the handshake); from then on a TLS connection is a
socket like any other. `TlsSocket` sees to that: where a socket would block it says so as a socket does, so that nobody
who reads or sends has to know what it is. Hands are shaken in the `Lobby`, beside everything else that the loop does.
Whoever is slow at it, silent, or talks nonsense costs the others nothing, and never becomes one of the server's own
connections.

A TLS socket belongs to one thread, which both reads and sends: two that use it at once can crash the program
(python/cpython#143756; openssl/openssl#20446 says that it is meant so).

This module knows nothing of what is said. Whose certificate is trusted is for the system to know, or for whoever names
an authority of their own.
"""

import logging
import os
import socket
import ssl
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import TYPE_CHECKING, Protocol

from .refusal import Reason, Refused
from .transport import prepare

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger("chat")

# The first byte of a handshake (RFC 8446, section 5.1: a record of type 22). No line of the chat begins with it.
HANDSHAKE = 0x16
# How many connections go on with their handshake in one turn. A step can take a millisecond (an RSA key, say): a
# thousand who come at once would keep those who are here waiting for a second.
STEPS_PER_TURN = 20

_PASSWORD = "is protected by a password, which nobody is there to type; take it off"
_IN_THE_CLEAR = Refused(Reason.TLS, "this server wants TLS: write tls:// before its address")
_NOT_TLS = "the server doesn't speak TLS there"


class TlsError(Exception):
    """There is no safe connection to be had. str() is the sentence."""


class TlsSocket(ssl.SSLSocket):
    """A socket with TLS in it, which behaves like one without when it doesn't block.

    Received from, it gives at most one record of TLS (16,384 bytes). Ask for no less: the rest of a record would lie in
    here, where no selector sees it.
    """

    _may_send = True

    def recv(self, buflen: int = 16_384, flags: int = 0) -> bytes:
        """Receive as a socket does. b"" is the end: the other side's word that it is, or that of the connection."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError("nothing whole has come") from None

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Send as much as goes, in as many records as it takes.

        A record that the system has taken a part of stays in here, and can only be followed by its rest. So what wasn't
        sent has to be sent next, as it is; more may have come behind it.
        """
        if not self._may_send:
            raise BrokenPipeError("the sending side is shut down")  # SSLSocket would go on, and not in cipher
        view = memoryview(data)
        sent = 0
        try:
            while sent < len(view):
                sent += super().send(view[sent:], flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not sent:
                raise BlockingIOError("nobody takes it") from None
        return sent

    def shutdown(self, how: int) -> None:
        """Say that this was all, and shut that side down. What comes after it, if anybody wants to know, is cipher."""
        self._may_send = False
        self.setblocking(False)  # nobody waits for the other side to say the same
        try:
            self.unwrap()
        except (OSError, ValueError):  # it is said, and the other side hasn't; or there is no such word any more
            pass
        super().shutdown(how)


def shake(sock: TlsSocket) -> int:
    """Go on with the handshake without waiting. Return what to wait for, as a selector's event; 0: it is done. Raises
    OSError if it has failed."""
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return EVENT_READ
    except ssl.SSLWantWriteError:
        return EVENT_WRITE
    return 0


# --- For a server -----------------------------------------------------------------------------------------------------


class Certificate:
    """A server's certificate and its key, in files that may be replaced while it runs: a certificate is good for some
    weeks, and whatever renews it writes new files."""

    def __init__(self, chain: Path, key: Path | None = None) -> None:
        """`chain` is the certificate and those between it and its authority, in PEM form; the key may be in it, too.
        Raises TlsError."""
        self._chain = chain
        self._key = key or chain
        self._stamp = self._look()
        self.context = self._load()

    def renew(self) -> None:
        """Take what is in the files, if they have been written since. If it can't be used, the old one stays in use."""
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                self.context = self._load()
                logger.info("certificate renewed file=%s", self._chain)
        except TlsError as error:
            logger.warning("certificate not renewed reason=%r", str(error))

    def _look(self) -> tuple[tuple[int, int], ...]:
        try:
            stats = [os.stat(path) for path in (self._chain, self._key)]
        except OSError as error:
            raise TlsError(f"can't read {error.filename}: {_why(error)}") from None
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: not the ones before it
        context.options |= ssl.OP_NO_RENEGOTIATION  # a handshake later on would have reading wait for sending
        context.num_tickets = 0  # who comes again shakes hands anew: it is the token that says who they are
        context.sslsocket_class = TlsSocket
        for path in (self._chain, self._key):
            try:
                path.read_bytes()
            except OSError as error:
                raise TlsError(f"can't read {path}: {_why(error)}") from None
        try:
            context.load_cert_chain(self._chain, self._key, password=self._has_a_password)
        except ssl.SSLError as error:
            raise TlsError(self._what_is_wrong(error)) from None
        return context

    def _has_a_password(self) -> str:
        raise TlsError(f"the key in {self._key} {_PASSWORD}")

    def _what_is_wrong(self, error: ssl.SSLError) -> str:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"the key in {self._key} isn't that of the certificate in {self._chain}"
        if b"-----BEGIN CERTIFICATE-----" not in self._chain.read_bytes():
            return f"there is no certificate in {self._chain}: it has to be in PEM form"
        return f"there is no key in {self._key} that could be that of the certificate: it has to be in PEM form"


class House(Protocol):
    """What the lobby needs of the server."""

    @property
    def selector(self) -> BaseSelector:
        """What the loop waits in."""

    @property
    def free(self) -> int:
        """How many more there can be."""

    def accept(self, sock: socket.socket, address: str, refusal: Refused | None = None) -> None:
        """Take in a connection that can be talked to; with a refusal, only to tell it why it can't stay."""


class Lobby:
    """Where connections are until their hands are shaken."""

    house: House

    def __init__(self, certificate: Certificate, patience: float) -> None:
        self._certificate = certificate
        # In seconds, for the whole handshake.
        self._patience = patience
        # In the order in which they came, which is that in which their time is up.
        self._guests: dict[Guest, None] = {}
        # Which turn of the loop this is, by its time, and how many steps have been made in it.
        self._turn, self._steps = 0.0, 0

    def open(self, house: House) -> None:
        """Lead to this server. Called before the first connection comes."""
        self.house = house

    @property
    def due(self) -> float:
        """When `tick` is to be called, at the latest; inf for never."""
        return next(iter(self._guests)).until if self._guests else inf

    def enter(self, sock: socket.socket, address: str) -> None:
        """Take in a connection that was just accepted."""
        if len(self._guests) >= self.house.free:
            logger.debug("turned away address=%s", address)
            sock.close()  # why can't be said: there is no handshake, and so nothing that it would understand
            return
        prepare(sock)
        self._certificate.renew()
        self._guests[Guest(self, sock, address, time.monotonic() + self._patience)] = None

    def tick(self, now: float) -> None:
        """Let those go whose time is up."""
        while self.due <= now:
            next(iter(self._guests)).leave()

    def close(self) -> None:
        """Let everybody go."""
        for guest in list(self._guests):
            guest.leave()

    # What its guests call

    def may_step(self, guest: "Guest", now: float) -> bool:
        """Whether it is still here, and there is time for one more step in this turn of the loop. If there isn't, the
        selector says in the next one that there is something to be done."""
        if guest not in self._guests:
            return False  # it was let go in this very turn
        if now != self._turn:
            self._turn, self._steps = now, 0
        self._steps += 1
        return self._steps <= STEPS_PER_TURN

    def wrap(self, sock: socket.socket) -> TlsSocket:
        """Make it one that can shake hands. Raises OSError."""
        wrapped = self._certificate.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        assert isinstance(wrapped, TlsSocket), "the context makes no others"
        return wrapped

    def gone(self, guest: "Guest") -> None:
        """Forget it."""
        del self._guests[guest]


class Guest:
    """A connection whose hand isn't shaken yet."""

    def __init__(self, lobby: Lobby, sock: socket.socket, address: str, until: float) -> None:
        self._lobby = lobby
        self._sock = sock
        self._address = address
        self.until = until
        lobby.house.selector.register(sock, EVENT_READ, self)
        # What is to be done when something can be.
        self._go_on: Callable[[], None] = self._look_who_it_is

    def ready(self, events: int, now: float) -> None:
        """Do one step."""
        if self._lobby.may_step(self, now):
            try:
                self._go_on()
            except BlockingIOError:
                pass
            except OSError as error:
                logger.debug("no handshake address=%s reason=%r", self._address, str(error))
                self.leave()

    def leave(self) -> None:
        """Close the connection."""
        self._unwatch()
        self._sock.close()

    def _look_who_it_is(self) -> None:
        """Look at the first byte, without taking it."""
        first = self._sock.recv(1, socket.MSG_PEEK)
        if not first:
            self.leave()
        elif first[0] == HANDSHAKE:
            self._begin()
        else:
            # Somebody who talks in the clear. They can be told what is wrong, in the form that they speak.
            self._unwatch()
            self._lobby.house.accept(self._sock, self._address, _IN_THE_CLEAR)

    def _begin(self) -> None:
        self._lobby.house.selector.unregister(self._sock)
        self._sock = self._lobby.wrap(self._sock)
        self._lobby.house.selector.register(self._sock, EVENT_READ, self)
        self._go_on = self._shake
        self._shake()

    def _shake(self) -> None:
        assert isinstance(self._sock, TlsSocket), "the handshake has begun"
        wanted = shake(self._sock)
        if wanted:
            self._lobby.house.selector.modify(self._sock, wanted, self)
        else:
            self._unwatch()
            self._lobby.house.accept(self._sock, self._address)

    def _unwatch(self) -> None:
        self._lobby.gone(self)
        try:
            self._lobby.house.selector.unregister(self._sock)
        except (KeyError, ValueError):  # a handshake that couldn't begin has left it unwatched, or closed
            pass


# --- For a client -----------------------------------------------------------------------------------------------------


def trust(authority: str = "") -> ssl.SSLContext:
    """Return what a client needs to know whom to trust: whomever the system trusts, and those whose certificates are in
    this file, in PEM form, if one is named. Raises TlsError."""
    context = ssl.create_default_context()
    context.sslsocket_class = TlsSocket
    if authority:
        try:
            context.load_verify_locations(authority)
        except ssl.SSLError:
            raise TlsError(f"there is no certificate in {authority}: it has to be in PEM form") from None
        except OSError as error:
            raise TlsError(f"can't read the certificate of the authority, {authority}: {_why(error)}") from None
    return context


def wrap(context: ssl.SSLContext, sock: socket.socket, host: str) -> TlsSocket:
    """Make a connected socket one that can shake hands with the server of that name. Raises OSError."""
    wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    assert isinstance(wrapped, TlsSocket), "the context makes no others"
    return wrapped


def distrust(error: OSError) -> str:
    """Say in half a sentence why the handshake with a server has failed."""
    match error:
        case ssl.SSLCertVerificationError():
            return _DISTRUST.get(error.verify_code, f"its certificate isn't good: {error.verify_message}")
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE" | "HTTP_REQUEST"):
            return _NOT_TLS
        case ssl.SSLEOFError() | ConnectionError():
            return "it hung up in the middle of the handshake"
    return f"the handshake has failed: {_why(error)}"


_NOBODY = "nobody whom this computer trusts has signed its certificate; --authority names somebody else to trust"
# By the codes of X509_STORE_CTX_get_error (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/).
_DISTRUST = {
    9: "its certificate isn't valid yet; is this computer's clock right?",
    10: "its certificate has expired; or is this computer's clock wrong?",
    18: _NOBODY,
    19: _NOBODY,
    20: _NOBODY,
    21: _NOBODY,
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
