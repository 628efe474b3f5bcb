"""What docs/running.md tells whoever runs the server is so: flags, figures, files, and what the log says."""

import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chat import metrics, tls

from .chatting import PATIENCE, ROOT, Papers, ServerProcess, wait_until

Serve = Callable[..., ServerProcess]

DOCS = ROOT / "docs"
PAGE = (DOCS / "running.md").read_text(encoding="utf-8")
UNIT = (DOCS / "chat.service").read_text(encoding="utf-8")


def chat(*arguments: str) -> str:
    """Run python -m chat; return what it prints."""
    command = [sys.executable, "-m", "chat", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "final", timeout=PATIENCE, check=True)
    return done.stdout


def test_every_flag_is_one() -> None:
    """Of the server, the client, or `chat history`; or of the system's programs that are named beside it."""
    ours = "".join(chat(command, "--help") for command in ("server", "client", "history"))
    foreign = {"--system", "--home-dir", "--shell", "--now", "--upgrade"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE + UNIT)) - foreign
    assert {"--certificate", "--history-days", "--metrics", "--since"} <= named
    assert {flag for flag in named if not re.search(rf"{flag}\b", ours)} == set()


def test_every_file_is_there() -> None:
    """And every heading that the list at the top leads to."""
    for path in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (DOCS / path).resolve().is_file(), path
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", PAGE, re.M)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) == headings


def test_every_figure_is_told() -> None:
    """Under that name."""
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    figures = re.findall(r"^\| `chat_(\w+?)(?:_total)?`", PAGE, re.M)
    assert len(figures) == 4
    for figure in figures:
        assert f'"{figure}"' in source or f'"chat_{figure}"' in source, figure


def test_what_the_log_says() -> None:
    """The words that somebody would look for."""
    for words in re.findall(r"`(certificate renewed)`", PAGE):
        assert words in Path(tls.__file__).read_text(encoding="utf-8")


def test_the_server_runs_with_the_flags_of_the_unit(serve: Serve, papers: Papers, tmp_path: Path) -> None:
    """All but the folders, the port and the address, which are this computer's; and it is copied while it runs."""
    [line] = re.findall(r"^ExecStart=(.+)$", UNIT, re.M)
    program, *flags = shlex.split(line)
    assert program.endswith("/chat-server")
    here = {
        "/etc/chat/fullchain.pem": str(papers.certificate),
        "/etc/chat/privkey.pem": str(papers.key),
        "/var/lib/chat/chat.db": str(tmp_path / "chat.db"),
        "::": "127.0.0.1",
        "9105": "0",
    }
    server = serve(*(here.get(flag, flag) for flag in flags), host="127.0.0.1")
    alice = server.comes("alice", tls=papers.client)
    alice.says("it runs").hears("alice: it runs")
    wait_until(lambda: b"metrics url=" in server.errors, "the figures' address")
    copy = sqlite3.connect(tmp_path / "copy.db")
    original = sqlite3.connect(tmp_path / "chat.db")
    original.backup(copy)
    for database in (copy, original):
        database.close()
    assert "alice: it runs" in chat("history", str(tmp_path / "copy.db"))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_renewed_certificate_is_put_where_the_server_reads_it(tmp_path: Path) -> None:
    """The hook for certbot, with other folders, and without becoming somebody else."""
    [script] = re.findall(r"(    #!/bin/sh\n(?:    .+\n)+)", PAGE)
    lines = (
        re.sub(r"^    ", "", script, flags=re.M).replace("/etc/chat", str(tmp_path / "chat")).replace("-o chat ", "")
    )
    lineage = tmp_path / "live"
    lineage.mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        (lineage / name).write_text(name)
    subprocess.run(["sh", "-ec", lines], env={"RENEWED_LINEAGE": str(lineage), "PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "chat" / "privkey.pem").read_text() == "privkey.pem"
    assert (tmp_path / "chat" / "privkey.pem").stat().st_mode & 0o777 == 0o600
