"""An HTTP client on httpx: follows redirects itself, always verifies certificates, can be cancelled at any moment."""

import json
import os
import re
import socket
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import httpx2

from phichat.cancellation import CancelToken
from phichat.errors import HubAway, HubRefused, HubUnreachable
from phichat.i18n import N_, tr
from phichat.net.http_connection import (
    CONNECT_SECONDS,
    HEADERS,
    Connection,
    close_quietly,
    exception_chain,
    origin,
    reason_of,
    redact,
    trusted_certificates,
)
from phichat.net.proxies import display_name, proxy_for

SILENT_SECONDS = 20.0  # until a connection counts as dead
MAX_REDIRECTS = 10
MAX_JSON_SECONDS = 60.0
MAX_JSON_BYTES = 32_000_000  # the file list of the largest repositories takes a few

_YES = {"1", "ON", "YES", "TRUE"}

_BAD_SETTING = N_("A network setting isn’t valid ({reason}). Check HF_ENDPOINT, HF_TOKEN, and HTTPS_PROXY.")


class _ErrorRow(NamedTuple):
    """What exceptions of `types` become: an error of `kind` with `message`."""

    types: tuple[type[Exception], ...]
    kind: type[HubRefused | HubUnreachable]
    message: str


_ERRORS = (
    _ErrorRow(
        (ssl.SSLCertVerificationError,),
        HubRefused,
        N_(
            "The certificate of {host} isn’t trusted ({reason}). Check this computer’s clock. If your "
            "network uses its own certificate authority, set SSL_CERT_FILE to the path of its certificate."
        ),
    ),
    _ErrorRow(
        (
            httpx2.UnsupportedProtocol,
            httpx2.LocalProtocolError,
            httpx2.InvalidURL,
            httpx2.DecodingError,
            httpx2.StreamError,
        ),
        HubRefused,
        _BAD_SETTING,
    ),
    _ErrorRow((socket.gaierror,), HubAway, N_("{host} couldn’t be found. Check your internet connection.")),
    _ErrorRow((httpx2.ConnectTimeout,), HubAway, N_("{host} isn’t responding. Check your network.")),
    _ErrorRow((httpx2.TimeoutException,), HubUnreachable, N_("{host} isn’t responding. Check your network.")),
    _ErrorRow((httpx2.ConnectError,), HubAway, N_("Phichat couldn’t connect to {host}. Check your network.")),
    _ErrorRow((httpx2.TransportError,), HubUnreachable, N_("The connection to {host} was lost. Check your network.")),
    _ErrorRow((ValueError,), HubRefused, _BAD_SETTING),
    _ErrorRow(
        (OSError,),
        HubRefused,
        N_("The certificates can’t be read: {reason}. Set SSL_CERT_FILE to a certificate file, or unset it."),
    ),
)
"""The first row counts that matches an exception or one of its causes, which say more than httpx's own classes."""


def is_offline() -> bool:
    """Return whether HF_HUB_OFFLINE forbids all connections."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


class Response:
    """The response at the end of a chain of redirects, its body not yet read.

    Attributes:
        status: the HTTP status, never that of a redirect that was followed.
        headers: of this response.
        hops: the headers of every response in the chain, oldest first, this one's last.
        host: the server that sent it.
        is_home: whether that is the client's endpoint rather than a server it redirected to.
        is_authorized: whether the request carried an Authorization header.
    """

    def __init__(self, response: httpx2.Response, hops: list[Mapping[str, str]], *, is_home: bool) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.hops = hops
        self.host = response.url.host
        self.is_home = is_home
        self.is_authorized = "authorization" in response.request.headers

    def first_header(self, *names: str) -> str:
        """Return the first non-empty header of `names` in the chain of responses, oldest first; "" if there is none."""
        return next((hop[name] for name in names for hop in self.hops if hop.get(name)), "")

    def iter_raw(self) -> Iterator[bytes]:
        """Yield the body in chunks as they arrive. Raise HubUnreachable if the connection breaks."""
        with _map_httpx_exceptions(self.host):
            yield from self._response.iter_raw()

    def json(self) -> Any:
        """Read and parse the body. Raise HubUnreachable if it is not JSON, or longer than MAX_JSON_BYTES."""
        body, begun = bytearray(), time.monotonic()
        for chunk in self.iter_raw():
            body += chunk
            if len(body) > MAX_JSON_BYTES:
                break
            if time.monotonic() - begun > MAX_JSON_SECONDS:  # it sends, but no end is in sight
                raise HubUnreachable(tr("{host} isn’t responding. Check your network.").format(host=self.host))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise HubUnreachable(not_the_hub_message(self.host)) from error


class HttpClient:
    """Sends requests. The token goes to `endpoint` only, wherever a redirect leads."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        with _map_httpx_exceptions(""):
            home = httpx2.URL(endpoint)
            self._certificates = trusted_certificates()
        self._home, self._token = origin(home), token
        self._basic_auth = f"Basic {b64encode(home.userinfo).decode()}" if home.userinfo else ""

    @contextmanager
    def stream(
        self, method: str, url: str, stop: CancelToken, headers: Mapping[str, str] | None = None, *, follow: bool = True
    ) -> Iterator[Response]:
        """Send a request and yield the response with its body unread; `stop` cancels it at any point.

        Without `follow`, only redirects to the same server are followed. Raise HubUnreachable or HubRefused.
        """
        target = _parse_url(url)
        hops: list[Mapping[str, str]] = []
        for _ in range(MAX_REDIRECTS):
            with self._send(method, target, stop, headers or {}) as response:
                hops.append(response.headers)
                onward = _redirect_target(response, target)
                if onward is None or not (follow or origin(onward) == origin(target)):
                    yield Response(response, hops, is_home=origin(target) == self._home)
                    return
            target = onward
        raise HubRefused(
            tr("{host} keeps redirecting in a loop. Try again later, or use another mirror (HF_ENDPOINT).").format(
                host=target.host
            )
        )

    @contextmanager
    def _send(
        self, method: str, url: httpx2.URL, stop: CancelToken, headers: Mapping[str, str]
    ) -> Iterator[httpx2.Response]:
        connection, proxy = Connection(), proxy_for(url.scheme, url.host, url.port)
        with ExitStack() as stack:
            with _map_httpx_exceptions(url.host, proxy):
                client = stack.enter_context(self._client(proxy))
                stop.set_callback(connection.shutdown)
                stack.callback(stop.set_callback, None)
                sent = {**HEADERS, **headers, **self._authorization(url)}
                request = client.build_request(method, url, headers=sent, extensions={"trace": connection.trace})
                response = client.send(request, stream=True)
            stack.callback(close_quietly, response)
            yield response

    def _client(self, proxy: str | None) -> httpx2.Client:
        timeout = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        return httpx2.Client(verify=self._certificates, trust_env=False, proxy=proxy, timeout=timeout)

    def _authorization(self, url: httpx2.URL) -> dict[str, str]:
        if origin(url) != self._home:
            return {}
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        return {"Authorization": self._basic_auth} if self._basic_auth else {}


def has_certificates() -> bool:
    """Return whether any certificate authority is installed. Raise HubRefused if the certificates cannot be read.

    Always true on Windows and macOS, which look authorities up when one is needed.
    """
    with _map_httpx_exceptions(""):
        context = httpx2.create_ssl_context()
    if sys.platform in {"win32", "darwin"} or context.cert_store_stats()["x509_ca"]:
        return True
    folder = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().openssl_capath
    return os.path.isdir(folder) and any(re.fullmatch(r"[\da-f]{8}\.\d", name) for name in os.listdir(folder))  # noqa: PTH112, PTH208


def not_the_hub_message(host: str) -> str:
    """Return the message for a response that no Hub would send."""
    return tr("{host} sent an unexpected page. If your network requires you to sign in, do so in a browser.").format(
        host=host
    )


def proxy_password_message() -> str:
    """Return the message for a proxy that requires authentication."""
    return tr("The proxy requires a username and password. Set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT.")


def _redirect_target(response: httpx2.Response, url: httpx2.URL) -> httpx2.URL | None:
    """Return where the response to `url` redirects, None if it does not. Raise HubRefused for a downgrade to HTTP."""
    if not response.has_redirect_location:
        return None
    with _map_httpx_exceptions(url.host):
        target = url.join(response.headers["location"])
    target = _parse_url(target)
    if url.scheme == "https" and target.scheme != "https":
        raise HubRefused(
            tr("{host} redirects to an unencrypted connection. Use another mirror (HF_ENDPOINT).").format(host=url.host)
        )
    return target


def _parse_url(url: httpx2.URL | str) -> httpx2.URL:
    """Parse `url` and drop its user name and password, which are for the Hub alone. Raise HubRefused."""
    with _map_httpx_exceptions(""):
        parsed = httpx2.URL(url)
        if parsed.scheme in {"http", "https"} and parsed.host:
            return parsed.copy_with(username=None, password=None)
    endpoint = os.environ.get("HF_ENDPOINT", "")
    address = endpoint if endpoint and str(url).startswith(endpoint.rstrip("/")) else str(url)  # as it was entered
    raise HubRefused(
        tr("{address} isn’t a web address. HF_ENDPOINT must start with https:// or http://.").format(
            address=redact(address)[:100]
        )
    )


@contextmanager
def _map_httpx_exceptions(host: str, proxy: str | None = None) -> Iterator[None]:
    """Raise what httpx raises on the way to `host` as HubAway, HubUnreachable or HubRefused."""
    try:
        yield
    except httpx2.ProxyError as error:
        raise proxy_error(error) from error
    except (
        httpx2.TransportError,
        httpx2.DecodingError,
        httpx2.InvalidURL,
        httpx2.StreamError,
        ValueError,
        OSError,
    ) as error:
        raise _mapped_error(error, host, proxy) from error


def _mapped_error(error: Exception, host: str, proxy: str | None) -> HubRefused | HubUnreachable:
    """Return the error that the table has for `error`; one to connect that a proxy stands behind names the proxy."""
    causes = list(exception_chain(error))
    row, cause = next((row, cause) for row in _ERRORS for cause in causes if isinstance(cause, row.types))
    if proxy and row.kind is HubAway:
        message = tr("Phichat couldn’t connect to {host}. Check HTTPS_PROXY or the system’s proxy settings.")
        return HubAway(message.format(host=display_name(proxy)))
    return row.kind(tr(row.message).format(host=host, reason=reason_of(cause)))


def proxy_error(error: httpx2.ProxyError) -> HubRefused | HubUnreachable:
    """Return HubRefused, or HubUnreachable where the proxy answered with a server error (5xx), which may pass."""
    if re.search("407|username|password|auth", str(error), re.IGNORECASE):
        return HubRefused(proxy_password_message())
    message = tr(
        "The proxy refused the connection: {reason}. Check HTTPS_PROXY or the system’s proxy settings."
    ).format(reason=str(error)[:200])
    return HubUnreachable(message) if str(error).startswith("5") else HubRefused(message)
