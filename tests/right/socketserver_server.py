"""Stage 02's server with socketserver: the library has the accept loop and the threads, a handler has the client."""

import argparse
import io
import re
import signal
import socketserver
import sys
import threading

USERNAME = re.compile(r"[\w.-]{1,32}")
UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

names: set[str] = set()  # casefolded; only while holding the lock
lock = threading.Lock()


class Handler(socketserver.StreamRequestHandler):
    """One client, in a thread of its own."""

    def handle(self) -> None:
        name = self.line().strip()
        with lock:
            if not USERNAME.fullmatch(name) or name.casefold() in names:
                self.wfile.write(b"failed\n")
                return
            names.add(name.casefold())
        try:
            self.wfile.write(b"ok\n")
            while line := self.line():
                print(f"{name}: {line}", end="", flush=True)
                self.wfile.write(f"{name}: {line}".encode())
        finally:
            with lock:
                names.remove(name.casefold())

    def line(self) -> str:
        """The next line with a newline at its end; nothing at the end of all."""
        raw = self.rfile.readline(4096)
        if not raw.endswith(b"\n"):
            return ""
        return UNSAFE.sub("?", raw.decode(errors="replace").rstrip("\r\n")) + "\n"


class Server(socketserver.ThreadingTCPServer):
    """Ends without waiting for its clients, and starts again on the same port."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 20

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # that one has gone, and that is all
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def port_number(text: str) -> int:
    """Turn an argument into a port."""
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def main() -> None:
    """Serve until somebody says to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=5050)
    arguments = parser.parse_args()
    assert isinstance(sys.stdout, io.TextIOWrapper), "this is a program on a terminal"
    sys.stdout.reconfigure(errors="replace")  # a letter that this terminal lacks is no reason to end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    try:
        server = Server((arguments.host, arguments.port), Handler)
    except OSError as error:
        sys.exit(f"Can't listen: {error.strerror}")
    print("listening on {}:{}".format(*server.server_address), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
