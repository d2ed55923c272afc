"""One reply: tokens become pieces of thinking and text until it ends, and statistics."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending, Piece
from phichat.chat.prompts.base import PromptFormat
from phichat.chat.sampling import Sampling
from phichat.engine.base import Done
from phichat.engine.llama.generation import TokenGenerator
from phichat.engine.llama.reply_thinking import ReplyThinking
from phichat.engine.llama.vocabulary import Detokenizer


class ReplyWriter:
    """Writes one reply, which begins with `begun`, with the tokens of `generator`.

    Attributes:
        reason: why it ended.
    """

    def __init__(
        self,
        form: PromptFormat,
        generator: TokenGenerator,
        sampling: Sampling,
        thinking: ReplyThinking,
        begun: Sequence[int],
    ) -> None:
        self._form, self._generator, self._thinking = form, generator, thinking
        self._most, self._is_new = sampling.max_tokens, not begun
        self._stops = sampling.stop
        self._reader = Detokenizer((*form.stop_texts, *sampling.stop), map(thinking.spell_begun, begun))
        self._count, self._first_at = 0, 0.0
        self.reason = Ending.LENGTH

    @property
    def is_empty(self) -> bool:
        """Whether the model ended a new reply before it wrote any text of the answer."""
        return self.reason is Ending.STOP and self._is_new and not self._thinking.has_answer

    def pieces(self, room: int, left: Callable[[], int], stop: CancelToken) -> Iterator[Piece]:
        """Yield the pieces of at most `room` tokens; `left` returns how many more fit into the context."""
        self._end_thinking(left(), stop)
        with closing(self._generator.tokens(room, stop)) as tokens:
            for token in tokens:
                if self._is_end(token):
                    if self._thinking.is_thinking and not stop.is_set() and (ids := self._thinking.end()):
                        self._generator.force(ids, replaces_last=True)
                        continue
                    self.reason = Ending.STOP
                if stop.is_set():
                    self.reason = Ending.CANCELLED
                if self.reason is not Ending.LENGTH:
                    break
                yield from self._pieces_of(token)
                if self._reader.ended_by:
                    self.reason = Ending.STOP
                    break
                if self._is_full():
                    break
                if not self._reader.is_inside_character:
                    self._end_thinking(left(), stop)
        if stop.is_set() and self.reason is Ending.LENGTH and self._count - self._thinking.tokens < self._most:
            self.reason = Ending.CANCELLED
        yield from self._generator.with_choices(self._thinking.rest(self._reader.rest()))

    def statistics(self, done: Done, started: float) -> Done:
        """Return `done` with what is known now of the reply to a request that came at `started`."""
        seconds = time.perf_counter() - self._thinking.begun_at
        return replace(
            done,
            reason=self.reason,
            completion_tokens=self._count,
            looked_up_tokens=self._generator.looked_up,
            thinking_tokens=self._thinking.tokens,
            thinking_seconds=self._thinking.seconds,
            stopped_by=self._reader.ended_by if self._reader.ended_by in self._stops else "",
            seconds_to_first_token=(self._first_at or time.perf_counter()) - started,
            completion_seconds=seconds,
            tokens_per_second=self._count / seconds if seconds else 0.0,
        )

    def _pieces_of(self, token: int) -> Sequence[Piece]:
        text = self._reader.feed(self._thinking.spell(token))
        self._count += 1
        self._first_at = self._first_at or time.perf_counter()
        return self._generator.with_choices(self._thinking.split(text, token))

    def _is_end(self, token: int) -> bool:
        return token in self._form.stop_tokens and not self._thinking.has_mark(token)

    def _is_full(self) -> bool:
        return self._count - self._thinking.tokens >= self._most and not self._thinking.is_thinking

    def _end_thinking(self, left: int, stop: CancelToken) -> None:
        """Have the model end its thinking if it is time."""
        if self._thinking.must_end(stop, left):
            self._generator.force(self._thinking.end())
