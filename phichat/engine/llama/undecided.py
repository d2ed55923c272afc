"""Finds where a model was least sure in an answer, and keeps the distribution of that place."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from phichat.chat.conversation import Piece
from phichat.engine.base import Undecided
from phichat.engine.llama.candidates import MOST_SAID, distribution_of
from phichat.engine.llama.logits import Floats, Softmax, logits_at
from phichat.engine.llama.vocabulary import LlamaVocabulary


class _Weighed(NamedTuple):
    """A sampled token, and what it was sampled from if it was less likely than all before it in the answer."""

    token: int
    probability: float
    logits: Floats | None
    said: Sequence[int]


class UndecidedWatch:
    """Watches the tokens of one reply, which begins with the tokens `begun`, whose answer is the text `answer`.

    A token counts once it is read as part of the answer: thinking does not, nor what was not sampled. If the answer is
    reread, that is known of words that somebody chose by where they begin, their `offsets` in its text.
    """

    def __init__(
        self,
        vocabulary: LlamaVocabulary,
        begun: Iterable[int] = (),
        answer: str = "",
        offsets: Sequence[int] = (),
    ) -> None:
        self._vocabulary, self._answer, self._offsets = vocabulary, answer, offsets
        self._softmax = Softmax(vocabulary.count)
        self._said: deque[int] = deque(begun, MOST_SAID)
        self._waiting: deque[_Weighed] = deque()  # sampled, and not read yet
        self._read = bytearray()
        self._best: _Weighed | None = None
        self._place = 0  # bytes of the answer before the best one
        self._length = 0  # characters of the answer

    def weigh(self, context: Any, index: int, token: int) -> None:
        """See TokenWatch."""
        logits = logits_at(context, index, self._vocabulary.count)
        probability = float(self._softmax.shares(logits, [token])[0][0])
        is_best = probability < self._lowest()  # never if it is not a number
        kept = (logits.copy(), tuple(self._said)) if is_best else (None, ())
        self._waiting.append(_Weighed(token, probability, *kept))
        self._said.append(token)

    def read(self, pieces: Sequence[Piece]) -> None:
        """See TokenWatch."""
        for piece in pieces:
            weighed = self._take(piece.token) if piece.token >= 0 else None
            if piece.is_thinking:
                continue
            start, self._length = self._length, self._length + len(piece.text)
            is_chosen = any(start <= offset < max(self._length, start + 1) for offset in self._offsets)
            if weighed and weighed.logits is not None and weighed.probability < self._lowest() and not is_chosen:
                self._best, self._place = weighed, len(self._read)
            self._read += self._vocabulary.piece(piece.token) if piece.token >= 0 else b""

    def undecided(self) -> Undecided | None:
        """Return the place with the least likely token so far; None if no token of the answer was sampled."""
        if self._best is None or self._best.logits is None:
            return None
        before = self._answer + self._read[: self._place].decode("utf-8", "ignore")
        distribution = distribution_of(self._best.logits, self._vocabulary, self._best.said)
        return Undecided(distribution, before, self._best.probability, self._best.token)

    def _lowest(self) -> float:
        return self._best.probability if self._best else 2.0

    def _take(self, token: int) -> _Weighed | None:
        """Return what was noted of `token`, without what was replaced before it; None if it was not sampled."""
        place = next((at for at, weighed in enumerate(self._waiting) if weighed.token == token), None)
        if place is None:
            return None
        for _ in range(place):
            self._waiting.popleft()
        return self._waiting.popleft()
