"""A load generator in Python: how fast is what one says delivered to many?

    python bench/fanout.py --port 5050 --listeners 1000                 as fast as it goes: deliveries a second
    python bench/fanout.py --port 5050 --listeners 1000 --rate 50       at 50 messages a second: latency
    python bench/fanout.py --port 5050 --listeners 1000 --joins         all join at once: until every notice is there

The server is to be started with --max-clients 20000 --max-per-address 0 --rate 0 --backlog 0. For Redis: --redis. For a
server that speaks TLS: --authority FILE.

Like fan.c, which is faster and needs a compiler: a window of messages is on its way at a time; a delivery is counted
when its marker arrives. One thread, one selector; a listener costs one recv and one count for all that has arrived.
"""

import argparse
import selectors
import socket
import ssl
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

MARKER = b"~"
# Received into, over and over: a fresh buffer for each recv would cost more than the recv.
_BUFFER = bytearray(262_144)


def count_in(sock: Any, marker: bytes) -> int:
    """Receive what has arrived; return how many markers are in it."""
    try:
        received = sock.recv_into(_BUFFER)
    except ssl.SSLWantReadError:
        return 0  # a part of a record, of which nothing can be read yet
    if not received:
        raise SystemExit("the server closed a connection: is a limit in the way?")
    return _BUFFER.count(marker, 0, received)


@dataclass
class Crowd:
    """Everybody who is connected: listeners, and one who speaks (the last)."""

    port: int
    redis: bool
    tls: ssl.SSLContext | None = None
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    socks: list[socket.socket] = field(default_factory=list)

    def connect(self, count: int) -> None:
        """Open the connections."""
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", self.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_hostname="127.0.0.1")
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
            self.socks.append(sock)

    def join(self) -> None:
        """Let everybody in, a few at a time, reading all the while."""
        for number, sock in enumerate(self.socks):
            sock.send(b"SUBSCRIBE c\r\n" if self.redis else f"user{number}\n".encode())
            if number % 100 == 99:
                self.read_until_quiet(0.02)
        if self.redis:
            self.replace_speaker()
        self.read_until_quiet(0.5)

    def replace_speaker(self) -> None:
        """With Redis whoever subscribes can't publish on the same connection."""
        sock = self.socks.pop()
        self.selector.unregister(sock)
        sock.close()
        self.connect(1)

    def read_until_quiet(self, seconds: float) -> None:
        """Read and throw away."""
        while events := self.selector.select(seconds):
            for key, _ in events:
                count_in(key.fileobj, MARKER)

    def message(self, size: int, number: int) -> bytes:
        """One message of so many bytes, with its marker and number."""
        text = (MARKER + f"{number:08}".encode()).ljust(size, b"x")
        return b"PUBLISH c " + text + b"\r\n" if self.redis else text + b"\n"


def saturate(crowd: Crowd, messages: int, size: int, window: int) -> float:
    """Keep a window of messages on its way; return deliveries a second."""
    speaker, listeners = crowd.socks[-1], len(crowd.socks) - 1
    speaker.setblocking(True)
    sent = delivered = 0
    began = time.perf_counter()
    while delivered < messages * listeners:
        free = min(messages, delivered // listeners + window) - sent
        if free > 0:
            speaker.sendall(b"".join(crowd.message(size, number) for number in range(sent, sent + free)))
            sent += free
        for key, _ in crowd.selector.select():
            markers = count_in(key.fileobj, MARKER)
            if key.fileobj is not speaker:
                delivered += markers
    return delivered / (time.perf_counter() - began)


def pace(crowd: Crowd, messages: int, size: int, rate: float) -> list[float]:
    """Send so many messages a second; return every delivery's latency in milliseconds."""
    speaker, listeners = crowd.socks[-1], len(crowd.socks) - 1
    sent_at: list[float] = []
    # How many messages each listener has heard: deliveries come in order, so the next marker is of the next message.
    heard: dict[object, int] = dict.fromkeys(crowd.socks, 0)
    latencies: list[float] = []
    began = time.perf_counter()
    while len(latencies) < messages * listeners:
        now = time.perf_counter()
        if len(sent_at) < messages and now - began >= len(sent_at) / rate:
            sent_at.append(now)
            speaker.send(crowd.message(size, len(sent_at)))
        for key, _ in crowd.selector.select(0):
            count = count_in(key.fileobj, MARKER)
            if key.fileobj is not speaker:
                now, first = time.perf_counter(), heard[key.fileobj]
                latencies += [(now - at) * 1000 for at in sent_at[first : first + count]]
                heard[key.fileobj] = first + count
    return latencies


def join_at_once(crowd: Crowd) -> float:
    """Give all names in one go; return the seconds until every notice has reached everybody who was in."""
    count = len(crowd.socks)
    missing = count * (count + 1) // 2
    began = time.perf_counter()
    for number, sock in enumerate(crowd.socks):
        sock.send(f"user{number}\n".encode())
    while missing > 0:
        for key, _ in crowd.selector.select():
            missing -= count_in(key.fileobj, b"*")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast is what one says delivered to many?")
    parser.add_argument("--port", type=int, default=5050)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--messages", type=int, default=0, help="default: enough for some seconds")
    parser.add_argument("--size", type=int, default=64, help="bytes of a message")
    parser.add_argument("--window", type=int, default=64, help="messages on their way at a time")
    parser.add_argument("--rate", type=float, default=0, help="messages a second; 0 is as fast as it goes")
    parser.add_argument("--joins", action="store_true", help="measure how fast all join at once")
    parser.add_argument("--redis", action="store_true", help="the server is redis-server")
    parser.add_argument("--authority", help="the server speaks TLS, with a certificate that this authority has signed")
    options = parser.parse_args()
    tls = ssl.create_default_context(cafile=options.authority) if options.authority else None
    crowd = Crowd(options.port, options.redis, tls)
    crowd.connect(options.listeners + (not options.joins))
    if options.joins:
        print(f"joins={options.listeners} seconds={join_at_once(crowd):.3f}")
        return
    crowd.join()
    if options.rate:
        found = sorted(pace(crowd, options.messages or int(4 * options.rate), options.size, options.rate))
        p99 = found[int(len(found) * 0.99)]
        print(f"listeners={options.listeners} p50_ms={statistics.median(found):.3f} p99_ms={p99:.3f}")
    else:
        messages = options.messages or 10_000_000 // options.listeners
        speed = saturate(crowd, messages, options.size, options.window)
        print(f"listeners={options.listeners} deliveries_per_second={speed:.0f}")


if __name__ == "__main__":
    main()
