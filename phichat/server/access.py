"""Who may use the server: the host names, web pages and keys that it accepts."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from phichat.i18n import tr
from phichat.server.api_error import TWO_LENGTHS, ApiError

OPEN = {"/health"}  # needs no key
KEY_BYTES = 24
FROM_ELSEWHERE = {"cross-site", "same-site"}


def new_key() -> str:
    """Return a random key."""
    return f"phichat-{secrets.token_urlsafe(KEY_BYTES)}"


@dataclass(frozen=True)
class Access:
    """What a request must have.

    Attributes:
        key: the key; empty if none is needed.
        is_local: whether the server can be reached from this computer alone.
        hosts: names by which it may be called, besides addresses and this computer's own name.
        origins: the web pages that may use it, as `https://example.com`, or `*` for all.
    """

    key: str = ""
    is_local: bool = True
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def check(self, headers: Headers, path: str, *, is_preflight: bool) -> None:
        """Raise ApiError if a request may not come in."""
        if "transfer-encoding" in headers and "content-length" in headers:
            raise ApiError(400, tr("This isn’t a valid HTTP request."), code=TWO_LENGTHS)
        if not self._is_known_host(headers.get("host", "")):
            raise ApiError(403, tr("This server doesn’t accept requests for this host name."), code="host_not_allowed")
        if not self._is_allowed_page(headers):
            raise ApiError(
                403, tr("Web pages from this origin aren’t allowed to use this server."), code="origin_not_allowed"
            )
        if self.key and path not in OPEN and not is_preflight and not self._has_key(headers):
            raise ApiError(
                401,
                tr("The key is missing or wrong. Send it as a bearer token in the Authorization header."),
                code="invalid_api_key",
            )

    def _is_known_host(self, header: str) -> bool:
        """Return whether a page whose name was made to point here (DNS rebinding) is not what asks.

        The port may be another one, as where it is forwarded (SSH, containers). That lets no page in: its browser sends
        the port that it connects to, and where the page comes from is told by other headers.
        """
        name = host_of(header)
        if name in {"localhost", *(host.lower() for host in self.hosts)}:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not self.is_local and name in own_names()
        return address.is_loopback or not self.is_local

    def _is_allowed_page(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") not in FROM_ELSEWHERE
        return "*" in self.origins or origin.lower() in {each.lower().rstrip("/") for each in self.origins}

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self.key.encode())
        return is_right and scheme.lower() == "bearer"


class AccessMiddleware:
    """Lets only those requests through that may come in. Raise ApiError for others."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] == "http":
            self._access.check(Headers(scope=scope), scope["path"], is_preflight=scope["method"] == "OPTIONS")
        await self._app(scope, receive, send)


def host_of(header: str) -> str:
    """Return the host in a Host header, without the port; empty if there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def own_names() -> Iterable[str]:
    """Return the names that this computer has in a local network."""
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}
