"""Where a server is: a host and a port, and whether it speaks TLS, as people write them.

    chat.example.org        chat.example.org:5050        192.168.0.7:6000        ::1        [::1]:5050
    tls://chat.example.org  tls://[::1]:5050

This module knows nothing of what is there.
"""

import re
from typing import NamedTuple

DEFAULT_PORT = 5050

TLS = "tls://"
_WRITTEN = re.compile(r"(?:\[(?P<bracketed>[0-9a-fA-F:.%\w]+)\]|(?P<plain>[^\s:\[\]/]+))(?::(?P<port>\d{1,5}))?", re.A)
_BARE_IPV6 = re.compile(r"[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.%\w]*", re.A)


class Address(NamedTuple):
    """Where a server is. str() is the address as people write it."""

    host: str
    port: int = DEFAULT_PORT
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{TLS if self.tls else ''}{host}:{self.port}"


def parse(written: str) -> Address | None:
    """Return where that is, or None if it can't be an address."""
    written = written.strip()
    tls = written.lower().startswith(TLS)
    if tls:
        written = written[len(TLS) :]
    if _BARE_IPV6.fullmatch(written):
        return Address(written, DEFAULT_PORT, tls)
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return None
    port = int(match["port"] or DEFAULT_PORT)
    return Address(match["bracketed"] or match["plain"], port, tls) if 1 <= port <= 65_535 else None
