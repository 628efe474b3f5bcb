"""A chat with asyncio's streams that waits for each receiver in turn: one who does not read holds up all."""

import argparse
import asyncio
import os
import re
import signal
import sys

USERNAME = re.compile(r"[\w.-]{1,32}")
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

members: dict[str, asyncio.StreamWriter] = {}
one_at_a_time = asyncio.Lock()


async def tell_all(text):
    print(text, flush=True)
    async with one_at_a_time:
        for writer in list(members.values()):
            try:
                writer.write(f"{text}\n".encode())
                await writer.drain()
            except ConnectionError:
                pass


async def next_line(reader):
    try:
        line = await reader.readline()
    except (ConnectionError, ValueError):
        return None
    return UNSAFE.sub("?", line.decode(errors="replace").rstrip("\r\n")) if line.endswith(b"\n") else None


async def serve(reader, writer):
    name = (await next_line(reader) or "").strip()
    if not USERNAME.fullmatch(name) or name.casefold() in members:
        writer.write(b"failed\n")
        writer.close()
        return
    writer.write(b"ok\n")
    members[name.casefold()] = writer
    await tell_all(f"* {name} has joined the chat")
    while (text := await next_line(reader)) is not None:
        await tell_all(f"{name}: {text}")
    del members[name.casefold()]
    writer.close()
    await tell_all(f"* {name} has left the chat")


async def main(host, port):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    try:
        server = await asyncio.start_server(serve, host, port)
    except OSError as error:
        sys.exit(f"Can't listen: {error.strerror}")
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, choices=range(65536), metavar="PORT", default=5050)
arguments = parser.parse_args()
asyncio.run(main(arguments.host, arguments.port))
