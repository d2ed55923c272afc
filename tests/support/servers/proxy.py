"""A small forward proxy, which passes on plain requests and tunnels, and can demand a password."""

import base64
import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedReader
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.servers.listener import HOST, Listener, Request, read_request

LOCAL = frozenset({HOST, "localhost"})


@dataclass(frozen=True)
class Proxied:
    """A request to the proxy, and its answer to it. `status` is 200 for all that was passed on."""

    method: str
    target: str
    headers: Mapping[str, str]
    status: int


class ProxyServer:
    """Reaches servers on this computer only.

    Attributes:
        user, password: what it demands, with 407, if they are not empty.
        refuses_with: a status for every request; None to pass them on.
        routes: ports of this computer that stand in for other servers, such as {"hub.test:80": 8123}.
        requests: what it was asked for, oldest first.
    """

    def __init__(self, user: str = "", password: str = "", port: int = 0) -> None:
        self.user, self.password = user, password
        self.refuses_with: int | None = None
        self.routes: dict[str, int] = {}
        self.requests: list[Proxied] = []
        self._listener = Listener(self._serve, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        """Where it is, without its password."""
        return f"http://{HOST}:{self._listener.port}"

    @property
    def url_with_password(self) -> str:
        return f"http://{self.user}:{self.password}@{HOST}:{self._listener.port}"

    def _serve(self, connection: socket.socket, closing: threading.Event) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream)) and self._handle(request, connection, stream):
                pass

    def _handle(self, request: Request, connection: socket.socket, stream: BufferedReader) -> bool:
        """Whether the connection is good for another request."""
        with self._reached(request) as (upstream, status):
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.requests.append(Proxied(request.method, request.target, headers, status))
            if upstream is None:
                connection.sendall(_refusal(status))
                return True
            if request.method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                body = stream.read(int(request.headers.get("Content-Length") or 0))
                upstream.sendall(_forwarded(request) + body)
            _relay(connection, upstream)
        return False

    @contextlib.contextmanager
    def _reached(self, request: Request) -> Iterator[tuple[socket.socket | None, int]]:
        status = self._status(request)
        port = self._port(request)
        if status != 200 or port is None:
            yield None, status if status != 200 else 502
            return
        try:
            upstream = socket.create_connection((HOST, port), timeout=10)
        except OSError:
            yield None, 502
            return
        upstream.settimeout(None)
        with upstream:
            self._listener.keep(upstream)
            try:
                yield upstream, 200
            finally:
                self._listener.drop(upstream)

    def _status(self, request: Request) -> int:
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and request.headers.get("Proxy-Authorization") != f"Basic {wanted}":
            return 407
        return self.refuses_with or 200

    def _port(self, request: Request) -> int | None:
        """Where on this computer the request goes."""
        target = request.target if "://" in request.target else f"//{request.target}"
        url = urlsplit(target)
        port = url.port or 80
        return self.routes.get(f"{url.hostname}:{port}", port if url.hostname in LOCAL else None)


def _refusal(status: int) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Length: 0"]
    lines += ['Proxy-Authenticate: Basic realm="proxy"'] if status == 407 else []
    return "\r\n".join([*lines, "", ""]).encode()


def _forwarded(request: Request) -> bytes:
    url = urlsplit(request.target)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [(n, v) for n, v in request.headers.items() if not n.lower().startswith(("proxy-", "connection"))]
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in kept), "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Carries bytes both ways until either side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                came = key.fileobj.recv(262_144)  # type: ignore[union-attr]
                if not came:
                    return
                key.data.sendall(came)
