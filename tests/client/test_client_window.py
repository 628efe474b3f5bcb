"""alice and bob at two real windows, with the real server; it is killed and started again, names are refused."""

import contextlib
import json
import logging
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import ttk

import pytest
import trustme
from chat import __main__ as command_line
from chat.client import journal
from chat.client import settings as storage
from chat.client import transcript as views
from chat.client import window as window_module
from chat.client.editing import COMMAND, ON_MAC, EditMenu
from chat.client.events import Lost, Said, Welcome
from chat.client.model import Entry, Kind, State
from chat.client.settings import Settings
from chat.client.window import ChatWindow, run
from chat.protocol import Form
from suites.people import FakeServer, Scene
from suites.programs import Program, Server, python_program

from .conftest import FINAL

PATIENCE = 15.0
WELCOME = {
    "type": "welcome", "version": 1, "server": "test", "name": "alice", "token": "0" * 32, "seq": 0, "resumed": False,
    "limits": {"line": 4096, "ids": 256}, "people": [], "more": False,
}  # fmt: skip


class Person:
    """Somebody at a window."""

    def __init__(self, server: str, name: str = "", **settings: object) -> None:
        self.name = name
        self.root = tk.Tk()
        self.window = ChatWindow(self.root, Settings(**settings), server)  # type: ignore[arg-type]
        self.is_there = True
        self.root.bind("<Destroy>", lambda event: self._is_gone(event.widget))

    def _is_gone(self, widget: tk.Misc) -> None:
        self.is_there = self.is_there and widget is not self.root

    @property
    def text(self) -> str:
        """What stands in the conversation."""
        return self.window.conversation.text.get("1.0", "end-1c")

    @property
    def status(self) -> str:
        return str(self.window.status.cget("text"))

    @property
    def listed(self) -> list[str]:
        """Who is in the list of people."""
        people = self.window.people.tree
        return [people.item(item, "text") for item in people.get_children()] if people.winfo_ismapped() else []

    def joins(self, name: str | None = None) -> None:
        self.window.username.delete(0, "end")
        self.window.username.insert(0, name or self.name)
        self.window.join_button.invoke()

    def types(self, text: str) -> None:
        self.window.message.insert("end", text)

    def says(self, text: str) -> None:
        self.types(text)
        self.window.send_button.invoke()

    def presses(self, keys: str, widget: tk.Misc | None = None) -> None:
        widget = widget or self.window.message
        widget.focus_force()
        self.root.update()
        widget.event_generate(keys)

    def closes(self) -> None:
        if self.is_there:
            self.window.close()


Everybody = list[Person]


@pytest.fixture
def people(screen: None) -> Iterator[Everybody]:
    """Everybody at a window; no thread is left when they are gone, and nothing has gone wrong inside."""
    people: Everybody = []
    yield people
    for person in people:
        person.closes()
    assert not [thread for thread in threading.enumerate() if thread.name == "connection"]
    assert not storage.log_file().exists(), storage.log_file().read_text()


@pytest.fixture
def comes(people: Everybody) -> Callable[..., Person]:
    """Let somebody open a window."""

    def comes(server: str, name: str = "", **settings: object) -> Person:
        people.append(Person(server, name, **settings))
        return people[-1]

    return comes


@pytest.fixture
def until(people: Everybody) -> Callable[[Callable[[], object]], None]:
    """Wait for something, while everybody's window lives."""

    def until(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            for person in people:
                if person.is_there:
                    person.root.update()
            assert time.monotonic() < deadline, [(p.name, p.status, p.text[-300:]) for p in people if p.is_there]

    return until


Until = Callable[[Callable[[], object]], None]
Comes = Callable[..., Person]


class Host:
    """A server that can be killed and started again, at the same address."""

    def __init__(self, *flags: str) -> None:
        self.flags = flags
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = python_program(FINAL, "server.py", "--port", str(self.port), "--rate", "0", *self.flags)
        self.program = Server(command, PATIENCE)

    def dies(self) -> None:
        self.program.process.kill()
        self.program.close()


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.program.close()


@pytest.fixture
def talk(host: Host, comes: Comes, until: Until) -> tuple[Person, Person]:
    """alice and bob, in the chat."""
    alice, bob = comes(host.address, "alice"), comes(host.address, "bob")
    for person in (alice, bob):
        person.joins()
        until(lambda person=person: person.window.model.state is State.TALKING)  # type: ignore[misc]
    until(lambda: alice.listed == ["alice (you)", "bob"])
    return alice, bob


def test_two_people_talk(talk: tuple[Person, Person], until: Until) -> None:
    """Both see the same lines in the same order; what was said isn't pale any more."""
    alice, bob = talk
    alice.says("hello")
    until(lambda: "alice: hello\n" in bob.text)
    bob.says("hi")
    until(lambda: "alice: hello\nbob: hi\n" in alice.text)
    assert not alice.window.model.unacknowledged
    assert alice.text.endswith("bob: hi\n")


def test_a_name_under_its_own_is_not_shown_again_but_copied(talk: tuple[Person, Person], until: Until) -> None:
    """What is elided is still there."""
    alice, bob = talk
    alice.says("one")
    alice.says("two")
    until(lambda: "alice: one\nalice: two\n" in bob.text)
    shown = str(bob.root.tk.call(bob.window.conversation.text, "get", "-displaychars", "1.0", "end"))
    assert "alice: one\ntwo\n" in shown


def test_the_list_follows(talk: tuple[Person, Person], host: Host, comes: Comes, until: Until) -> None:
    """Who comes is in it, who leaves isn't."""
    alice, bob = talk
    carol = comes(host.address, "Carol")
    carol.joins()
    until(lambda: alice.listed == ["alice (you)", "bob", "Carol"])
    bob.window.leave()
    until(lambda: alice.listed == ["alice (you)", "Carol"])
    assert bob.listed == []
    assert bob.window.model.state is State.OUTSIDE


def test_a_private_word(talk: tuple[Person, Person], host: Host, comes: Comes, until: Until) -> None:
    """A name in the list is clicked; what is said goes to that person; each has a draft of their own."""
    alice, bob = talk
    carol = comes(host.address, "carol")
    carol.joins()
    until(lambda: "carol" in alice.listed)
    alice.types("for everybody")
    click_on_name(alice, "bob")
    until(alice.window.to_button.winfo_ismapped)
    assert alice.window.message.get() == ""
    alice.says("psst")
    until(lambda: "alice → bob: psst\n" in bob.text)
    alice.presses("<Escape>")
    assert alice.window.message.get() == "for everybody"
    alice.presses("<Return>")
    until(lambda: "alice: for everybody\n" in carol.text)
    assert "psst" not in carol.text


def click_on_name(person: Person, name: str) -> None:
    tree = person.window.people.tree
    x, y, width, height = map(int, tree.bbox(name))
    for event in ("<ButtonPress-1>", "<ButtonRelease-1>"):
        tree.event_generate(event, x=x + width // 2, y=y + height // 2)
    person.root.update()


def test_a_name_can_be_chosen_with_the_keyboard(talk: tuple[Person, Person]) -> None:
    """The list shows where the keyboard is, the arrows go from name to name, Return chooses: not oneself."""
    alice, _ = talk
    tree = alice.window.people.tree
    tree.focus_force()
    alice.root.update()
    assert tree.selection() == ("alice",)
    alice.presses("<Return>", tree)
    assert alice.window.model.to is None
    alice.presses("<Down>", tree)
    assert tree.selection() == ("bob",)
    alice.presses("<Return>", tree)
    assert alice.window.model.to == "bob"
    alice.presses("<Key>")  # the keyboard is in the message's entry
    assert not tree.selection()


def test_a_click_below_the_names_chooses_nobody(talk: tuple[Person, Person]) -> None:
    """The words that follow are for everybody."""
    _, bob = talk
    tree = bob.window.people.tree
    for event in ("<ButtonPress-1>", "<ButtonRelease-1>"):
        tree.event_generate(event, x=20, y=tree.winfo_height() - 5)
    bob.root.update()
    assert bob.window.model.to is None


def test_the_list_says_how_many_are_here_and_shortens_what_is_long(
    talk: tuple[Person, Person], host: Host, comes: Comes, until: Until
) -> None:
    """A name that is too wide ends in dots; clicked, it is the whole name."""
    alice, _ = talk
    wide = "W" * 32
    comes(host.address, wide).joins()
    until(lambda: len(alice.listed) == 3)
    assert alice.window.people.tree.heading("#0", "text") == "3 here"
    assert alice.listed[2].startswith("WWW")
    assert alice.listed[2].endswith("W…")
    click_on_name(alice, wide)
    assert alice.window.model.to == wide


def test_the_list_of_servers_can_be_opened(comes: Comes, until: Until) -> None:
    """The keyboard is then in a widget that tkinter doesn't know."""
    alice = comes("127.0.0.1:9", "alice", servers=["127.0.0.1:9", "127.0.0.1:8"])
    choices = str(alice.root.tk.call("ttk::combobox::PopdownWindow", alice.window.server))
    alice.presses("<Down>", alice.window.server)
    until(lambda: alice.root.tk.call("winfo", "ismapped", choices))
    until(lambda: str(alice.root.tk.call("focus")).startswith(choices))
    alice.root.tk.call("event", "generate", f"{choices}.f.l", "<Down>")
    alice.root.tk.call("event", "generate", f"{choices}.f.l", "<Return>")
    until(lambda: not alice.root.tk.call("winfo", "ismapped", choices))
    alice.root.update()
    assert alice.window._server.get() == "127.0.0.1:8"
    assert "went wrong" not in alice.status


@pytest.mark.parametrize(("name", "why"), [("ALICE", "taken"), ("аlice", "looks like"), ("a b", "space")])
def test_a_refused_name(
    talk: tuple[Person, Person], host: Host, comes: Comes, until: Until, name: str, why: str
) -> None:
    """The reason is said, and what was typed is kept and selected."""
    carol = comes(host.address)
    carol.joins(name)
    until(lambda: carol.window.model.state is State.OUTSIDE and carol.window.model.is_trouble)
    assert "Choose another" in carol.status
    assert carol.window.username.get() == name
    assert carol.window.username.selection_present()
    carol.joins("carol")
    until(lambda: carol.window.model.state is State.TALKING)


def test_the_server_is_killed_and_started_again(talk: tuple[Person, Person], host: Host, until: Until) -> None:
    """The window says so, keeps what is on it and being typed, comes back, and says what waited."""
    alice, bob = talk
    alice.says("before")
    until(lambda: "alice: before\n" in alice.text)
    alice.types("half a sen")
    host.dies()
    for person in (alice, bob):
        until(lambda person=person: person.window.try_button.winfo_ismapped())  # type: ignore[misc]
    assert alice.window.model.state is State.AWAY
    assert "alice: before" in alice.text
    bob.says("while it was away")
    until(lambda: "while it was away" in bob.text)
    host.start()
    for person in (alice, bob):
        person.window.try_now()
    until(lambda: "bob: while it was away\n" in alice.text)
    assert alice.window.message.get() == "half a sen"
    assert alice.text.count("bob: while it was away") == 1
    assert bob.text.count("while it was away") == 1


def test_up_and_down_bring_back_what_was_sent(talk: tuple[Person, Person], until: Until) -> None:
    """And in the end what was being typed."""
    alice, _ = talk
    alice.says("one")
    alice.says("two")
    alice.types("thr")
    for keys, shown in (("<Up>", "two"), ("<Up>", "one"), ("<Up>", "one"), ("<Down>", "two"), ("<Down>", "thr")):
        alice.presses(keys)
        assert alice.window.message.get() == shown


def test_commands_are_understood(talk: tuple[Person, Person], until: Until) -> None:
    """/msg goes to one person, // is a slash, /help explains, /quit leaves."""
    alice, bob = talk
    alice.says("/msg bob psst")
    until(lambda: "alice → bob: psst" in bob.text)
    alice.says("//shrug")
    until(lambda: "alice: /shrug" in bob.text)
    alice.says("/msg carol psst")
    until(lambda: "not said: nobody called carol is here" in alice.text)
    alice.says("/help")
    until(lambda: "/msg NAME TEXT" in alice.text)
    alice.says("/quit")
    assert alice.window.model.state is State.OUTSIDE


def test_what_was_refused_can_be_sent_again_or_dropped(talk: tuple[Person, Person], host: Host, until: Until) -> None:
    """By a click on the words."""
    alice, bob = talk
    alice.says("/msg carol psst")
    until(lambda: "Send\u00a0again" in alice.text)
    bob.window.leave()
    bob.joins("carol")
    until(lambda: "carol" in alice.listed)
    click(alice, "again")
    until(lambda: "alice → carol: psst\n" in bob.text)
    alice.says("/msg dave psst")
    until(lambda: "Drop" in alice.text)
    click(alice, "drop")
    until(lambda: "Drop" not in alice.text)


def click(person: Person, tag: str) -> None:
    text = person.window.conversation.text
    person.root.update()
    x, y, width, height = text.bbox(text.tag_ranges(tag)[0]) or (0, 0, 0, 0)
    for event in ("<Motion>", "<ButtonPress-1>", "<ButtonRelease-1>"):
        text.event_generate(event, x=x + width // 2, y=y + height // 2)
    person.root.update()


def test_a_link_is_opened(talk: tuple[Person, Person], until: Until) -> None:
    """The whole link, and nothing after it."""
    alice, bob = talk
    opened: list[str] = []
    bob.window.conversation._open_link = opened.append
    alice.says("see https://example.org/a_(b)?c=d, it says")
    until(lambda: "it says\n" in bob.text)
    click(bob, "link")
    assert opened == ["https://example.org/a_(b)?c=d"]


def test_links_are_reached_with_the_keyboard(talk: tuple[Person, Person], until: Until) -> None:
    """In the conversation Tab goes from one to the next that is in sight, Return opens it; then Tab leaves."""
    alice, bob = talk
    opened: list[str] = []
    bob.window.conversation._open_link = opened.append
    alice.says("one https://example.org/1 two https://example.org/2")
    until(lambda: "example.org/2\n" in bob.text)
    text = bob.window.conversation.text
    for keys in ("<Tab>", "<Return>", "<Tab>", "<Return>", "<Shift-Tab>", "<Return>"):
        bob.presses(keys, text)
    assert opened == [f"https://example.org/{number}" for number in (1, 2, 1)]
    for _ in range(2):
        bob.presses("<Tab>", text)
    assert bob.root.focus_get() is not text
    assert not text.tag_ranges("aim")


def test_what_is_dragged_over_is_selected_and_not_opened(talk: tuple[Person, Person], until: Until) -> None:
    """So that a link can be copied."""
    alice, bob = talk
    opened: list[str] = []
    bob.window.conversation._open_link = opened.append
    alice.says("https://example.org/")
    until(lambda: "example.org/\n" in bob.text)
    text = bob.window.conversation.text
    bob.root.update()
    start, end = text.tag_ranges("link")
    x, y, _, height = text.bbox(start) or (0, 0, 0, 0)
    to, _, width, _ = text.bbox(f"{end} - 1 chars") or (0, 0, 0, 0)
    y += height // 2
    text.event_generate("<ButtonPress-1>", x=x, y=y)
    text.event_generate("<B1-Motion>", x=to + width - 1, y=y)
    text.event_generate("<ButtonRelease-1>", x=to + width - 1, y=y)
    assert text.get("sel.first", "sel.last") == "https://example.org/"
    assert not opened


def test_what_can_be_clicked_looks_so(talk: tuple[Person, Person], until: Until) -> None:
    """Its colour prevails over that of what it stands in."""
    alice, _ = talk
    alice.says("/msg carol psst https://example.org/")
    until(lambda: "Drop" in alice.text)
    text = alice.window.conversation.text
    start, _ = text.tag_ranges("drop")
    colours = [str(text.tag_cget(tag, "foreground")) for tag in text.tag_names(start)]
    assert [colour for colour in colours if colour][-1] == alice.window.theme.palette.link


def test_the_scrollbar_is_there_when_it_is_needed(talk: tuple[Person, Person], until: Until) -> None:
    """Not before."""
    alice, _ = talk
    bar = alice.window.conversation._scrollbar
    assert not bar.winfo_ismapped()
    for _ in range(60):
        alice.says("hello")
    until(bar.winfo_ismapped)


def test_a_day_begins_with_its_date() -> None:
    """After that, and today from the beginning, the time is enough."""
    now = time.time()
    yesterday = [Entry(Kind.NOTICE, now - 86_400 + seconds, "") for seconds in (0, 1)]
    today = [Entry(Kind.NOTICE, now + seconds, "") for seconds in (0, 1)]
    assert " " in views._clock(yesterday[0], None)
    assert ":" in views._clock(today[0], None)
    assert " " in views._clock(today[0], yesterday[1])
    assert ":" in views._clock(today[1], today[0])


def test_what_nobody_has_seen_is_counted_in_the_title(talk: tuple[Person, Person], until: Until) -> None:
    """And the bell rings, unless it is muted."""
    alice, bob = talk
    rung: list[int] = []
    alice.root.bell = lambda displayof=0: rung.append(1)  # type: ignore[method-assign]
    alice.window.model.comes_to_front(False)
    bob.says("are you there?")
    until(lambda: alice.root.title() == "(1) Chat – alice")
    assert rung == [1]
    alice.window.settings.muted = True
    bob.says("hello?")
    until(lambda: alice.root.title() == "(2) Chat – alice")
    assert rung == [1]
    alice.window.model.comes_to_front(True)
    until(lambda: alice.root.title() == "Chat – alice")


def test_ten_thousand_lines(comes: Comes, until: Until) -> None:
    """All come; the screen holds its bound; scrolling up brings older ones, and the button leads down again."""
    alice = comes("127.0.0.1:9", "alice")
    alice.window.model.join("127.0.0.1:9", "alice")
    alice.window.events.put(Welcome("alice", Form.RICH, False, (), 4096))
    for number in range(1, 10_001):
        alice.window.events.put(Said(number, 1.0 + number, "bob", f"line {number}"))
    until(lambda: "line 10000\n" in alice.text)
    view = alice.window.conversation
    assert alice.text.count("\n") <= views.ON_SCREEN
    until(lambda: view.text.yview()[1] == 1.0)
    while "line 1\n" not in alice.text:
        view.text.yview_moveto(0)
        before = alice.text
        until(lambda before=before: alice.text != before)  # type: ignore[misc]
        assert alice.text.count("\n") <= views.ON_SCREEN
    alice.window.events.put(Said(10_001, 20_000.0, "bob", "news"))
    until(view._down.winfo_ismapped)
    assert str(view._down.cget("text")) == "1 new ↓"
    view._down.invoke()
    until(lambda: "bob: news\n" in alice.text and view.text.yview()[1] == 1.0)
    assert not view._down.winfo_ismapped()


def test_reading_on_from_far_up_leads_to_the_end(comes: Comes, until: Until) -> None:
    """Scrolling down brings the newer ones again, without a hole."""
    alice = comes("127.0.0.1:9", "alice")
    alice.window.model.join("127.0.0.1:9", "alice")
    alice.window.events.put(Welcome("alice", Form.RICH, False, (), 4096))
    for number in range(1, 8001):
        alice.window.events.put(Said(number, 1.0 + number, "bob", f"line {number}."))
    view = alice.window.conversation
    until(lambda: "line 8000." in alice.text)
    while "line 1." not in alice.text:
        view.text.yview_moveto(0)
        alice.root.update()
    assert "line 8000." not in alice.text

    def goes_down() -> bool:
        view.text.yview_moveto(1)
        return "line 8000." in alice.text

    until(goes_down)
    lines = [int(line.split()[-1].rstrip(".")) for line in alice.text.splitlines()]
    assert lines == list(range(lines[0], 8001))


def test_a_mistake_in_a_callback_is_said_and_survived(talk: tuple[Person, Person], until: Until) -> None:
    """The window names the file where it is written, and lives on."""
    alice, bob = talk
    journal.open_log()
    alice.root.after(0, lambda: 1 / 0)
    until(lambda: "Something went wrong in this program" in alice.status)
    assert str(storage.log_file()) in alice.status
    assert "ZeroDivisionError" in storage.log_file().read_text()
    logging.getLogger("chat.client").handlers.pop().close()
    storage.log_file().unlink()
    alice.says("still here")
    until(lambda: "alice: still here" in bob.text)


def test_the_log_is_opened_when_the_window_is_there(screen: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the program itself: whoever starts it has nothing to do for that."""
    logger = logging.getLogger("chat.client")

    def mainloop(root: tk.Tk, _windows: int = 0) -> None:
        deadline = time.monotonic() + PATIENCE
        while not logger.handlers and time.monotonic() < deadline:
            root.update()
        root.destroy()

    monkeypatch.setattr(tk.Misc, "mainloop", mainloop)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # these are pytest's
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    run("127.0.0.1:9", "")
    handler = logger.handlers.pop()
    assert isinstance(handler, logging.FileHandler)
    assert handler.baseFilename == str(storage.log_file())


def test_a_mistake_in_a_thread_is_said_and_survived(
    comes: Comes, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same sentence, and nothing but the queue is touched from there."""
    journal.open_log()
    alice = comes("127.0.0.1:9", "alice")
    monkeypatch.setattr(threading, "excepthook", alice.window.report_mistake_in_thread)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    until(lambda: str(storage.log_file()) in alice.status)
    assert "ZeroDivisionError" in storage.log_file().read_text()
    logging.getLogger("chat.client").handlers.pop().close()
    storage.log_file().unlink()


def test_words_begun_in_private_are_never_said_to_everybody(
    talk: tuple[Person, Person], host: Host, until: Until
) -> None:
    """The connection ends while one is typing to somebody: they are still in the entry, and still for that one. On a
    server without private words they leave the entry."""
    alice, _ = talk
    alice.window.talk_to("bob")
    alice.types("psst")
    alice.window.leave()
    alice.joins()
    until(lambda: alice.window.model.state is State.TALKING)
    assert alice.window.message.get() == "psst"
    assert alice.window.to_button.winfo_ismapped()
    alice.window.leave()
    host.dies()
    old = python_program(FINAL.parent / "stages" / "03_broadcast", "server.py", "--port", str(host.port))
    host.program = Server(old, PATIENCE)
    alice.joins()
    until(lambda: alice.window.model.state is State.TALKING)
    assert alice.window.message.get() == ""
    assert not alice.window.to_button.winfo_ismapped()


def test_text_can_be_selected_copied_and_pasted_with_the_mouse(talk: tuple[Person, Person], until: Until) -> None:
    """By a menu; in the conversation, where nothing can be changed, nothing offers to."""
    alice, _ = talk
    alice.says("hello")
    until(lambda: "alice: hello\n" in alice.text)
    opens_menu(alice, alice.window.conversation.text, "Select all", "Copy")
    assert "alice: hello" in alice.root.clipboard_get()
    assert edit_menu(alice).entrycget("Paste", "state") == "disabled"
    opens_menu(alice, alice.window.message, "Paste")
    assert "alice: hello" in alice.window.message.get()
    opens_menu(alice, alice.window.message, "Select all", "Cut")
    assert alice.window.message.get() == ""


def edit_menu(person: Person) -> tk.Menu:
    return next(child for child in person.root.winfo_children() if isinstance(child, EditMenu))


def opens_menu(person: Person, widget: tk.Misc, *chosen: str) -> None:
    for label in chosen:
        widget.event_generate("<Button-2>" if ON_MAC else "<Button-3>", x=5, y=5)
        person.root.update()
        edit_menu(person).invoke(label)
        edit_menu(person).unpost()
        edit_menu(person).grab_release()  # as when it is clicked
        person.root.update()


def test_on_a_mac_the_menu_bar_edits_where_the_keyboard_is(comes: Comes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made here as it is made there, as far as another system's Tk can be a Mac's."""
    monkeypatch.setattr(window_module, "ON_MAC", True)
    monkeypatch.setattr(tk.Tk, "createcommand", lambda *_: None, raising=False)  # its namespace is a Mac's
    alice = comes("127.0.0.1:9")
    bar = alice.root.nametowidget(str(alice.root.cget("menu")))
    assert [bar.entrycget(index, "label") for index in range(1 + int(bar.index("end")))] == ["Chat", "Edit"]
    edit = bar.nametowidget(bar.entrycget("Edit", "menu"))
    alice.window.username.insert(0, "alice")
    alice.presses("<Home>", alice.window.username)
    for label in ("Select all", "Cut"):
        edit.invoke(label)
    assert alice.window.username.get() == ""
    alice.window._server.set("host ")
    alice.presses("<End>", alice.window.server)
    edit.invoke("Paste")
    assert alice.window.server.get() == "host alice"


def test_sizes_and_themes_change_while_talking(talk: tuple[Person, Person], until: Until) -> None:
    """Larger, smaller, dark; it is remembered."""
    alice, _ = talk
    before = alice.window.theme.line_height
    for _ in range(3):
        alice.presses(f"<{COMMAND}-plus>")
    assert alice.window.theme.line_height > before
    alice.window._dark.set(True)
    alice.window._switch_theme()
    alice.root.update()
    alice.closes()
    remembered = storage.load()
    assert (remembered.dark, remembered.larger) == (True, 3)
    assert remembered.servers[0] == alice.window.model.address
    assert remembered.names[alice.window.model.address] == "alice"


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
def test_everything_wears_the_theme(comes: Comes, dark: bool) -> None:
    """From the start, and after it was changed: the page as well as the conversation, and letters that stand out."""
    alice = comes("127.0.0.1:9", dark=dark)
    for night in (dark, not dark, dark):
        if night is not alice.window.theme.dark:
            alice.window._dark.set(night)
            alice.window._switch_theme()
        alice.root.update()
        page = [ttk.Style(alice.root).lookup(part, "background") for part in (".", "TFrame", "TLabel")]
        fields = [ttk.Style(alice.root).lookup(part, "fieldbackground") for part in ("TEntry", "TCombobox", "Treeview")]
        grounds = [*page, *fields, alice.root.cget("background"), alice.window.conversation.text.cget("background")]
        assert [brightness(alice, ground) < 0.5 for ground in grounds] == [night] * 8
        letters = [ttk.Style(alice.root).lookup(".", "foreground"), alice.window.conversation.text.cget("foreground")]
        assert [brightness(alice, colour) > 0.5 for colour in letters] == [night] * 2


def test_one_sees_where_the_keyboard_is(comes: Comes) -> None:
    """Each part that can have it looks another way then."""
    alice = comes("127.0.0.1:9")
    style = ttk.Style(alice.root)
    for part in ("TEntry", "TCombobox", "TButton", "Accent.TButton", "TMenubutton", "People.Treeview"):
        assert style.lookup(part, "bordercolor", ["focus"]) != style.lookup(part, "bordercolor")


def test_parts_grow_with_the_letters(comes: Comes) -> None:
    """On a sharp screen, where letters have more pixels, so have the scrollbars and arrows."""
    alice = comes("127.0.0.1:9")
    style = ttk.Style(alice.root)
    parts = (("TScrollbar", "arrowsize"), ("TCombobox", "arrowsize"), ("People.Treeview", "rowheight"))
    before = [int(str(style.lookup(*part))) for part in parts]
    alice.window.resize(6)
    assert all(int(str(style.lookup(*part))) > size for part, size in zip(parts, before, strict=True))


def brightness(person: Person, colour: str) -> float:
    return sum(person.root.winfo_rgb(colour)) / 3 / 65_535


def test_an_address_that_is_none_can_not_be_joined(comes: Comes) -> None:
    """The button waits for one that can be."""
    alice = comes("127.0.0.1:5050")
    for written, can_be in (("", False), ("a b", False), ("host:99999", False), ("host", True), ("[::1]:6000", True)):
        alice.window._server.set(written)
        assert alice.window.join_button.instate(["!disabled"]) == can_be


def test_joining_can_be_cancelled(comes: Comes, until: Until) -> None:
    """While it waits for a server that doesn't answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        alice = comes(f"127.0.0.1:{silent.getsockname()[1]}", "alice")
        alice.joins()
        until(alice.window.cancel_button.winfo_ismapped)
        alice.window.cancel_button.invoke()
        assert alice.window.model.state is State.OUTSIDE
        assert alice.window.join_button.instate(["!disabled"])


def test_late_news_of_an_old_connection_change_nothing(comes: Comes, until: Until) -> None:
    """What a connection that was given up still reports isn't heard."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        alice = comes(f"127.0.0.1:{silent.getsockname()[1]}", "alice")
        alice.joins()
        old: queue.SimpleQueue[object] = alice.window.events  # type: ignore[assignment]
        alice.window.leave()
        alice.joins()
        old.put(Lost("old news", None))
        until(alice.window.events.empty)
        assert alice.window.model.state is State.JOINING


def test_the_keyboard_reaches_everything_in_order(talk: tuple[Person, Person]) -> None:
    """Tab goes through what can be used, from top to bottom."""
    alice, _ = talk
    alice.window.message.focus_force()
    alice.root.update()
    seen = []
    for _ in range(8):
        alice.root.focus_get().event_generate("<Tab>")  # type: ignore[union-attr]
        alice.root.update()
        seen.append(alice.root.focus_get())
    window = alice.window
    assert seen[:5] == [
        window.send_button,
        window.menu_button,
        window.conversation.text,
        window.people.tree,
        window.message,
    ]


has_terminals = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pseudo-terminals")


@contextlib.contextmanager
def at_a_terminal(*flags: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The terminal client, and the other end of its terminal: what is written there is typed."""
    import pty  # not on Windows

    ours, theirs = pty.openpty()
    command = python_program(FINAL, "client.py", "--terminal", *flags)
    environment = {**os.environ, "TERM": "dumb"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as program:
        os.close(theirs)
        try:
            yield program, ours
        finally:
            program.kill()
            os.close(ours)


@has_terminals
def test_the_terminal_client_talks_to_a_window(host: Host, comes: Comes, until: Until) -> None:
    """Lines that arrive stand above the one being typed."""
    bob = comes(host.address, "bob")
    bob.joins()
    until(lambda: bob.window.model.state is State.TALKING)
    with at_a_terminal("--port", str(host.port), "--name", "alice") as (alice, terminal):
        until(lambda: "alice" in bob.listed)
        os.write(terminal, b"hello from a terminal\r")
        until(lambda: "alice: hello from a terminal\n" in bob.text)
        bob.says("hello from a window")
        until(lambda: "bob: hello from a window\n" in bob.text)
        reads_until(terminal, b"bob: hello from a window")
        os.write(terminal, b"/quit\r")
        until(lambda: "alice" not in bob.listed)
        assert alice.wait(PATIENCE) == 0


@has_terminals
def test_a_window_and_a_terminal_talk_in_private(comes: Comes, until: Until, tmp_path: Path) -> None:
    """With TLS; whom to trust, and where they were, is remembered from the one to the other."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    host = Host("--certificate", str(tmp_path / "server.pem"))
    try:
        bob = comes(f"tls://{host.address}", "bob")
        bob.joins()
        until(lambda: "nobody whom this computer trusts" in bob.status)
        bob.window.settings.authority = str(tmp_path / "authority.pem")
        bob.joins()
        until(lambda: bob.window.model.state is State.TALKING)
        with at_a_terminal("--name", "alice") as (alice, terminal):
            until(lambda: "alice" in bob.listed)
            os.write(terminal, b"nobody else reads this\r")
            until(lambda: "alice: nobody else reads this\n" in bob.text)
            os.write(terminal, b"/quit\r")
            until(lambda: "alice" not in bob.listed)
            assert alice.wait(PATIENCE) == 0
    finally:
        host.program.close()


@pytest.mark.parametrize(
    ("flags", "server"),
    [
        ([], ""),
        (["--host", "chat.example.org"], "chat.example.org:5050"),
        (["--port", "6000"], "127.0.0.1:6000"),
        (["--tls"], "tls://127.0.0.1:5050"),
        (["--host", "chat.example.org", "--tls"], "tls://chat.example.org:5050"),
        (["--host", "tls://chat.example.org", "--port", "6000"], "tls://chat.example.org:6000"),
        (["--host", "::1", "--tls"], "tls://[::1]:5050"),
    ],
)
def test_the_flags_say_which_server(
    flags: list[str], server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the window would have it typed; and the authority's file is found from every folder."""
    came: list[tuple[str, str, str]] = []
    monkeypatch.setattr(window_module, "run", lambda *what: came.append(what))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        command_line.client([*flags, "--name", "alice", "--authority", "authority.pem"])
    assert came == [(server, "alice", str(tmp_path / "authority.pem"))]


@has_terminals
@pytest.mark.parametrize("is_let_in", [True, False])
def test_what_is_typed_on_the_way_in_is_not_lost(is_let_in: bool) -> None:
    """It is said as soon as we are in; if we aren't, it is not said, and no name either."""
    server = FakeServer(Scene(PATIENCE))
    try:
        with at_a_terminal("--port", str(server.port), "--name", "alice") as (alice, terminal):
            line = server.accepts()
            assert json.loads(line.next_line())["type"] == "join"
            reads_until(terminal, "… ".encode())
            os.write(terminal, b"hello early\r")
            reads_until(terminal, "… ".encode())  # it asks for the next line: this one has been taken
            if is_let_in:
                line.says(json.dumps(WELCOME))
                assert json.loads(line.next_line())["text"] == "hello early"
            else:
                line.says(json.dumps({"type": "failed", "reason": "taken", "text": "alice is taken"}))
                reads_until(terminal, "(not said: “hello early”".encode())
                line.hears_the_end()
                server.is_left_alone()
            os.write(terminal, b"/quit\r")
            assert alice.wait(PATIENCE) == 0
    finally:
        server.close()


def reads_until(terminal: int, wanted: bytes) -> None:
    """Read what a program shows on its terminal, up to this."""
    shown = b""
    deadline = time.monotonic() + PATIENCE
    while wanted not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 1)


def test_the_terminal_client_needs_a_terminal(tmp_path: Path) -> None:
    """It says so in a sentence."""
    program = Program(python_program(FINAL, "client.py", "--terminal"), PATIENCE)
    program.ends(1)
    assert program.errors.count("\n") == 1
    program.close()


@pytest.mark.parametrize("folder", ["02_usernames", "03_broadcast", "04_tk_client"])
def test_it_talks_to_the_servers_of_the_stages(comes: Comes, until: Until, folder: str) -> None:
    """In plain lines: a taken name is refused, another is not, what is said is shown; there is no list of people."""
    server = Server(python_program(FINAL.parent / "stages" / folder, "server.py", "--port", "0"), PATIENCE)
    try:
        alice, bob = comes(f"127.0.0.1:{server.port}", "alice"), comes(f"127.0.0.1:{server.port}", "bob")
        alice.joins()
        until(lambda: alice.window.model.state is State.TALKING)
        bob.joins("ALICE")
        until(lambda: "is taken or not allowed" in bob.status)
        bob.joins()
        until(lambda: bob.window.model.state is State.TALKING)
        alice.says("hello")
        until(lambda: "alice: hello\n" in (alice.text if folder == "02_usernames" else bob.text))
        assert not alice.window.people.winfo_ismapped()
        server.process.kill()
        until(lambda: alice.window.model.state is State.OUTSIDE)
        assert "You can join again." in alice.status
        assert "alice: hello" in alice.text
    finally:
        server.close()


def test_a_server_that_has_become_another_is_asked_again(comes: Comes, until: Until) -> None:
    """That it spoke plain lines is forgotten when the connection ends."""
    host = Host()
    host.dies()
    old = python_program(FINAL.parent / "stages" / "03_broadcast", "server.py", "--port", str(host.port))
    host.program = Server(old, PATIENCE)
    alice = comes(host.address, "alice")
    alice.joins()
    until(lambda: alice.window.model.state is State.TALKING)
    assert not alice.listed
    host.dies()
    until(lambda: alice.window.model.state is State.OUTSIDE)
    host.start()
    alice.joins()
    until(lambda: alice.window.model.state is State.TALKING)
    until(lambda: alice.listed == ["alice (you)"])
    host.program.close()


def test_typing_into_the_conversation_types_a_message(talk: tuple[Person, Person]) -> None:
    """It has the keyboard so that one can copy; letters go where they can be meant to go."""
    alice, _ = talk
    text = alice.window.conversation.text
    text.event_generate("<Button-1>", x=5, y=5)
    alice.root.update()
    assert alice.root.focus_lastfor() is text
    alice.presses("<KeyPress-h>", text)
    alice.root.update()
    assert alice.window.message.get() == "h"
    assert alice.root.focus_lastfor() is alice.window.message
