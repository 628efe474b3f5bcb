"""Stage 04, client: a window in place of the terminal; connecting, waiting and listening never freeze it.

Two threads. One has the network: it connects, asks for the name and listens; it never touches the window.
The other, the main thread, has the window: it never waits for the network. Between them is a queue of
events, which the window looks into forty times a second.

Known limits: every line stays on the screen for as long as the window lives; and a line is sent from the
window's thread, which would wait if a server stopped reading for so long that the system's buffer, thousands of
lines, is full. final/chat/client/ does without both.
"""

import argparse
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

try:
    import tkinter as tk
    from tkinter import ttk
except ImportError:
    sys.exit(
        "This Python has no tkinter, so there can be no window. "
        "Install it (Debian and Ubuntu: sudo apt install python3-tk), or use the client of stage 03."
    )

HOST = "127.0.0.1"  # this computer; for a server on another one, give its address with --host
PORT = 5050
MAX_LINE = 4096  # bytes, the newline included: no server takes a longer line
MAX_USERNAME = 32  # letters
PATIENCE = 10  # seconds to wait for a connection, and then for the server's answer to a name
POLL = 25  # milliseconds between two looks into the queue: too short for anyone to notice
GAP = "3p"  # between widgets, in points: it grows with the letters on a sharp screen
BATCH = 0.02  # seconds for the events of one look, so that the window stays awake when very much comes in

# What could turn the text around or upset the window. The tab is harmless.
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# What the network's thread has to tell the window.


@dataclass(frozen=True)
class Joined:
    """We are in the chat, and may send over this socket."""

    server: socket.socket


@dataclass(frozen=True)
class Refused:
    """The name is taken or not allowed; the server has closed the connection."""


@dataclass(frozen=True)
class Heard:
    """The server has sent this line."""

    line: str


@dataclass(frozen=True)
class Gone:
    """There is no connection, or no more: this sentence says why."""

    reason: str


Event = Joined | Refused | Heard | Gone


def receive_messages(host: str, port: int, username: str, events: queue.SimpleQueue[Event]) -> None:
    """Join the chat and report all that comes, up to the end. Runs in a thread of its own."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as server, server.makefile("rb") as stream:
            events.put(join_chat(server, read_lines(stream), username, events))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        events.put(Gone(f"Cannot reach a server at {host}:{port}: {reason}."))


def join_chat(
    server: socket.socket, lines: Iterator[str], username: str, events: queue.SimpleQueue[Event]
) -> Refused | Gone:
    """Give the name; if it is accepted, report every line. Return how it ended."""
    server.sendall(f"{username}\n".encode("utf-8", errors="replace"))
    verdict = next(lines, None)
    if verdict == "failed":
        return Refused()
    if verdict is None:
        return Gone("The server gave no answer.")
    if verdict != "ok":
        return Gone("What answered there is not a chat server.")
    server.settimeout(None)  # from here on, wait for as long as it takes
    events.put(Joined(server))
    for line in lines:
        events.put(Heard(line))
    return Gone("The connection to the server has ended.")


def read_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines that arrive, as clean text without their ends, until the server is gone.

    TCP carries bytes, not messages: what was sent as one line may arrive in pieces, and what was sent as
    two may arrive as one. `readline` keeps what has come until the newline is there. Only whole lines are
    decoded, so no letter is cut in two.
    """
    while True:
        try:
            line = stream.readline()
        except OSError:
            return  # a connection that breaks has ended, just like one that was closed
        if not line.endswith(b"\n"):
            return  # nothing: it was closed. Something: the end cut it off
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


class ChatWindow:
    """The window: a name to join with, the conversation, and a line to say. Used by the main thread alone."""

    def __init__(self, root: tk.Tk, host: str, port: int) -> None:
        self.root = root
        self.host = host
        self.port = port
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()  # from the network's thread to the window's
        self.server: socket.socket | None = None  # while we are in the chat
        self.following = True  # the newest line is in sight, and should stay so
        self.create_widgets()
        self.arrange_widgets()
        self.leave("Choose a username and join the chat.", self.username)
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.handle_events()

    def create_widgets(self) -> None:
        """Make what is in the window, and tie the keys and buttons to what they do."""
        self.root.title("Chat")
        if self.root.tk.call("tk", "windowingsystem") == "x11":
            style = ttk.Style()
            style.theme_use("clam")  # Windows and macOS have their own looks; X11's is dated
            style.map("TEntry", fieldbackground=[("disabled", style.lookup("TFrame", "background"))])
        self.page = ttk.Frame(self.root, padding="6p")
        self.username_label = ttk.Label(self.page, text="Username")
        self.username = ttk.Entry(self.page, width=20)
        self.join_button = ttk.Button(self.page, text="Join chat", command=self.join)
        self.status = ttk.Label(self.page, width=1)  # asks for no room: its row gives it all there is
        self.messages = tk.Text(self.page, width=44, height=8, wrap="word", state="disabled", takefocus=False)
        self.scrollbar = ttk.Scrollbar(self.page, command=self.messages.yview)
        self.messages.configure(yscrollcommand=self.scrollbar.set, font="TkDefaultFont", padx="4p", pady="3p")
        self.message = ttk.Entry(self.page)
        self.send_button = ttk.Button(self.page, text="Send", command=self.send_message)
        for key in ("<Return>", "<KP_Enter>"):
            self.username.bind(key, lambda _event: self.join())
            self.join_button.bind(key, lambda _event: self.join())
            self.send_button.bind(key, lambda _event: self.send_message())
            self.message.bind(key, lambda _event: self.send_message())
        self.messages.bind("<Configure>", lambda _event: self.follow())
        self.messages.bind("<ButtonRelease-1>", lambda _event: self.give_back_the_keyboard())
        self.status.bind("<Configure>", lambda event: self.status.configure(wraplength=event.width))

    def arrange_widgets(self) -> None:
        """Put everything in its place. Only the conversation grows and shrinks with the window."""
        self.page.pack(fill="both", expand=True)
        self.page.columnconfigure(1, weight=1)
        self.page.rowconfigure(2, weight=1)
        self.username_label.grid(row=0, column=0, sticky="w", padx=GAP, pady=GAP)
        self.username.grid(row=0, column=1, sticky="ew", padx=GAP, pady=GAP)
        self.join_button.grid(row=0, column=2, columnspan=2, sticky="ew", padx=GAP, pady=GAP)
        self.status.grid(row=1, column=0, columnspan=4, sticky="ew", padx=GAP, pady=GAP)
        self.messages.grid(row=2, column=0, columnspan=3, sticky="nsew", padx=(GAP, 0), pady=GAP)
        self.scrollbar.grid(row=2, column=3, sticky="ns", padx=(0, GAP), pady=GAP)
        self.message.grid(row=3, column=0, columnspan=2, sticky="ew", padx=GAP, pady=GAP)
        self.send_button.grid(row=3, column=2, columnspan=2, sticky="ew", padx=GAP, pady=GAP)
        # What the widgets ask for is the smallest size at which nothing is cut off, at any scaling.
        self.root.update_idletasks()
        width, height = self.root.winfo_reqwidth(), self.root.winfo_reqheight()
        self.root.minsize(width, height)
        self.root.geometry(f"{width * 5 // 4}x{height * 7 // 4}")

    # The three states of the window, and what can be done in each.

    def leave(self, status: str, keyboard: ttk.Entry | ttk.Button) -> None:
        """Outside the chat: a name can be given. The keyboard is where one goes on from here."""
        self.server = None
        self.enable(self.username, self.join_button)
        self.disable(self.message, self.send_button)
        self.status.configure(text=status)
        self.keyboard = keyboard  # where it belongs; a click elsewhere may take it away for a moment
        keyboard.focus_set()

    def wait(self) -> None:
        """On the way in: nothing to do but wait."""
        self.disable(self.username, self.join_button, self.message, self.send_button)
        self.status.configure(text=f"Joining the chat at {self.host}:{self.port} …")

    def enter(self, server: socket.socket) -> None:
        """In the chat: messages can be sent."""
        self.server = server
        self.enable(self.message, self.send_button)
        self.say_who_we_are()
        self.keyboard = self.message
        self.message.focus_set()

    def say_who_we_are(self) -> None:
        """Show the usual status of somebody who is in the chat."""
        self.status.configure(text=f"You are in the chat as {self.username.get()}.")

    def enable(self, *widgets: ttk.Entry | ttk.Button) -> None:
        """Let these be used."""
        for widget in widgets:
            widget.state(["!disabled"])

    def disable(self, *widgets: ttk.Entry | ttk.Button) -> None:
        """Show that these can't be used now."""
        for widget in widgets:
            widget.state(["disabled"])

    # What the person does.

    def join(self) -> None:
        """Start to join the chat under the name in the entry."""
        if self.username.instate(["disabled"]):
            return  # Return was pressed again, on the way in
        username = one_line(self.username.get())
        if not 1 <= len(username) <= MAX_USERNAME:
            self.status.configure(text=f"Type a username, of at most {MAX_USERNAME} letters.")
            return
        self.username.delete(0, "end")
        self.username.insert(0, username)
        self.wait()
        connection = (self.host, self.port, username, self.events)
        threading.Thread(target=receive_messages, args=connection, daemon=True).start()

    def send_message(self) -> None:
        """Send what is in the entry, and empty it. What we said is shown when the server sends it back."""
        text = one_line(self.message.get())
        data = f"{text}\n".encode("utf-8", errors="replace")
        if not text or self.server is None:
            return
        if len(data) > MAX_LINE:
            self.status.configure(text=f"That is too long to send: it has to stay under {MAX_LINE} bytes.")
            return
        try:
            self.server.sendall(data)
        except OSError:
            return  # the connection has just ended: the text stays, and the network's thread says so
        self.message.delete(0, "end")
        self.say_who_we_are()

    def give_back_the_keyboard(self) -> None:
        """After a click into the conversation, put it back where it belongs, unless something is selected there."""
        if not self.messages.tag_ranges("sel"):
            self.keyboard.focus_set()

    def close(self) -> None:
        """End the program: hang up, so that the others see us leave, and let the window go."""
        if self.server is not None:
            try:
                self.server.shutdown(socket.SHUT_RDWR)  # wakes the network's thread, as close would not
            except OSError:
                pass  # it has ended already
        self.root.destroy()

    # What the network's thread reports.

    def handle_events(self) -> None:
        """Handle what has been reported since the last look, and come back for more."""
        self.following = self.messages.yview()[1] == 1.0
        enough = time.monotonic() + BATCH
        pause = 1  # there may be more: only let the window draw
        while time.monotonic() < enough:
            try:
                self.handle(self.events.get_nowait())
            except queue.Empty:
                pause = POLL
                break
        self.follow()
        self.root.after(pause, self.handle_events)

    def handle(self, event: Event) -> None:
        """Show one event in the window."""
        match event:
            case Joined(server):
                self.enter(server)
            case Refused():
                self.leave(f"“{self.username.get()}” is taken or not allowed. Choose another username.", self.username)
                self.username.selection_range(0, "end")
            case Heard(line):
                self.show(line)
            case Gone(reason):
                # Not the entry: what is just being typed would end up in the name.
                self.leave(f"{reason} You can join again.", self.join_button)

    def show(self, line: str) -> None:
        """Add a line to the conversation."""
        self.messages.configure(state="normal")
        self.messages.insert("end", f"{line}\n")
        self.messages.configure(state="disabled")  # for the keyboard; it can still be selected and copied

    def follow(self) -> None:
        """Keep the newest line in sight, unless the reader has scrolled up."""
        if self.following:
            self.messages.see("end")


def one_line(text: str) -> str:
    """Join what was pasted from several lines: a newline would end the message in the middle."""
    return " ".join(text.splitlines()).strip()


def port_number(text: str) -> int:
    """Turn an argument into a port, 1 to 65535. Raises ArgumentTypeError if it is not one."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    """Read --host and --port from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--host", default=HOST, help="the server's address (%(default)s)")
    parser.add_argument("--port", default=PORT, type=port_number, help="the server's port (%(default)s)")
    return parser.parse_args()


def end_when_told() -> None:
    """End the program at once on Ctrl-C, and when the system asks for it.

    At once: no thread is waited for. Nothing is lost, for what was printed is on the screen, and the system
    closes the sockets.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # SIGBREAK is Ctrl-Break, on Windows alone
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda _number, _frame: os._exit(0))


def main() -> None:
    """Open the window and run it until it is closed, or until Ctrl-C or a request to end."""
    arguments = parse_arguments()
    end_when_told()
    try:
        root = tk.Tk()
    except tk.TclError as error:
        sys.exit(f"No window can be opened here: {error}. The client of stage 03 needs only a terminal.")
    ChatWindow(root, arguments.host, arguments.port)
    root.mainloop()


if __name__ == "__main__":
    main()
