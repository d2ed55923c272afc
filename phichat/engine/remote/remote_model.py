"""A model on a server that answers: what is sent to it, and the chunks it answers with."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.trimming import Prompt, fit_prompt
from phichat.chat.sampling import LARGEST_CONTEXT, Sampling
from phichat.engine.base import CancelToken, ModelRef
from phichat.engine.remote.answers import Chunk, error_message, read_chunk
from phichat.engine.remote.base import ServerKind
from phichat.engine.remote.estimate import EstimatedFormat
from phichat.engine.remote.event_stream import ServerEvent, parse_events
from phichat.engine.remote.kinds import TRAITS, Body, Options, settings_body
from phichat.engine.remote.problems import Refusal, answer_error, not_a_server, unsupported_setting
from phichat.errors import AnswerTooLong, PinsTooLong, PromptTooLong, ServerError, SystemPromptTooLong
from phichat.i18n import format_number, tr
from phichat.net.http_api import ApiClient, ApiResponse

FIRST_PIECE_SECONDS = 600.0  # of silence: a server may load the model first, and read a long prompt
END = "[DONE]"


class SettingRefused(Exception):
    """The server does not take a setting, although others of its kind do."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RemoteModel:
    """A model on a server.

    Attributes:
        ref: which one.
        kind: which program the server runs.
        context: in tokens; 0 if unknown.
        thinks: whether it thought before an answer, or its name says that it does.
        estimate: of the length of prompts.
    """

    def __init__(self, ref: ModelRef, client: ApiClient, key: str | None, kind: ServerKind, context: int) -> None:
        self.ref, self.kind, self.context = ref, kind, context
        self.traits = TRAITS[kind]
        self.thinks = False
        self.estimate = EstimatedFormat()
        self._client, self._key = client, key
        self._refused: set[str] = set()

    @property
    def host(self) -> str:
        """The host that is asked, with its port."""
        return self._client.host

    def fit(self, turns: Sequence[Turn], sampling: Sampling, begun: Turn | None = None) -> Prompt:
        """Return the turns that fit into the context, by the estimate. Raise PromptError."""
        tokens = [0] * (self.estimate.count([begun]) if begun else 0)
        try:
            return fit_prompt(self.estimate, turns, self.context or LARGEST_CONTEXT, sampling.max_tokens, tokens)
        except PromptTooLong as error:
            context = format_number(self.context or LARGEST_CONTEXT)
            sentence = _too_long(error).format(model=self.ref.title, host=self.host, context=context)
            raise type(error)(sentence, error.tokens, error.excess, is_least=error.is_least) from error

    def count(self, turns: Sequence[Turn], stop: CancelToken) -> int | None:
        """Return how many tokens the server counts in a prompt of `turns`; None if it does not tell."""
        if not self.traits.counts_at:
            return None
        body = {"model": self.ref.server_model, "messages": _messages(turns)}
        is_at_root = self.kind is not ServerKind.LLAMA_CPP
        try:
            with self._client.send(self.traits.counts_at, stop, body, at_root=is_at_root) as response:
                values = response.json() if response.status == 200 else None
        except ServerError:
            return None
        found = values.get("input_tokens", values.get("count")) if isinstance(values, dict) else None
        return found if isinstance(found, int) and found > 0 else None

    def body(self, turns: Sequence[Turn], begun: Turn | None, sampling: Sampling, options: Options) -> Body:
        """Return the body of a request."""
        messages = _messages([*turns, *([begun] if begun else [])])
        body: Body = {"model": self.ref.server_model, "messages": messages, "stream": True}
        if self.traits.takes_options:
            body["stream_options"] = {"include_usage": True}
        if begun and self.traits.marks_continuing:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        body |= settings_body(self.traits, sampling, options)
        return {name: value for name, value in body.items() if name not in self._refused}

    def leave_out(self, name: str) -> None:
        """Send a setting no more."""
        self._refused |= {name, "top_logprobs"} if name == "logprobs" else {name}

    def ask(self, body: Mapping[str, Any], stop: CancelToken) -> Generator[tuple[ApiResponse, Chunk]]:
        """Send a request, and yield the chunks of the answer with the response they come in.

        Raise EngineError, or SettingRefused before the first chunk.
        """
        with self._client.send("/chat/completions", stop, body, silence=FIRST_PIECE_SECONDS) as response:
            if response.status != 200:
                self._refuse(Refusal(response, self._key), body)
            has_begun = False
            for chunk in _chunks(response):
                if chunk.error is not None:
                    if not has_begun and (name := unsupported_setting(chunk.error, _settings(body))):
                        raise SettingRefused(name)
                    raise answer_error(self.host, self.ref.title, chunk.error, self._key)
                has_begun = True
                yield response, chunk

    def _refuse(self, refusal: Refusal, body: Mapping[str, Any]) -> None:
        if name := refusal.names_setting(_settings(body)):
            raise SettingRefused(name)
        raise refusal.error(self.ref.title)


def _too_long(error: PromptTooLong) -> str:
    """Return the sentence that says what is too long: a server's context is as large as it is."""
    if isinstance(error, SystemPromptTooLong):
        return tr(
            "The system prompt is too long for {model} on {host}: the context only holds {context} tokens. "
            "Shorten the system prompt."
        )
    if isinstance(error, AnswerTooLong):
        return tr(
            "This answer is too long for {model} on {host}: the context only holds {context} tokens. "
            "Choose a model with a larger context."
        )
    if isinstance(error, PinsTooLong):
        return tr(
            "The pinned messages don’t leave enough room for your message and the answer: the context of {model} on "
            "{host} only holds {context} tokens. Unpin a message."
        )
    return tr(
        "This message is too long for {model} on {host}: the context only holds {context} tokens. Shorten the message."
    )


def _settings(body: Mapping[str, Any]) -> list[str]:
    """Return the names in a request's body that can be left out."""
    return [name for name in body if name not in {"model", "messages", "stream"}]


def _messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return `turns` as messages. Other keys are left out, as some servers refuse what they do not know."""
    return [{"role": str(Role(turn.role)), "content": turn.text} for turn in turns]


def _chunks(response: ApiResponse) -> Iterator[Chunk]:
    """Yield the chunks in a response, streamed or not, and one more at its marked end. Raise ServerError."""
    if response.content_type == "text/html":
        raise not_a_server(response.host)
    if response.content_type == "application/json":
        chunk = read_chunk(response.read())
        if chunk is None:
            raise not_a_server(response.host, 0)
        yield chunk
        return
    has_any = False
    try:
        for event in parse_events(response.iter_bytes()):
            if event.data.strip() == END:
                yield Chunk(finish="stop")
                return
            if chunk := _chunk_of(event):
                has_any = True
                yield chunk
    except ValueError as error:
        raise not_a_server(response.host, 0) from error
    if not has_any:
        raise not_a_server(response.host, 0)


def _chunk_of(event: ServerEvent) -> Chunk | None:
    if event.kind == "error":
        return Chunk(error=error_message(event.data))
    return read_chunk(event.data)
