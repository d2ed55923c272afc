"""A server that speaks as the Hugging Face Hub does, and misbehaves when told to.

In tests: `with HubServer() as hub: ...`. By hand:
`python -m tests.support.hub.server FOLDER --port 8123 --cut-every 5000000`
serves FOLDER/owner/repo/file.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from tests.support.hub import pages
from tests.support.hub.answers import Answer, Sender
from tests.support.hub.faults import Asked, Fault, Misbehaviour, Place, cut, speed, status
from tests.support.hub.store import Repo, Stored, stored
from tests.support.servers.certificates import Authority
from tests.support.servers.listener import HOST, Listener, Request, read_request

Note = Callable[[Asked], None]


@dataclass
class _Record:
    asked: Asked
    sender: Sender
    sent_before: int
    sent: int | None = None

    def read(self) -> Asked:
        sent = self.sent if self.sent is not None else self.sender.sent - self.sent_before
        return replace(self.asked, sent=sent)


class HubServer:
    """The Hub and its CDN, each on a port of its own.

    Everything can be changed while it runs; the next request meets it.

    Attributes:
        endpoint: for HF_ENDPOINT.
        cdn: where the bytes are; another origin.
        speed: bytes a second that each connection gets; None for all there is.
        cut_every: bytes of a body after which each connection breaks; None for never.
        direct: whether files come from the endpoint itself, as mirrors do it, without a redirect.
        tokens: those that exist, if the server is to know; it refuses any other with 401.
        repos: by name.
        authority: the file with the certificate authority to trust, if it speaks TLS.
        note: called with each request once it was answered; it may come from any thread.
    """

    def __init__(self, port: int = 0, cdn_port: int = 0, tls: bool = False) -> None:
        self.speed: float | None = None
        self.cut_every: int | None = None
        self.direct = False
        self.tokens: frozenset[str] | None = None
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.authority: Path | None = None
        self.link_token = 1
        self.note: Note | None = None
        self._lock = threading.RLock()  # a fault may call the server
        self._records: list[_Record] = []
        self._misbehaviours: list[Misbehaviour] = []
        self._folder = TemporaryDirectory(prefix="hub-server-")
        context = self._certify() if tls else None
        self._scheme = "https" if tls else "http"
        self._hub = self._listen(port, context, is_cdn=False)
        self._cdn = self._listen(cdn_port, context, is_cdn=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends all connections and waits for their threads."""
        self._hub.close()
        self._cdn.close()
        self._folder.cleanup()

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://{HOST}:{self._hub.port}"

    @property
    def cdn(self) -> str:
        return f"{self._scheme}://{HOST}:{self._cdn.port}"

    def add(self, repo: str, file: str, content: bytes | Path, licence: str = "mit", is_lfs: bool = True) -> str:
        """Puts a file into a repository; its SHA-256. Small text is not `is_lfs`: the Hub sends that itself."""
        kept = stored(file, content, is_lfs)
        with self._lock:
            self.repos.setdefault(repo, Repo(repo, licence)).put(kept)
        return kept.sha256

    def replace(self, repo: str, file: str, content: bytes | Path) -> str:
        """Another content under the same name, in a new commit. What was there stays under the old one."""
        return self.add(repo, file, content, is_lfs=self.repos[repo].commits[self.repos[repo].head][file].is_lfs)

    def remove(self, repo: str, file: str) -> None:
        with self._lock:
            self.repos[repo].remove(file)

    def rename(self, old: str, new: str) -> None:
        """The old name leads to the new one."""
        with self._lock:
            self.repos[new] = self.repos.pop(old)
            self.repos[new].name, self.renamed[old] = new, new

    def gate(self, repo: str, *readers: str) -> None:
        """Only these tokens may read its files."""
        self.repos[repo].gated, self.repos[repo].readers = "auto", frozenset(readers)

    def expire_links(self) -> None:
        """The CDN refuses the links that were given so far, with 403; new ones are good."""
        self.link_token += 1

    def misbehave(
        self, fault: Fault, times: int | None = None, at: Place | None = None, method: str | None = None
    ) -> Misbehaviour:
        """From now on, for so many requests or until `behave`. Several act together, in the order in which they came.

        Only errors, redirects and the like stand in line: the second acts when the first has had its times.
        """
        misbehaviour = Misbehaviour(fault, times, at, method)
        with self._lock:
            self._misbehaviours.append(misbehaviour)
        return misbehaviour

    def fail_with(
        self,
        code: int,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
        at: Place | None = None,
        method: str | None = None,
        error: str = "",
    ) -> Misbehaviour:
        """Answers with an error. `error` is for X-Error-Code: RepoNotFound, EntryNotFound and so on."""
        return self.misbehave(status(code, headers, error=error), times, at, method)

    def behave(self, misbehaviour: Misbehaviour | None = None) -> None:
        """Ends one misbehaviour, or all, the knobs included."""
        with self._lock:
            self._misbehaviours = [m for m in self._misbehaviours if misbehaviour is not None and m is not misbehaviour]
        if misbehaviour is None:
            self.speed = self.cut_every = None

    @property
    def requests(self) -> list[Asked]:
        """All that were answered or are being answered, oldest first."""
        with self._lock:
            records = list(self._records)
        return [record.read() for record in records]

    def forget(self) -> None:
        """Empties `requests`."""
        with self._lock:
            self._records = []

    def asked(self, file: str, method: str = "GET", place: Place | None = None) -> list[Asked]:
        """The requests for a file, which may be named by the end of its name."""
        paths = [(asked, asked.path.partition("?")[0]) for asked in self.requests if asked.method == method]
        return [asked for asked, path in paths if path.endswith(file) and place in {None, asked.place}]

    def served(self, file: str) -> int:
        """How many bytes of a file have left, in all answers together."""
        return sum(asked.sent for asked in self.asked(file) if asked.status in {200, 206})

    def starts(self, file: str) -> list[int]:
        """Where each answer with bytes of a file began."""
        return [asked.start or 0 for asked in self.asked(file) if asked.status in {200, 206}]

    def _certify(self) -> ssl.SSLContext:
        authority = Authority(Path(self._folder.name))
        self.authority = authority.certificate
        return authority.server_context(HOST, "localhost")

    def _listen(self, port: int, context: ssl.SSLContext | None, is_cdn: bool) -> Listener:
        def serve(connection: socket.socket, closing: threading.Event) -> None:
            sender = Sender(connection, closing)
            with connection.makefile("rb") as stream:
                while (request := read_request(stream)) and self._answer(request, sender, is_cdn):
                    pass

        return Listener(serve, port, context)

    def _answer(self, request: Request, sender: Sender, is_cdn: bool) -> bool:
        """Whether the connection is good for another request."""
        asked, answer = self._compose(request, is_cdn)
        is_last = asked.headers.get("connection", "").lower() == "close"
        answer.headers |= {"Connection": "close"} if is_last else {}
        record = _Record(asked, sender, sender.sent)
        with self._lock:
            self._records.append(record)
        try:
            goes_on = sender.send(answer, with_body=asked.method != "HEAD")
        finally:
            record.sent = sender.sent - record.sent_before
            if self.note:
                self.note(record.read())
        return goes_on and not is_last

    def _compose(self, request: Request, is_cdn: bool) -> tuple[Asked, Answer]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        place: Place = "cdn" if is_cdn else "api" if request.target.startswith("/api/") else "resolve"
        start = pages.range_start(headers.get("range"))
        at, host = time.monotonic(), headers.get("host", "")
        asked = Asked(request.method, host, request.target, start, headers, 0, 0, at, place)
        with self._lock:
            answer = pages.answer(self, asked)
            self._spoil(asked, answer)
        return replace(asked, status=0 if answer.is_silent else answer.status), answer

    def _spoil(self, asked: Asked, answer: Answer) -> None:
        concerned = [m for m in [*self._knobs(), *self._misbehaviours] if m.concerns(asked, answer)]
        over = next((m for m in concerned if m.fault.takes_over), None)
        for misbehaviour in [over] if over else concerned:
            if not misbehaviour.fault.counts_ends:
                misbehaviour.happened += 1
            elif answer.body[-1].stop == answer.size:
                answer.before_last.append(misbehaviour.count)
            misbehaviour.fault.change(asked, answer)

    def _knobs(self) -> list[Misbehaviour]:
        faults = [speed(self.speed)] if self.speed else []
        faults += [cut(self.cut_every)] if self.cut_every else []
        return [Misbehaviour(fault) for fault in faults]

    def file(self, sha256: str) -> Stored | None:
        """Any version of any file, as the CDN keeps them."""
        files = [file for repo in self.repos.values() for commit in repo.commits.values() for file in commit.values()]
        return next((file for file in files if file.sha256 == sha256), None)


def json_line(asked: Asked) -> str:
    """A request as the log has it."""
    at = time.time() - time.monotonic() + asked.at
    row = {"time": round(at, 3), "method": asked.method, "path": asked.path, "start": asked.start}
    row |= {"status": asked.status, "sent": asked.sent, "authorized": asked.is_authorized, "host": asked.host}
    return json.dumps(row)


if __name__ == "__main__":
    from tests.support.hub.command import main

    main()
