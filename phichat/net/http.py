"""The web as downloads need it: redirects by hand, certificates always checked, ended at once when asked."""

import json
import os
import re
import socket
import ssl
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx2

import phichat
from phichat.cancellation import CancelToken
from phichat.errors import HubAway, HubRefused, HubUnreachable
from phichat.i18n import tr
from phichat.net.proxies import display_name, proxy_for

CONNECT_SECONDS, SILENT_SECONDS = 10.0, 20.0  # before a line counts as dead
MAX_REDIRECTS = 10
MAX_JSON_BYTES = 32_000_000  # bytes; the file list of the largest repositories takes a few

_HEADERS = {"User-Agent": f"phichat/{phichat.__version__}", "Accept-Encoding": "identity"}
_YES = {"1", "ON", "YES", "TRUE"}


def is_offline() -> bool:
    """Whether the person wants no connections at all: HF_HUB_OFFLINE."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


class Response:
    """What a server said. `headers` are the last answer's; `hops` those of each answer on the way, the last included.

    Attributes:
        status: the last answer's, never a redirect's.
        host: who gave it.
        is_home: whether that is the Hub itself, not where it leads to.
        is_authorized: whether it was shown the token.
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
        """The first of `names` that an answer on the way had, earlier answers first; empty if none had."""
        return next((hop[name] for name in names for hop in self.hops if hop.get(name)), "")

    def iter_raw(self) -> Iterator[bytes]:
        """The body as it comes off the line. Raises HubUnreachable where the line breaks."""
        with _map_httpx_exceptions(self.host):
            yield from self._response.iter_raw()

    def json(self) -> Any:
        """The body, which is to be JSON. Raises HubUnreachable."""
        body = bytearray()
        for piece in self.iter_raw():
            body += piece
            if len(body) > MAX_JSON_BYTES:
                break
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise HubUnreachable(not_the_hub_message(self.host)) from error


class HttpClient:
    """Asks servers. The token goes to `endpoint` alone, wherever a redirect leads."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        with _map_httpx_exceptions(""):
            home = httpx2.URL(endpoint)
            self._certificates = httpx2.create_ssl_context()
        self._home, self._token = _origin(home), token
        self._basic_auth = f"Basic {b64encode(home.userinfo).decode()}" if home.userinfo else ""

    @contextmanager
    def stream(
        self, method: str, url: str, stop: CancelToken, headers: Mapping[str, str] | None = None, *, follow: bool = True
    ) -> Iterator[Response]:
        """The answer to a request, whose body has not been read; `stop` ends it wherever it is.

        Without `follow`, only redirects within one server are followed. Raises HubUnreachable or HubRefused.
        """
        target, hops = _parse_url(url), list[Mapping[str, str]]()
        for _ in range(MAX_REDIRECTS):
            with self._send(method, target, stop, headers or {}) as response:
                hops.append(response.headers)
                onward = _redirect_target(response, target)
                if onward is None or not (follow or _origin(onward) == _origin(target)):
                    yield Response(response, hops, is_home=_origin(target) == self._home)
                    return
            target = onward
        raise HubRefused(
            tr("{host} leads in a circle. Try again later, or through another mirror (HF_ENDPOINT).").format(
                host=target.host
            )
        )

    @contextmanager
    def _send(
        self, method: str, url: httpx2.URL, stop: CancelToken, headers: Mapping[str, str]
    ) -> Iterator[httpx2.Response]:
        line, proxy = _Connection(), proxy_for(url.scheme, url.host, url.port)
        with ExitStack() as stack:
            with _map_httpx_exceptions(url.host, proxy):
                client = stack.enter_context(self._client(proxy))
                stop.listen(line.shutdown)
                stack.callback(stop.listen, None)
                sent = {**_HEADERS, **headers, **self._authorization(url)}
                request = client.build_request(method, url, headers=sent, extensions={"trace": line.trace})
                response = client.send(request, stream=True)
            stack.callback(_close_quietly, response)
            yield response

    def _client(self, proxy: str | None) -> httpx2.Client:
        timeout = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        return httpx2.Client(verify=self._certificates, trust_env=False, proxy=proxy, timeout=timeout)

    def _authorization(self, url: httpx2.URL) -> dict[str, str]:
        if _origin(url) != self._home:
            return {}
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        return {"Authorization": self._basic_auth} if self._basic_auth else {}


class _Connection:
    """The connection of one request, so that another thread can cut it."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._is_shut_down = False

    def trace(self, event: str, values: dict[str, Any]) -> None:
        """Hears from the client what it does."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and values.get("return_value"):
            self._sockets.append(values["return_value"].get_extra_info("socket"))
            if self._is_shut_down:
                self.shutdown()

    def shutdown(self) -> None:
        """End it: whoever reads from it is told at once. Past TLS, whose objects belong to the reading thread."""
        self._is_shut_down = True
        for one in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)


def has_certificates() -> bool:
    """Whether there is any authority to believe. Windows and macOS are asked when one is needed. Raises HubRefused."""
    with _map_httpx_exceptions(""):
        context = httpx2.create_ssl_context()
    if sys.platform in {"win32", "darwin"} or context.cert_store_stats()["x509_ca"]:
        return True
    folder = os.environ.get("SSL_CERT_DIR") or ssl.get_default_verify_paths().openssl_capath
    return os.path.isdir(folder) and any(re.fullmatch(r"[\da-f]{8}\.\d", name) for name in os.listdir(folder))  # noqa: PTH112, PTH208


def not_the_hub_message(host: str) -> str:
    """The sentence for an answer that no Hub gives."""
    return tr(
        "{host} answers with something else than the Hub would: perhaps the page where a network asks you to sign in. "
        "Open a browser, sign in there, and go on."
    ).format(host=host)


def _redirect_target(response: httpx2.Response, url: httpx2.URL) -> httpx2.URL | None:
    """Where the answer to `url` leads; None where it is an answer. Raises HubRefused."""
    if not response.has_redirect_location:
        return None
    with _map_httpx_exceptions(url.host):
        onward = url.join(response.headers["location"])
    onward = _parse_url(onward)
    if url.scheme == "https" and onward.scheme != "https":
        raise HubRefused(
            tr("{host} leads to a connection that is not encrypted. Use another mirror (HF_ENDPOINT).").format(
                host=url.host
            )
        )
    return onward


def _parse_url(url: httpx2.URL | str) -> httpx2.URL:
    with _map_httpx_exceptions(""):
        address = httpx2.URL(url)
        if address.scheme in {"http", "https"} and address.host:
            return address.copy_with(username=None, password=None)  # what they say is for the Hub alone
    raise HubRefused(
        tr("{address} is no web address: HF_ENDPOINT is to begin with https://.").format(
            address=_redact(str(url))[:100]
        )
    )


def _close_quietly(response: httpx2.Response) -> None:
    with suppress(Exception):  # a line that was cut may complain
        response.close()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@contextmanager
def _map_httpx_exceptions(host: str, proxy: str | None = None) -> Iterator[None]:
    """What goes wrong on the way to `host`, as our errors."""
    try:
        yield
    except httpx2.ProxyError as error:
        raise _refused_by_proxy(error) from error
    except httpx2.TransportError as error:
        raise _trouble(error, host, proxy) from error
    except (httpx2.InvalidURL, httpx2.DecodingError, httpx2.StreamError, ValueError) as error:
        raise HubRefused(_bad_setting_message(error)) from error
    except OSError as error:  # no such file, or no certificates in it
        raise HubRefused(
            tr(
                "The certificates cannot be read: {reason}. Let SSL_CERT_FILE name a file of certificates, or nothing."
            ).format(reason=error.strerror or error)
        ) from error


def _trouble(error: httpx2.TransportError, host: str, proxy: str | None) -> HubUnreachable | HubRefused:
    causes = list(_exception_chain(error))
    untrusted = [cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)]
    if untrusted:
        return HubRefused(_untrusted(host, untrusted[0].verify_message))
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return HubRefused(_bad_setting_message(error))
    is_name_unknown = any(isinstance(cause, socket.gaierror) for cause in causes)
    kind = HubAway if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout) else HubUnreachable
    if proxy and kind is HubAway:
        sentence = tr("There is no connection to {host}: check HTTPS_PROXY or the system's settings.")
        return HubAway(sentence.format(host=display_name(proxy)))
    return kind(_lost(error, is_name_unknown=is_name_unknown).format(host=host))


def _lost(error: httpx2.TransportError, *, is_name_unknown: bool) -> str:
    if is_name_unknown:
        return tr("{host} cannot be found: is this computer connected to the internet?")
    if isinstance(error, httpx2.TimeoutException):
        return tr("{host} does not answer: check the network.")
    if isinstance(error, httpx2.ConnectError):
        return tr("There is no connection to {host}: check the network.")
    return tr("The connection to {host} was lost: check the network.")


def _untrusted(host: str, reason: str) -> str:
    return tr(
        "{host} cannot prove who it is ({reason}). If this computer's clock is right and your network has an authority "
        "of its own, let SSL_CERT_FILE name its certificate."
    ).format(host=host, reason=reason)


def _refused_by_proxy(error: httpx2.ProxyError) -> HubRefused | HubUnreachable:
    if re.search("407|username|password|auth", str(error), re.IGNORECASE):
        return HubRefused(proxy_password_message())
    sentence = tr("The proxy refuses the connection: {reason}. Check HTTPS_PROXY or the system's settings.").format(
        reason=str(error)[:200]
    )
    return HubUnreachable(sentence) if re.match("5", str(error)) else HubRefused(sentence)


def proxy_password_message() -> str:
    """The sentence for a proxy that asks who one is."""
    return tr("The proxy wants a name and a password: set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT.")


def _bad_setting_message(error: Exception) -> str:
    return tr("A network setting makes no sense ({reason}). Check HF_ENDPOINT, HF_TOKEN and HTTPS_PROXY.").format(
        reason=_redact(str(error))[:200]
    )


def _redact(text: str) -> str:
    """`text` without what may be a token or a password: all that is quoted, or stands before an @."""
    return re.sub(r"""b?(['"]).*\1|[^/@\s]*@""", "…", text)


def _exception_chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__
