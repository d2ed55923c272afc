"""A client of one server's JSON interface, whose answers may come bit by bit for minutes."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Self

import httpx2

from phichat.cancellation import CancelToken
from phichat.errors import ServerError, ServerUnreachable
from phichat.i18n import N_, tr
from phichat.net.http import proxy_error
from phichat.net.http_connection import (
    CONNECT_SECONDS,
    HEADERS,
    Connection,
    close_quietly,
    exception_chain,
    origin,
    reason_of,
    trusted_certificates,
)
from phichat.net.proxies import display_name, proxy_for

SILENT_SECONDS = 20.0  # without a byte, where nothing has to be computed
MAX_JSON_BYTES = 8_000_000
MAX_REDIRECTS = 5
_LOOK = 1.0  # seconds between two looks at the clock


class _ErrorRow(NamedTuple):
    """What exceptions of `types` become: an error of `kind` with `message`."""

    types: tuple[type[Exception], ...]
    kind: type[ServerError]
    message: str


_ERRORS = (
    _ErrorRow(
        (ssl.SSLCertVerificationError,),
        ServerError,
        N_(
            "The certificate of {host} isn’t trusted ({reason}). Check this computer’s clock. If you "
            "created the certificate yourself, set SSL_CERT_FILE to its path."
        ),
    ),
    _ErrorRow(
        (ssl.SSLError,),
        ServerError,
        N_(
            "{host} doesn’t offer an encrypted connection. If you trust the network, use http:// in the "
            "server’s address."
        ),
    ),
    _ErrorRow((socket.gaierror,), ServerUnreachable, N_("{host} couldn’t be found. Check its address.")),
    _ErrorRow(
        (httpx2.ConnectError, httpx2.ConnectTimeout),
        ServerUnreachable,
        N_("Phichat couldn’t connect to {host}. Check its address, and make sure the server is running."),
    ),
    _ErrorRow(
        (httpx2.TimeoutException,),
        ServerUnreachable,
        N_("{host} isn’t responding. It may be busy; try again later, or restart the server."),
    ),
    _ErrorRow(
        (httpx2.TransportError, httpx2.StreamError, OSError),
        ServerUnreachable,
        N_("The connection to {host} was lost. Check that the server is running, then try again."),
    ),
    _ErrorRow(
        (Exception,), ServerError, N_("Phichat couldn’t send a request to {host} ({reason}). Check its address.")
    ),
)
"""The first row counts that matches an exception or one of its causes, which say more than httpx's own classes."""


class ApiResponse:
    """A response, its body not yet read.

    Attributes:
        host: the server that sent it, as in messages.
        status: the HTTP status.
        headers: of the response.
    """

    def __init__(self, response: httpx2.Response, host: str, watch: "_Watch") -> None:
        self._response, self._watch = response, watch
        self.host, self.status = host, response.status_code
        self.headers: Mapping[str, str] = response.headers

    @property
    def content_type(self) -> str:
        """What the body is, without parameters; in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def be_patient(self, seconds: float) -> None:
        """Wait no longer than so many seconds for more from now on."""
        self._watch.allow(seconds)

    def iter_bytes(self) -> Iterator[bytes]:
        """Yield the body in chunks as they arrive. Raise ServerUnreachable if the connection breaks."""
        with _map_exceptions(self.host, watch=self._watch):
            for chunk in self._response.iter_bytes():
                self._watch.feed()
                yield chunk
            if self._watch.has_fired:  # a body that ends with the connection ends as it is shut down
                raise httpx2.ReadTimeout("silent")

    def read(self) -> bytes:
        """Return the body, or the beginning of a very long one. Raise ServerUnreachable."""
        body = bytearray()
        for chunk in self.iter_bytes():
            body += chunk
            if len(body) > MAX_JSON_BYTES:
                break
        return bytes(body)

    def json(self) -> Any:
        """Return the parsed body; None if it is no JSON. Raise ServerUnreachable."""
        try:
            return json.loads(self.read())
        except (ValueError, RecursionError):
            return None


class ApiClient:
    """Sends requests to the server at `url`, and to no other: a redirect to another one is an error.

    So neither the key nor what is sent can end up elsewhere.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self._url, self._key = httpx2.URL(url), key
        self.host = self._url.netloc.decode("ascii")
        with _map_exceptions(self.host):
            self._certificates = trusted_certificates()

    @contextmanager
    def send(
        self,
        path: str,
        stop: CancelToken,
        body: Mapping[str, Any] | None = None,
        *,
        silence: float = SILENT_SECONDS,
        at_root: bool = False,
    ) -> Iterator[ApiResponse]:
        """POST `body` as JSON, or GET if there is none, and yield the response with its body unread.

        `path` follows the address; with `at_root`, the address without `/v1`. The server may be silent for `silence`
        seconds. `stop` closes the connection at any point. Raise ServerError.
        """
        place = self._url.path.rstrip("/")
        target = self._url.copy_with(path=(place.removesuffix("/v1") if at_root else place) + path)
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        for _ in range(MAX_REDIRECTS):
            with self._send(target, stop, content, silence) as response:
                onward = self._redirect_target(response, target, has_body=content is not None)
                if onward is None:
                    yield response
                    return
            target = onward
        raise ServerError(tr("{host} keeps redirecting in a loop. Check its address.").format(host=self.host))

    @contextmanager
    def _send(self, url: httpx2.URL, stop: CancelToken, content: bytes | None, silence: float) -> Iterator[ApiResponse]:
        connection, proxy = Connection(), proxy_for(url.scheme, url.host, url.port)
        watch = _Watch(connection.shutdown, silence)
        with ExitStack() as stack:
            with _map_exceptions(self.host, proxy, watch):
                timeout = httpx2.Timeout(silence, connect=CONNECT_SECONDS)
                client = httpx2.Client(verify=self._certificates, trust_env=False, proxy=proxy, timeout=timeout)
                stack.enter_context(client)
                stop.set_callback(lambda: connection.shutdown() if stop.is_set() else None)
                stack.callback(stop.set_callback, None)
                request = client.build_request(
                    "GET" if content is None else "POST",
                    url,
                    content=content,
                    headers=self._headers(content),
                    extensions={"trace": connection.trace},
                )
                response = client.send(request, stream=True)
            stack.callback(close_quietly, response)
            yield ApiResponse(response, self.host, stack.enter_context(watch))

    def _headers(self, content: bytes | None) -> dict[str, str]:
        headers = {**HEADERS, "Accept": "application/json, text/event-stream"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _redirect_target(self, response: ApiResponse, url: httpx2.URL, *, has_body: bool) -> httpx2.URL | None:
        """Return where to ask on the same server; None if the response is no redirect. Raise ServerError."""
        location = response.headers.get("location", "")
        if response.status not in {301, 302, 303, 307, 308} or not location:
            return None
        with _map_exceptions(self.host):
            target = url.join(location)
        if origin(target) != origin(url):
            raise _elsewhere(self.host, target, self._key)
        if has_body and response.status not in {307, 308}:  # it would be asked again without the body
            raise ServerError(
                tr("{host} redirects to another page. Check the path in its address.").format(host=self.host)
            )
        return target.copy_with(username=None, password=None)


def without_key(text: str, key: str | None) -> str:
    """Return what a server told, without the key that it may have quoted: messages are shown and stored."""
    return text.replace(key, "…") if key else text


def _elsewhere(host: str, target: httpx2.URL, key: str | None) -> ServerError:
    """Return the error for a redirect from `host` to another server, or to what is none."""
    if target.scheme not in {"http", "https"}:
        text = tr(
            "{host} redirects to an address that doesn’t start with http:// or https://. Check the server’s address."
        )
        return ServerError(text.format(host=host))
    text = tr("{host} redirects to {address}. If you trust that address, use it instead.")
    place = without_key(str(target.copy_with(username=None, password=None, query=None, fragment=None)), key)
    return ServerError(text.format(host=host, address=place[:100]))


class _Watch:
    """Shuts a connection down that is silent for too long, which httpx cannot time differently before and after.

    Attributes:
        has_fired: whether it did.
    """

    def __init__(self, shutdown: Callable[[], None], seconds: float) -> None:
        self._shutdown, self._seconds = shutdown, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="silence watch")
        self._deadline = 0.0
        self.has_fired = False

    def __enter__(self) -> Self:
        self.feed()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def allow(self, seconds: float) -> None:
        """Allow so many seconds of silence from now on."""
        self._seconds = seconds
        self.feed()

    def feed(self) -> None:
        """Note that something came."""
        self._deadline = time.monotonic() + self._seconds

    def _watch(self) -> None:
        while not self._over.wait(min(max(self._deadline - time.monotonic(), 0.0), _LOOK)):
            if time.monotonic() >= self._deadline:
                self.has_fired = True
                self._shutdown()
                return


@contextmanager
def _map_exceptions(host: str, proxy: str | None = None, watch: _Watch | None = None) -> Iterator[None]:
    """Raise what httpx raises on the way to `host` as ServerError or ServerUnreachable."""
    try:
        yield
    except httpx2.ProxyError as error:
        raise ServerUnreachable(str(proxy_error(error))) from error
    except (
        httpx2.TransportError, httpx2.DecodingError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError
    ) as error:  # fmt: skip
        found = httpx2.ReadTimeout("silent") if watch and watch.has_fired else error
        raise _mapped_error(found, host, proxy) from error


def _mapped_error(error: Exception, host: str, proxy: str | None) -> ServerError:
    """Return the error that the table has for `error`; one to connect that a proxy stands behind names the proxy."""
    causes = [cause for cause in exception_chain(error) if isinstance(cause, Exception)]
    row, cause = next((row, cause) for row in _ERRORS for cause in causes if isinstance(cause, row.types))
    if proxy and isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout) and row.kind is ServerUnreachable:
        message = tr("Phichat couldn’t connect to {host}. Check HTTPS_PROXY or the system’s proxy settings.")
        return ServerUnreachable(message.format(host=display_name(proxy)))
    return row.kind(tr(row.message).format(host=host, reason=reason_of(cause)))
