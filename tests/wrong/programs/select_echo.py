"""An echo server with select, in one thread: what goes wrong with one client ends it for all."""

import argparse
import select
import socket

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=5050)
args = parser.parse_args()

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((args.host, args.port))
server.listen(5)
print("listening on %s:%d" % server.getsockname(), flush=True)
sockets = [server]
while True:
    readable, _, _ = select.select(sockets, [], [])
    for sock in readable:
        if sock is server:
            client, address = server.accept()
            sockets.append(client)
        else:
            data = sock.recv(1024)
            if data:
                sock.send(data)
            else:
                sockets.remove(sock)
                sock.close()
