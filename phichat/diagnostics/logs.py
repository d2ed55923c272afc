"""What the app did, and how it crashed, in files of its own: never what people wrote or what a model said."""

import faulthandler
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import IO

from phichat.files import make_private, open_private

LARGEST = 500_000  # bytes after which a new file is begun, at a start

_Error = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(folder: Path) -> None:
    """Log into `folder`, unhandled exceptions too. Where nothing can be written, nothing is logged."""
    root = logging.getLogger("phichat")
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        make_private(folder)
        file = folder / "phichat.log"
        with suppress(OSError):  # none yet, or another program is at it, too
            if file.stat().st_size > LARGEST:
                file.replace(folder / "phichat.old.log")
        handler = _PrivateFileHandler(file, encoding="utf-8", delay=True)
    except OSError:
        root.addHandler(logging.NullHandler())
    else:
        handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    logging.raiseExceptions = False  # a full disk is no reason to print tracebacks
    sys.excepthook = _unhandled
    threading.excepthook = lambda args: _unhandled(args.exc_type, args.exc_value, args.exc_traceback)


def silence_logging() -> None:
    """Nothing that is logged before `start_logging` comes out anywhere, as Python else prints it."""
    root = logging.getLogger("phichat")
    if not root.handlers:
        root.addHandler(logging.NullHandler())


class _PrivateFileHandler(logging.FileHandler):
    """Makes the file for this user alone."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_private(Path(self.baseFilename), "ab"), encoding=self.encoding)


class _RedactingFormatter(logging.Formatter):
    """Says of an error what kind it is and where it happened: its text may hold anything, what people wrote too."""

    def formatException(self, ei: _Error) -> str:  # noqa: N802 - logging's name
        return "\n".join(_traceback_lines(ei[1])) if ei[1] else ""


def _traceback_lines(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier and id(earlier) not in seen:
        yield from _traceback_lines(earlier, seen | {id(error)})
        yield "which led to"
    yield "Traceback (most recent call last):"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    # Of the system's errors, the number: names of files are the person's.
    number = f" [{error.errno}]" if isinstance(error, OSError) and error.errno else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{number}"


def _unhandled(kind: type[BaseException], error: BaseException | None, place: TracebackType | None) -> None:
    """Slots that fail do not end the window; what they did wrong is kept for whoever mends it."""
    logging.getLogger("phichat").error("unhandled", exc_info=(kind, error or kind(), place))


_log = logging.getLogger(__name__)
_crash_file: IO[str] | None = None


def enable_crash_log(folder: Path) -> bool:
    """From now on, a crash of this process is written into `folder`; whether the last one there ended so.

    Where each thread was in the program is written down, never what anybody wrote; it is in the log at the next start.
    """
    global _crash_file
    file = folder / "crash.txt"
    found = _previous_crash(file)
    if found:
        _log.error("the last window ended with a crash\n%s", found)
    with suppress(OSError):  # where nothing can be written, nothing is
        _crash_file = open_private(file, encoding="utf-8")
        faulthandler.enable(_crash_file)
    return bool(found)


def disable_crash_log() -> None:
    """It was none: on Windows there are false alarms in what was written down."""
    global _crash_file
    if _crash_file:
        faulthandler.disable()
        _crash_file.close()
        with suppress(OSError):
            Path(_crash_file.name).unlink()
    _crash_file = None


def _previous_crash(file: Path) -> str:
    with suppress(OSError):
        if text := file.read_text("utf-8", "replace").strip():
            return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(file.stat().st_mtime))}: {text}"
    return ""
