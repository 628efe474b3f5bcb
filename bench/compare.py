"""The limit, this server and Redis, in turn in one run: medians, and what matters, their ratios.

    python bench/compare.py [--rounds 5] [--listeners 10 100 1000] [--quick]

Absolute figures differ from machine to machine and from minute to minute; a ratio is of neighbours in one run. With a C
compiler the load comes from fan.c and the limit is limit.c; without one the load comes from fanout.py, which is slower
than what it measures, and there is no limit to compare with. Redis takes part if redis-server is installed.
"""

import argparse
import contextlib
import itertools
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
# No limit that the load would hit, and no backlog, which the others don't have.
FLAGS = ["--max-clients", "20000", "--max-per-address", "0", "--rate", "0", "--backlog", "0", "--log-level", "error"]
# The load connects thousands before it gives the first a name; on a busy computer that takes its time.
FLAGS += ["--name-time", "600"]


class Contestant:
    """A server that is measured."""

    def __init__(self, name: str, command: Callable[[int], list[str]]) -> None:
        self.name = name
        self.command = command

    @contextlib.contextmanager
    def running(self) -> Iterator[tuple[int, psutil.Process]]:
        """Run it on a free port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(self.command(port), stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


class Load:
    """Whoever makes the load: fan.c if it can be compiled, else fanout.py."""

    def __init__(self, fan: Path | None) -> None:
        self.fan = fan

    def fan_out(self, contestant: Contestant, listeners: int, deliveries: int) -> float:
        """Return deliveries a second, as fast as it goes."""
        with contestant.running() as (port, _):
            return self.saturate(contestant, port, listeners, max(1000, deliveries // listeners))

    def processor(self, contestant: Contestant, listeners: int, deliveries: int) -> float:
        """Return the processor time that the server takes for a delivery, in nanoseconds. When other programs want the
        processor too, this is steadier than how fast it goes."""
        messages = max(1000, deliveries // listeners)
        with contestant.running() as (port, process):
            before = seconds_used(process)
            self.saturate(contestant, port, listeners, messages)
            return (seconds_used(process) - before) / (messages * listeners) * 1e9

    def saturate(self, contestant: Contestant, port: int, listeners: int, messages: int) -> float:
        """Have so many messages said as fast as it goes; return deliveries a second."""
        if self.fan:
            kind = "redis" if contestant.name == "redis" else "line"
            return self.c("deliveries/s", "-x", kind, "-p", str(port), "-n", str(listeners), "-m", str(messages))
        return self.python("deliveries_per_second", contestant, port, listeners, "--messages", str(messages))

    def latency(self, contestant: Contestant, listeners: int) -> float:
        """Return the 99th percentile in milliseconds, at 50 messages a second."""
        with contestant.running() as (port, _):
            if self.fan:
                kind = "redis" if contestant.name == "redis" else "line"
                pace = ["-m", "200", "-r", "50"]
                return self.c("p99", "-x", kind, "-p", str(port), "-n", str(listeners), *pace)
            return self.python("p99_ms", contestant, port, listeners, "--rate", "50")

    def joins(self, contestant: Contestant, count: int) -> float:
        """Return the seconds until everybody who joined at once has every notice."""
        with contestant.running() as (port, _):
            if self.fan:
                return self.c("elapsed", "-j", "1", "-p", str(port), "-n", str(count))
            return self.python("seconds", contestant, port, count, "--joins")

    def c(self, figure: str, *arguments: str) -> float:
        done = subprocess.run([str(self.fan), *arguments], check=False, capture_output=True, text=True)
        if done.returncode or "dead=0" not in done.stdout:
            raise SystemExit(f"connections were lost: {done.stdout}{done.stderr}")
        return found(figure, done.stdout)

    def python(self, figure: str, contestant: Contestant, port: int, listeners: int, *arguments: str) -> float:
        command = [
            sys.executable,
            str(HERE / "fanout.py"),
            "--port",
            str(port),
            "--listeners",
            str(listeners),
            *arguments,
        ]
        redis = ["--redis"] if contestant.name == "redis" else []
        return found(figure, subprocess.run([*command, *redis], capture_output=True, text=True, check=True).stdout)


def seconds_used(process: psutil.Process) -> float:
    """Return the processor time that a process has had so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def found(figure: str, output: str) -> float:
    """Return the figure of this name in what was printed."""
    match = re.search(rf"{re.escape(figure)}=([\d.]+)", output)
    if match is None:
        raise SystemExit(f"no {figure} in: {output}")
    return float(match[1])


def in_turn(
    contestants: list[Contestant], rounds: int, measure: Callable[[Contestant], float]
) -> dict[str, list[float]]:
    """Measure them one after the other, so many times over."""
    figures: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            figures[contestant.name].append(measure(contestant))
    return figures


def report(what: str, unit: str, figures: dict[str, list[float]]) -> None:
    """Print a line of a table: medians, and the median of the ratios within each round."""
    cells = [f"{name} {statistics.median(values):,.6g} {unit}" for name, values in figures.items()]
    for other in ("limit", "redis", "history"):
        if figures.get(other):
            ratios = [ours / theirs for ours, theirs in zip(figures["chat"], figures[other], strict=True)]
            spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
            cells.append(f"chat/{other} **{statistics.median(ratios):.2f}** ({spread})")
    print(f"| {what} | " + " | ".join(cells) + " |", flush=True)


def memory(chat: Contestant, load: Load) -> None:
    """Say what each idle listener beyond the first thousand costs, in bytes of the server's memory."""
    sizes = {}
    for count in (1000, 9000):
        with chat.running() as (port, process):
            # One message, to get everybody in and to have it over when everybody has heard it.
            if load.fan:
                load.c("elapsed", "-x", "line", "-p", str(port), "-n", str(count), "-m", "1")
            else:
                load.python("deliveries_per_second", chat, port, count, "--messages", "1")
            sizes[count] = process.memory_info().rss
    each = (sizes[9000] - sizes[1000]) / 8000
    print(f"| memory, 9,000 listeners | chat {sizes[9000] / 1e6:.1f} MB, {each:,.0f} bytes for each beyond 1,000 |")


def idleness(chat: Contestant) -> None:
    """Say how much processor time goes by while nothing happens."""
    with chat.running() as (port, process), contextlib.ExitStack() as stack:
        for number in range(500):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            sock.sendall(f"user{number}\n".encode())
            sock.recv(64)
        before = seconds_used(process)
        time.sleep(5)
        used = seconds_used(process) - before
    print(f"| idle, 500 listeners, 5 s | chat {used:.2f} s of processor time |")


def build(folder: Path) -> tuple[Path | None, Path | None]:
    """Compile the C programs; return (fan, limit), or Nones."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None, None
    for name in ("fan", "limit"):
        command = [compiler, "-O2", "-w", "-o", str(folder / name), str(HERE / f"{name}.c")]
        subprocess.run(command, check=True)
    return folder / "fan", folder / "limit"


def contestants(limit: Path | None, folder: Path) -> list[Contestant]:
    """Whoever can take part. `history` is this server once more, which keeps everything in a file in this folder."""
    server = str(HERE.parent / "final" / "server.py")
    chat = Contestant("chat", lambda port: [sys.executable, server, "--port", str(port), *FLAGS])
    files = (str(folder / f"{number}.db") for number in itertools.count())
    kept = Contestant("history", lambda port: [*chat.command(port), "--history", next(files)])
    everybody = [chat, kept]
    if limit is not None:
        everybody.insert(0, Contestant("limit", lambda port: [str(limit), str(port)]))
    if redis := shutil.which("redis-server"):
        bare = ["--save", "", "--appendonly", "no", "--maxclients", "15000"]
        bare += ["--client-output-buffer-limit", "pubsub 0 0 0"]
        everybody.append(Contestant("redis", lambda port: [redis, "--port", str(port), "--bind", "127.0.0.1", *bare]))
    return everybody


def main() -> None:
    parser = argparse.ArgumentParser(description="The limit, this server and Redis, in turn in one run.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--listeners", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--deliveries", type=int, default=10_000_000, help="in each run")
    parser.add_argument("--only", choices=["fan-out", "processor", "latency", "joins", "memory", "idle"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fan, limit = build(Path(folder))
        load, everybody = Load(fan), contestants(limit, Path(folder))
        chat = next(one for one in everybody if one.name == "chat")
        without_redis = [one for one in everybody if one.name != "redis"]

        def wanted(what: str) -> bool:
            return options.only in (None, what)

        def saturated(what: str, unit: str, measure: Callable[[Contestant, int, int], float], listeners: int) -> None:
            figures = in_turn(everybody, options.rounds, lambda one: measure(one, listeners, options.deliveries))
            report(f"{what}, {listeners:,} listeners", unit, figures)

        for listeners in options.listeners if wanted("fan-out") else ():
            saturated("fan-out", "/s", load.fan_out, listeners)
        for listeners in options.listeners if wanted("processor") else ():
            saturated("processor time", "ns a delivery", load.processor, listeners)
        if wanted("latency"):
            report(
                "p99 at 50/s, 1,000 listeners",
                "ms",
                in_turn(everybody, options.rounds, lambda one: load.latency(one, 1000)),
            )
        if wanted("joins"):
            report("1,000 join at once", "s", in_turn(without_redis, options.rounds, lambda one: load.joins(one, 1000)))
        if wanted("memory"):
            memory(chat, load)
        if wanted("idle"):
            idleness(chat)


if __name__ == "__main__":
    main()
