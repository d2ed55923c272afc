"""The server's endpoints, as an ASGI application."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from phichat.errors import PhichatError
from phichat.i18n import format_size, tr
from phichat.server import api_error
from phichat.server.access import Access, AccessMiddleware
from phichat.server.api_error import ApiError
from phichat.server.completion import Completion, chat_completion, text_completion
from phichat.server.completion_response import CompletionResponse
from phichat.server.embeddings import embedding_request, embedding_response
from phichat.server.parameters import Parameters
from phichat.server.request_log import RequestLog, ServedRequest
from phichat.server.served_model import Encoder, ServedModel

LARGEST_BODY = 16_000_000  # bytes; four bytes a token would be four times the largest context
BODY_SECONDS = 30.0  # that a client may take to send a body
MOST_RUNNING = 64  # requests that are answered or wait
BUSY_SECONDS = 5  # after which a client may try again


class Endpoints:
    """Answers requests for one model."""

    def __init__(self, served: ServedModel) -> None:
        self._served = served
        self._created = int(time.time())
        self._token_bytes: list[bytes] = []
        self._encoder: Encoder | None = None

    def routes(self) -> list[Route]:
        """Return what is answered where."""
        return [
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/models/{model:path}", self.model),
            Route("/v1/chat/completions", self.chat_completions, methods=["POST"]),
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
            Route("/tokenize", self.tokenize, methods=["POST"]),
            Route("/detokenize", self.detokenize, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        """Say that the server runs."""
        return JSONResponse({"status": "ok"})

    async def models(self, _: Request) -> Response:
        """List the models: the one that writes, and one for embeddings if there is one."""
        return JSONResponse({"object": "list", "data": [self._describe(name) for name in self._names()]})

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        name = request.path_params["model"]
        self._check_model(name, *self._names())
        return JSONResponse(self._describe(name))

    async def chat_completions(self, request: Request) -> CompletionResponse:
        """Answer a conversation."""
        parameters = await self._parameters(request)
        return await self._response(chat_completion(parameters, self._served.sampling, self._served.replies))

    async def completions(self, request: Request) -> CompletionResponse:
        """Go on with a text."""
        return await self._response(text_completion(await self._parameters(request), self._served.sampling))

    async def embeddings(self, request: Request) -> Response:
        """Return the vectors of texts. A model that writes makes none."""
        parameters = Parameters.of_body(await read_body(request))
        embedder = self._served.embedder
        if embedder is None:
            raise ApiError(501, tr("This model can’t create embeddings. Use an embedding model."), code="not_supported")
        self._check_model(parameters.text("model", self._served.embedding_name), self._served.embedding_name)
        wanted = embedding_request(parameters)
        return JSONResponse(
            embedding_response(
                [await self._ask(partial(embedder.embed, text)) for text in wanted.texts],
                self._served.embedding_name,
                as_base64=wanted.as_base64,
            )
        )

    async def tokenize(self, request: Request) -> Response:
        """Return the tokens of a text, in llama.cpp's form."""
        parameters = await self._parameters(request)
        text = parameters.text("content")
        flags = {"adds_special": parameters.flag("add_special")}
        flags["parses_special"] = not parameters.has("parse_special") or parameters.flag("parse_special")
        tokens = await self._ask(partial(self._served.encoder.tokenize, text, **flags))
        if not parameters.flag("with_pieces"):
            return JSONResponse({"tokens": tokens})
        pieces = await self._all_token_bytes()
        return JSONResponse({"tokens": [{"id": token, "piece": _piece(pieces[token])} for token in tokens]})

    async def detokenize(self, request: Request) -> Response:
        """Return the text of tokens, in llama.cpp's form."""
        parameters = await self._parameters(request)
        tokens, pieces = parameters.values.get("tokens"), await self._all_token_bytes()
        if not isinstance(tokens, list) or not all(_is_index(token, len(pieces)) for token in tokens):
            raise api_error.bad_request(tr("“tokens” must be a list of token IDs."), "tokens")
        return JSONResponse({"content": b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")})

    async def _response(self, completion: Completion) -> CompletionResponse:
        if self._served.load + completion.choices > MOST_RUNNING:
            sentence = tr("Too many requests are waiting. Try again later.")
            raise ApiError(429, sentence, code="rate_limit_exceeded", retry_after=BUSY_SECONDS)
        pieces = await self._all_token_bytes() if completion.top is not None else []
        return CompletionResponse(completion, self._served, pieces.__getitem__)

    async def _parameters(self, request: Request) -> Parameters:
        parameters = Parameters.of_body(await read_body(request))
        self._check_model(parameters.text("model") or self._served.name, self._served.name)
        return parameters

    def _names(self) -> list[str]:
        return [*filter(None, [self._served.name]), *([self._served.embedding_name] if self._served.embedder else [])]

    def _check_model(self, name: str, *known: str) -> None:
        if not self._served.name:
            raise ApiError(503, tr("No model is loaded. Choose one in the Phichat window."), code="model_unavailable")
        if name not in known:
            raise ApiError(
                404,
                tr("This server doesn’t have that model. It serves “{name}”.").format(name=known[0]),
                code="model_not_found",
                param="model",
            )

    def _describe(self, name: str) -> dict[str, Any]:
        found = {"id": name, "object": "model", "created": self._created, "owned_by": "phichat"}
        if name != self._served.name:
            return {**found, "type": "embeddings"}
        return {**found, "max_model_len": self._served.context, "meta": {"n_ctx": self._served.context}}

    async def _all_token_bytes(self) -> list[bytes]:
        encoder = self._served.encoder
        if encoder is not self._encoder:  # also when another model was loaded
            self._token_bytes = await self._ask(encoder.token_bytes)
            self._encoder = encoder
        return self._token_bytes

    async def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return await asyncio.to_thread(question)
        except PhichatError as error:
            raise api_error.of_engine(error, self._served.context) from error


def make_app(served: ServedModel, access: Access, report: Callable[[ServedRequest], None]) -> Starlette:
    """Return the application. It is told who may use it, and tells `report` of each request."""
    routes = Endpoints(served).routes()
    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=access.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        allow_private_network=True,
    )
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(RequestLog, report=report, paths={route.path for route in routes}),
            Middleware(ErrorMiddleware),
            Middleware(AccessMiddleware, access=access),
            *([cross_origin] if access.origins else []),
        ],
        exception_handlers={
            ApiError: _error_response,
            HTTPException: _http_error_response,
            Exception: _bug_response,
        },
    )


class ErrorMiddleware:
    """Answers what other middleware raises, and bugs, in OpenAI's form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        try:
            await self._app(scope, receive, send)
        except ApiError as error:
            await _response_to(error)(scope, receive, send)
        except ClientDisconnect:
            return


async def read_body(request: Request) -> bytes:
    """Return the body. Raise ApiError if it is too large or takes too long."""
    with suppress(ValueError):
        if int(request.headers.get("content-length", 0)) > LARGEST_BODY:
            raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_BODY:
                    raise _too_large()
    except TimeoutError:
        raise ApiError(408, tr("The body of this request didn’t arrive in time.")) from None
    return bytes(body)


def _too_large() -> ApiError:
    return ApiError(413, tr("This request is too large. The limit is {size}.").format(size=format_size(LARGEST_BODY)))


def _piece(data: bytes) -> str | list[int]:
    """Return a token's text, or its bytes where they are no text, as llama.cpp does."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return list(data)


def _is_index(value: object, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


async def _error_response(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - for the type checker
    return _response_to(error)


async def _bug_response(_: Request, error: Exception) -> Response:
    """Answer after a bug, which starlette hands on to be logged."""
    return _response_to(
        ApiError(
            500,
            tr("A bug in Phichat caused this request to fail ({error}). Please report it.").format(
                error=type(error).__name__
            ),
        )
    )


def _response_to(error: ApiError) -> Response:
    return JSONResponse(error.body, error.status, error.headers)


async def _http_error_response(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    sentences = {
        404: tr("There’s nothing at this address."),
        405: tr("This address doesn’t support this HTTP method."),
    }
    found = ApiError(error.status_code, sentences.get(error.status_code, error.detail), code="not_found")
    return JSONResponse(found.body, found.status, error.headers)
