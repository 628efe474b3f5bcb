"""The window: drains what the connection reports, draws the model, and hands on what the person does.

One page. Above, who one is and where: the name, the server, the button to join, which can be used while one is outside.
Below, the conversation with its people, and the line to say. What can be used when follows from the model's state and
from nothing else; see `_allow`.

Thirty times a second `_tick` takes what has been reported from the queue, gives it to the model, and draws what has
changed, but for no longer than BUDGET: however much arrives, there is time left for keys and clicks.

Only the main thread runs here. The connection's thread puts events into the queue and touches nothing else.
"""

import gc
import os
import queue
import signal
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from ..protocol import Form, Leave
from . import address as addresses
from . import settings as storage
from .address import Address
from .editing import COMMAND, ON_MAC, EditMenu
from .events import Event, Lost, Mistake, Refused, Welcome
from .model import Model, State, one_line
from .people import PeopleView
from .settings import Settings
from .theme import Theme, make_sharp
from .transcript import TranscriptView, drawable

if TYPE_CHECKING:
    from .connection import Connection

# Milliseconds after which the window is there, and what it didn't need for that is imported.
SOON = 50
# Milliseconds between two looks into the queue: too short for anyone to notice.
TICK = 30
# Seconds that one look may take, for the events and again for drawing them.
BUDGET = 0.006
# Events handled between two looks at the clock.
HANDFUL = 50
# Between widgets, in points: they grow with the letters on a sharp screen.
GAP = "3p"
# Seconds in which Return may still be meant for the message, after the keyboard was taken away from there.
AFTERGLOW = 1.0
# Seconds to wait for the goodbye to be sent when the window closes.
FAREWELL = 1.0

# Of Tk's modifier keys those that make letters: Shift, Caps Lock, Num Lock, AltGr.
_SHIFTED = 0x1 | 0x2 | 0x10 | 0x80


class ChatWindow:
    """The window. Used by the main thread alone."""

    def __init__(self, root: tk.Tk, settings: Settings, server: str = "", name: str = "") -> None:
        self.root = root
        self.settings = settings
        self.model = Model(log=str(storage.log_file()))
        # What the connection's thread reports; the only thing that both threads use.
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        # Our connection, from joining until we are outside again. One that we have given up may still report: each has
        # its own queue, and only the present one's is looked into.
        self.connection: Connection | None = None
        # Where we are; the addresses of servers that were found to speak only plain lines, until the connection to them
        # ends: another server may stand there then.
        self._where: Address | None = None
        self._plain_servers: set[Address] = set()
        # Unlike those of everybody else, and of our own other days.
        self._id_prefix, self._ids = os.urandom(4).hex(), 0
        # What is drawn, so that only what has changed is drawn again.
        self._drawn_state: tuple[State, Form, bool] | None = None
        self._told_unread = 0
        # Until when Return in the username's entry is one that was meant for the message, when the connection ended.
        self._return_is_late_until = 0.0
        self._should_stop = False
        self._next_tick = ""
        root.withdraw()  # until everything has its place
        self.theme = Theme(root, settings.dark, settings.larger)
        self._make(server, name)
        self._arrange()
        self._bind()
        self._tick()
        root.deiconify()
        root.update_idletasks()

    # Making the window

    def _make(self, server: str, name: str) -> None:
        server = server or next(iter(self.settings.servers), str(Address("127.0.0.1")))
        self.page = ttk.Frame(self.root, padding="6p")
        self.username_label = ttk.Label(self.page, text="Username")
        self.username = ttk.Entry(self.page, width=16)
        self.username.insert(0, name or self.settings.names.get(server, ""))
        self.server_label = ttk.Label(self.page, text="Server")
        self._server = tk.StringVar(self.root, server)
        self.server = ttk.Combobox(self.page, width=20, textvariable=self._server, values=self.settings.servers)
        self.join_button = ttk.Button(self.page, text="Join chat", command=self.join, style="Accent.TButton")
        self.menu_button = ttk.Menubutton(self.page, text="☰")
        self.status_line = ttk.Frame(self.page)
        self.status = ttk.Label(self.status_line, width=1)  # asks for no room: its row gives it all there is
        self.progress = ttk.Progressbar(self.status_line, mode="indeterminate", length="60p")
        self.try_button = ttk.Button(self.status_line, text="Try now", command=self.try_now)
        self.cancel_button = ttk.Button(self.status_line, text="Cancel", command=self.leave)
        self.body = ttk.Frame(self.page)
        self.conversation = TranscriptView(
            self.body, self.theme, self.model.transcript, self.open_link, self.say_again, self.drop
        )
        self.people = PeopleView(self.body, self.theme, self._choose)
        self.compose = ttk.Frame(self.page)
        self.to_button = ttk.Button(self.compose, command=lambda: self.talk_to(None))
        self.message = ttk.Entry(self.compose)
        self.send_button = ttk.Button(self.compose, text="Send", command=self.send_message)
        self.menu = self._make_menu()
        edit_menu = EditMenu(self.root, self.theme)
        for entry in (self.username, self.server, self.message):
            edit_menu.offer(entry)
        edit_menu.offer(self.conversation.text, may_change=False)
        self._dress_menus()

    def _make_menu(self) -> tk.Menu:
        """What is not done every day. On a Mac it is where a Mac's menus are."""
        self._dark = tk.BooleanVar(self.root, self.settings.dark)
        self._muted = tk.BooleanVar(self.root, self.settings.muted)
        bar = tk.Menu(self.root, tearoff=False) if ON_MAC else None
        menu = tk.Menu(bar or self.menu_button, tearoff=False)
        menu.add_command(label="Leave the chat", command=self.leave, accelerator=f"{COMMAND}+L")
        menu.add_separator()
        menu.add_checkbutton(label="Dark", variable=self._dark, command=self._switch_theme)
        menu.add_command(label="Larger letters", command=lambda: self.resize(1), accelerator=f"{COMMAND}++")
        menu.add_command(label="Smaller letters", command=lambda: self.resize(-1), accelerator=f"{COMMAND}+-")
        menu.add_command(label="Usual size", command=lambda: self.resize(0), accelerator=f"{COMMAND}+0")
        menu.add_separator()
        menu.add_checkbutton(label="No bell", variable=self._muted, command=self._mute)
        if bar:
            bar.add_cascade(label="Chat", menu=menu)
            bar.add_cascade(label="Edit", menu=EditMenu(bar, self.theme))
            self.root.configure(menu=bar)
            self.root.createcommand("tk::mac::Quit", self.close)
        else:
            menu.add_separator()
            menu.add_command(label="Quit", command=self.close, accelerator=f"{COMMAND}+Q")
            self.menu_button.configure(menu=menu)
        return menu

    def _arrange(self) -> None:
        """Put everything in its place. Only the conversation grows and shrinks with the window."""
        self.page.pack(fill="both", expand=True)
        self.page.columnconfigure(3, weight=1)
        self.page.rowconfigure(2, weight=1)
        self.username_label.grid(row=0, column=0, sticky="w", padx=GAP, pady=GAP)
        self.username.grid(row=0, column=1, sticky="ew", padx=GAP, pady=GAP)
        self.server_label.grid(row=0, column=2, sticky="w", padx=GAP, pady=GAP)
        self.server.grid(row=0, column=3, sticky="ew", padx=GAP, pady=GAP)
        self.join_button.grid(row=0, column=4, sticky="ew", padx=GAP, pady=GAP)
        if not ON_MAC:
            self.menu_button.grid(row=0, column=5, sticky="e", padx=GAP, pady=GAP)
        self.status_line.grid(row=1, column=0, columnspan=6, sticky="ew", padx=GAP, pady=GAP)
        self.status_line.columnconfigure(0, weight=1)
        self.status.grid(row=0, column=0, sticky="ew")
        self.body.grid(row=2, column=0, columnspan=6, sticky="nsew")
        self.body.columnconfigure(0, weight=1)
        self.body.rowconfigure(0, weight=1)
        self.conversation.grid(row=0, column=0, sticky="nsew", padx=GAP, pady=GAP)
        self.compose.grid(row=3, column=0, columnspan=6, sticky="ew")
        self.compose.columnconfigure(1, weight=1)
        self.message.grid(row=0, column=1, sticky="ew", padx=GAP, pady=GAP)
        self.send_button.grid(row=0, column=2, sticky="e", padx=GAP, pady=GAP)
        self._set_smallest_size()
        width, height = self.root.winfo_reqwidth(), self.root.winfo_reqheight()
        self.root.geometry(self.settings.geometry or f"{width * 6 // 5}x{height * 7 // 4}")

    def _set_smallest_size(self) -> None:
        """What the widgets ask for is the smallest size at which nothing is cut off, at any scaling."""
        # The status is as high with buttons beside it as without: nothing jumps when they come.
        self.page.rowconfigure(1, minsize=self.cancel_button.winfo_reqheight() + 2 * self.root.winfo_pixels(GAP))
        self.root.update_idletasks()
        self.root.minsize(self.page.winfo_reqwidth(), self.page.winfo_reqheight())

    def _bind(self) -> None:
        root = self.root
        root.protocol("WM_DELETE_WINDOW", self.close)
        root.report_callback_exception = self.report_mistake
        self._server.trace_add("write", lambda *_: self._allow())
        for key in ("<Return>", "<KP_Enter>"):
            self.username.bind(key, lambda _event: self._return_in_username())
            self.server.bind(key, lambda _event: self.join())
            self.message.bind(key, lambda _event: self.send_message())
        self.username.bind("<Key>", lambda _event: self._accept_return())
        self.server.bind("<<ComboboxSelected>>", lambda _event: self._recall_name())
        self.message.bind("<Up>", lambda _event: self._bring_back(self.model.history.up))
        self.message.bind("<Down>", lambda _event: self._bring_back(self.model.history.down))
        self.message.bind("<Prior>", lambda _event: self.conversation.scroll(-1))
        self.message.bind("<Next>", lambda _event: self.conversation.scroll(1))
        self.message.bind("<Escape>", lambda _event: self.talk_to(None))
        self.conversation.text.bind("<Key>", self._type_in_message)
        self.status.bind("<Configure>", lambda event: self.status.configure(wraplength=event.width))
        root.bind("<FocusIn>", lambda _event: self._look_whether_in_front())
        root.bind("<FocusOut>", lambda _event: root.after_idle(self._look_whether_in_front))
        for keys, do in (
            (("plus", "equal", "KP_Add"), lambda: self.resize(1)),
            (("minus", "KP_Subtract"), lambda: self.resize(-1)),
            (("0",), lambda: self.resize(0)),
            (("l",), self.leave),
            (("q", "w"), self.close),
        ):
            for key in keys:
                root.bind(f"<{COMMAND}-{key}>", lambda _event, do=do: do())  # type: ignore[misc]

    # What the person does

    def join(self) -> None:
        """Begin to join the chat under the name in the entry."""
        where = addresses.parse(self._server.get())
        if where is None or self.model.state is not State.OUTSIDE:
            return
        name = self.model.join(str(where), self.username.get())
        if name is not None:
            _fill(self.username, name)
            self._where = where
            self._hang_up()
            self.events = queue.SimpleQueue()
            form = Form.PLAIN if where in self._plain_servers else Form.RICH
            from .connection import Connection  # late: sockets and all that; the window is there sooner

            authority = self.settings.authority
            self.connection = Connection(where.host, where.port, name, self.events.put, form, where.tls, authority)
            self.connection.start()
        self._draw()

    def _return_in_username(self) -> None:
        if time.monotonic() >= self._return_is_late_until:
            self.join()

    def _accept_return(self) -> None:
        self._return_is_late_until = 0.0

    def leave(self) -> None:
        """Leave the chat, or stop trying to get in."""
        if self.model.state is not State.OUTSIDE:
            self._hang_up()
            self.model.leave()
            self._draw()

    def try_now(self) -> None:
        """Don't wait for the next try."""
        if self.connection is not None:
            self.connection.try_now()

    def send_message(self) -> None:
        """Send what is in the entry, and empty it."""
        typed = self.message.get()
        request = self.model.say(typed, self._new_id(), time.time())
        if request is not None:
            self.message.delete(0, "end")
        if isinstance(request, Leave):
            self.leave()
        elif request is not None and self.connection is not None:
            self.connection.request(request)
        self._draw()

    def say_again(self, id: str) -> None:
        """Send once more what was refused or may be lost."""
        request = self.model.say_again(id, self._new_id())
        if request is not None and self.connection is not None:
            self.connection.request(request)

    def drop(self, id: str) -> None:
        """Give up what was refused or may be lost."""
        self.model.drop(id)

    def talk_to(self, name: str | None) -> None:
        """Turn to one person, or to everybody."""
        if self.model.may_talk and name != self.model.to:
            _fill(self.message, self.model.talk_to(name, self.message.get()))
            self.message.focus_set()
            self._draw()

    def open_link(self, url: str) -> None:
        """Open a link in the browser; to find and start one can take a while, and is done beside us."""
        import webbrowser  # late: most days nobody clicks, and the window is there sooner

        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def close(self) -> None:
        """End the program: hang up, so that the others see us leave, and let the window go."""
        # The size alone: two windows in one place look like one.
        self.settings.geometry = self.root.geometry().partition("+")[0]
        storage.save(self.settings)
        connection = self.connection
        self._hang_up()
        self.root.withdraw()
        self.root.after_cancel(self._next_tick)
        self.progress.stop()  # it ticks by itself, and would do so in a window that is gone
        if connection is not None:
            connection.wait(FAREWELL)
        self.root.destroy()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End soon: for signals, which come in the middle of anything."""
        self._should_stop = True

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.end()
            self.connection = None

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._id_prefix}-{self._ids}"

    def _choose(self, name: str) -> None:
        """A name in the list: a word to that person alone; to ourselves there is none."""
        if name != self.model.name:
            self.talk_to(name)

    def _type_in_message(self, event: "tk.Event[tk.Text]") -> None:
        """Whoever types where nothing can be typed means the message. (With Control held down it is a command.)"""
        if self.model.may_talk and event.char.isprintable() and event.char and not int(event.state) & ~_SHIFTED:
            self.message.focus_set()
            self.message.insert("insert", event.char)

    def _bring_back(self, other_line: Callable[[str], str]) -> str:
        _fill(self.message, other_line(self.message.get()))
        return "break"

    def _recall_name(self) -> None:
        """At a server where we were before, offer the name that we had there."""
        name = self.settings.names.get(self._server.get())
        if name:
            _fill(self.username, name)

    # What follows from the queue

    def _tick(self) -> None:
        """Handle what has been reported since the last look, draw what has changed, and come back for more."""
        if self._should_stop:
            self.close()
            return
        # First of all, so that a mistake in what follows doesn't end the ticking.
        self._next_tick = self.root.after(TICK, self._tick)
        until = time.monotonic() + BUDGET
        while not self.events.empty() and time.monotonic() < until:
            self._handle_a_handful()
        self._draw()

    def _handle_a_handful(self) -> None:
        for _ in range(HANDFUL):
            try:
                event = self.events.get_nowait()
            except queue.Empty:
                return
            self.model.handle(event, time.time())
            self._take_note(event)

    def _take_note(self, event: Event) -> None:
        """Remember what outlives the conversation."""
        match event:
            case Welcome(form=form):
                self._note_form(form)
                self._allow()  # an entry that can't be used can't be filled either
                if form is Form.PLAIN:
                    self.talk_to(None)  # there are no private words; those that were begun aren't for everybody
                self.settings.remember(self.model.address, one_line(self.username.get()))
                self.server.configure(values=self.settings.servers)
                storage.save(self.settings)
            case Refused(form=form):
                self._note_form(form)
                self.connection = None
            case Lost(again_in=None):
                if self._where is not None:
                    self._plain_servers.discard(self._where)
                self.connection = None

    def _note_form(self, form: Form) -> None:
        if form is Form.PLAIN and self._where is not None:
            self._plain_servers.add(self._where)

    # Drawing the model

    def _draw(self) -> None:
        model = self.model
        if (model.state, model.form, model.people is None) != self._drawn_state:
            self._draw_state()
        status = model.status(time.time())
        if status != str(self.status.cget("text")) or model.is_trouble != bool(str(self.status.cget("foreground"))):
            colour = self.theme.palette.trouble if model.is_trouble else ""
            self.status.configure(text=drawable(status), foreground=colour)
        self._draw_to()
        if model.people is not None:
            self.people.show(model.people, model.name)
        self.conversation.show(model.unacknowledged, time.monotonic() + BUDGET)
        self._draw_title()

    def _draw_state(self) -> None:
        before = self._drawn_state and self._drawn_state[0]
        state = self.model.state
        self._drawn_state = (state, self.model.form, self.model.people is None)
        self._allow()
        _show(self.progress, state in (State.JOINING, State.AWAY), column=1, padx=GAP)
        (self.progress.start if state in (State.JOINING, State.AWAY) else self.progress.stop)()
        _show(self.try_button, state is State.AWAY, column=2, padx=GAP)
        _show(self.cancel_button, state in (State.JOINING, State.AWAY), column=3, padx=GAP)
        # Where the server doesn't tell who is here, there is no list.
        _show(self.people, self.model.people is not None, column=1, sticky="ns", padx=GAP, pady=GAP)
        if state is State.OUTSIDE:
            if self._keyboard("-lastfor") == str(self.message):
                self._return_is_late_until = time.monotonic() + AFTERGLOW
            self.username.focus_set()
            self.username.selection_range(0, "end")
        elif state is State.TALKING and before is not State.AWAY:
            self.message.focus_set()

    def _allow(self) -> None:
        """Let be used what can be used now."""
        outside = self.model.state is State.OUTSIDE
        _enable(self.username, outside)
        _enable(self.server, outside)
        _enable(self.join_button, outside and addresses.parse(self._server.get()) is not None)
        _enable(self.message, self.model.may_talk)
        _enable(self.send_button, self.model.may_talk)
        _enable(self.to_button, self.model.may_talk)
        self.menu.entryconfigure(0, state="disabled" if outside else "normal")

    def _draw_to(self) -> None:
        to = self.model.to
        if to is not None:
            self.to_button.configure(text=drawable(f"to {to} alone  ✕"))
        _show(self.to_button, to is not None, column=0, padx=GAP)

    def _draw_title(self) -> None:
        model = self.model
        if model.unread > self._told_unread and not self.settings.muted:
            self.root.bell()
        self._told_unread = model.unread
        if self.root.title() != model.title:
            self.root.title(model.title)

    # Looks

    def resize(self, step: int) -> None:
        """Make the letters larger or smaller; 0: as usual."""
        larger = self.settings.larger + step if step else storage.USUAL
        self.settings.larger = min(max(larger, storage.SMALLEST), storage.LARGEST)
        self.theme.resize(self.settings.larger)
        self._restyle()
        self._set_smallest_size()

    def _switch_theme(self) -> None:
        self.settings.dark = self._dark.get()
        self.theme.switch(self.settings.dark)
        self._restyle()
        self.status.configure(text="")  # its colour is another now

    def _mute(self) -> None:
        self.settings.muted = self._muted.get()

    def _restyle(self) -> None:
        """What ttk doesn't draw takes its colours and sizes from us."""
        self.conversation.restyle()
        self.people.restyle()
        self._dress_menus()

    def _dress_menus(self) -> None:
        self.theme.dress_menu(self.menu)
        self.theme.dress_choices(self.server)

    def _look_whether_in_front(self) -> None:
        self.model.comes_to_front(self._keyboard("-displayof") != "")

    def _keyboard(self, which: str) -> str:
        """Where the keyboard is, or was last. Asked in Tcl's words: tkinter stumbles over the list of a combobox."""
        return str(self.root.tk.call("focus", which, self.root))

    # Mistakes of this program's own

    def report_mistake(self, kind: type[BaseException], mistake: BaseException, trace: TracebackType | None) -> None:
        """Log an exception that nobody caught, say where it can be read, and live on."""
        _log("a mistake in the window", mistake)
        self.events.put(Mistake())

    def report_mistake_in_thread(self, hooked: threading.ExceptHookArgs) -> None:
        """The same for a thread, from where nothing but the queue may be touched."""
        _log("a mistake in a thread", hooked.exc_value)
        self.events.put(Mistake())


def _when_it_is_there() -> None:
    """Do what the window didn't have to wait for."""
    from .journal import open_log  # late: see there

    open_log()
    gc.enable()  # whoever started us may have had it wait


def _log(what: str, mistake: BaseException | None) -> None:
    import logging  # late, like the journal that keeps what it is told

    logging.getLogger("chat.client").error(what, exc_info=mistake)


def _fill(entry: ttk.Entry, text: str) -> None:
    entry.delete(0, "end")
    entry.insert(0, text)


def _enable(widget: ttk.Entry | ttk.Button | ttk.Combobox, allowed: bool) -> None:
    widget.state(["!disabled" if allowed else "disabled"])


def _show(widget: tk.Grid, shown: bool, **place: object) -> None:
    if shown:
        widget.grid(row=0, **place)  # type: ignore[arg-type]
    else:
        widget.grid_remove()


def prepare() -> None:
    """Do what has to be done before the first window."""
    make_sharp()
    # Each call into Tk lets the other thread run, and then waits until that one can be interrupted: usually 5 ms. When
    # thousands of messages arrive, that would be 5 ms for each call.
    sys.setswitchinterval(0.0005)


def run(server: str, name: str, authority: str = "") -> None:
    """Open the window and run it until it is closed, or until Ctrl-C or a request to end. `authority` is a file with
    certificates of those who may vouch for a server; it is remembered. Raises tk.TclError when there is no screen."""
    prepare()
    root = tk.Tk(className="Chat")
    settings = storage.load()
    settings.authority = authority or settings.authority
    window = ChatWindow(root, settings, server, name)
    threading.excepthook = window.report_mistake_in_thread
    for signal_name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # SIGBREAK is Ctrl-Break, on Windows alone
        if hasattr(signal, signal_name):
            signal.signal(getattr(signal, signal_name), window.stop)
    root.after(SOON, _when_it_is_there)
    if name:
        root.after(SOON, window.join)
    root.mainloop()
