"""One reply: tokens become pieces of thinking and text until it ends, and statistics."""

import time
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending, Piece
from phichat.engine.base import Done
from phichat.engine.llama.generation import TokenPicker
from phichat.engine.llama.reply_thinking import ReplyThinking
from phichat.engine.llama.vocabulary import Detokenizer


class ReplyWriter:
    """Writes one reply with the tokens that `picker` picks, until one of `ends` or a stop text of `reader` comes.

    Attributes:
        reason: why it ended.
        is_over: whether no further token is wanted.
    """

    def __init__(
        self,
        picker: TokenPicker,
        reader: Detokenizer,
        thinking: ReplyThinking,
        ends: Container[int],
        most: int,
        stops: Container[str] = (),
    ) -> None:
        """`most` are the tokens that the answer may have, thinking not counted; `stops` the user's stop texts."""
        self._picker, self._reader, self._thinking = picker, reader, thinking
        self._ends, self._most, self._stops = ends, most, stops
        self._count, self._first_at = 0, 0.0
        self.reason = Ending.LENGTH
        self.is_over = False

    @property
    def is_empty(self) -> bool:
        """Whether the model ended it before it wrote any text of the answer."""
        return self.reason is Ending.STOP and not self._thinking.has_answer

    def pieces(self, tokens: Generator[int, None, None], left: Callable[[], int], stop: CancelToken) -> Iterator[Piece]:
        """Yield the pieces of `tokens`; `left` returns how many more fit into the context."""
        self.end_thinking(left(), stop)
        with closing(tokens):
            for token in tokens:
                yield from self.take(token, left, stop)
                if self.is_over:
                    break
        yield from self.rest(stop)

    def take(self, token: int, left: Callable[[], int], stop: CancelToken) -> Iterator[Piece]:
        """Yield the pieces of the next token."""
        if self._is_end(token):
            if self._thinking.is_thinking and not stop.is_set() and (ids := self._thinking.end()):
                self._picker.force(ids, replaces_last=True)
                return
            self.reason = Ending.STOP
        if stop.is_set():
            self.reason = Ending.CANCELLED
        if self.reason is not Ending.LENGTH:
            self.is_over = True
            return
        yield from self._pieces_of(token)
        if self._reader.ended_by:
            self.reason = Ending.STOP
        self.is_over = bool(self._reader.ended_by) or self._is_full()
        if not (self.is_over or self._reader.is_inside_character):
            self.end_thinking(left(), stop)

    def rest(self, stop: CancelToken) -> Sequence[Piece]:
        """Return the pieces of what was held back, once there are no more tokens."""
        if stop.is_set() and self.reason is Ending.LENGTH and self._count - self._thinking.tokens < self._most:
            self.reason = Ending.CANCELLED
        return self._picker.with_choices(self._thinking.rest(self._reader.rest()))

    def end_thinking(self, left: int, stop: CancelToken) -> None:
        """Have the model end its thinking if it is time."""
        if self._thinking.must_end(stop, left):
            self._picker.force(self._thinking.end())

    def statistics(self, done: Done, started: float) -> Done:
        """Return `done` with what is known now of the reply to a request that came at `started`."""
        seconds = time.perf_counter() - self._thinking.begun_at
        return replace(
            done,
            reason=self.reason,
            completion_tokens=self._count,
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
        return self._picker.with_choices(self._thinking.split(text, token))

    def _is_end(self, token: int) -> bool:
        return token in self._ends and not self._thinking.has_mark(token)

    def _is_full(self) -> bool:
        return self._count - self._thinking.tokens >= self._most and not self._thinking.is_thinking
