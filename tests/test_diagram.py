"""The sequence diagram: what is said can be read, who went wrong can be seen, and it fits where it is drawn."""

import xml.etree.ElementTree as ET

import pytest
from suites.diagram import SERVER, Event, Message, Remark, cells, draw_svg, draw_text, in_order, shown

TALK: list[Event] = [
    Remark(0.0, "alice", "connects"),
    Message(0.001, "alice", SERVER, "alice\n"),
    Message(0.002, SERVER, "alice", "ok\n"),
    Message(0.004, "bob", SERVER, "bob\n"),
    Message(0.006, SERVER, "alice", "* bob has joined the chat\n"),
    Remark(0.017, "bob", "breaks"),
    Remark(10.017, "alice", "waits in vain", fault=True),
]
CROWD: list[Event] = [
    *(Message(number / 1000, f"guest{number}", SERVER, f"guest{number}\n") for number in range(10)),
    Message(0.5, SERVER, "guest3", "guest9: hello\n"),
    Message(0.6, SERVER, "guest4", "guest9: hel\n", fault=True),
]

PICTURE = """\
            alice                            server         bob
              │                                │             │
    0.000     ● connects                       │             │
    0.001     ├──────────── alice⏎ ───────────►│             │
    0.002     │◄──────────── ok⏎ ──────────────┤             │
    0.004     │                                │◄── bob⏎ ────┤
    0.006     │◄─ * bob has joined the chat⏎ ──┤             │
    0.017     │                                │             ● breaks
              ┊                                ┊             ┊
✗  10.017     ● waits in vain                  │             │"""


def test_a_picture_in_text() -> None:
    """A column for each, time running down, what is said on the arrows, the fault marked."""
    assert draw_text(TALK, width=72) == PICTURE


def test_ascii_alone() -> None:
    """Where a terminal has nothing else, the picture is made of ASCII, and so is what is said."""
    picture = draw_text([*TALK, Message(10.1, "alice", SERVER, "żółw\n")], plain=True)
    assert picture.isascii()
    assert "|---" in picture
    assert "\\u017c\\xf3\\u0142w\\n" in picture
    assert "\n!  10.017" in picture


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("events", [TALK, CROWD, [Message(0, "日本", SERVER, "日本語" * 40 + "\n")]])
def test_it_fits(events: list[Event], width: int) -> None:
    """No line is longer than the terminal is wide."""
    assert max(cells(line) for line in draw_text(events, width=width).splitlines()) <= width


def test_too_many_columns() -> None:
    """Of a crowd those are drawn who took part last, the fault among them; how much is left out is said."""
    picture = draw_text(CROWD, width=80)
    heads = picture.splitlines()[0].split()
    assert SERVER in heads
    assert {"guest3", "guest4"} <= set(heads)
    assert "guest0" not in heads
    assert "\n✗   0.600" in picture
    assert picture.endswith(f"({len(CROWD) - len(picture.splitlines()) + 3} lines of others are left out)")


def test_what_crosses_a_column() -> None:
    """An arrow crosses the column of somebody whom it does not concern."""
    events: list[Event] = [*(Remark(0, name, "is here") for name in "abcd"), Message(0, "a", "d", "y")]
    assert "┼" in draw_text(events).splitlines()[-1]


def test_nothing() -> None:
    """Where nothing has happened there is nothing to draw."""
    assert draw_text([]) == ""
    ET.fromstring(draw_svg([]))


def test_long_texts_are_cut() -> None:
    """What is too long for its arrow or its line ends in an ellipsis."""
    for event in (Message(0, "alice", SERVER, "x" * 500), Remark(0, "alice", "y" * 500)):
        assert "…" in draw_text([event], columns=["alice", SERVER])
        assert "…" in draw_svg([event, Message(0, "alice", SERVER, "x" * 500)])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("hello\n", "hello⏎"),
        ("hello\r\n", "hello\\r⏎"),
        ("\x1b[2J", "\\x1b[2J"),
        ("é 日本 🙂", "é 日本 🙂"),
        ("\u202e", "\\u202e"),
    ],
)
def test_nothing_is_invisible(text: str, written: str) -> None:
    """What can't be seen is written so that it can."""
    assert shown(text) == written


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["alice", SERVER], ["alice", SERVER]),
        ([SERVER, "alice"], ["alice", SERVER]),
        (["alice", SERVER, "bob"], ["alice", SERVER, "bob"]),
        (["alice", "bob", "carol", SERVER], ["alice", "bob", SERVER, "carol"]),
        (["window", "wire"], ["window", "wire"]),
    ],
)
def test_the_order_of_columns(names: list[str], order: list[str]) -> None:
    """Columns stand as they appear, and the server in the middle."""
    assert in_order([Remark(0, name, "is here") for name in names]) == order


def test_a_given_order_is_kept() -> None:
    """Who draws may say in which order the columns stand; one that does nothing is there, too."""
    assert in_order(TALK, [SERVER, "carol", "bob"]) == [SERVER, "carol", "bob", "alice"]


def test_an_svg_can_be_read_by_everybody() -> None:
    """The SVG is well-formed and says in words what it shows; nothing in it can mean anything else to a browser."""
    events = [*TALK, Message(11, "alice", SERVER, "<script>&\n")]
    picture = draw_svg(events, title="A <title> & more")
    root = ET.fromstring(picture)
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert root.get("role") == "img"
    assert root.findtext("svg:title", namespaces=space) == "A <title> & more"
    words = root.findtext("svg:desc", "", space)
    assert "10.017 s: alice: waits in vain (here it goes wrong)" in words
    assert "alice to server: <script>&⏎" in words
    assert "<script" not in picture
    assert not [element for element in root.iter() if element.get("id")]


def test_an_svg_is_light_or_dark() -> None:
    """Every colour of the light picture has a dark one, and the fault has a colour of its own."""
    picture = draw_svg(TALK)
    used = {name for element in ET.fromstring(picture).iter() for name in element.get("class", "").split()}
    style = picture.partition("<style>")[2].partition("</style>")[0]
    for name in used - {"chat-diagram", "fill-none", "stroke-none"}:
        assert f".{name} " in style
    assert "fill-fault" in used
    assert "fill-fault" not in draw_svg(TALK[:-1]).partition("</style>")[2]
