"""What TLS costs the server: the same talk with and without it, in turn in one run.

    python bench/tls.py [--rounds 5] [--listeners 10 100 1000]

The load comes from fanout.py, which does TLS as well, and so takes more time than the server: what is compared is the
server's processor time and memory, and not how fast it goes. One line is said at a time. Of several, those that come
together would be sent in one piece, and how many these are would depend on the load.

With TLS every listener has a key of their own, so that what is said to a thousand is enciphered a thousand times: that,
and the handshakes, is what there is to pay.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
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


def main() -> None:
    parser = argparse.ArgumentParser(description="What TLS costs the server.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--listeners", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--deliveries", type=int, default=400_000, help="in each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        certificate, authority = certify(Path(folder))
        plain = Contestant("chat", lambda port: [sys.executable, SERVER, "--port", str(port), *FLAGS])
        safe = Contestant("tls", lambda port: [*plain.command(port), *certificate])
        for listeners in options.listeners:
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
