"""Colours that can be read, addresses as people write them, settings that survive anything; and pure modules."""

import ast
import json
import logging
from pathlib import Path

import hypothesis.strategies as st
import pytest
from chat.client import address, journal, settings
from chat.client.address import Address
from chat.client.colours import CONTRAST, HUES, contrast, hue_of, readable
from chat.client.settings import Settings
from chat.client.theme import DAY, NIGHT, Palette
from hypothesis import given

from .conftest import FINAL

CLIENT = FINAL / "chat" / "client"
PURE = {"events", "wire", "model", "colours", "address"}
ALLOWED = {
    "collections.abc",
    "colorsys",
    "datetime",
    "enum",
    "functools",
    "itertools",
    "json",
    "re",
    "typing",
}
ALLOWED |= {"bisect", "zlib"}  # a search and a checksum
# Who may know Tk, and who may know sockets: nobody may know both.
TK = {"theme", "transcript", "people", "editing", "window", "gallery"}
SOCKETS = {"connection"}


@pytest.mark.parametrize("palette", [DAY, NIGHT])
def test_everything_can_be_read(palette: Palette) -> None:
    """Every name, on everything it can stand on; notices, links and troubles; what is on buttons, in each state."""
    for ground in palette.grounds:
        for hue in range(HUES):
            assert contrast(readable(hue, palette.grounds), ground) >= CONTRAST
        for colour in (palette.text, palette.dim, palette.link):
            assert contrast(colour, ground) >= CONTRAST
    for colour in (palette.trouble, palette.dim, palette.text):
        assert contrast(colour, palette.ground) >= CONTRAST
        assert contrast(colour, palette.page) >= CONTRAST
    for ground in (palette.selection, palette.button, palette.button_under_mouse, palette.button_pressed):
        assert contrast(palette.text, ground) >= CONTRAST
    for ground in (palette.accent, palette.accent_under_mouse, palette.accent_pressed):
        assert contrast(palette.on_accent, ground) >= CONTRAST


def test_contrast_is_that_of_the_standard() -> None:
    """Black on white is 21, and #767676 is the lightest grey that passes."""
    assert round(contrast("#000000", "#ffffff")) == 21
    assert contrast("#767676", "#ffffff") >= CONTRAST > contrast("#777777", "#ffffff")


@given(st.text())
def test_a_name_has_one_hue(name: str) -> None:
    """However it is written."""
    assert hue_of(name) in range(HUES)


def test_a_hue_is_the_same_every_day() -> None:
    """It isn't hash()."""
    assert [hue_of(name) for name in ("alice", "ALICE", "bob", "李雷")] == [23, 23, 8, 20]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("chat.example.org", Address("chat.example.org", 5050)),
        (" host:6000 ", Address("host", 6000)),
        ("127.0.0.1:1", Address("127.0.0.1", 1)),
        ("::1", Address("::1", 5050)),
        ("[::1]", Address("::1", 5050)),
        ("[fe80::1%eth0]:65535", Address("fe80::1%eth0", 65535)),
        ("bücher.example", Address("bücher.example", 5050)),
        ("tls://chat.example.org", Address("chat.example.org", 5050, tls=True)),
        (" TLS://host:6000", Address("host", 6000, tls=True)),
        ("tls://::1", Address("::1", 5050, tls=True)),
        ("tls://[::1]:6000", Address("::1", 6000, tls=True)),
        ("", None),
        ("a b", None),
        ("host:", None),
        ("host:0", None),
        ("host:65536", None),
        ("host:port", None),
        ("http://host", None),
        (":5050", None),
        ("tls://", None),
        ("tls:host", None),
        ("tls://tls://host", None),
    ],
)
def test_addresses(written: str, meant: Address | None) -> None:
    """As people write them; what can't be one is none."""
    assert address.parse(written) == meant
    if meant:
        assert address.parse(str(meant)) == meant


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    """And nothing breaks."""
    where = address.parse(text)
    assert where is None or 1 <= where.port <= 65_535


def test_settings_come_back() -> None:
    """As they were."""
    written = Settings(dark=True, larger=3)
    written.remember("host:5050", "alice")
    settings.save(written)
    assert vars(settings.load()) == vars(written)


def test_the_server_used_last_is_the_first() -> None:
    """A few are remembered, each with the name used there."""
    remembered = Settings()
    for number in range(20):
        remembered.remember(f"host{number}:1", f"alice{number}")
    remembered.remember("host15:1", "bob")
    assert remembered.servers[:3] == ["host15:1", "host19:1", "host18:1"]
    assert len(remembered.servers) == len(remembered.names) == 8
    assert remembered.names["host15:1"] == "bob"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"null", b"{", b'{"servers": "host", "dark": 1, "larger": true, "names": {"a": 1}, "x": 2}'],
)
def test_a_broken_file_is_as_none(content: bytes) -> None:
    """Nobody is kept from talking."""
    settings.folder().mkdir(parents=True)
    (settings.folder() / "settings.json").write_bytes(content)
    assert vars(settings.load()) == vars(Settings())


def test_a_size_out_of_all_proportion_is_brought_back() -> None:
    """A window of one letter can't be mended from inside."""
    settings.folder().mkdir(parents=True)
    (settings.folder() / "settings.json").write_text(json.dumps({"larger": 5000, "geometry": "5x5+-"}))
    assert vars(settings.load()) == vars(Settings(larger=settings.LARGEST))


def test_a_folder_that_can_not_be_written_is_no_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is remembered is lost, and that is all."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHAT_HOME", str(tmp_path / "file"))
    settings.save(Settings())
    assert vars(settings.load()) == vars(Settings())
    journal.open_log()


def test_a_mistake_made_thirty_times_a_second_fills_no_disk() -> None:
    """The log is bounded, and where it began is in it; the next start has room again."""
    journal.open_log()
    logger = logging.getLogger("chat.client")
    for number in range(1500):
        logger.error("mistake %d %s", number, "x" * 1000)
    handler = logger.handlers.pop()
    handler.close()
    written = settings.log_file()
    assert written.stat().st_size < 600_000
    assert "mistake 0 " in written.read_text()
    journal.open_log()
    logger.error("mistake of the day after")
    logger.handlers.pop().close()
    assert "day after" in written.read_text()


def imports(module: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((CLIENT / f"{module}.py").read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(name), _, 0):
                found.add(name)
            case ast.ImportFrom(name, names, level):
                prefix = "." * level + (name or "")
                found |= {prefix} if name else {prefix + alias.name for alias in names}
    return found


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_nothing_that_touches_the_world(module: str) -> None:
    """Neither a socket nor a thread nor a clock nor a file nor Tk."""
    inside = {name for name in imports(module) if name.startswith(".")}
    assert imports(module) - inside <= ALLOWED
    assert inside <= {"..protocol", "..text"} | {f".{name}" for name in PURE}


def test_nobody_knows_both_tk_and_sockets() -> None:
    """The window is handed a connection; the connection could drive a bot."""
    modules = {path.stem for path in CLIENT.glob("*.py")}
    assert {name for name in modules if any(found.startswith("tkinter") for found in imports(name))} == TK
    assert {name for name in modules if "socket" in imports(name)} == SOCKETS
