"""A server that keeps sockets in one list and names in another, and finds one by its place in the other."""

import argparse
import signal
import socket
import sys
import threading

sockets = []
names = []


def handle(client):
    lines = client.makefile("r", encoding="utf-8", newline="\n")
    name = lines.readline().strip()
    if not name or name.lower() in names:
        client.sendall(b"failed\n")
        sockets.remove(client)
        lines.close()
        client.close()
        return
    names.append(name.lower())
    client.sendall(b"ok\n")
    try:
        for line in lines:
            name = names[sockets.index(client)]
            client.sendall(f"{name}: {line}".encode())
    except OSError:
        pass
    place = sockets.index(client)
    del sockets[place], names[place]
    lines.close()
    client.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5050)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server = socket.create_server((args.host, args.port))
    print("listening on %s:%d" % server.getsockname(), flush=True)
    while True:
        client, _ = server.accept()
        sockets.append(client)
        threading.Thread(target=handle, args=(client,), daemon=True).start()


main()
