"""Errors as clients get them: an HTTP status, and a body in OpenAI's form."""

import json
from typing import Any

from phichat.errors import EngineDied, ModelError, PhichatError, PromptError, PromptTooLong
from phichat.i18n import format_count, format_number, tr

RETRY_AFTER = 1  # seconds, after which an engine that died has been started again

TWO_LENGTHS = "two_lengths"
"""The code for a request whose end is told in two ways, by which another might be hidden in it."""


class ApiError(Exception):
    """A request that is not answered.

    Attributes:
        status: the HTTP status.
        code: OpenAI's word for it; None if it has none.
        param: the parameter that is wrong; None for none.
        retry_after: seconds after which it may work; 0 if that is not known.
    """

    def __init__(
        self, status: int, sentence: str, *, code: str | None = None, param: str | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(sentence)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The error in OpenAI's form."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say more about it."""
        found = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        if self.status in {408, 413} or self.code == TWO_LENGTHS:  # the rest is not read
            found["Connection"] = "close"
        return found

    def as_http(self) -> bytes:
        """Return the whole response, for a connection that no application sees."""
        body = json.dumps(self.body).encode()
        headers = {**self.headers, "Connection": "close", "Content-Type": "application/json"}
        lines = [f"HTTP/1.1 {self.status} Error", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def bad_request(sentence: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the error for a request that is wrong in itself."""
    return ApiError(400, sentence, code=code, param=param)


def closing() -> ApiError:
    """Return the error for a request that is cut off because the server stops."""
    return ApiError(503, tr("The server is shutting down."), code="server_shutting_down")


def of_engine(error: PhichatError, context: int, *, is_chat: bool = True) -> ApiError:
    """Return the error for what the engine raised, whose context holds so many tokens."""
    param = "messages" if is_chat else "prompt"
    if isinstance(error, PromptTooLong):
        sentence = tr("The prompt has {tokens} tokens, but the context only holds {context}.").format(
            tokens=format_count(format_number(error.tokens), is_estimate=False, is_least=error.is_least),
            context=format_number(context),
        )
        return bad_request(sentence, param, "context_length_exceeded")
    if isinstance(error, PromptError):
        return bad_request(str(error), param)
    if isinstance(error, EngineDied):
        sentence = tr("The model’s process stopped and is restarting. Send the request again.")
        return ApiError(503, sentence, code="engine_restarting", retry_after=RETRY_AFTER)
    if isinstance(error, ModelError):
        return ApiError(503, str(error), code="model_unavailable")
    return ApiError(500, str(error))
