"""What is known of a crash that took the window along: it stays on this computer, and is in the log at the next start.

Where each thread was in the program is written down, never what anybody wrote.
"""

import faulthandler
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from phichat.files import open_private

_log = logging.getLogger(__name__)
_watched: IO[str] | None = None


def watch(folder: Path) -> bool:
    """From now on, a crash of this process is written into `folder`; whether the last one there ended so."""
    global _watched
    file = folder / "crash.txt"
    found = _last(file)
    if found:
        _log.error("the last window ended with a crash\n%s", found)
    with suppress(OSError):  # where nothing can be written, nothing is
        _watched = open_private(file, encoding="utf-8")
        faulthandler.enable(_watched)
    return bool(found)


def end() -> None:
    """It was none: on Windows there are false alarms in what was written down."""
    global _watched
    if _watched:
        faulthandler.disable()
        _watched.close()
        with suppress(OSError):
            Path(_watched.name).unlink()
    _watched = None


def _last(file: Path) -> str:
    with suppress(OSError):
        if text := file.read_text("utf-8", "replace").strip():
            return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(file.stat().st_mtime))}: {text}"
    return ""
