"""Documents as the app reads them: in a process of its own, which a bad file may end.

Where one page ends the process, another process goes on after it, and a note names the page.
"""

import json
import subprocess
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Self, cast

from phichat import runtime
from phichat.cancellation import CancelToken
from phichat.documents.base import MOST_PAGES, Box, Finding, Note, Outline, PagePicture, Part, Section
from phichat.documents.process.wire import Line, box_from, part_from
from phichat.errors import DocumentDamaged, DocumentError, DocumentUnreachable, error_class
from phichat.i18n import current_language, format_reason, tr
from phichat.sandbox import Sandbox
from phichat.unicode import replace_surrogates, without_controls

STEP = 20.0  # seconds for a page, or what else is read at once; usual ones take a hundredth
STARTING = 10.0  # seconds it may take to start, on top of those
MOST_DEATHS = 10  # of the process in one document, after which the rest is left out
LOOK_EVERY = 1.0  # seconds
MOST_IDLE = 2  # processes kept for what comes next

_BROKEN = (OSError, ValueError, KeyError, TypeError)  # what an answer may lead to that is none


class DocumentProcess:
    """Implements DocumentReader. Any thread may use it; each order has a process to itself.

    Attributes:
        started: how many processes were started so far.
    """

    def __init__(self, command: Sequence[str] = (), *, step: float = STEP) -> None:
        self._command = list(command) or runtime.process_command("phichat.documents.process.worker")
        self._step = step
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._busy: list[Sandbox] = []
        self._is_closed = False
        self.started = 0

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        """See DocumentReader. Once `stop` is set, the process is ended and no more comes."""
        order = {"do": "read", "path": str(path), "password": password}
        reading = _Reading(_shown_name(path))
        stop = stop or CancelToken()
        while reading.is_unfinished and not stop.is_set():
            with closing(self._exchange({**order, "first_page": reading.next_page}, stop)) as lines:
                for line in lines:
                    yield from reading.take(line)
            if not stop.is_set():
                reading.note_end()
        if not stop.is_set():
            yield from reading.notes()

    def render_page(self, path: Path, page: int, width: int, *, password: str = "") -> PagePicture:
        """See DocumentReader."""
        line = self._ask({"do": "render", "path": str(path), "password": password, "page": page, "width": width})
        return PagePicture(line["end"][0], line["end"][1], line["pixels"])

    def find_on_page(self, path: Path, page: int, text: str, *, password: str = "") -> Sequence[Box]:
        """See DocumentReader."""
        line = self._ask({"do": "find", "path": str(path), "password": password, "page": page, "text": text})
        return [box_from(box) for box in line["end"]]

    def close(self) -> None:
        """End all processes, for good. Any thread may call this."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for sandbox in self._busy:
                sandbox.popen.kill()
        for sandbox in idle:
            sandbox.popen.kill()
            sandbox.wait()

    def _ask(self, order: Line) -> Line:
        """Return the one line that answers `order`. Raise DocumentError."""
        name = _shown_name(Path(order["path"]))
        with closing(self._exchange(order, CancelToken())) as lines:
            line = next(lines, None)
        if line is None:
            raise _gave_up(name)
        if "error" in line:
            raise _error_from(line)
        return line

    def _exchange(self, order: Line, stop: CancelToken) -> Generator[Line, None, None]:
        """Yield the lines that answer `order`; the last is none that ends it if the process died."""
        order = {**order, "language": current_language(), "seconds": self._step}
        sandbox, is_fresh = self._take()
        stop.set_callback(sandbox.popen.kill)
        is_done, status = False, 0
        try:
            with closing(_lines(sandbox, order, self._step + STARTING)) as lines:
                for line in lines:
                    is_done, is_fresh = "end" in line or "error" in line, True
                    yield line
                    if is_done:
                        return
        finally:
            stop.set_callback(None)
            status = self._give_back(sandbox, is_idle=is_done and not stop.is_set())
        if not is_fresh and status == 0:  # it had just ended because it was idle
            yield from self._exchange(order, stop)

    def _take(self) -> tuple[Sandbox, bool]:
        """Return a process that has nothing to do, and whether it was started just now. Raise DocumentError."""
        with self._lock:
            if self._is_closed:
                raise DocumentUnreachable(tr("Phichat is closing."))
            while self._idle:
                sandbox = self._idle.pop()
                if sandbox.popen.poll() is None:
                    self._busy.append(sandbox)
                    return sandbox, False
                sandbox.wait()
            try:
                sandbox = Sandbox(self._command)
            except OSError as error:
                problem = tr("Phichat couldn’t start reading your documents: {reason}. Restart your computer.")
                raise DocumentUnreachable(problem.format(reason=format_reason(error))) from error
            self.started += 1
            self._busy.append(sandbox)
            return sandbox, True

    def _give_back(self, sandbox: Sandbox, *, is_idle: bool) -> int:
        """Keep an idle process for what comes next; end any other, and return its exit status."""
        with self._lock:
            self._busy.remove(sandbox)
            if is_idle and not self._is_closed and len(self._idle) < MOST_IDLE:
                self._idle.append(sandbox)
                return 0
        status = sandbox.popen.poll()
        sandbox.popen.kill()
        ended = sandbox.wait()
        return ended if status is None else status


class _Reading:
    """A document that is being read, by one process after the other.

    Attributes:
        is_unfinished: whether there may be more to read.
        next_page: the page at which the next process begins, from 1.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._outline: Outline | None = None
        self._found: dict[Finding, list[int]] = {}
        self._others: list[Note] = []
        self._at = self._deaths = 0
        self._has_text = False
        self.is_unfinished, self.next_page = True, 1

    def take(self, line: Line) -> Iterator[Part]:
        """Take a line of the process, and yield what is new to the app in it. Raise DocumentError."""
        if "at" in line:
            self._at = line["at"]
        elif "end" in line:
            self.is_unfinished = False
        elif "error" in line:
            error = _error_from(line)
            if not self._has_text or isinstance(error, DocumentUnreachable):
                raise error
            self.is_unfinished = False
            self._others.append(Note(Finding.DAMAGED))
        else:
            yield from self._taken(part_from(line))

    def note_end(self) -> None:
        """Take note that the process has ended: without an end of the document, what it was at ended it.

        Raise DocumentError if nothing of the document can be read.
        """
        if not self.is_unfinished:
            return
        self._deaths += 1
        pages = min(self._outline.pages, MOST_PAGES) if self._outline else 0
        if not self._at and not self._has_text:
            raise _gave_up(self._name)
        if not self._at:
            self.is_unfinished = False
            self._others.append(Note(Finding.DAMAGED))
            return
        last = self._at if self._deaths < MOST_DEATHS else pages
        self._found.setdefault(Finding.SKIPPED, []).extend(range(self._at, last + 1))
        self.next_page = last + 1
        self.is_unfinished = last < pages

    def notes(self) -> Iterator[Note]:
        """Yield what there is to tell, each thing once for all pages it is true of."""
        for finding, pages in self._found.items():
            yield Note(finding, tuple(sorted(pages)))
        yield from self._others

    def _taken(self, part: Part) -> Iterator[Part]:
        if isinstance(part, Note):
            if part.pages:
                self._found.setdefault(part.finding, []).extend(part.pages)
            else:
                self._others.append(part)
        elif isinstance(part, Section):
            self._has_text = True
            yield part
        elif self._outline is None:
            self._outline = part
            yield part


def _lines(sandbox: Sandbox, order: Line, patience: float) -> Generator[Line, None, None]:
    """Yield what the process answers until it ends, or does not answer for that many seconds."""
    orders, answers = cast(IO[bytes], sandbox.popen.stdin), cast(IO[bytes], sandbox.popen.stdout)
    with _Watchdog(sandbox.popen, patience) as watchdog:
        try:
            orders.write(json.dumps(order).encode() + b"\n")
            orders.flush()
            while True:
                with watchdog.watching():
                    line = json.loads(answers.readline())
                    if size := line.get("size"):
                        line["pixels"] = answers.read(size)
                yield line
        except _BROKEN:
            return


class _Watchdog:
    """Kills a process that does not answer: it watches its own time, unless the whole of it is stopped."""

    def __init__(self, process: "subprocess.Popen[bytes]", patience: float) -> None:
        self._process, self._patience = process, patience
        self._since: float | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reading watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Expect an answer as long as this is open."""
        self._since = time.monotonic()
        yield
        self._since = None

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_EVERY):
            since = self._since
            if since is not None and time.monotonic() - since > self._patience:
                self._process.kill()
                return


def _error_from(line: Line) -> DocumentError:
    found = error_class(str(line["error"]))
    kind = found if issubclass(found, DocumentError) else DocumentError
    return kind(str(line["sentence"]))


def _gave_up(name: str) -> DocumentDamaged:
    return DocumentDamaged(
        tr("{name} takes too much time or memory to read. Split it, or save it as text.").format(name=name)
    )


def _shown_name(path: Path) -> str:
    return without_controls(replace_surrogates(path.name))
