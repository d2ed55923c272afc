"""The log and the crash log, which never hold what people wrote or a model answered."""

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

LARGEST = 500_000  # bytes after which the next start begins a new file

_Error = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(folder: Path) -> None:
    """Log into `folder`, with unhandled exceptions; log nothing if it cannot be written to."""
    root = logging.getLogger("phichat")
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        make_private(folder)
        file = folder / "phichat.log"
        with suppress(OSError):  # none yet, or another process renames it, too
            if file.stat().st_size > LARGEST:
                file.replace(folder / "phichat.old.log")
        handler = _PrivateFileHandler(file, encoding="utf-8", delay=True)
    except OSError:
        root.addHandler(logging.NullHandler())
    else:
        handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    logging.raiseExceptions = False  # else a full disk would print tracebacks
    sys.excepthook = _unhandled
    threading.excepthook = lambda args: _unhandled(args.exc_type, args.exc_value, args.exc_traceback)


def silence_logging() -> None:
    """Drop what is logged before `start_logging`, which Python would print otherwise."""
    root = logging.getLogger("phichat")
    if not root.handlers:
        root.addHandler(logging.NullHandler())


class _PrivateFileHandler(logging.FileHandler):
    """Creates the file with mode 0600."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_private(Path(self.baseFilename), "ab"), encoding=self.encoding)


class _RedactingFormatter(logging.Formatter):
    """Logs the class of an exception and its traceback, not its message, which may quote what people wrote."""

    def formatException(self, ei: _Error) -> str:  # noqa: N802 - logging's name
        return "\n".join(_traceback_lines(ei[1])) if ei[1] else ""


def _traceback_lines(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier and id(earlier) not in seen:
        yield from _traceback_lines(earlier, seen | {id(error)})
        yield "which led to"
    yield "Traceback (most recent call last):"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    # Of an OSError the number alone: its message names the user's files.
    number = f" [{error.errno}]" if isinstance(error, OSError) and error.errno else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{number}"


def _unhandled(kind: type[BaseException], error: BaseException | None, place: TracebackType | None) -> None:
    """Log an exception that nothing caught, such as one in a slot; the window goes on."""
    logging.getLogger("phichat").error("unhandled", exc_info=(kind, error or kind(), place))


_log = logging.getLogger(__name__)
_crash_file: IO[str] | None = None


def enable_crash_log(folder: Path) -> bool:
    """Have `faulthandler` write crashes of this process into `folder`; return whether the last process there crashed.

    It writes each thread's stack, never any text; the next start copies that into the log.
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
    """Disable the crash log after a clean exit, as Windows also writes harmless exceptions into it."""
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
