"""What the app did, in a file of its own: never what people wrote."""

import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from phichat.paths import make_private

LARGEST = 500_000  # bytes after which a new file is begun, at a start


def start(folder: Path) -> None:
    """Log into `folder`, unhandled exceptions too. Where nothing can be written, nothing is logged."""
    root = logging.getLogger("phichat")
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        make_private(folder)
        file = folder / "phichat.log"
        if file.exists() and file.stat().st_size > LARGEST:
            file.replace(folder / "phichat.old.log")
        handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    except OSError:
        root.addHandler(logging.NullHandler())
    else:
        handler.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    logging.raiseExceptions = False  # a full disk is no reason to print tracebacks
    sys.excepthook = _unhandled
    threading.excepthook = lambda args: _unhandled(args.exc_type, args.exc_value, args.exc_traceback)


def keep_quiet() -> None:
    """Nothing that is logged before `start` comes out anywhere, as Python else prints it."""
    root = logging.getLogger("phichat")
    if not root.handlers:
        root.addHandler(logging.NullHandler())


class _Discreet(logging.Formatter):
    """Tells of an exception where it happened and what kind it is, but not its words: they may quote what one wrote."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name
        lines: list[str] = []
        error, seen = ei[1], set[int]()
        while error and id(error) not in seen:
            seen.add(id(error))
            lines[:0] = [*traceback.format_tb(error.__traceback__), f"{_kind_of(error)}\n"]
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


def _kind_of(error: BaseException) -> str:
    reason = f" {error.errno} ({error.strerror})" if isinstance(error, OSError) and error.errno else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{reason}"


def _unhandled(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    """Slots that fail do not end the window; what they did wrong is kept for whoever mends it."""
    logging.getLogger("phichat").error("unhandled", exc_info=(kind, error or kind(), traceback))
