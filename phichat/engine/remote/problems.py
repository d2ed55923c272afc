"""What a server's refusals mean, as errors whose text is one sentence to act on."""

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from phichat.engine.remote.answers import error_message
from phichat.errors import EngineError, PromptTooLong, ServerBusy, ServerError, ServerRefused, ServerUnreachable
from phichat.i18n import format_number, format_seconds, tr
from phichat.net.http_api import ApiResponse, without_key
from phichat.unicode import shortened, without_controls

LONGEST_MESSAGE = 200  # characters of a server's own words

_HTML = re.compile(r"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|context (length|size|window)|maximum (context|input) length|"
    r"prompt is too long|too many tokens|max_model_len|exceeds? the (available|maximum)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"model.{0,200}(not exist|not found|not available|no such|unknown|not loaded)|"
                       r"(no such|unknown|invalid) model|model_not_found|no models? loaded",
                       re.IGNORECASE | re.DOTALL)  # fmt: skip
_SECONDS = re.compile(r"(?:try again|retry|wait)\D{0,30}?(\d+(?:\.\d+)?)\s*(ms|s|sec|m|min)?", re.IGNORECASE)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|extra|not permitted", re.IGNORECASE
)
_NOT_SET_UP = "not (?:configured|enabled)"


class Refusal:
    """A response that is no answer, read to its end.

    Attributes:
        status: its HTTP status.
        message: the server's own words, without controls and without the key; may be empty.
    """

    def __init__(self, response: ApiResponse, key: str | None) -> None:
        body = response.read()
        self.status, self._host, self._headers, self._has_key = response.status, response.host, response.headers, key
        self._is_page = response.content_type.startswith("text/html") or bool(_HTML.match(body.decode("latin-1")))
        self._text = body.decode("utf-8", "replace")
        values = _parsed(self._text)
        message = error_message(values) if values is not None or self._is_page else self._text
        self.message = shortened(without_controls(without_key(message, key)), LONGEST_MESSAGE)

    def names_setting(self, names: list[str]) -> str | None:
        """Return which of the settings `names` the server says it does not take; None if none."""
        if self.status not in {400, 422}:
            return None
        values = _parsed(self._text)
        error = values.get("error") if isinstance(values, dict) else None
        if isinstance(error, dict) and error.get("param") in names and _UNSUPPORTED.search(self._text):
            return str(error["param"])
        return unsupported_setting(self._text, names)

    def error(self, model: str) -> EngineError:
        """Return the error that this is, of a request for `model`."""
        if self.status in {401, 403}:
            return self._key_error()
        if self.status == 429:
            return self._wait_error()
        if self.status in {502, 503, 504} and not self._is_page:
            return self._busy_error()
        if self._is_page or (self.status in {404, 405} and not self._lacks_model) or not self.message:
            return not_a_server(self._host, self.status)
        return self._message_error(model)

    @property
    def _lacks_model(self) -> bool:
        return self.status in {400, 404} and bool(_NO_MODEL.search(self._text))

    def _message_error(self, model: str) -> EngineError:
        if _TOO_LONG.search(self._text):
            text = tr("This conversation is too long for {model} on {host}: {message}")
            return PromptTooLong(text.format(model=model, host=self._host, message=self.message))
        if self._lacks_model:
            return ServerError(no_model_sentence(self._host, model))
        return ServerError(tr("{host} rejected the message: {message}").format(host=self._host, message=self.message))

    def _busy_error(self) -> ServerBusy:
        text = tr("{host} can’t answer yet: {message}. Try again in a moment.")
        message = self.message.rstrip(".") or str(self.status)
        return ServerBusy(text.format(host=self._host, message=message), retry_after(self._headers, ""))

    def _key_error(self) -> ServerRefused:
        if self.status == 403 and self.message:
            return ServerRefused(tr("{host} refused access: {message}").format(host=self._host, message=self.message))
        if self._has_key:
            return ServerRefused(
                tr("{host} doesn’t accept the key. Check it, then enter it again.").format(host=self._host)
            )
        return ServerRefused(tr("{host} requires a key. Enter your key for this server.").format(host=self._host))

    def _wait_error(self) -> ServerError:
        seconds = retry_after(self._headers, self.message)
        if re.search("quota|billing|credit|insufficient", self._text, re.IGNORECASE) and not seconds:
            return ServerError(
                tr("{host} rejected the message: {message}").format(host=self._host, message=self.message)
            )
        if seconds:
            text = tr("{host} is receiving too many requests. Try again in {time}.")
            return ServerBusy(text.format(host=self._host, time=format_seconds(max(seconds, 1))), seconds)
        return ServerBusy(tr("{host} is receiving too many requests. Try again later.").format(host=self._host))


def unsupported_setting(text: str, names: list[str]) -> str | None:
    """Return which of the settings `names` a server's words say it does not take, or not as it was started."""
    if _UNSUPPORTED.search(text):
        return next((name for name in names if re.search(rf"['\"`]{re.escape(name)}['\"`]", text)), None)
    return next((name for name in names if re.search(rf"\b{re.escape(name)} is set but .*{_NOT_SET_UP}", text)), None)


def answer_error(host: str, model: str, message: str, key: str | None) -> EngineError:
    """Return the error that a server tells of in the middle of an answer."""
    shown = shortened(without_controls(without_key(message, key)), LONGEST_MESSAGE)
    if _TOO_LONG.search(message):
        text = tr("This conversation is too long for {model} on {host}: {message}")
        return PromptTooLong(text.format(model=model, host=host, message=shown))
    return ServerError(tr("{host} reported an error: {message}").format(host=host, message=shown or "?"))


def lost_connection(host: str) -> ServerUnreachable:
    """Return the error for an answer that ends before it is complete."""
    text = tr("The connection to {host} was lost. Check that the server is running, then try again.")
    return ServerUnreachable(text.format(host=host))


def retry_after(headers: Mapping[str, str], message: str) -> float:
    """Return how many seconds a server asks to wait, by its header or its message; 0 if it does not say."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}(\.\d+)?", value):
        return float(value)
    if value:
        try:
            return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
        except (TypeError, ValueError, OverflowError):
            pass
    if found := _SECONDS.search(message):
        unit = (found[2] or "s").lower()
        return float(found[1]) * {"ms": 0.001, "m": 60.0, "min": 60.0}.get(unit, 1.0)
    return 0.0


def no_model_sentence(host: str, model: str, others: list[str] | None = None) -> str:
    """Return that a server has no such model, and which others it has."""
    text = tr("{host} has no model named {model}.").format(host=host, model=model)
    if not model and others:
        text = tr("{host} has several models.").format(host=host)
    elif not model:
        text = tr("{host} has no models.").format(host=host)
    if not others:
        return text
    shown = ", ".join(others[:5])
    more = tr(", and {count} more").format(count=format_number(len(others) - 5)) if len(others) > 5 else ""
    return f"{text} " + tr("Available models: {models}.").format(models=shown + more)


def not_a_server(host: str, status: int = 200) -> ServerError:
    """Return the error for what is no server that models can be asked at."""
    if not status:
        text = tr("{host} didn’t send a valid answer. Check the address; it usually ends in /v1.")
        return ServerError(text.format(host=host))
    if status == 200:
        return ServerError(
            tr("{host} sent a web page instead of an answer. Check the address; it usually ends in /v1.").format(
                host=host
            )
        )
    return ServerError(
        tr(
            "There is no OpenAI-compatible server at this address on {host} (status {status}). Check the "
            "address, which often ends in /v1."
        ).format(host=host, status=status)
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
