"""Makes the pictures of stage 04's window, one for each state, by running it.

    python docs/make_pictures.py [FOLDER] [--dpi 192]

The window talks to a server whose answers are decided here, on a virtual screen (Linux with Xvfb).
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageGrab
from pyvirtualdisplay.display import Display

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from suites.commands import python_command  # noqa: E402
from suites.people import FakeServer, Scene  # noqa: E402
from suites.windows import Window, open_window  # noqa: E402

PROGRAM = ROOT / "stages" / "04_tk_client" / "client.py"

CONVERSATION = """* ann has joined the chat
* bob has joined the chat
bob: Hi Ann! Is this thing on?
ann: It is. What you read here has been to the server and back.
* Zoë has joined the chat
Zoë: Bonjour ! Ça marche ici aussi.
bob: Three windows, one server, and nobody waits for anybody's network.
"""


@contextmanager
def opened(server: FakeServer, scene: Scene) -> Iterator[Window]:
    """Open the window of stage 04 for this server, and close it in the end."""
    window = open_window(python_command(PROGRAM), server.host, server.port, scene, os.environ)
    try:
        yield window
    finally:
        window.close()


def take(window: Window, path: Path) -> None:
    """Save what is on the screen where the window is."""
    window.ask("go_to", path=window.focus)  # it has the keyboard already; what is still to be drawn is drawn
    top = next(widget for widget in window.widgets() if widget["path"] == ".")
    left, upper, width, height = (top[key] for key in ("rootx", "rooty", "width", "height"))
    image: Image.Image = ImageGrab.grab((left, upper, left + width, upper + height), xdisplay=os.environ["DISPLAY"])
    image.save(path)
    print(path)


def make_pictures(folder: Path) -> None:
    """Take a picture of the window before joining, waiting, refused, joined, and with the server gone."""
    scene = Scene(deadline=10)
    server = FakeServer(scene)
    with opened(server, scene) as window:
        window.ask("go_to", path=window.username["path"])
        take(window, folder / "1-before.png")
        window.joins_as("alice")
        line = server.accepts()
        line.hears("alice")
        window.waits(lambda: window.states() == (False, False, False), "It should wait.")
        take(window, folder / "2-waiting.png")
        line.says("failed")
        window.can_join("It should ask again.")
        take(window, folder / "3-refused.png")
        window.joins_as("ann")
        line = server.lets_in("ann")
        line.sends(CONVERSATION.encode())
        window.shows("anybody's network")
        window.types(window.message, "This is how it looks")
        take(window, folder / "4-joined.png")
        line.closes()
        window.can_join("It should offer to join again.")
        take(window, folder / "5-gone.png")
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--dpi", type=int, default=96, help="dots per inch of the screen (%(default)s)")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with Display(visible=False, size=(2000, 1500), extra_args=["-dpi", str(arguments.dpi)]):
        make_pictures(arguments.folder)


if __name__ == "__main__":
    main()
