"""Makes pieces of the chunks of a streamed answer, and measures it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from phichat.chat.candidates import Choice
from phichat.chat.conversation import Ending, Piece, PieceKind
from phichat.chat.prompts.thinking import ThinkingMarks, ThinkingStyle
from phichat.chat.prompts.thought_splitter import ThoughtSplitter
from phichat.engine.base import Done
from phichat.engine.remote.answers import Chunk, Usage

PLAIN_MARKS = ThinkingStyle(
    "<think>\n",
    "\n</think>\n\n",
    more_openings=("<thinking>", "<thought>", "<reasoning>", "<seed:think>", "[THINK]"),
    more_closings=("</thinking>", "</thought>", "</reasoning>", "</seed:think>", "[/THINK]"),
)
"""What servers leave in the text of an answer if they weren't told how the model thinks."""

MOST_PIECES = 1000
"""A second, of a server that sends them as they are written. More have come together, as after a proxy's buffer."""

_ENDINGS = {"length": Ending.LENGTH, "max_tokens": Ending.LENGTH, "error": Ending.ERROR, "abort": Ending.ERROR}


class _NoVocabulary:
    """A vocabulary without a token: what a server sends is text alone."""

    architecture = ""
    sentencepiece = add_bos = False
    count = longest = 0

    def __init__(self) -> None:
        self.template: str | None = None
        self.bos: int | None = None
        self.eos: int | None = None
        self.end_tokens: frozenset[int] = frozenset()
        self.names: Mapping[str, str] = {}
        self.special: Mapping[str, int] = {}

    def tokenize(self, text: str) -> list[int]:  # noqa: ARG002 - as the protocol has it
        """Return nothing."""
        return []

    def text_of(self, token: int) -> str:  # noqa: ARG002 - as the protocol has it
        """Return nothing."""
        return ""

    def byte_tokens(self, text: str) -> list[int]:  # noqa: ARG002 - as the protocol has it
        """Return nothing."""
        return []


class ReplyReader:
    """Takes the chunks of one answer.

    Attributes:
        has_begun: whether anything of the answer came.
        has_thought: whether the model thought.
        finish: why the server ended it, in its words; empty as long as it has not.
    """

    def __init__(self, *, most: int | None, has_text: bool) -> None:
        """`most` is after how many tokens of the answer it is over; `has_text` whether it continues another."""
        self.has_begun = self.has_thought = False
        self.finish = ""
        self._awaits_answer = False
        self._most = most
        self._splitter = None if has_text else ThoughtSplitter(ThinkingMarks(PLAIN_MARKS, _NoVocabulary()))
        self._choices: list[Choice | None] = []
        self._usage = Usage()
        self._counts = {PieceKind.TEXT: 0, PieceKind.THINKING: 0}
        self._asked = time.monotonic()
        self._first = self._last = self._answered = 0.0

    @property
    def is_only_thought(self) -> bool:
        """Whether the model has thought, and not begun to answer."""
        return self.has_thought and not self._counts[PieceKind.TEXT]

    @property
    def is_full(self) -> bool:
        """Whether the answer has reached its length, which the server was not told."""
        return self._most is not None and self._counts[PieceKind.TEXT] >= self._most

    @property
    def usage(self) -> Usage | None:
        """What the server counted; None if it did not say."""
        return self._usage if self._usage.prompt or self._usage.completion else None

    def take(self, chunk: Chunk) -> Iterator[Piece]:
        """Yield the pieces that `chunk` completes."""
        self._usage = chunk.usage or self._usage
        self.finish = self.finish or chunk.finish  # the end of the stream says no more than that
        if chunk.thinking:
            self._note(PieceKind.THINKING, 1)
            yield Piece(chunk.thinking, kind=PieceKind.THINKING)
            self._awaits_answer = True
        for text, choice in _tokens(chunk):
            if self._awaits_answer and not text.strip():
                continue  # blank lines between what is thought and the answer
            yield from self._split(text.lstrip() if self._awaits_answer else text, choice)
            self._awaits_answer = False

    def rest(self) -> Iterator[Piece]:
        """Yield what was held back."""
        if self._splitter:
            yield from map(self._with_choice, self._splitter.rest())

    def done(self, reason: Ending, seed: int) -> Done:
        """Return how the reply ended, with the server's counts, or the number of chunks where it has none."""
        counted = sum(self._counts.values())
        tokens = self._usage.completion or counted
        until_first = (self._first or time.monotonic()) - self._asked
        seconds = self._last - self._first
        thinking = self._usage.thinking or (
            round(tokens * self._counts[PieceKind.THINKING] / counted) if counted else 0
        )
        return Done(
            reason,
            seed,
            prompt_tokens=self._usage.prompt,
            cached_tokens=min(self._usage.cached, self._usage.prompt),
            completion_tokens=tokens,
            seconds_to_first_token=until_first,
            prompt_seconds=until_first,
            completion_seconds=seconds,
            tokens_per_second=self._speed(tokens),
            thinking_tokens=min(thinking, tokens),
            thinking_seconds=(self._answered or self._last) - self._first if self.has_thought else 0.0,
        )

    def _speed(self, tokens: int) -> float:
        """Return the tokens per second after the first one, or from the question on if they came all together."""
        seconds, after_first = self._last - self._first, tokens - 1
        if sum(self._counts.values()) > MOST_PIECES * seconds:
            seconds, after_first = self._last - self._asked, tokens
        return after_first / seconds if after_first > 0 and seconds > 0 else 0.0

    def ending(self) -> Ending:
        """Return why the reply ended."""
        return _ENDINGS.get(self.finish, Ending.STOP)

    def _split(self, text: str, choice: Choice | None) -> Iterator[Piece]:
        """Yield the pieces that a token completes; it has the number of its choice as its id until then."""
        self._choices.append(choice)
        number = len(self._choices) - 1
        pieces = self._splitter.feed(text, number) if self._splitter else [Piece(text, number)]
        is_thought = any(piece.is_thinking for piece in pieces)
        self._note(PieceKind.THINKING if is_thought else PieceKind.TEXT, 1)
        yield from map(self._with_choice, pieces)

    def _with_choice(self, piece: Piece) -> Piece:
        choice = self._choices[piece.token] if piece.token >= 0 else None
        return replace(piece, token=-1, choice=choice)

    def _note(self, kind: PieceKind, count: int) -> None:
        now = time.monotonic()
        self._first, self._last = self._first or now, now
        self.has_begun = True
        self._counts[kind] += count
        if kind is PieceKind.THINKING:
            self.has_thought = True
        else:
            self._answered = self._answered or now


def _tokens(chunk: Chunk) -> Iterator[tuple[str, Choice | None]]:
    """Yield the tokens of a chunk with their choices, if those make up its text; else the text as one."""
    if chunk.choices and "".join(each.text for each in chunk.choices) == chunk.text:
        yield from ((each.text, each.choice) for each in chunk.choices)
    elif chunk.text:
        yield chunk.text, chunk.choices[0].choice if len(chunk.choices) == 1 else None
