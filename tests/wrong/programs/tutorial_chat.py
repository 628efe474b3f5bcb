"""The chat server of many a tutorial: two lists, the name read in the accept loop, one recv for one message."""

import argparse
import socket
import threading

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=5050)
args = parser.parse_args()

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind((args.host, args.port))
server.listen()
print("listening on %s:%d" % server.getsockname(), flush=True)

clients = []
nicknames = []


def broadcast(message):
    for client in clients:
        client.send(message)


def handle(client):
    while True:
        try:
            message = client.recv(1024).decode("utf-8")
            nickname = nicknames[clients.index(client)]
            broadcast(f"{nickname}: {message.strip()}\n".encode())
        except:
            index = clients.index(client)
            clients.remove(client)
            client.close()
            nickname = nicknames[index]
            nicknames.remove(nickname)
            broadcast(f"* {nickname} has left the chat\n".encode())
            break


while True:
    client, address = server.accept()
    nickname = client.recv(1024).decode("utf-8").strip()
    client.send(b"ok\n")
    nicknames.append(nickname)
    clients.append(client)
    print(f"* {nickname} has joined the chat")
    broadcast(f"* {nickname} has joined the chat\n".encode())
    threading.Thread(target=handle, args=(client,)).start()
