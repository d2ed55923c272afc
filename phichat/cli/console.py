"""The terminal: answers go to stdout, notices and progress to stderr."""

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO

from phichat.cli import standard_input
from phichat.errors import PhichatError, ServerRefused
from phichat.i18n import format_reason, tr
from phichat.unicode import cut_to_width, display_width, padded

# Control characters, which a model's text or a file's name must not send to a terminal.
_CONTROLS: dict[int, str] = dict.fromkeys(
    {*range(32), *range(127, 160)} - {ord("\n"), ord("\t")}, "\N{REPLACEMENT CHARACTER}"
)
# Signs that nobody sees, and that have what follows read in another order or end a line: they are shown by name.
_CONTROLS |= {
    code: f"<U+{code:04X}>" for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
_LINE_CONTROLS = _CONTROLS | dict.fromkeys((ord("\n"), ord("\t")), "\N{REPLACEMENT CHARACTER}")
_DIM, _PLAIN = "\x1b[2m", "\x1b[22m"  # how terminals write fainter letters, and usual ones again


class ReaderGone(Exception):
    """Nobody reads stdout any more, as after `| head -1`, or as the terminal was closed.

    Not an error, but there is nothing left to do.
    """


class Console:
    """Writes unbuffered. Progress is shown only where stderr is a terminal; errors in writing to it are ignored.

    Attributes:
        last_error: the last error that was written as JSON.
    """

    def __init__(self) -> None:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            _make_tolerant(stream)
        self._out: TextIO | None = sys.stdout
        self._err: TextIO | None = sys.stderr
        self._began_in_terminal = self.writes_to_terminal
        self._line_is_open = False
        self._progress = ""
        self._is_thinking = False
        self._lines: Iterator[str] | None = None
        self.last_error = ""

    @property
    def is_interactive(self) -> bool:
        """Whether stdin is a terminal."""
        return _is_terminal(sys.stdin)

    @property
    def is_watched(self) -> bool:
        """Whether stderr is a terminal."""
        return _is_terminal(self._err)

    @property
    def writes_to_terminal(self) -> bool:
        """Whether stdout is a terminal."""
        return _is_terminal(self._out)

    def progress_bar(self, share: float, room: int) -> str:
        """Return a bar of at most `room` characters, filled by `share`; empty if it would be too short."""
        width = min(room, 30)
        full, empty = ("█", "░") if (getattr(self._err, "encoding", "") or "").lower().startswith("utf") else ("#", "-")
        filled = round(share * width)
        return full * filled + empty * (width - filled) if width >= 8 else ""

    @property
    def width(self) -> int:
        """The longest line of progress, in characters."""
        return shutil.get_terminal_size().columns - 1

    def print_thought(self, text: str) -> None:
        """Write a part of what the model thinks to stderr, dimmed in a terminal."""
        if text:
            self._clear_progress()
            dim, plain = (_DIM, _PLAIN) if self.is_watched else ("", "")
            self._write_stderr(text, before=dim, after=plain)
            self._is_thinking = True

    def _end_thought(self) -> None:
        if self._is_thinking:
            self._is_thinking = False
            self._write_stderr("\n\n")

    def print_piece(self, text: str, style: str = "") -> None:
        """Write a part of the answer to stdout. Raise ReaderGone or PhichatError.

        `style` are the parameters of a terminal's "select graphic rendition", such as "4" for underlined.
        """
        if text:
            self._end_thought()
            self._clear_progress()
            self._write(text, style)
            self._line_is_open = not text.endswith("\n")

    def end_answer(self) -> None:
        """End the line that the answer, or what is thought before it, is on."""
        self._end_thought()
        if self._line_is_open:
            self.print_piece("\n")

    def print_line(self, text: str = "") -> None:
        """Write a line to stdout. A name in it stays on the line and sends nothing to a terminal, also after a pipe."""
        self.print_piece(text.translate(_LINE_CONTROLS) + "\n")

    def print_json(self, values: Mapping[str, Any]) -> None:
        """Write an object to stdout as one line of JSON, in ASCII, so that any pipe can carry it."""
        self._write(json.dumps(values) + "\n")

    def print_json_error(self, sentence: str) -> None:
        """Write an error to stdout as an object. What cannot be written is dropped."""
        self.last_error = sentence
        with suppress(ReaderGone, PhichatError):
            self.print_json({"event": "error", "message": " ".join(sentence.splitlines())})

    def print_notice(self, sentence: str) -> None:
        """Write `sentence` to stderr, on one line."""
        self._clear_progress()
        with suppress(ReaderGone, PhichatError):
            self.end_answer()
        self._write_stderr(" ".join(sentence.splitlines()) + "\n")

    def print_failure(self, error: PhichatError) -> None:
        """Write the error to stderr, with the command that helps where its sentence is about the window."""
        if isinstance(error, ServerRefused):
            advice = tr("In the terminal, enter a key with `phichat servers add NAME URL --key-stdin`.")
            self.print_notice(f"{error} {advice}")
        else:
            self.print_notice(str(error))

    def show_progress(self, text: str) -> None:
        """Show `text` on stderr in place of the progress before; only in a terminal."""
        if cut_to_width(text, self.width) != self._progress and self.is_watched:
            shown = cut_to_width(text, self.width)
            self._write_stderr("\r" + padded(shown, display_width(self._progress)))
            self._progress = shown

    def read_line(self, prompt: str) -> str | None:
        """Return a line from stdin, with `prompt` shown in a terminal; None at the end."""
        self._clear_progress()
        try:
            if self.is_interactive and _is_terminal(self._out):
                return input(prompt)
            if self.is_interactive:
                self._write_stderr(prompt)
            self._lines = self._lines or standard_input.lines()
            return next(self._lines, None)
        except KeyboardInterrupt:
            if self.is_interactive:
                self._write_stderr("\n")
            raise
        except EOFError:
            self._write_stderr("\n")
            return None

    def flush(self) -> None:
        """Flush what others, such as argparse, wrote to stdout. Raise ReaderGone or PhichatError."""
        self._write("")

    def close(self) -> None:
        """Flush both streams. What cannot be written is dropped, so that Python does not complain at exit."""
        for stream in (self._out, self._err):
            try:
                if stream:
                    stream.flush()
            except (OSError, ValueError):
                _redirect_to_devnull(stream)

    def _write(self, text: str, style: str = "") -> None:
        try:
            if self._out is None:
                raise OSError(tr("standard output is closed"))
            if _is_terminal(self._out):
                text = text.translate(_CONTROLS)
                text = f"\x1b[{style}m{text}\x1b[0m" if style else text
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError) as error:
            self._line_is_open = False
            if isinstance(error, BrokenPipeError) or self._is_terminal_gone(error):
                raise ReaderGone from error
            reason = format_reason(error) if isinstance(error, OSError) else error
            raise PhichatError(
                tr(
                    "The answer couldn’t be written to standard output: {reason}. Redirect the output somewhere else."
                ).format(reason=reason)
            ) from error

    def _is_terminal_gone(self, error: Exception) -> bool:
        """Return whether the terminal that stdout was has been closed."""
        return self._began_in_terminal and isinstance(error, OSError) and error.errno == errno.EIO

    def _write_stderr(self, text: str, *, before: str = "", after: str = "") -> None:
        with suppress(OSError, ValueError):
            if self._err:
                visible = text.removeprefix("\r").translate(_CONTROLS)
                self._err.write(before + "\r" * text.startswith("\r") + visible + after)
                self._err.flush()

    def _clear_progress(self) -> None:
        if self._progress:
            self._write_stderr("\r" + " " * display_width(self._progress))
            self._write_stderr("\r")
            self._progress = ""


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _make_tolerant(stream: TextIO | None) -> None:
    """Replace what the stream's encoding lacks by a question mark, and have pipes on Windows carry UTF-8."""
    if isinstance(stream, TextIOWrapper):
        legacy = sys.platform == "win32" and "PYTHONIOENCODING" not in os.environ
        stream.reconfigure(encoding="utf-8" if legacy else None, errors="replace")


def _redirect_to_devnull(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
