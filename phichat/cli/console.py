"""The terminal as the commands use it: the answer goes to stdout, everything else to stderr."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO

from phichat.errors import PhichatError
from phichat.i18n import tr

# What a model or a file's name may not send to a terminal: everything that moves the cursor or changes its colours.
_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}, "\N{REPLACEMENT CHARACTER}")


class ReaderGone(Exception):
    """Nobody reads stdout any more, as after `| head -1`: no error, but there is nothing left to do."""


class Console:
    """Writes at once. Where nobody looks at stderr there is no progress, and what fails there is let be."""

    def __init__(self) -> None:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            _make_tolerant(stream)
        self._out: TextIO | None = sys.stdout
        self._err: TextIO | None = sys.stderr
        self._line_is_open = False
        self._progress = ""

    @property
    def is_interactive(self) -> bool:
        """Whether a person types."""
        return _is_terminal(sys.stdin)

    @property
    def is_watched(self) -> bool:
        """Whether a person sees progress in place."""
        return _is_terminal(self._err)

    def progress_bar(self, share: float, room: int) -> str:
        """`room` signs, filled as far as `share` of them; empty where there is no room for it."""
        width = min(room, 30)
        full, empty = ("█", "░") if (getattr(self._err, "encoding", "") or "").lower().startswith("utf") else ("#", "-")
        filled = round(share * width)
        return full * filled + empty * (width - filled) if width >= 8 else ""

    @property
    def width(self) -> int:
        """How many signs a line of progress may have."""
        return shutil.get_terminal_size().columns - 1

    def print_piece(self, text: str) -> None:
        """A part of the answer, which may be empty."""
        if text:
            self._clear_progress()
            self._write(text)
            self._line_is_open = not text.endswith("\n")

    def end_answer(self) -> None:
        """End the line the answer stands on."""
        if self._line_is_open:
            self.print_piece("\n")

    def print_line(self, text: str = "") -> None:
        """A line of the answer."""
        self.print_piece(text + "\n")

    def print_json(self, values: Mapping[str, Any]) -> None:
        """An object on a line of its own, in ASCII, so that any pipe can carry it."""
        self._write(json.dumps(values) + "\n")

    def print_notice(self, sentence: str) -> None:
        """One line beside the answer."""
        self._clear_progress()
        with suppress(ReaderGone, PhichatError):
            self.end_answer()
        self._write_stderr(" ".join(sentence.splitlines()) + "\n")

    def show_progress(self, text: str) -> None:
        """What is going on, in place of what was said before; only to a person."""
        if text != self._progress and self.is_watched:
            self._write_stderr("\r" + text[: self.width].ljust(len(self._progress[: self.width])))
            self._progress = text

    def read_line(self, prompt: str) -> str | None:
        """A line from the person; None at the end."""
        self._clear_progress()
        try:
            if self.is_interactive and _is_terminal(self._out):
                return input(prompt)
            if self.is_interactive:
                self._write_stderr(prompt)
            return next(sys.stdin, None) if sys.stdin else None
        except EOFError:
            self._write_stderr("\n")
            return None

    def flush(self) -> None:
        """See to it that others' words, such as argparse's, have gone out, too."""
        self._write("")

    def close(self) -> None:
        """Write what is left. What cannot be written is dropped, lest Python complain about it at its end."""
        for stream in (self._out, self._err):
            try:
                if stream:
                    stream.flush()
            except (OSError, ValueError):
                _redirect_to_devnull(stream)

    def _write(self, text: str) -> None:
        try:
            if self._out is None:
                raise OSError(tr("there is no standard output"))
            self._out.write(text.translate(_CONTROLS) if _is_terminal(self._out) else text)
            self._out.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error
        except (OSError, ValueError) as error:
            self._line_is_open = False
            reason = getattr(error, "strerror", None) or error
            raise PhichatError(
                tr("The answer could not be written: {reason}. Send it somewhere else.").format(reason=reason)
            ) from error

    def _write_stderr(self, text: str) -> None:
        with suppress(OSError, ValueError):
            if self._err:
                visible = text.removeprefix("\r").translate(_CONTROLS)
                self._err.write("\r" * text.startswith("\r") + visible)
                self._err.flush()

    def _clear_progress(self) -> None:
        if self._progress:
            self._write_stderr("\r" + " " * min(len(self._progress), self.width))
            self._write_stderr("\r")
            self._progress = ""


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _make_tolerant(stream: TextIO | None) -> None:
    """A sign that cannot be written becomes a question mark; Windows' pipes carry UTF-8, as everybody else's."""
    if isinstance(stream, TextIOWrapper):
        legacy = sys.platform == "win32" and "PYTHONIOENCODING" not in os.environ
        stream.reconfigure(encoding="utf-8" if legacy else None, errors="replace")


def _redirect_to_devnull(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
