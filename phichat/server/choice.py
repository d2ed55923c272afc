"""One of the answers to a completion: what its events come to, and the log probabilities of its tokens."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from phichat.chat.candidates import Candidate
from phichat.chat.candidates import Choice as TokenChoice
from phichat.chat.conversation import Ending, Piece
from phichat.engine.base import Done, Event

IMPOSSIBLE = -9999.0  # OpenAI's logarithm of zero

TokenBytes = Callable[[int], bytes]
"""Returns what a token adds to a text."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token with the logarithm of its probability before sampling settings, and those of the likeliest tokens.

    `offset` is where it begins in the answer, in characters.
    """

    data: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...]
    offset: int

    def as_chat(self) -> dict[str, Any]:
        """Return OpenAI's form for chat completions."""
        return {**_chat_token(self.data, self.logprob), "top_logprobs": [_chat_token(*each) for each in self.top]}


@dataclass(frozen=True)
class Delta:
    """What is new of an answer."""

    text: str = ""
    thinking: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.thinking or self.logprobs)


class ChoiceWriter:
    """Collects one answer, of at most `most` tokens, what was thought included.

    Attributes:
        text, thinking: what there is so far.
        tokens: the ids of the answer's tokens, without those of the thinking.
        logprobs: of these tokens, if `top` is a number.
        finish: why it ended, in OpenAI's words; None while it goes on.
        done: its statistics, once the engine has told them.
    """

    def __init__(self, most: int, top: int | None, token_bytes: TokenBytes, *, joins: bool = False) -> None:
        """With `joins`, thinking counts as text, as where the prompt is raw."""
        self._most, self._top, self._token_bytes, self._joins = most, top, token_bytes, joins
        self.text = self.thinking = ""
        self.tokens: list[int] = []
        self.logprobs: list[TokenLogprob] = []
        self.finish: str | None = None
        self.done: Done | None = None
        self.count = 0
        self._told = Delta()
        self._told_logprobs = 0

    def add(self, event: Event) -> None:
        """Take what happened."""
        if isinstance(event, Piece) and not self.finish:
            self._add_piece(event)
        elif isinstance(event, Done):
            self.done = event
            self.finish = self.finish or ("length" if event.reason is Ending.LENGTH else "stop")

    @property
    def was_cut_off(self) -> bool:
        """Whether the engine stopped in the middle, and not because this had enough."""
        return bool(self.done and self.done.reason is Ending.CANCELLED and self.count < self._most)

    def _add_piece(self, piece: Piece) -> None:
        self.count += piece.token >= 0
        is_text = self._joins or not piece.is_thinking
        if is_text and piece.token >= 0:
            self.tokens.append(piece.token)
            if self._top is not None and piece.choice:
                self.logprobs.append(self._logprob(piece.token, piece.choice))
        if is_text:
            self.text += piece.text
        else:
            self.thinking += piece.text
        if self.count >= self._most:
            self.finish = "length"

    def _logprob(self, token: int, choice: TokenChoice) -> TokenLogprob:
        top = tuple(self._candidate(each) for each in choice.candidates[: self._top or 0])
        return TokenLogprob(self._token_bytes(token), _log(choice.probability), top, len(self.text))

    def _candidate(self, candidate: Candidate) -> tuple[bytes, float]:
        return self._token_bytes(candidate.token), _log(candidate.before)

    def take(self) -> Delta:
        """Return what is new since this was called last."""
        before, self._told = self._told, Delta(self.text, self.thinking)
        new = tuple(self.logprobs[self._told_logprobs :])
        self._told_logprobs = len(self.logprobs)
        return Delta(self.text[len(before.text) :], self.thinking[len(before.thinking) :], new)


def chat_logprobs(logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    """Return OpenAI's form for chat completions."""
    return {"content": [each.as_chat() for each in logprobs], "refusal": None}


def plain_logprobs(logprobs: Sequence[TokenLogprob], top: int) -> dict[str, Any]:
    """Return OpenAI's form for plain completions."""
    return {
        "tokens": [_text(each.data) for each in logprobs],
        "token_logprobs": [each.logprob for each in logprobs],
        "top_logprobs": [{_text(data): value for data, value in each.top} for each in logprobs] if top else None,
        "text_offset": [each.offset for each in logprobs],
    }


def _chat_token(data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": _text(data), "logprob": logprob, "bytes": list(data)}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _log(probability: float) -> float:
    return max(math.log(probability), IMPOSSIBLE) if probability > 0 else IMPOSSIBLE
