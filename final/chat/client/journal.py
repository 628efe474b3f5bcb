"""What goes wrong in the client, logged to the file that the window names.

Nothing here is needed until something has gone wrong, and logging takes a twentieth of the time in which the window
opens; so this is imported when the window is there. This module knows files, and nothing of what is logged.
"""

import logging
import os

from . import settings

LOG_BYTES = 500_000


class _BoundedLog(logging.FileHandler):
    """A log that stops when it is full: a mistake that is made thirty times a second fills no disk.

    (The library's RotatingFileHandler keeps the newest, and it is the first mistake that explains the others.)
    """

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is None or self.stream.tell() < LOG_BYTES:
            super().emit(record)


def open_log() -> None:
    """Have what goes wrong logged to the file; it is made when there is something to write."""
    file = settings.log_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > LOG_BYTES // 2:
            os.replace(file, file.with_suffix(".old.log"))
        handler: logging.Handler = _BoundedLog(file, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("chat.client")
    logger.addHandler(handler)
    logger.propagate = False
