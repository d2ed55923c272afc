"""What a client asks for: the engine's requests in the body of a chat completion or a plain one."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import MOST_ANSWERS, Request
from phichat.i18n import tr
from phichat.server.api_error import ApiError, bad_request
from phichat.server.parameters import Parameters
from phichat.server.sampling import sampling_of

MOST_CHOICES = 16
MOST_TOP, MOST_TOP_PLAIN = 20, 5  # tokens whose log probability is told, as at OpenAI
USUAL_TOKENS = 16  # of a plain completion, as at OpenAI
MOST_REMEMBERED = 256

ROLES = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}
REFUSED = ("functions", "logit_bias", "audio", "web_search_options")


@dataclass(frozen=True)
class Completion:
    """A request for answers.

    Attributes:
        requests: one for each prompt, in their order; each asks for `count` answers.
        is_chat: whether it has messages rather than a prompt.
        streams: whether pieces are sent as they come; `includes_usage` whether what it took is sent after them.
        top: of how many tokens the log probability is told beside the chosen one's; None for not even that.
        most: how many tokens each choice may have.
        echoed: the prompts that go before their answers, if that was asked for.
    """

    requests: tuple[Request, ...]
    is_chat: bool
    streams: bool
    includes_usage: bool
    top: int | None
    most: int
    echoed: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many answers are asked for with each prompt."""
        return self.requests[0].count

    @property
    def choices(self) -> int:
        """How many answers there are in all, those to the first prompt first."""
        return len(self.requests) * self.count


class ReplyTokens:
    """The tokens of the latest replies, by their text: when it comes back in a conversation, it need not be read again.

    The same text can have other tokens where a model wrote it than where it is tokenised.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[int, ...]] = OrderedDict()

    def remember(self, text: str, tokens: tuple[int, ...]) -> None:
        """Add a reply."""
        key = _digest(text)
        self._known[key] = tokens
        self._known.move_to_end(key)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    def of(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a reply; none if it is not known."""
        return self._known.get(_digest(text), ())


def chat_completion(parameters: Parameters, base: Sampling, replies: ReplyTokens) -> Completion:
    """Return what the body of a chat completion asks for; `base` are settings it may leave open. Raise ApiError."""
    _refuse_others(parameters)
    turns = _turns(parameters, replies)
    begun = turns.pop() if turns[-1].role is Role.ASSISTANT else None
    top = _top(parameters)
    request = Request(tuple(turns), begun=begun if begun and begun.text else None, keeps_all=True)
    return _completion(parameters, [request], sampling_of(parameters, base), top, is_chat=True)


def text_completion(parameters: Parameters, base: Sampling) -> Completion:
    """Return what the body of a plain completion asks for; see `chat_completion`."""
    _refuse_others(parameters)
    parameters.refuse("suffix")
    top = parameters.whole("logprobs", 0, MOST_TOP_PLAIN, 0) if parameters.has("logprobs") else None
    if parameters.whole("best_of", 1, MOST_CHOICES, 1) > parameters.whole("n", 1, MOST_ANSWERS, 1):
        parameters.refuse("best_of")
    prompts = _prompts(parameters)
    echoed: tuple[str, ...] = ()
    if parameters.flag("echo"):
        if top is not None or not all(isinstance(prompt, str) for prompt in prompts):
            raise bad_request(tr("“echo” works only with text prompts and can’t be combined with “logprobs”."), "echo")
        echoed = tuple(map(str, prompts))
    requests = [Request((), raw=prompt, keeps_all=True) for prompt in prompts]
    sampling = sampling_of(parameters, replace(base, max_tokens=USUAL_TOKENS))
    return _completion(parameters, requests, replace(sampling, thinking=None), top, is_chat=False, echoed=echoed)


def _completion(
    parameters: Parameters,
    requests: Sequence[Request],
    sampling: Sampling,
    top: int | None,
    *,
    is_chat: bool,
    echoed: tuple[str, ...] = (),
) -> Completion:
    count = parameters.whole("n", 1, MOST_ANSWERS, 1)
    if count * len(requests) > MOST_CHOICES:
        raise bad_request(tr("A request can ask for up to {most} choices.").format(most=MOST_CHOICES), "n")
    values: dict[str, Any] = {"sampling": sampling.with_seed(), "count": count}
    values["candidates"] = 0 if top is None else max(top, 1)
    return Completion(
        tuple(replace(each, **values) for each in requests),
        is_chat,
        streams=parameters.flag("stream"),
        includes_usage=parameters.object("stream_options").flag("include_usage"),
        top=top,
        most=sampling.max_tokens,
        echoed=echoed,
    )


def _refuse_others(parameters: Parameters) -> None:
    """Raise ApiError for what is asked for and cannot be done. What would change nothing is ignored."""
    parameters.refuse(*REFUSED)
    if parameters.values.get("tool_choice") != "none":
        parameters.refuse("tools")
    if parameters.values.get("modalities") not in (None, [], ["text"]):
        parameters.refuse("modalities")
    shape = parameters.object("response_format").text("type", "text")
    if shape != "text":
        raise bad_request(
            tr("This server can only return text, so the type of “response_format” must be “text”."),
            "response_format",
        )


def _top(parameters: Parameters) -> int | None:
    top = parameters.whole("top_logprobs", 0, MOST_TOP, 0)
    if parameters.flag("logprobs"):
        return top
    if top:
        raise bad_request(tr("“top_logprobs” needs “logprobs” to be true."), "top_logprobs")
    return None


def _turns(parameters: Parameters, replies: ReplyTokens) -> list[Turn]:
    turns = [_turn(message, replies) for message in parameters.objects("messages")]
    if not turns:
        raise bad_request(tr("“messages” must contain at least one message."), "messages")
    return turns


def _turn(message: Parameters, replies: ReplyTokens) -> Turn:
    name = message.text("role")
    role = ROLES.get(name)
    if role is None:
        roles = ", ".join(ROLES)
        raise bad_request(
            tr("“{name}” must be one of {values}.").format(name=message.name("role"), values=roles),
            message.name("role"),
        )
    message.refuse("tool_calls", "function_call")
    text = _content(message, is_needed=role is not Role.ASSISTANT)
    if role is not Role.ASSISTANT:
        return Turn(role, text)
    return Turn(role, text, replies.of(text), thinking=message.text("reasoning_content"))


def _content(message: Parameters, *, is_needed: bool) -> str:
    """Return the text of a message, which may come in parts."""
    content: Any = message.values.get("content")
    if content is None and not is_needed:
        return ""
    if isinstance(content, list):
        return "".join(_part_text(part) for part in message.objects("content"))
    if content is None:
        raise _no_content(message)
    return message.text("content")


def _part_text(part: Parameters) -> str:
    if part.text("type") != "text" or not isinstance(part.values.get("text"), str):
        raise bad_request(
            tr("“{name}” must be “text”, because this server can only read text.").format(name=part.name("type")),
            part.name("type"),
        )
    return part.text("text")


def _no_content(message: Parameters) -> ApiError:
    name = message.name("content")
    return bad_request(tr("“{name}” is missing.").format(name=name), name)


def _prompts(parameters: Parameters) -> list[str | tuple[int, ...]]:
    """Return the prompts: a text, tokens, or a list of either."""
    prompt: Any = parameters.values.get("prompt")
    if prompt is None or isinstance(prompt, str):
        return [parameters.text("prompt")]
    if _are_tokens(prompt):
        return [tuple(prompt)]
    if isinstance(prompt, list) and prompt and all(isinstance(each, str) for each in prompt):
        return list(parameters.texts("prompt", MOST_CHOICES, 1 << 24))
    if isinstance(prompt, list) and prompt and all(map(_are_tokens, prompt)):
        return [tuple(each) for each in prompt]
    raise bad_request(
        tr("“prompt” must be a string, a list of strings, a list of token IDs, or a list of token ID lists."), "prompt"
    )


def _are_tokens(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
