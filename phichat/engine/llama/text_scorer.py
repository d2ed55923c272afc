"""How surprising a text is to a model: the probability of each token after those before it."""

import codecs
import time
from collections.abc import Iterator, Sequence

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending
from phichat.engine.base import Done, Event, Reading, Scored
from phichat.engine.llama.context import MOST_SCORED, LlamaContext
from phichat.engine.llama.logits import logits_at, surprise
from phichat.engine.llama.vocabulary import LlamaVocabulary


class TextScorer:
    """Scores texts in windows of at most `context` tokens. The KV cache is overwritten."""

    def __init__(self, llama: LlamaContext, vocabulary: LlamaVocabulary, context: int, batch: int) -> None:
        self._llama, self._vocabulary, self._batch = llama, vocabulary, batch
        self._begin = [vocabulary.bos] if vocabulary.add_bos and vocabulary.bos is not None else []
        self._size = context - len(self._begin)

    def events(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """Yield a Scored for each token of `text`, Reading after each step, and Done. Raise ModelDamaged."""
        begun, tokens = time.perf_counter(), self._vocabulary.tokenize(text)
        texts = _Texts(text, [self._vocabulary.piece(token) for token in tokens])
        done = 0
        self._llama.abort_on(stop)
        try:
            for step in self._steps(tokens, stop):
                for token, surprise in step:
                    yield Scored(texts.next(), token, *surprise)
                done += len(step)
                yield Reading(done, len(tokens))
        finally:
            self._llama.abort_on(None)
        ending = Ending.STOP if done == len(tokens) else Ending.CANCELLED
        yield Done(ending, 0, len(tokens), prompt_seconds=time.perf_counter() - begun)

    def _steps(self, tokens: Sequence[int], stop: CancelToken) -> Iterator["_Step"]:
        for first, new, end in windows(len(tokens), self._size):
            self._llama.forget_all()
            before, scored = [*self._begin, *tokens[first:new]], list(tokens[new:end])
            if not before:  # nothing tells of the first token how likely it was
                before = [scored.pop(0)]
                yield [(before[0], (None, None, None))]
            if not self._read(before[:-1], stop):
                return
            for start in range(0, len(scored), MOST_SCORED):
                step = scored[start : start + MOST_SCORED]
                if stop.is_set() or not self._llama.decode_scored([before[-1], *step[:-1]]):
                    return
                before = step
                yield [(token, self._surprise(index, token)) for index, token in enumerate(step)]

    def _read(self, tokens: Sequence[int], stop: CancelToken) -> bool:
        """Decode tokens that are not scored; return False if stopped."""
        return all(
            not stop.is_set() and self._llama.decode(tokens[start : start + self._batch])
            for start in range(0, len(tokens), self._batch)
        )

    def _surprise(self, index: int, token: int) -> "_Surprise":
        try:
            return surprise(logits_at(self._llama.context, index, self._vocabulary.count), token)
        except FloatingPointError as error:
            raise self._llama.invalid_values() from error


_Surprise = tuple[float | None, int | None, float | None]
_Step = list[tuple[int, _Surprise]]


def windows(count: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the first, the first new and the end of the tokens of each window; each token is new in one of them.

    Of all windows but the first, half of the `size` has been in the one before.
    """
    new = 0
    while new < count:
        first = max(0, new - size // 2)
        end = min(count, first + size)
        yield first, new, end
        new = end


class _Texts:
    """The text that each of some tokens adds to `text`, which they spell as `pieces`."""

    def __init__(self, text: str, pieces: Sequence[bytes]) -> None:
        self._decoder, self._pieces = codecs.getincrementaldecoder("utf-8")("replace"), iter(pieces)
        self._extra = _leading_spaces(b"".join(pieces).decode("utf-8", "replace")) > _leading_spaces(text)
        """Whether the vocabulary has put a space before the first word."""

    def next(self) -> str:
        """Return the text of the next token."""
        text = self._decoder.decode(next(self._pieces))
        if self._extra and text:
            text, self._extra = text.removeprefix(" "), False
        return text


def _leading_spaces(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
