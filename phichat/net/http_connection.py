"""One HTTP connection on httpx: the certificates it trusts, how it is shut down, and why it failed."""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2

import phichat
from phichat.i18n import N_, format_reason, tr

CONNECT_SECONDS = 10.0  # until a connection counts as dead

HEADERS = {"User-Agent": f"phichat/{phichat.__version__}", "Accept-Encoding": "identity"}


def trusted_certificates() -> ssl.SSLContext:
    """Return what is trusted; reading it, which takes some 30 ms, again only when it has changed. Raise OSError."""
    usual = ssl.get_default_verify_paths()
    file = os.environ.get("SSL_CERT_FILE") or usual.openssl_cafile
    folder = os.environ.get("SSL_CERT_DIR") or usual.openssl_capath
    return _read_certificates(tuple((place, _changed_at(place)) for place in (file, folder)))


@lru_cache(1)
def _read_certificates(_: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _changed_at(place: str) -> int:
    """Return 0 if there is nothing."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


class Connection:
    """The sockets of one request, so that another thread can shut them down."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._is_shut_down = False

    def trace(self, event: str, values: dict[str, Any]) -> None:
        """Collect the sockets that httpcore opens; passed as its `trace` extension."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and values.get("return_value"):
            self._sockets.append(values["return_value"].get_extra_info("socket"))
            if self._is_shut_down:
                self.shutdown()

    def shutdown(self) -> None:
        """Shut the sockets down, so that a blocked read returns at once.

        Below TLS: the SSL objects belong to the thread that reads.
        """
        self._is_shut_down = True
        for opened in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


def close_quietly(response: httpx2.Response) -> None:
    """Close `response`, whatever its connection says to that."""
    with suppress(Exception):  # a connection that was shut down may complain
        response.close()


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return what tells one server from another: scheme, host and port."""
    return url.scheme, url.host, url.port


_CERTIFICATE_REASONS = {
    9: N_("it isn’t valid yet"),
    10: N_("it has expired"),
    18: N_("it’s self-signed"),
    19: N_("its chain contains a self-signed certificate"),
    20: N_("its issuer is unknown"),
    21: N_("its issuer is unknown"),
    23: N_("it has been revoked"),
    62: N_("it belongs to another server"),
}
"""What people meet of OpenSSL's codes, X509_V_ERR_…, for certificates it does not trust."""


def reason_of(error: BaseException) -> str:
    """Return what the system or the library says, without what may be a secret; in words of ours for common errors."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        return tr(_CERTIFICATE_REASONS[code]) if code in _CERTIFICATE_REASONS else error.verify_message
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):  # whose numbers are no errno
        return format_reason(error)
    return redact(str(error))[:200]


def redact(text: str) -> str:
    """Replace what may be a token or a password: everything in quotes, and everything before an @."""
    return re.sub(r"""b?(['"]).*\1|[^/@\s]*@""", "…", text)


def exception_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, its cause, the cause of that, and so on."""
    cause: BaseException | None = error
    while cause:
        yield cause
        cause = cause.__cause__ or cause.__context__
