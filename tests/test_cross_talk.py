"""From stage 02 on every client talks to every server, and so does a plain socket, which is what `nc` is."""

import os
from collections.abc import Iterator

import pytest
from conftest import STAGES
from suites.commands import python_command
from suites.people import Chat, Scene
from suites.programs import Program, Server, python_program
from suites.windows import open_window

SERVERS = {2: "02_usernames", 3: "03_broadcast", 4: "04_tk_client"}


@pytest.fixture(params=sorted(SERVERS), ids=SERVERS.get)
def room(request: pytest.FixtureRequest, deadline: float) -> Iterator[Chat]:
    """A server of one of the stages, with bob in it, who has a plain socket."""
    server = Server(python_program(STAGES / SERVERS[request.param], "server.py", "--port", "0"), deadline)
    chat = Chat(server, request.param, Scene(deadline))
    chat.joins("bob")
    yield chat
    chat.close()


def bob_hears_and_answers(room: Chat) -> None:
    """Where everyone hears everyone, bob hears that alice has come and what she says, and answers."""
    if room.stage >= 3:
        bob = room.members[0]
        bob.hears_all(["* alice has joined the chat", "alice: hello"])
        bob.says("hi, alice")
        bob.hears("bob: hi, alice")  # it is on its way to alice as well


@pytest.mark.parametrize("folder", ["02_usernames", "03_broadcast"])
def test_terminal_client(room: Chat, folder: str, deadline: float) -> None:
    """A terminal client is refused bob's name, joins under another, is heard, and hears."""
    where = ("--host", room.server.host, "--port", str(room.server.port))
    client = Program(python_program(STAGES / folder, "client.py", *where), deadline)
    try:
        for text in ("BOB", "alice", "hello"):
            client.types(text)
        client.prints("alice: hello\n")
        bob_hears_and_answers(room)
        if room.stage >= 3:
            client.types("anything new?")  # the client of 02 listens only after it has spoken
            client.prints("bob: hi, alice\n")
    finally:
        client.close(ends_by_itself=True)
    client.has_no_traceback()


def test_window(room: Chat, screen: None) -> None:
    """The window is refused bob's name, joins under another, is heard, and hears."""
    program = STAGES / "04_tk_client" / "client.py"
    window = open_window(python_command(program), room.server.host, room.server.port, room.scene, os.environ)
    try:
        window.joins_as("BOB")
        window.can_join("The name is taken: another can be typed.")
        window.joins_as("alice")
        window.can_talk("The name is free.")
        window.says("hello")
        window.shows("alice: hello")
        bob_hears_and_answers(room)
        if room.stage >= 3:
            window.shows("bob: hi, alice")
    finally:
        window.close()


def test_plain_socket(room: Chat) -> None:
    """Whoever can send lines can talk."""
    alice = room.connects("alice")
    alice.sends(b"alice\r\nhello\r\n")
    alice.hears("ok")
    if room.stage >= 3:
        alice.hears("* alice has joined the chat")
    alice.hears("alice: hello")
    bob_hears_and_answers(room)
    if room.stage >= 3:
        alice.hears("bob: hi, alice")
