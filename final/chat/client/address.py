"""Where a server is: a host and a port, as people write them.

    chat.example.org        chat.example.org:5050        192.168.0.7:6000        ::1        [::1]:5050

This module knows nothing of what is there.
"""

import re

DEFAULT_PORT = 5050

_WRITTEN = re.compile(r"(?:\[(?P<bracketed>[0-9a-fA-F:.%\w]+)\]|(?P<plain>[^\s:\[\]/]+))(?::(?P<port>\d{1,5}))?", re.A)
_BARE_IPV6 = re.compile(r"[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.%\w]*", re.A)


def parse(written: str) -> tuple[str, int] | None:
    """Return host and port, or None if that can't be an address."""
    written = written.strip()
    if _BARE_IPV6.fullmatch(written):
        return written, DEFAULT_PORT
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return None
    port = int(match["port"] or DEFAULT_PORT)
    return (match["bracketed"] or match["plain"], port) if 1 <= port <= 65_535 else None


def write(host: str, port: int) -> str:
    """Return the address as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
