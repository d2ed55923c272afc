"""Reads the chunks of a streamed answer, in all the forms in which servers send them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phichat.chat.candidates import Candidate, Choice, text_of_bytes
from phichat.unicode import replace_surrogates


@dataclass(frozen=True)
class Usage:
    """How many tokens a server counted."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    thinking: int = 0


@dataclass(frozen=True)
class TokenChoice:
    """A token's text, and what the model weighed there."""

    text: str
    choice: Choice


@dataclass(frozen=True)
class Chunk:
    """What a chunk adds to the answer.

    Attributes:
        text, thinking: of the answer, and before it.
        choices: of its tokens, if they were asked for and sent.
        finish: why the answer has ended; empty if it has not.
        usage: None in all chunks but one.
        error: the server's message about an error; None if there is none.
    """

    text: str = ""
    thinking: str = ""
    choices: tuple[TokenChoice, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    error: str | None = None


def read_chunk(data: str | bytes) -> Chunk | None:
    """Return the chunk in an event's data, or in the body of an answer that was not streamed; None if it is none."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    if values.get("error"):
        return Chunk(error=error_message(values))
    choices = values.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    said = choice.get("delta") or choice.get("message") or {}
    usage = _usage(values.get("usage"))
    if not (isinstance(said, dict) and (choice or usage)):
        return None
    return Chunk(
        _text(said.get("content")),
        _text(said.get("reasoning_content")) or _text(said.get("reasoning")),
        _token_choices(choice.get("logprobs")),
        str(choice.get("finish_reason") or ""),
        usage,
    )


def error_message(values: Any) -> str:
    """Return the message in the body of an error, in one of the forms servers use; empty if there is none."""
    if isinstance(values, Mapping):
        found = (error_message(values[name]) for name in ("error", "message", "detail", "msg") if name in values)
        return next(filter(None, found), "")
    if isinstance(values, list):
        return next(filter(None, map(error_message, values)), "")
    return replace_surrogates(" ".join(values.split())) if isinstance(values, str) else ""


def _text(value: Any) -> str:
    """Return the text of a content, which may be in parts."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return replace_surrogates(value) if isinstance(value, str) else ""


def _usage(values: Any) -> Usage | None:
    if not isinstance(values, dict):
        return None
    return Usage(
        _count(values.get("prompt_tokens")),
        _count(_inside(values, "prompt_tokens_details", "cached_tokens")),
        _count(values.get("completion_tokens")),
        _count(_inside(values, "completion_tokens_details", "reasoning_tokens")),
    )


def _inside(values: Mapping[str, Any], outer: str, inner: str) -> Any:
    found = values.get(outer)
    return found.get(inner) if isinstance(found, dict) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def _token_choices(logprobs: Any) -> tuple[TokenChoice, ...]:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return ()
    found = [_token_choice(entry) for entry in content]
    return tuple(each for each in found if each) if all(found) else ()


def _token_choice(entry: Any) -> TokenChoice | None:
    probability = _probability(entry)
    if probability is None:
        return None
    top = entry.get("top_logprobs")
    others = top if isinstance(top, list) else []
    known = [(_token_text(each), value) for each in others if (value := _probability(each)) is not None]
    candidates = tuple(Candidate(-1, text, value, 0.0) for text, value in known)
    rank = 1 + sum(value > probability for _, value in known)
    choice = Choice(probability, 0.0, rank, _entropy(known, probability), candidates)
    return TokenChoice(_token_text(entry), choice)


def _probability(entry: Any) -> float | None:
    logprob = entry.get("logprob") if isinstance(entry, dict) else None
    if not isinstance(logprob, int | float) or isinstance(logprob, bool) or math.isnan(logprob):
        return None
    return math.exp(min(float(logprob), 0.0))


def _token_text(entry: Mapping[str, Any]) -> str:
    """Return a token's text; where it is a part of a character, only its bytes tell."""
    data = entry.get("bytes")
    if isinstance(data, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in data):
        return text_of_bytes(bytes(data))
    return _text(entry.get("token"))


def _entropy(known: Sequence[tuple[str, float]], probability: float) -> float:
    """Return the least entropy, in bits, that the known probabilities allow: no other token is likelier than those."""
    shares = [value for _, value in known if value > 0] or [probability or 1.0]
    rest = max(1.0 - sum(shares), 0.0)
    of_rest = rest * -math.log2(min(*shares, rest)) if rest else 0.0
    return sum(-share * math.log2(share) for share in shares) + of_rest
