"""The Tk client of many a tutorial: it connects in a callback, and another thread writes into the window."""

import argparse
import socket
import threading
import tkinter as tk

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=5050)
args = parser.parse_args()


def join():
    global client
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((args.host, args.port))
    client.send(f"{username.get()}\n".encode())
    if client.recv(1024).decode().strip() != "ok":
        return
    username.config(state="disabled")
    join_button.config(state="disabled")
    message.config(state="normal")
    send_button.config(state="normal")
    threading.Thread(target=receive).start()


def receive():
    while True:
        try:
            text = client.recv(1024).decode("utf-8")
            messages.config(state="normal")
            messages.insert("end", text.strip() + "\n")
            messages.config(state="disabled")
            messages.see("end")
        except:
            print("An error occurred!")
            client.close()
            break


def send():
    client.send(f"{message.get()}\n".encode())
    message.delete(0, "end")


root = tk.Tk()
root.title("Chat")
username = tk.Entry(root)
username.pack()
join_button = tk.Button(root, text="Join", command=join)
join_button.pack()
messages = tk.Text(root, state="disabled")
messages.pack()
message = tk.Entry(root, state="disabled")
message.pack()
send_button = tk.Button(root, text="Send", command=send, state="disabled")
send_button.pack()
username.bind("<Return>", lambda event: join())
message.bind("<Return>", lambda event: send())
username.focus_set()
root.mainloop()
