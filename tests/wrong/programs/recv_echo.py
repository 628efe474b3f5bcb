"""The echo server of many a tutorial: whatever one recv brings is a message."""

import argparse
import socket
import threading

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=5050)
args = parser.parse_args()


def handle(conn, addr):
    print(f"{addr} connected")
    while True:
        data = conn.recv(1024).decode("utf-8")
        if not data:
            break
        print(data)
        conn.sendall(data.encode("utf-8"))
    conn.close()


s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind((args.host, args.port))
s.listen()
print("listening on %s:%d" % s.getsockname(), flush=True)
while True:
    conn, addr = s.accept()
    threading.Thread(target=handle, args=(conn, addr)).start()
