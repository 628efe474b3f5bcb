"""The server as people meet it: over TCP, in a process of its own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from chat.server import counted_as

from .chatting import LAUNCHER, PATIENCE, ROOT, Person, ServerProcess, wait_until

Serve = Callable[..., ServerProcess]
FREE = ("--rate", "0")  # no limit on how much one client says
posix = pytest.mark.skipif(os.name == "nt", reason="there is no such signal, or no such limit, on Windows")


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)


def rich(server: ServerProcess, name: str, **fields: object) -> Person:
    """Join in the rich form; the welcome is the next line to be heard."""
    return server.comes().says(json.dumps({"type": "join", "name": name, **fields}))


def hears_type(person: Person, kind: str) -> dict[str, object]:
    """Return the next message of this type."""
    while True:
        fields: dict[str, object] = json.loads(person.line())
        if fields["type"] == kind:
            return fields


# --- Starting and ending ----------------------------------------------------------------------------------------------


def test_the_first_line_says_where_it_listens(server: ServerProcess) -> None:
    """And it does."""
    assert server.first_line == f"listening on 127.0.0.1:{server.port}\n"
    server.comes("alice")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@posix
def test_a_signal_ends_it_with_a_goodbye(number: int, server: ServerProcess) -> None:
    """Everybody hears it, whatever form they read, and the exit status is 0."""
    alice = server.comes("alice")
    bob = rich(server, "bob")
    hears_type(bob, "joined")
    alice.hears("* bob has joined the chat")
    stranger = server.comes()
    assert server.stops(number) == 0
    alice.hears("* the server is closing; goodbye", "(end)")
    assert hears_type(bob, "notice")["code"] == "closing"
    bob.hears("(end)")
    stranger.hears("(end)")


@posix
def test_what_is_queued_is_sent_before_it_ends(serve: Serve) -> None:
    """Even to somebody who begins to read only then."""
    server = serve(*FREE)
    slow = server.comes(receive_buffer=4096).joins("slow")
    alice = server.comes("alice")
    alice.says(*[f"{i} " + "x" * 1000 for i in range(3000)])
    alice.hears_until("alice: 2999 " + "x" * 1000)
    server.process.send_signal(signal.SIGTERM)
    heard = slow.hears_until("* the server is closing; goodbye")
    assert [line.split(" ")[1] for line in heard[-3000:]] == [str(i) for i in range(3000)]
    assert server.process.wait(PATIENCE) == 0  # or it would be told to end once more on its way out


@pytest.mark.parametrize("output", ["full", "closed", "missing"])
@posix
def test_without_a_standard_output_it_serves_all_the_same(output: str) -> None:
    """And ends in good order."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(LAUNCHER), "--port", str(port)]
    if output == "missing":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed, open("/dev/full" if output == "full" else os.devnull, "wb") as file:
        process = subprocess.Popen(command, stdout=closed if output == "closed" else file, stderr=subprocess.PIPE)

    def listens() -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return True
        return process.poll() is not None

    wait_until(listens, "the server")
    assert process.poll() is None
    alice = Person(port).joins("alice")
    process.terminate()
    errors = process.communicate(timeout=PATIENCE)[1].decode()
    assert (process.returncode, errors.count("\n")) == (0, 1), errors
    alice.hears("* the server is closing; goodbye", "(end)")
    alice.leaves()


@posix
def test_it_starts_again_on_its_port_at_once(serve: Serve) -> None:
    """Though a client was connected when it ended."""
    first = serve()
    first.comes("alice")
    assert first.stops() == 0
    second = serve("--port", str(first.port))
    assert second.port == first.port


def test_a_busy_port_is_a_sentence(server: ServerProcess) -> None:
    """On standard error, with status 1."""
    done = run(str(LAUNCHER), "--port", str(server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"can't listen on 127.0.0.1 port {server.port}: address already in use\n"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", "a" * 300, "é" * 70])
def test_a_bad_host_is_a_sentence(host: str) -> None:
    """On standard error, with status 1."""
    done = run(str(LAUNCHER), "--host", host, "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"can't listen on {host} port 0: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["--port", "65536"], ["--port", "x"], ["--nonsense"], ["--log-bytes", "1"], ["--name-time", "nan"]]
)
def test_bad_arguments_have_status_2(arguments: list[str]) -> None:
    """As everywhere."""
    assert run(str(LAUNCHER), *arguments).returncode == 2


def test_all_ways_to_start_it_are_the_same_program() -> None:
    """The launcher, the module, and their version; the help says every default."""
    path = {**os.environ, "PYTHONPATH": str(ROOT / "final"), "COLUMNS": "200"}
    launcher = run(str(LAUNCHER), "--help", environment=path).stdout
    module = run("-m", "chat", "server", "--help", environment=path).stdout
    assert {word for word in module.split() if word.startswith("--")} <= set(launcher.split())
    assert launcher.count("(default: ") == 15
    assert "(default: None)" not in launcher
    assert "(default: False)" not in launcher
    assert run(str(LAUNCHER), "--version").stdout.startswith("chat ")
    assert run("-m", "chat", "server", "--version", environment=path).stdout.startswith("chat ")


def test_a_missing_package_is_a_sentence_that_says_how_to_install_it(tmp_path: Path) -> None:
    """With status 1."""
    # -S: without site-packages, as on a computer where nothing was installed.
    done = run("-S", str(LAUNCHER), "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "this server needs precis-i18n; install with: python -m pip install precis-i18n\n"
    done = run("-S", str(LAUNCHER), "--port", "0", "--metrics", "0")
    assert "python -m pip install precis-i18n prometheus-client" in done.stderr


@posix
def test_a_limit_of_open_files_that_is_too_low_is_said(serve: Serve) -> None:
    """In the log; the server runs all the same."""
    server = serve("--max-clients", "1000000")
    wait_until(lambda: b"the system allows fewer connections than --max-clients" in server.errors, "the warning")
    server.comes("alice")


@pytest.mark.parametrize("host", ["::1", "::"])
def test_it_speaks_ipv6(host: str, serve: Serve) -> None:
    """And on :: IPv4 too."""
    try:
        server = serve(host=host)
    except AssertionError as error:
        if "address" in str(error):
            pytest.skip("this computer has no IPv6")
        raise
    assert server.first_line == f"listening on [{host}]:{server.port}\n"
    alice = server.comes(host="::1").joins("alice")
    if host == "::":
        server.comes(host="127.0.0.1").joins("bob")
        alice.hears("* bob has joined the chat")


# --- Coming and going -------------------------------------------------------------------------------------------------


def test_of_fifty_who_want_a_name_at_the_same_instant_one_gets_it(server: ServerProcess) -> None:
    """The others can't, and are told."""
    barrier = threading.Barrier(50)
    answers: list[str] = []

    def tries(person: Person) -> None:
        barrier.wait(PATIENCE)
        answers.append(person.says("alice").line())

    threads = [threading.Thread(target=tries, args=(server.comes(),)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answers) == ["failed"] * 49 + ["ok"]


def test_failed_arrives_whatever_else_was_sent(server: ServerProcess) -> None:
    """A reset must not overtake it: what the client still sends is read, and thrown away."""
    server.comes("alice")
    for _ in range(20):
        late = server.comes().sends(b"alice\n" + b"x" * 300_000 + b"\n")
        late.hears("failed")
        late.sends(b"and more\n").hears("(end)")


def test_a_client_that_sends_and_stops_sending_is_sent_what_it_has_coming(server: ServerProcess) -> None:
    """As by: printf 'alice\\nhello\\n' | nc."""
    alice = server.comes().says("alice", "hello")
    alice.sock.shutdown(socket.SHUT_WR)
    alice.hears("ok", "* alice has joined the chat", "alice: hello", "(end)")


def test_a_client_that_stops_sending_while_it_is_behind_is_sent_the_rest(serve: Serve) -> None:
    """All that was said until then."""
    server = serve(*FREE, "--log-bytes", "100000000")
    slow = server.comes(receive_buffer=4096).joins("slow")
    alice = server.comes("alice")
    threading.Thread(target=alice.says, args=[f"{i} " + "x" * 1000 for i in range(8000)], daemon=True).start()
    last = "alice: 7999 " + "x" * 1000
    alice.hears_until(last)
    slow.sock.shutdown(socket.SHUT_WR)
    assert len(slow.hears_until(last)) == 8000  # alice's coming, and all lines but the last
    slow.hears("(end)")
    alice.hears("* slow has left the chat")


def test_a_name_is_free_when_its_owner_is_gone(serve: Serve) -> None:
    """However they went."""
    server = serve("--backlog", "0")
    bob = server.comes("bob")
    for way in (Person.leaves, Person.resets, lambda person: person.says("/quit").hears("(end)")) * 3:
        alice = server.comes("alice")
        way(alice)
        bob.hears("* alice has joined the chat", "* alice has left the chat")


def test_whoever_has_no_name_hears_nothing(server: ServerProcess) -> None:
    """Until they have one; then the backlog shows what was said."""
    stranger = server.comes()
    alice = server.comes("alice").says("hello")
    alice.hears("alice: hello")
    stranger.says("bob").hears("ok", "* alice has joined the chat", "alice: hello", "* bob has joined the chat")


def test_a_newcomer_is_shown_the_last_twenty_lines(serve: Serve) -> None:
    """Or as many as --backlog says."""
    for flags, count in (((), 20), (("--backlog", "0"), 0), (("--backlog", "3"), 3)):
        server = serve(*flags)
        alice = server.comes("alice").says(*map(str, range(30)))
        alice.hears_until("alice: 29")
        shown = [f"alice: {i}" for i in range(30 - count, 30)]
        server.comes().says("bob").hears("ok", *shown, "* bob has joined the chat")


def test_a_storm_of_comings_and_goings_disturbs_nobody(serve: Serve) -> None:
    """Two talk through it, and everybody sees one order."""
    server = serve(*FREE, "--max-per-address", "0")
    alice, bob = server.comes("alice"), server.comes("bob")
    alice.hears("* bob has joined the chat")

    def storm(number: int) -> None:
        for turn in range(20):
            person = Person(server.port).says(f"guest{number}-{turn}")
            if turn % 2:
                person.hears("ok").leaves()
            else:
                person.resets()

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for i in range(100):
        alice.says(f"a{i}")
        bob.says(f"b{i}")
    for thread in threads:
        thread.join(PATIENCE)
    alice.says("end")
    heard = alice.hears_until("alice: end")
    assert heard == bob.hears_until("alice: end")
    assert [line for line in heard if line.startswith("alice: a")] == [f"alice: a{i}" for i in range(100)]


def test_hundreds_can_leave_in_one_instant(serve: Serve) -> None:
    """Each of them is announced to whoever stays."""
    server = serve("--max-per-address", "0")
    alice = server.comes("alice")
    guests = [server.comes().says(f"guest{i}") for i in range(200)]
    for guest in guests:
        guest.hears("ok")
    for guest in guests:
        guest.resets()
    left = 0
    while left < 200:
        left += alice.line().endswith("has left the chat")
    alice.says("/who").hears("* 1 here: alice")


def test_the_same_person_takes_over_from_a_connection_that_is_dead(server: ServerProcess) -> None:
    """The token says who it is; the name is theirs at once."""
    old = rich(server, "alice")
    token = hears_type(old, "welcome")["token"]
    bob = server.comes("bob")
    new = rich(server, "alice", token=token, since=2)
    assert hears_type(new, "welcome")["resumed"] is True
    bob.hears("* alice has left the chat", "* alice has joined the chat")
    assert hears_type(old, "notice")["code"] == "replaced"
    old.hears("(end)")


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_a_full_room_says_so(serve: Serve) -> None:
    """In both forms; there is room again when somebody leaves."""
    server = serve("--max-clients", "2")
    alice, bob = server.comes("alice"), server.comes("bob")
    server.comes().says("carol").hears("failed", "(end)")
    refused = rich(server, "carol")
    assert hears_type(refused, "failed")["reason"] == "full"
    bob.leaves()
    alice.hears("* bob has joined the chat", "* bob has left the chat")
    server.comes("carol")


def test_one_address_has_so_many_connections(serve: Serve) -> None:
    """The next is told so."""
    server = serve("--max-per-address", "2")
    server.comes("alice")
    bob = server.comes("bob")
    assert hears_type(rich(server, "carol"), "failed")["reason"] == "address"
    bob.leaves()

    def comes_in() -> bool:
        with contextlib.closing(Person(server.port).says("carol").sock) as sock:
            return sock.recv(2) == b"ok"

    wait_until(comes_in, "a place")


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
     ("2001:db8:1:2::7", "2001:db8:1:2::/64"), ("::1", "::/64"), ("fe80::1%eth0", "fe80::/64")],
)  # fmt: skip
def test_addresses_that_one_computer_can_have_are_counted_as_one(address: str, counted: str) -> None:
    """With IPv6 it has as many as it likes, all in one network."""
    assert counted_as(address) == counted


def test_beyond_the_doorway_connections_are_turned_away(serve: Serve) -> None:
    """At once, without a word from them."""
    server = serve("--max-clients", "1", "--max-per-address", "0", "--name-time", "1000")
    strangers = [server.comes() for _ in range(101)]
    server.comes().hears("failed", "(end)")
    assert len(strangers) == 101


def test_who_gives_no_name_in_time_is_let_go(serve: Serve) -> None:
    """Though they send something: a name given by the letter isn't given."""
    server = serve("--name-time", "0.3")
    server.comes().hears("failed", "(end)")
    slow = server.comes()
    slow.sock.settimeout(0.05)

    def is_answered() -> bool:
        slow.sends(b"a")
        with contextlib.suppress(TimeoutError):
            slow.heard += slow.sock.recv(100)
        return bool(slow.heard)

    wait_until(is_answered, "the end of its time")
    assert slow.heard == b"failed\n"


def test_a_line_has_to_be_finished_in_time(serve: Serve) -> None:
    """In both forms."""
    server = serve("--line-time", "0.3")
    alice = server.comes("alice").sends(b"hel")
    alice.hears("* a line has to be finished within 0.3 seconds; goodbye", "(end)")
    program = rich(server, "bob")
    hears_type(program, "joined")
    program.sends(b"{")
    assert hears_type(program, "notice")["code"] == "line"


def test_a_silent_program_is_asked_and_then_let_go(serve: Serve) -> None:
    """A person may be silent. (That an answer keeps it is seen in test_session.py, where time waits for the answer.)"""
    server = serve("--ping-time", "0.3")
    alice = server.comes("alice")
    program = rich(server, "bob")
    alice.hears("* bob has joined the chat")
    hears_type(program, "ping")
    assert hears_type(program, "notice")["code"] == "silent"
    program.hears("(end)")
    alice.hears("* bob has left the chat")


def test_who_says_too_much_is_told_once_and_nobody_else_notices(serve: Serve) -> None:
    """What was refused wasn't said; a program is told for each of its ids."""
    server = serve("--rate", "0.01", "--burst", "5")
    bob = server.comes("bob")
    alice = server.comes("alice").says(*map(str, range(10)))
    alice.hears(*[f"alice: {i}" for i in range(5)])
    alice.hears("* that was too much at once and wasn't said; wait a little")
    alice.says("/who", "more", "/quit").hears("(end)")
    said = ["* alice has joined the chat", *[f"alice: {i}" for i in range(5)], "* alice has left the chat"]
    bob.hears(*said)
    program = rich(server, "carol")
    program.says(*[json.dumps({"type": "say", "text": "x", "id": str(i)}) for i in range(7)])
    assert [hears_type(program, "notice")["id"] for _ in range(2)] == ["5", "6"]


def test_who_takes_nothing_is_let_go(serve: Serve) -> None:
    """When there has been something to take for long enough."""
    server = serve(*FREE, "--stall-time", "0.5", "--log-bytes", "100000000")
    server.comes(receive_buffer=4096).joins("stuck")
    alice = server.comes("alice")
    heard = []
    while "* stuck has left the chat" not in heard:
        alice.says("x" * 4000)
        heard.append(alice.line())


# --- Nobody waits for anybody -----------------------------------------------------------------------------------------


def talk(alice: Person, megabytes: int) -> set[str]:
    """Have alice say so much, and hear all of it; return the different lines."""
    heard: set[str] = set()
    for i in range(megabytes * 5):
        alice.says(*["x" * 4000] * 50, f"round {i}")
        heard.update(alice.hears_until(f"alice: round {i}"))
    return heard


def test_thirty_megabytes_pass_a_reader_that_has_stopped(serve: Serve) -> None:
    """The others notice nothing, the server's memory stays what it is, and the slow ones are told what they missed."""
    server = serve(*FREE, "--log-bytes", "2000000")
    plain = server.comes(receive_buffer=4096).joins("plain")
    program = rich(server, "program")
    hears_type(program, "joined")
    alice = server.comes("alice")
    process = psutil.Process(server.process.pid)
    heard_of = talk(alice, 3)
    before = process.memory_info().rss
    heard_of |= talk(alice, 30)
    assert "* plain has left the chat" in heard_of  # though it never took its last word
    assert process.memory_info().rss < before + 12_000_000
    heard = []
    while (line := plain.line()) != "(end)":
        heard.append(line)
    assert heard[-1].startswith("* you fell behind and missed ")
    missed = hears_type(program, "missed")
    following: dict[str, object] = json.loads(program.line())
    assert isinstance(missed["from"], int)
    assert isinstance(missed["count"], int)
    assert following["seq"] == missed["from"] + missed["count"]
    program.says('{"type":"say","text":"I am back"}')
    alice.hears_until("program: I am back")


def test_who_asks_and_never_reads_is_not_listened_to(serve: Serve) -> None:
    """The answers that wait are bounded; then its own connection fills up, and nobody else's."""
    server = serve(*FREE, "--name-time", "1")
    asker = server.comes().joins("asker")
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    asker.sock.settimeout(1)
    with contextlib.suppress(TimeoutError):
        for _ in range(300):
            asker.sends(b"/help\n" * 10_000)
    assert process.memory_info().rss < before + 8_000_000
    stranger, idle_from = server.comes(), process.cpu_times()
    stranger.hears("failed")
    idle_to = process.cpu_times()
    assert (idle_to.user + idle_to.system) - (idle_from.user + idle_from.system) < 0.3
    server.comes("alice").says("hello").hears("alice: hello")


def test_who_talks_and_does_not_read_is_not_heard_until_they_do(serve: Serve) -> None:
    """They can't fall off the log by what they say themselves: nothing of it is lost, however much it was."""
    server = serve(*FREE, "--log-bytes", "2000000")
    alice = server.comes(receive_buffer=4096).joins("alice")
    lines = [f"{i} " + "x" * 1000 for i in range(20_000)]
    writer = threading.Thread(target=alice.says, args=lines, daemon=True)
    writer.start()
    server.comes("bob").hears_until("alice: 2000 " + "x" * 1000)
    for line in lines:
        while (heard := alice.line()) != f"alice: {line}":
            assert heard.startswith("* bob has ")
    writer.join(PATIENCE)


def test_what_many_say_at_once_leaves_nobody_behind(serve: Serve) -> None:
    """Though it is more than the log holds: all of it is there when the server comes to look."""
    server = serve(*FREE, "--log-bytes", "1048576", "--max-per-address", "0")
    guests = [server.comes(f"guest{i}") for i in range(60)]
    bob = server.comes("bob")
    process = psutil.Process(server.process.pid)
    process.suspend()
    for guest in guests:
        guest.says(*["x" * 50] * 300)
    process.resume()
    for _ in range(60 * 300):
        assert bob.line().endswith(": " + "x" * 50)


def test_one_who_says_a_megabyte_does_not_hold_up_the_others(serve: Serve) -> None:
    """Their turn comes long before it has finished."""
    server = serve(*FREE, "--log-bytes", "300000000")
    bob = server.comes("bob")
    alice = server.comes("alice")
    bob.hears("* alice has joined the chat")
    threading.Thread(target=alice.sends, args=(b"x\n" * 500_000,), daemon=True).start()
    bob.hears("alice: x")
    bob.says("may I?")
    bob.hears_until("bob: may I?")
    rest = 0
    while rest < 10_000:
        assert bob.line() == "alice: x"
        rest += 1


def test_idle_it_takes_no_processor_time(serve: Serve) -> None:
    """With people in the room, and a deadline pending, which is what is waited for."""
    server = serve("--name-time", "2")
    for i in range(50):
        server.comes(f"guest{i}")
    rich(server, "program")
    stranger = server.comes()
    process = psutil.Process(server.process.pid)
    before = process.cpu_times()
    stranger.hears("failed", "(end)")
    after = process.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) < 0.1


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="limits of another process can't be set here")
def test_out_of_file_descriptors_it_accepts_nobody_and_spins_not(serve: Serve) -> None:
    """Those who are in talk on; whoever waits comes in when there is room."""
    server = serve()
    alice, bob = server.comes("alice"), server.comes("bob")
    alice.hears("* bob has joined the chat")
    process = psutil.Process(server.process.pid)
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 1, process.rlimit(psutil.RLIMIT_NOFILE)[1]))
    server.comes("carol")
    waiting = server.comes().says("dave")
    wait_until(lambda: server.errors.count(b"accepting pauses") >= 1, "the pause")
    before = process.cpu_times()
    wait_until(lambda: server.errors.count(b"accepting pauses") >= 3, "two more tries")
    after = process.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) < 0.5
    alice.hears("* carol has joined the chat")
    bob.leaves()
    alice.hears("* bob has left the chat", "* dave has joined the chat")
    waiting.hears("ok")


# --- What it shows ----------------------------------------------------------------------------------------------------


def test_it_prints_the_conversation_when_asked(serve: Serve) -> None:
    """What it prints went through the same door as what it sends; whispers aren't printed."""
    server = serve("--print")
    server.comes("bob")
    server.comes("alice").says("\x1b[31mred", "/msg bob psst", "bye").hears_until("alice: bye")
    assert server.process.stdout is not None
    printed = [server.process.stdout.readline().decode() for _ in range(4)]
    assert printed[2:] == ["alice: \ufffd[31mred\n", "alice: bye\n"]


def test_a_screen_that_is_stopped_stops_nobody(serve: Serve) -> None:
    """Nothing reads what is printed here."""
    server = serve("--print", *FREE)
    alice = server.comes("alice")
    talk(alice, 5)


def test_by_default_nothing_else_is_printed(server: ServerProcess) -> None:
    """When standard output isn't a terminal."""
    server.comes("alice").says("hello").hears("alice: hello")
    server.stops()
    assert server.process.stdout is not None
    assert server.process.stdout.read() == b""


def test_at_debug_the_log_tells_of_every_coming_and_going(serve: Serve) -> None:
    """A line for each, with a time and what it is about."""
    server = serve("--log-level", "debug")
    alice = server.comes("alice")
    server.comes("bob").resets()
    alice.hears("* bob has joined the chat", "* bob has left the chat")
    wait_until(lambda: server.errors.count(b"\n") >= 3, "the log")
    came_and_went = ["connected {} connections=1", "connected {} connections=2", "disconnected {} connections=1"]
    logged = [re.sub(r"^\S+Z debug ", "", line) for line in server.errors.decode().splitlines()]
    assert logged == [line.format("address=127.0.0.1") for line in came_and_went]


def test_the_metrics_say_what_happened(serve: Serve) -> None:
    """As Prometheus reads it, on a port of their own."""
    server = serve("--metrics", "0")
    alice, bob = server.comes("alice"), server.comes("bob")
    alice.says("1", "2", "/msg bob psst")
    bob.hears("alice: 1", "alice: 2", "* alice whispers to bob: psst")
    server.comes().says("alice").hears("failed", "(end)")
    wait_until(lambda: b"metrics url=" in server.errors, "the address in the log")
    url = server.errors.split(b"metrics url=")[1].split()[0].decode()
    assert url.startswith("http://127.0.0.1:")
    text = urllib.request.urlopen(url, timeout=PATIENCE).read().decode()
    figures = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if line[0] != "#"}
    assert figures["chat_clients"] == 2
    assert figures["chat_messages_total"] == 2
    assert figures["chat_whispers_total"] == 1
    assert figures["chat_refused_joins_total"] == 1
    assert figures["chat_deliveries_total"] >= 4
    assert figures["chat_sent_bytes_total"] > figures["chat_received_bytes_total"] > 0
    assert {"chat_connections", "chat_behind", "chat_lag", "chat_refused_lines_total", "chat_fallen_total"} <= set(
        figures
    )
    assert figures['chat_loop_seconds_bucket{le="+Inf"}'] == figures["chat_loop_seconds_count"] > 0


def test_a_busy_port_for_the_metrics_is_a_sentence(server: ServerProcess) -> None:
    """With status 1."""
    done = run(str(LAUNCHER), "--port", "0", "--metrics", str(server.port))
    assert done.returncode == 1
    assert f"can't serve metrics on port {server.port}" in done.stderr
    assert "Traceback" not in done.stderr
