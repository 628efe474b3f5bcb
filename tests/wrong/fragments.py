"""Pieces of the stages' programs that several rows replace, so that each is written down once."""

# The reading of lines, in every server and every client.
DECODE = r"""text = line.decode("utf-8", errors="replace").rstrip("\r\n")"""
CLEAN = r"""yield UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)"""
BREAKS = """        except OSError:
            return  # a connection that breaks"""
ENDS = r"""        if not line.endswith(b"\n"):
"""
READ_LOOP = f"""    while True:
        try:
            line = stream.readline(MAX_LINE)
{BREAKS} has ended, just like one that was closed
{ENDS}            return  # nothing: it was closed. Something: the end cut it off, or it is too long to be a line
        {DECODE}
        {CLEAN}
"""
READ_LOOP_CLIENT = READ_LOOP.replace("(MAX_LINE)", "()").replace(", or it is too long to be a line", "")


def reading(body: str, loop: str = READ_LOOP) -> tuple[str, str]:
    """Read by this loop instead."""
    return loop, f"    try:\n{body}    except OSError:\n        pass\n"


def reading_lines(head: str, loop: str = READ_LOOP) -> tuple[str, str]:
    """Read by a loop with this head instead, and decode and clean each line as before."""
    return reading(f"        {head}\n            {DECODE}\n            {CLEAN}\n", loop)


# The sending of a line, in every server.
SEND = r"""client.sendall(f"{text}\n".encode())"""
TRY_SEND = f"""    try:
        {SEND}
    except OSError:
        pass  # this client is gone: its own thread will see the end of its lines, and clean up
"""

# The accepting, in every server.
START_THREAD = "threading.Thread(target=serve_client, args=(client,), daemon=True).start()"

# The start of every server.
REUSE = "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)"
TRY_START = """    try:
        server = start_server(arguments.host, arguments.port)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(
            f"Cannot listen on {arguments.host}:{arguments.port}: {reason}. "
            "Choose another --port (0 is any free one) or --host."
        )
"""
WHEN_TOLD = "signal.signal(getattr(signal, name), lambda _number, _frame: os._exit(0))"
EXIT = "signal.signal(getattr(signal, name), lambda _number, _frame: sys.exit())"
