"""What TLS costs the server: the same talk with and without it, in turn in one run.

    python bench/tls.py [--rounds 5] [--listeners 10 100 1000]
    python bench/tls.py --storm        a thousand hold out their hands at once: how long does somebody wait who is in?

The load comes from fanout.py, which does TLS as well, and so takes more time than the server: what is compared is the
server's processor time and memory, and not how fast it goes. One line is said at a time. Of several, those that come
together would be sent in one piece, and how many these are would depend on the load.

With TLS every listener has a key of their own, so that what is said to a thousand is enciphered a thousand times: that,
and the handshakes, is what there is to pay.
"""

import argparse
import contextlib
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import trustme
from compare import FLAGS, HERE, Contestant, found, seconds_used

SERVER = str(HERE.parent / "final" / "server.py")


class Cost(NamedTuple):
    """Of one run: seconds of processor time for everybody to come in, and for what was said; bytes of memory."""

    coming: float
    talk: float
    memory: int


def run(contestant: Contestant, authority: list[str], listeners: int, messages: int) -> Cost:
    """Have everybody come in, and once more with something said: the difference is what that costs."""
    coming, _ = measure(contestant, authority, listeners, 1)
    everything, memory = measure(contestant, authority, listeners, messages)
    return Cost(coming, everything - coming, memory)


def measure(contestant: Contestant, authority: list[str], listeners: int, messages: int) -> tuple[float, int]:
    """Return the server's processor time in seconds, from its start, and its memory in bytes."""
    with contestant.running() as (port, process):
        before = seconds_used(process)
        flags = [
            "--window",
            "1",
            "--port",
            str(port),
            "--listeners",
            str(listeners),
            "--messages",
            str(messages),
            *authority,
        ]
        done = subprocess.run(
            [sys.executable, str(HERE / "fanout.py"), *flags], capture_output=True, text=True, check=True
        )
        assert found("deliveries_per_second", done.stdout)
        return seconds_used(process) - before, process.memory_info().rss


def certify(folder: Path) -> tuple[list[str], list[str]]:
    """Make a certificate; return the flags by which a server has it, and by which the load trusts it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return ["--certificate", str(folder / "server.pem")], ["--authority", str(folder / "authority.pem")]


def first_words() -> bytes:
    """Return what a client says first in a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    return outgoing.read()


def storm(contestant: Contestant, authority: str, strangers: int = 1000, lines: int = 600) -> list[float]:
    """Say a line every few milliseconds, while so many begin a handshake; return how long each took to come back, in
    milliseconds, in order of size."""
    context = ssl.create_default_context(cafile=authority)
    hello = first_words()
    took = []
    with contestant.running() as (port, _), contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port)
        sock = stack.enter_context(socket.create_connection(address))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        alice = stack.enter_context(context.wrap_socket(sock, server_hostname=address[0]))
        alice.sendall(b"alice\n")
        stream = alice.makefile("rb")
        crowd = [stack.enter_context(socket.create_connection(address)) for _ in range(strangers)]
        for number in range(lines):
            if number == lines // 4:
                for stranger in crowd:
                    stranger.sendall(hello)
            began = time.perf_counter()
            alice.sendall(b"%d\n" % number)
            while stream.readline() != b"alice: %d\n" % number:
                pass
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(0.005)
        stream.close()
    return sorted(took)


def main() -> None:
    parser = argparse.ArgumentParser(description="What TLS costs the server.")
    parser.add_argument("--storm", action="store_true", help="a thousand handshakes at once, beside somebody who talks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--listeners", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--deliveries", type=int, default=400_000, help="in each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        certificate, authority = certify(Path(folder))
        plain = Contestant("chat", lambda port: [sys.executable, SERVER, "--port", str(port), *FLAGS])
        safe = Contestant("tls", lambda port: [*plain.command(port), *certificate])
        for _ in range(options.rounds if options.storm else 0):
            took = storm(safe, authority[1])
            print(f"| storm | median {statistics.median(took):.2f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms, "
                  f"longest {took[-1]:.1f} ms |", flush=True)  # fmt: skip
        for listeners in options.listeners if not options.storm else ():
            messages = options.deliveries // listeners
            pairs = [
                (run(plain, [], listeners, messages), run(safe, authority, listeners, messages))
                for _ in range(options.rounds)
            ]
            report(listeners, messages, pairs)


def report(listeners: int, messages: int, pairs: list[tuple[Cost, Cost]]) -> None:
    """Print a line of a table: medians without and with TLS."""
    without, with_tls = (
        Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))
        for costs in zip(*pairs, strict=True)
    )
    ratios = sorted(safe.talk / plain.talk for plain, safe in pairs)
    deliveries = messages * listeners
    spread = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f}-{ratios[-1]:.1f})"
    print(
        f"| {listeners:,} listeners | {without.talk / deliveries * 1e9:,.0f} ns a delivery "
        f"| {with_tls.talk / deliveries * 1e9:,.0f} ns | {spread} "
        f"| {(with_tls.coming - without.coming) / listeners * 1e3:.2f} ms more to come in "
        f"| {(with_tls.memory - without.memory) / listeners:,.0f} bytes more |",
        flush=True,
    )


if __name__ == "__main__":
    main()
