"""Stage 04's client with the plain widgets of tk, a Text to type into, pack, and the buttons at the top."""

import queue
import re
import signal
import socket
import sys
import threading
from argparse import ArgumentParser

try:
    import tkinter as tk
except ImportError:
    sys.exit("There is no tkinter here.")

UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
MAX_LINE = 4096

parser = ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=5050)
arguments = parser.parse_args()

news: queue.Queue[tuple[str, str]] = queue.Queue()  # from the thread that listens: what it is, and its text
connection: socket.socket | None = None  # while we are in the chat; Tk's thread alone asks for it


def listen(name: str) -> None:
    """Join, and put what happens into the queue. In a thread of its own."""
    global connection  # noqa: PLW0603  # there is one window, and it is the module
    try:
        with socket.create_connection((arguments.host, arguments.port), timeout=10) as server:
            server.sendall(f"{name}\n".encode())
            pending = b""
            verdict = ""
            while data := server.recv(4096):
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    text = UNSAFE.sub("?", line.decode(errors="replace").rstrip("\r"))
                    if verdict:
                        news.put(("heard", text))
                        continue
                    verdict = text
                    if verdict != "ok":
                        news.put(("out", "That name is refused. Try another one."))
                        return
                    server.settimeout(None)
                    connection = server
                    news.put(("in", "You are in."))
    except OSError as error:
        reason = f" ({error.strerror})" if error.strerror else ""
        news.put(("out", f"There is no connection to the server{reason}."))
    else:
        news.put(("out", "The server has gone."))
    finally:
        connection = None


def join(_event: object = None) -> None:
    """Try the name that was typed."""
    name = " ".join(username.get().split())
    if name and str(username["state"]) == "normal":
        set_states(name=False, talk=False)
        status["text"] = "One moment, please."
        threading.Thread(target=listen, args=(name,), daemon=True).start()


def send(_event: object = None) -> str:
    """Send what was typed."""
    text = " ".join(message.get("1.0", "end").split())
    data = f"{text}\n".encode()
    if len(data) > MAX_LINE:
        status["text"] = "This is too long."
    elif text and connection is not None:
        try:
            connection.sendall(data)
            message.delete("1.0", "end")
        except OSError:
            status["text"] = "The connection is broken."
    return "break"  # or the key's own binding would add a newline


def look() -> None:
    """See what the thread has put into the queue."""
    at_the_end = messages.yview()[1] == 1.0
    while not news.empty():
        what, text = news.get()
        if what == "heard":
            messages["state"] = "normal"
            messages.insert("end", f"{text}\n")
            messages["state"] = "disabled"
            continue
        status["text"] = text
        set_states(name=what == "out", talk=what == "in")
    if at_the_end:
        messages.see("end")
    if ending.is_set():
        close()
    else:
        root.after(30, look)


def set_states(*, name: bool, talk: bool) -> None:
    """Enable what can be used now, and give the keyboard to it."""
    username["state"] = join_button["state"] = "normal" if name else "disabled"
    message["state"] = send_button["state"] = "normal" if talk else "disabled"
    if name or talk:
        (username if name else message).focus_set()


def close() -> None:
    """Hang up and end."""
    server = connection
    if server is not None:
        try:
            server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    root.destroy()


ending = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: ending.set())

try:
    root = tk.Tk()
except tk.TclError as error:
    sys.exit(f"There is no display: {error}")
root.title("A chat")
root.protocol("WM_DELETE_WINDOW", close)

top = tk.Frame(root)
top.pack(side="top", fill="x")
username = tk.Entry(top)
username.pack(side="left", fill="x", expand=True)
join_button = tk.Button(top, text="Come in", command=join)
join_button.pack(side="left")
send_button = tk.Button(top, text="Say it", command=send)
send_button.pack(side="left")
status = tk.Label(root, text="Who are you?", anchor="w", width=40)
status.pack(side="bottom", fill="x")
message = tk.Text(root, height=2, width=40)
message.pack(side="bottom", fill="x")
messages = tk.Text(root, height=6, width=40, state="disabled")
messages.pack(side="top", fill="both", expand=True)
messages.bind("<Configure>", lambda _event: messages.see("end"))
username.bind("<Return>", join)
message.bind("<Return>", send)
set_states(name=True, talk=False)
root.update_idletasks()
root.minsize(root.winfo_reqwidth(), root.winfo_reqheight())
look()
root.mainloop()
