"""What the window costs: python bench/window.py [start | burst | day]. Needs a screen (on Linux, xvfb-run).

start   from the start of the program to a window that can be typed into, beside that of an empty Tk window
burst   10,000 messages that arrive at once through a real connection: how late an `after` every 10 ms is, and how late
        keys are that are typed meanwhile
day     100,000 messages, in gusts of 1,000: how much the process grows

On a machine that has other work, look at the processor time: the clock also counts the turns of others.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

FINAL = Path(__file__).resolve().parent.parent / "final"
sys.path.insert(0, str(FINAL))

EMPTY = (
    "import tkinter; root = tkinter.Tk(); tkinter.Entry(root).pack(); root.update(); print('there', flush=True)\n"
    "input()"
)
# The whole program, as it is started any day; it ends where it would begin to wait for somebody to type.
WINDOW = (
    f"import sys; sys.path.insert(0, {str(FINAL)!r})\n"
    "import tkinter\n"
    "def end(root, _=0): root.update(); print('there', flush=True); input(); sys.exit()\n"
    "tkinter.Misc.mainloop = end\n"
    "from chat.__main__ import client\n"
    "client([])"
)
BEAT = 10  # milliseconds
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "https://example.org/page"]


def measure_start(times: int = 15) -> None:
    """Start both, in turns, and wait until each says that it is there; as on any day after the first."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = os.environ["CHAT_HOME"]
    seconds: dict[str, list[tuple[float, float]]] = {"an empty Tk window": [], "the chat's window": []}
    for _ in range(times + 1):
        for name, program in zip(seconds, (EMPTY, WINDOW), strict=True):
            seconds[name].append(seconds_to_start([sys.executable, "-c", program], environment))
    for measured in seconds.values():
        del measured[0]  # Python compiled
    for kind, what in enumerate(("until it is there", "of processor time")):
        empty, chat = (statistics.median(both[kind] for both in measured) for measured in seconds.values())
        print(f"{what}: {empty * 1000:.0f} ms an empty Tk window, {chat * 1000:.0f} ms the chat's; "
              f"{chat / empty:.2f} times (medians of {times})")  # fmt: skip


def seconds_to_start(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return how long a program takes until it says that its window is there, and how long it worked in that time."""
    begun = time.perf_counter()
    with psutil.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        if process.stdout.readline() != b"there\n":
            sys.exit("no window could be opened")
        took, worked = time.perf_counter() - begun, process.cpu_times()
        process.communicate(b"\n")
    return took, worked.user + worked.system


class Host:
    """A server that lets one client in and then says as much as it is told to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.said = 0
        self.chance = random.Random(1)

    def accept(self) -> None:
        self.client, _ = self.listener.accept()
        self.client.recv(4096)
        self.send(type="welcome", version=1, server="bench", name="alice", token="0" * 32, seq=0, resumed=False,
                  people=["bob"], more=False, limits={})  # fmt: skip

    def send(self, **fields: Any) -> None:
        self.client.sendall(json.dumps(fields).encode() + b"\n")

    def lines(self, count: int) -> bytes:
        """Return so many things to say."""
        return b"".join(self.line() for _ in range(count))

    def line(self) -> bytes:
        self.said += 1
        text = " ".join(self.chance.choices(WORDS, k=self.chance.randint(1, 20)))
        name = self.chance.choice(["bob", "carol", "dave", "Zoë"])
        stamp = f"2026-01-31T12:{self.said // 6000 % 60:02}:{self.said // 100 % 60:02}.{self.said % 100:03}Z"
        fields = {"type": "said", "seq": self.said, "time": stamp, "name": name, "text": f"{self.said} {text}"}
        return json.dumps(fields).encode() + b"\n"


class Bench:
    """A window that talks to our host, with its pulse taken."""

    def __init__(self) -> None:
        from chat.client.settings import Settings
        from chat.client.window import ChatWindow, prepare

        prepare()
        self.host = Host()
        self.root = tk.Tk()
        self.window = ChatWindow(self.root, Settings(muted=True), f"127.0.0.1:{self.host.port}", "alice")
        self.late: list[float] = []
        self.keys: list[float] = []
        self.work: list[float] = []
        self.worked = 0.0
        self.window.join()
        threading.Thread(target=self.host.accept, daemon=True).start()
        self.run_until(lambda: self.window.model.may_talk)
        self.root.update()

    def run_until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.root.update()
            time.sleep(0.0005)

    def beat(self, due: float) -> None:
        now, worked = time.perf_counter(), time.process_time()
        self.late.append(now - due)
        self.work.append(worked - self.worked)
        self.worked = worked
        self.root.after(BEAT, self.beat, now + BEAT / 1000)

    def type(self, asked: float) -> None:
        """Type a letter; how late it is there is what a person would feel."""
        self.window.message.event_generate("<KeyPress>", keysym="x")
        self.root.update_idletasks()  # it is drawn
        self.keys.append(time.perf_counter() - asked)
        self.root.after(50, self.type, time.perf_counter() + 0.05)

    def shows(self, number: int) -> bool:
        view = self.window.conversation
        return view._bottom >= number and self.window.events.empty()


def measure_burst(count: int = 10_000) -> None:
    bench = Bench()
    bench.window.message.focus_force()
    bench.root.update()
    lines = bench.host.lines(count)
    bench.worked = time.process_time()
    bench.beat(time.perf_counter())
    bench.type(time.perf_counter())
    begun = time.perf_counter()
    threading.Thread(target=bench.host.client.sendall, args=(lines,), daemon=True).start()

    def stop() -> None:
        if bench.window.model.transcript.end >= count and bench.shows(bench.window.model.transcript.end):
            print(f"{count} messages shown in {time.perf_counter() - begun:.2f} s")
            bench.root.after(300, bench.root.quit)
        else:
            bench.root.after(20, stop)

    stop()
    bench.root.mainloop()
    late = sorted(bench.late)
    print(f"heartbeats: {len(late)}; late by {late[len(late) // 2] * 1000:.1f} ms (median), "
          f"{late[len(late) * 99 // 100] * 1000:.1f} ms (99 %), {late[-1] * 1000:.1f} ms (worst)")  # fmt: skip
    print("processor time from one heartbeat to the next, which nobody else's work adds to: "
          f"{statistics.median(bench.work) * 1000:.1f} ms (median), {max(bench.work) * 1000:.1f} (worst)")  # fmt: skip
    print(f"keys: {len(bench.keys)} typed, {len(bench.window.message.get())} in the entry, "
          f"late by {max(bench.keys) * 1000:.1f} ms at worst")  # fmt: skip
    bench.window.close()


def measure_day(count: int = 100_000, gust: int = 1_000) -> None:
    bench = Bench()
    process = psutil.Process()
    before = process.memory_info().rss
    print(f"with nothing said: {before / 2**20:.0f} MB")
    for number in range(gust, count + 1, gust):
        bench.host.client.sendall(bench.host.lines(gust))
        bench.run_until(lambda number=number: bench.window.model.transcript.end >= number and bench.shows(number))  # type: ignore[misc]
        if number % (count // 10) == 0:
            print(f"after {number}: {(process.memory_info().rss - before) / 2**20:+.1f} MB")
    bench.window.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["start", "burst", "day"], default="start")
    with tempfile.TemporaryDirectory() as home:
        os.environ["CHAT_HOME"] = home
        {"start": measure_start, "burst": measure_burst, "day": measure_day}[parser.parse_args().what]()


if __name__ == "__main__":
    main()
