"""What the server tells of each request: when, which endpoint, the status, and tokens; never texts or keys."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phichat.i18n import format_number, tr

_KEY = "phichat.usage"
LEFT = 499  # the status for a client that left before it was answered, as in nginx


@dataclass(frozen=True)
class ServedRequest:
    """A request that was answered.

    Attributes:
        came: POSIX time in seconds.
        endpoint: method and path; the path of an endpoint that does not exist is left out.
        status: the HTTP status.
        seconds: how long it took.
        prompt_tokens, cached_tokens, completion_tokens: what that was, if a model answered.
    """

    came: float
    endpoint: str
    status: int
    seconds: float
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __str__(self) -> str:
        """Return a line for the log."""
        clock = time.strftime("%H:%M:%S", time.localtime(self.came))
        line = f"{clock} {self.endpoint} {self.status} ({format_number(self.seconds, 1)} s)"
        if not self.prompt_tokens:
            return line
        return tr("{request}: {read} tokens read, {cached} cached, {written} written").format(
            request=line,
            read=format_number(self.prompt_tokens - self.cached_tokens),
            cached=format_number(self.cached_tokens),
            written=format_number(self.completion_tokens),
        )


@dataclass
class _Record:
    status: int = LEFT
    usage: dict[str, Any] = field(default_factory=dict)


def record_usage(scope: Scope, usage: dict[str, Any]) -> None:
    """Note what an answer took, in OpenAI's form."""
    if record := scope.get(_KEY):
        record.usage = usage


class RequestLog:
    """Middleware that tells `report` of each request once it is answered. `paths` are those of the endpoints."""

    def __init__(self, app: ASGIApp, report: Callable[[ServedRequest], None], paths: Collection[str]) -> None:
        self._app, self._report, self._paths = app, report, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record, came, begun = _Record(), time.time(), time.monotonic()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        scope[_KEY] = record
        try:
            await self._app(scope, receive, watched)
        finally:
            self._report(self._served(scope, record, came, time.monotonic() - begun))

    def _served(self, scope: Scope, record: _Record, came: float, seconds: float) -> ServedRequest:
        method = scope["method"] if scope["method"] in {"GET", "POST", "HEAD", "OPTIONS"} else "?"
        path = scope["path"] if scope["path"] in self._paths else "?"
        usage = record.usage
        return ServedRequest(
            came,
            f"{method} {path}",
            record.status,
            seconds,
            usage.get("prompt_tokens", 0),
            usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            usage.get("completion_tokens", 0),
        )
