"""All the wrong programs, and which of the common mistakes have none.

35, pickle or eval, can't be seen by somebody who only talks to a program. Nor can 55, connecting to 0.0.0.0: it works
on Linux and macOS. 7, send for sendall, shows only where a socket does not wait: in Python, `send` on one that does
goes on until all is taken. 53, a newline left by Return, needs a Text to type into: an Entry has no second line.
12, a port that rests, does so on Linux and macOS alone.
"""

from .broadcast import WRONG as BROADCAST
from .echo import WRONG as ECHO
from .rows import Wrong
from .styles import WRONG as STYLES
from .usernames import WRONG as USERNAMES
from .window import WRONG as WINDOW

WRONG: list[Wrong] = [*ECHO, *USERNAMES, *BROADCAST, *WINDOW, *STYLES]
MISTAKES = range(1, 58)  # their numbers
UNSEEN = {35, 55}  # from outside
