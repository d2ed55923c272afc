"""OpenAI's forms of an answer: whole, or in chunks as server-sent events."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from phichat.chat.conversation import new_id
from phichat.server.choice import ChoiceWriter, Delta, TokenLogprob, chat_logprobs, plain_logprobs
from phichat.server.completion import Completion

END_OF_STREAM = b"data: [DONE]\n\n"


def as_event(values: dict[str, Any]) -> bytes:
    """Return `values` as a server-sent event."""
    return b"data: " + json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"


def usage(choices: Sequence[ChoiceWriter], count: int) -> dict[str, Any]:
    """Return what the answers took, in tokens; each `count` of them have one prompt."""
    done = [choice.done for choice in choices if choice.done]
    read = [choice.done for choice in choices[::count] if choice.done]
    prompt, cached = sum(each.prompt_tokens for each in read), sum(each.cached_tokens for each in read)
    written = sum(choice.count for choice in choices)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": sum(each.thinking_tokens for each in done)},
    }


class ResponseForm:
    """Makes the objects of one response. Those of a chat and of a plain completion differ."""

    def __init__(self, completion: Completion, model: str) -> None:
        self._completion = completion
        self._is_chat = completion.is_chat
        prefix, kind = ("chatcmpl", "chat.completion") if completion.is_chat else ("cmpl", "text_completion")
        self._head = {"id": f"{prefix}-{new_id()}", "object": kind, "created": int(time.time()), "model": model}

    def whole(self, choices: Sequence[ChoiceWriter]) -> dict[str, Any]:
        """Return the response with all `choices`."""
        found = [self._choice(number, choice) for number, choice in enumerate(choices)]
        return {**self._head, "choices": found, "usage": usage(choices, self._completion.count)}

    def first_chunks(self) -> Iterator[bytes]:
        """Yield what comes before the first piece of each choice."""
        for number in range(self._completion.choices):
            if self._is_chat:
                yield self._chunk(number, {"delta": {"role": "assistant", "content": ""}, "logprobs": None})
            elif echoed := self._echoed(number):
                yield self._chunk(number, {"text": echoed, "logprobs": None})

    def chunk(self, number: int, delta: Delta) -> bytes:
        """Return the event for what is new of a choice."""
        logprobs = self._logprobs(delta.logprobs)
        if not self._is_chat:
            return self._chunk(number, {"text": delta.text, "logprobs": logprobs})
        parts = {"reasoning_content": delta.thinking, "content": delta.text}
        said = {name: text for name, text in parts.items() if text} or {"content": ""}
        return self._chunk(number, {"delta": said, "logprobs": logprobs})

    def last_chunk(self, number: int, finish: str | None) -> bytes:
        """Return the event for the end of a choice."""
        end: dict[str, Any] = {"delta": {}} if self._is_chat else {"text": ""}
        return self._chunk(number, {**end, "logprobs": None}, finish)

    def usage_chunk(self, choices: Sequence[ChoiceWriter]) -> bytes:
        """Return the event with what it took."""
        return as_event({**self._chunk_head(), "choices": [], "usage": usage(choices, self._completion.count)})

    def _choice(self, number: int, choice: ChoiceWriter) -> dict[str, Any]:
        said = {"message": _message(choice)} if self._is_chat else {"text": self._echoed(number) + choice.text}
        return {
            "index": number,
            **said,
            "logprobs": self._logprobs(choice.logprobs),
            "finish_reason": choice.finish,
        }

    def _echoed(self, number: int) -> str:
        """Return the prompt that goes before a choice; empty if none does."""
        return self._completion.echoed[number // self._completion.count] if self._completion.echoed else ""

    def _logprobs(self, logprobs: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        if self._completion.top is None:
            return None
        return chat_logprobs(logprobs) if self._is_chat else plain_logprobs(logprobs, self._completion.top)

    def _chunk(self, number: int, values: dict[str, Any], finish: str | None = None) -> bytes:
        usage_so_far = {"usage": None} if self._completion.includes_usage else {}
        choice = {"index": number, **values, "finish_reason": finish}
        return as_event({**self._chunk_head(), "choices": [choice], **usage_so_far})

    def _chunk_head(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"} if self._is_chat else self._head


def _message(choice: ChoiceWriter) -> dict[str, Any]:
    thought = {"reasoning_content": choice.thinking} if choice.thinking else {}
    return {"role": "assistant", "content": choice.text, "refusal": None, **thought}
