"""Standard input: a question, a text that goes with one, or the lines of a conversation, in any encoding."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader, TextIOBase
from typing import BinaryIO

from phichat.errors import PromptError
from phichat.i18n import format_size, tr

MOST = 10_000_000
"""Bytes: more than any context holds, and less than what would fill the memory, as of a device that never ends."""

PATIENCE = 3.0
"""Seconds without an end of standard input, after which it is said what is waited for."""

_MARKS_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_question(words: Sequence[str], notify: Callable[[str], None]) -> str:
    """Return the question in `words`; a text that is piped in stands for `-` at either end, or comes after them.

    Without words, it is all that is piped in. Raise PromptError if what is piped in is no text.
    """
    is_typed = _is_terminal(sys.stdin)
    words = words or ([] if is_typed else ["-"])
    at = next((at for at in (0, len(words) - 1) if words[at:][:1] == ["-"]), None)
    if at is None and is_typed:
        return " ".join(words)
    piped = read_text(notify)
    if at is None:
        return "\n\n".join(filter(str.strip, [" ".join(words), piped]))
    return " ".join([*words[:at], piped, *words[at + 1 :]])


def read_text(notify: Callable[[str], None]) -> str:
    """Return all of standard input, without the line breaks at its end. Raise PromptError if it is no text."""
    hint = _end_hint()
    if _is_terminal(sys.stdin):
        notify(tr("Type your message, then press {keys}.").format(keys=hint))
        return sys.stdin.read().rstrip("\r\n")
    with _saying_later(notify, tr("Waiting for standard input. Press {keys} when you’re done.").format(keys=hint)):
        data = _read(MOST + 1)
    if len(data) > MOST:
        raise PromptError(
            tr("The text from standard input is too long (the limit is {size}). Shorten it.").format(
                size=format_size(MOST)
            )
        )
    return _decoded(data).rstrip("\r\n")


def lines() -> Iterator[str]:
    """Yield the lines of standard input as they come. Raise PromptError if they are no text."""
    stream = _binary()
    if stream is None:
        yield from sys.stdin or ()
        return
    # Where a letter takes several bytes, a line ends in the middle of one.
    is_by_line = not (beginning := _beginning(stream)).startswith(_MARKS_UTF_16) and b"\0" not in beginning
    if not is_by_line:
        yield from _decoded(stream.read(MOST)).splitlines(keepends=True)
    while line := stream.readline(MOST):
        yield _decoded(line)


@contextmanager
def keeping_keys() -> Iterator[None]:
    """Keep all keys that are pressed while the block runs for the next `input`, also Ctrl+D.

    A terminal that waits for whole lines would take Ctrl+D away, as readline then reads key by key. Ctrl+C goes on
    interrupting. Without readline, or a terminal, do nothing.
    """
    if "readline" not in sys.modules or not _is_terminal(sys.stdin):
        yield
        return
    import termios  # noqa: PLC0415 - not on Windows, where there is no readline either

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    by_key = [*before[:3], before[3] & ~termios.ICANON, *before[4:]]
    termios.tcsetattr(file, termios.TCSADRAIN, by_key)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(file, termios.TCSADRAIN, before)


def _beginning(stream: BinaryIO) -> bytes:
    """Return the next bytes, without reading them away; waits until there are any."""
    return stream.peek(1) if isinstance(stream, BufferedReader) else b""


def _read(most: int) -> bytes:
    stream = _binary()
    if stream is not None:
        return stream.read(most)
    return sys.stdin.read(most).encode("utf-8", "surrogatepass") if sys.stdin else b""


def _binary() -> BinaryIO | None:
    """Return the bytes of standard input; None if it has none, or only letters, as in a terminal."""
    is_text = sys.stdin is None or not isinstance(sys.stdin, TextIOBase) or _is_terminal(sys.stdin)
    return None if is_text else getattr(sys.stdin, "buffer", None)


def _decoded(data: bytes) -> str:
    from phichat.encodings import decode_text  # noqa: PLC0415 - the window's start does without

    text = decode_text(data)
    if text is None:
        raise PromptError(tr("Standard input must be plain text. Convert your input, then try again."))
    return text


def _is_terminal(stream: object) -> bool:
    try:
        return isinstance(stream, TextIOBase) and stream.isatty()
    except ValueError:  # closed
        return False


def _end_hint() -> str:
    return tr("Ctrl+Z, then Enter") if os.name == "nt" else tr("Ctrl+D")


@contextmanager
def _saying_later(notify: Callable[[str], None], sentence: str) -> Iterator[None]:
    """Say `sentence` if the block takes long."""
    timer = threading.Timer(PATIENCE, notify, [sentence])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
