"""How the hub server can misbehave: each fault changes an answer before it is sent."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Literal

from tests.support.hub.answers import MEGABYTE, Answer, Pace, Span, whole

Place = Literal["api", "resolve", "cdn"]
"""Who is asked: for what there is, for where a file is, or for its bytes."""

LOGIN_PAGE = b"<!DOCTYPE html><html><title>Hotel Wi-Fi</title><form>Room number <input></form></html>"


@dataclass(frozen=True)
class Asked:
    """A request and what it got. `headers` have lower-case names.

    Attributes:
        host: the Host header, with the port.
        path: with the query, as it was sent.
        start: where the range that it asks for begins; None without one.
        sent: bytes of the body that have left, also while it is being sent.
        at: when it came, on time.monotonic()'s clock.
    """

    method: str
    host: str
    path: str
    start: int | None
    headers: Mapping[str, str]
    status: int
    sent: int
    at: float
    place: Place = "resolve"

    @property
    def is_authorized(self) -> bool:
        """Whether it carried a token."""
        return "authorization" in self.headers


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with an answer.

    Attributes:
        only_files: it touches nothing but answers to GET with bytes of a file.
        takes_over: nothing of the true answer is left. Of several such faults one acts at a time, the first first.
        counts_ends: it happened only once a file's last byte was sent.
    """

    change: Callable[[Asked, Answer], None]
    only_files: bool = True
    takes_over: bool = False
    counts_ends: bool = False


@dataclass
class Misbehaviour:
    """A fault in force: `times` more, for ever if None, at one place or at all, for one method or for all."""

    fault: Fault
    times: int | None = None
    at: Place | None = None
    method: str | None = None
    happened: int = field(default=0)

    def count(self) -> None:
        self.happened += 1

    def concerns(self, asked: Asked, answer: Answer) -> bool:
        if self.times is not None and self.happened >= self.times:
            return False
        if self.fault.only_files and not (answer.is_file and asked.method == "GET"):
            return False
        return self.at in {None, asked.place} and self.method in {None, asked.method}


def status(code: int, headers: Mapping[str, str] | None = None, message: str = "", error: str = "") -> Fault:
    """An error instead of the answer. `error` is the Hub's name of it, for X-Error-Code."""

    def change(asked: Asked, answer: Answer) -> None:
        refuse(answer, code, message or f"Error {code}", error)
        answer.headers.update(headers or {})

    return _instead(change)


def refuse(answer: Answer, code: int, message: str, error: str = "") -> None:
    """Makes it an error as the Hub says it."""
    answer.status, answer.headers = code, {"X-Error-Message": message}
    if error:
        answer.headers["X-Error-Code"] = error
    answer.replace_body(b'{"error":"%s"}' % message.encode())


def gated() -> Fault:
    """A token that may not read this model."""
    text = "Access to this model is restricted and you are not in the authorized list."
    return status(403, message=text, error="GatedRepo")


def too_many(seconds: int, as_date: bool = False) -> Fault:
    """429; come back later, said in seconds or as a date."""

    def change(asked: Asked, answer: Answer) -> None:
        refuse(answer, 429, "Too Many Requests")
        answer.headers["Retry-After"] = formatdate(time() + seconds, usegmt=True) if as_date else str(seconds)

    return _instead(change)


def saying(**headers: str | None) -> Fault:
    """Other headers than the true ones; None takes one away. X_Linked_Size is X-Linked-Size."""

    def change(asked: Asked, answer: Answer) -> None:
        for name, value in headers.items():
            answer.headers.pop(name.replace("_", "-"), None)
            answer.headers |= {name.replace("_", "-"): value} if value is not None else {}

    return Fault(change, only_files=False)


def without_linked() -> Fault:
    """No word on the file's size and checksum."""
    return saying(X_Linked_ETag=None, X_Linked_Size=None)


def without_sha() -> Fault:
    """An ETag that is no checksum, as an object store makes it of files that came in parts."""
    etag = '"9b2cf535f27731c974343645a3985328-32"'
    return saying(ETag=etag, X_Linked_ETag=etag)


def cut(after: int, reset: bool = False) -> Fault:
    """The line breaks after so many bytes of the body. A reset may lose the last of them."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.cut_after, answer.resets = after, reset

    return Fault(change)


def drip(size: int, every: float) -> Fault:
    """A few bytes at a time."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.pace = Pace(size, every)

    return Fault(change)


def speed(bytes_per_second: float) -> Fault:
    """A slow line."""
    size = max(1, min(int(bytes_per_second / 50), MEGABYTE))
    return drip(size, size / bytes_per_second)


def stall(after: int = 0) -> Fault:
    """Headers, so many bytes, then nothing; the line stays open."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.stall_after = after

    return Fault(change)


def hold(wait: Callable[[], object]) -> Fault:
    """The last bytes come once `wait` has returned. Those before come only if the line has a speed."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.before_last.append(wait)

    return Fault(change)


def silence() -> Fault:
    """Accepted, and never answered."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.is_silent = True

    return _instead(change)


def hang_up(reset: bool = True) -> Fault:
    """The line breaks instead of an answer."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.is_silent, answer.cut_after, answer.resets = True, 0, reset

    return _instead(change)


def ignore_ranges() -> Fault:
    """The whole file with 200, whatever part of it was asked for."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.status, answer.body = 200, [Span(answer.content, 0, answer.size)]
        for name in ("Content-Range", "Accept-Ranges"):
            answer.headers.pop(name, None)

    return Fault(change)


def misfit_range(shift: int) -> Fault:
    """Says that it sends another part than it does, and than was asked for."""

    def change(asked: Asked, answer: Answer) -> None:
        if answer.status == 206:
            start = answer.body[0].start
            answer.headers["Content-Range"] = f"bytes {start + shift}-{answer.size - 1}/{answer.size}"

    return Fault(change)


def other_part(shift: int) -> Fault:
    """Sends, and says so, a part that begins elsewhere than it was asked for."""

    def change(asked: Asked, answer: Answer) -> None:
        if answer.status == 206:
            start = max(0, answer.body[0].start + shift)
            answer.body = [Span(answer.content, start, answer.size)]
            answer.headers["Content-Range"] = f"bytes {start}-{answer.size - 1}/{answer.size}"

    return Fault(change)


def surplus(extra: int, declared: bool = True) -> Fault:
    """More bytes than the file has: counted in the Content-Length, or after it."""

    def change(asked: Asked, answer: Answer) -> None:
        if not declared:
            answer.headers["Content-Length"] = str(answer.length)
        answer.body.append(whole(b"\xaa" * extra))

    return Fault(change)


def deficit(missing: int) -> Fault:
    """Fewer bytes than the file has, in an answer that is correct otherwise."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.body[-1] = answer.body[-1].part(0, max(0, answer.body[-1].size - missing))

    return Fault(change)


def wrong_bytes() -> Fault:
    """The last byte is another one. `times` counts those who got it, so a file that came in pieces counts once."""

    def change(asked: Asked, answer: Answer) -> None:
        last = answer.body[-1]
        if last.size and last.stop == answer.size:
            flipped = bytes([last.part(last.size - 1, 1).read()[0] ^ 0xFF])
            answer.body = [*answer.body[:-1], last.part(0, last.size - 1), whole(flipped)]

    return Fault(change, counts_ends=True)


def gzipped() -> Fault:
    """Packed, though nobody asked for that."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.body = [whole(gzip.compress(b"".join(span.read() for span in answer.body), compresslevel=1))]
        answer.headers["Content-Encoding"] = "gzip"

    return Fault(change)


def chunked() -> Fault:
    """Without a Content-Length."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.is_chunked = True

    return Fault(change)


def login_page() -> Fault:
    """A hotel's: HTML with 200, whatever was asked for."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.status, answer.headers = 200, {}
        answer.replace_body(LOGIN_PAGE, "text/html; charset=utf-8")

    return _instead(change)


def sign_in_page(content: bytes, kind: str) -> Fault:
    """A page with 200 in the place of a file's bytes, which calls itself of that `kind`."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.status, answer.headers = 200, {}
        answer.replace_body(content, kind)
        if not kind:
            del answer.headers["Content-Type"]

    return _instead(change)


def page(text: str) -> Fault:
    """This JSON, or what looks like it, with 200."""

    def change(asked: Asked, answer: Answer) -> None:
        answer.status, answer.headers = 200, {}
        answer.replace_body(text.encode())

    return _instead(change)


def circle() -> Fault:
    """A redirect to where one is already."""

    def change(asked: Asked, answer: Answer) -> None:
        _lead(answer, asked.path)

    return _instead(change)


def redirect(origin: str) -> Fault:
    """A redirect to the same path at another host, such as "http://localhost:8000"."""

    def change(asked: Asked, answer: Answer) -> None:
        _lead(answer, origin + asked.path)

    return _instead(change)


def _instead(change: Callable[[Asked, Answer], None]) -> Fault:
    return Fault(change, only_files=False, takes_over=True)


def _lead(answer: Answer, location: str) -> None:
    answer.status, answer.headers = 302, {"Location": location}
    answer.replace_body(b"Found. Redirecting", "text/plain; charset=utf-8")
