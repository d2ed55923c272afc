"""What the hub server sends: a status, headers, spans of content, and how it goes over the wire."""

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `stop` of something in memory or on the disk."""

    content: bytes | Path
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def is_end_of(self, other: "Span") -> bool:
        return self.content is other.content and self.stop == other.stop

    def part(self, start: int, size: int) -> "Span":
        begin = min(self.start + start, self.stop)
        return Span(self.content, begin, min(begin + size, self.stop))

    def read(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content[self.start : self.stop]
        with self.content.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


def whole(content: bytes | Path) -> Span:
    """All of it."""
    return Span(content, 0, content.stat().st_size if isinstance(content, Path) else len(content))


@dataclass(frozen=True)
class Pace:
    """So many bytes, then a rest until so many seconds have passed."""

    bytes: int
    seconds: float


@dataclass
class Answer:
    """What a request gets. Faults change it before it is sent.

    Attributes:
        headers: a Content-Length in them is sent as it is; else the true one.
        content, size: the file's, of which the body is a part.
        is_file: whether that is so; else the body is a page or an error.
        cut_after, stall_after: bytes of the body after which the line breaks, or nothing comes any more.
        resets: whether it breaks with a reset, which may lose what is still under way.
        is_silent: whether not even a status comes. With `cut_after` the line breaks instead.
        before_last: called before the last span of a body that gets through is sent.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: list[Span] = field(default_factory=list)
    content: bytes | Path = b""
    size: int = 0
    is_file: bool = False
    pace: Pace | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    resets: bool = False
    is_silent: bool = False
    is_chunked: bool = False
    before_last: list[Callable[[], object]] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(span.size for span in self.body)

    @property
    def limit(self) -> int:
        """How many bytes of the body get through."""
        return min(limit for limit in (self.length, self.cut_after, self.stall_after) if limit is not None)

    @property
    def is_whole(self) -> bool:
        return self.limit == self.length and not self.is_silent

    def replace_body(self, content: bytes, kind: str = "application/json") -> None:
        """Something else than the file, in full."""
        self.body, self.is_file = [whole(content)], False
        self.before_last.clear()
        self.headers["Content-Type"] = kind
        for name in ("Content-Range", "Content-Length"):
            self.headers.pop(name, None)

    def head(self) -> bytes:
        """The status line and the headers."""
        length = {"Transfer-Encoding": "chunked"} if self.is_chunked else {"Content-Length": str(self.length)}
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in (length | self.headers).items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _phrase(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Unknown"


class Sender:
    """Sends answers over one connection, and counts the bytes of their bodies."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection, self._closing = connection, closing
        self._lock = threading.Lock()
        self._sent = 0

    @property
    def sent(self) -> int:
        """Bytes of the body that have left so far. Who has received bytes finds them counted."""
        # The lock is held while the kernel takes bytes, which is long only when nobody reads them.
        held = self._lock.acquire(timeout=0.5)
        try:
            return self._sent
        finally:
            if held:
                self._lock.release()

    def send(self, answer: Answer, with_body: bool) -> bool:
        """Whether the connection can go on after it."""
        if answer.is_silent:
            return self._break(answer)
        self._connection.sendall(answer.head())
        if not with_body:
            return True
        self._send_body(answer)
        if not answer.is_whole:
            return self._break(answer)
        if answer.is_chunked:
            self._connection.sendall(b"0\r\n\r\n")
        return answer.headers.get("Content-Length", str(answer.length)) == str(answer.length)

    def _break(self, answer: Answer) -> bool:
        if answer.cut_after is None or (answer.stall_after is not None and answer.stall_after < answer.cut_after):
            self._connection.recv(1)  # until the client leaves or the server closes
        if answer.resets:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _send_body(self, answer: Answer) -> None:
        begun = time.monotonic()
        for number, part in enumerate(_parts(answer), 1):
            if answer.is_whole and part.is_end_of(answer.body[-1]):
                for call in answer.before_last:
                    call()
            frame = f"{part.size:x}\r\n".encode() if answer.is_chunked else b""
            self._connection.sendall(frame)
            self._send_span(part)
            self._connection.sendall(b"\r\n" if frame else b"")
            if answer.pace:
                self._closing.wait(max(0, begun + number * answer.pace.seconds - time.monotonic()))

    def _send_span(self, span: Span) -> None:
        if isinstance(span.content, bytes):
            self._send_bytes(memoryview(span.content)[span.start : span.stop])
            return
        with span.content.open("rb", buffering=0) as file:
            if isinstance(self._connection, ssl.SSLSocket) or not hasattr(os, "sendfile"):
                for start in range(0, span.size, MEGABYTE):
                    self._send_bytes(memoryview(span.part(start, MEGABYTE).read()))
            else:
                self._send_file(file.fileno(), span)

    def _send_bytes(self, content: memoryview) -> None:
        while content:
            with self._lock:
                count = self._connection.send(content[:MEGABYTE])
                self._sent += count
            content = content[count:]

    def _send_file(self, file: int, span: Span) -> None:
        start = span.start
        while start < span.stop:
            with self._lock:
                count = os.sendfile(self._connection.fileno(), file, start, min(MEGABYTE, span.stop - start))
                self._sent += count
            if not count:
                raise OSError("the file has become shorter")
            start += count


def _parts(answer: Answer) -> Iterator[Span]:
    left, most = answer.limit, answer.pace.bytes if answer.pace else 100 * MEGABYTE
    for span in answer.body:
        allowed = span.part(0, left)
        left -= allowed.size
        for start in range(0, allowed.size, most):
            yield allowed.part(start, most)
