"""The thinking of one reply on llama.cpp: told from the answer, and ended when it is enough."""

import time
from collections.abc import Sequence

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Piece, Role, Turn
from phichat.chat.prompts.base import PromptFormat
from phichat.chat.prompts.formats import begun_tokens
from phichat.chat.prompts.thinking import ThinkingMarks, Variables, find_style
from phichat.chat.prompts.thought_splitter import ThoughtSplitter
from phichat.chat.prompts.tokens import plain_tokens
from phichat.chat.sampling import UNLIMITED, Sampling
from phichat.engine.llama.vocabulary import LlamaVocabulary

TAIL = 24  # tokens at the end of a prompt that may begin a thought
PROBE = (Turn(Role.USER, "?"),)


class ModelThinking:
    """How a loaded model thinks: its marks, and what its prompts need for that.

    Attributes:
        marks: the marks in its vocabulary.
        default: as `Loaded.thinking`.
    """

    def __init__(self, vocabulary: LlamaVocabulary, form: PromptFormat, name: str) -> None:
        self._vocabulary, self._form = vocabulary, form
        style = find_style(vocabulary, form.source, name, lambda variables: form.tokens(PROBE, variables))
        self.marks = ThinkingMarks(style, vocabulary)
        self.default = style.default

    def variables(self, budget: int | None) -> Variables:
        """Return the template's variables for a budget."""
        return self.marks.style.variables(budget)

    def longest_reply(self, sampling: Sampling, budget: int | None) -> int:
        """Return how many tokens a reply may have, as far as the context has room for them."""
        if not self.default or budget == 0 or (budget is None and self.default == "off"):
            return sampling.max_tokens
        return sampling.max_tokens + (sampling.max_tokens if budget in {None, UNLIMITED} else budget or 0)

    def begun_tokens(self, turn: Turn, variables: Variables) -> Sequence[int]:
        """Return the ids of a reply to continue: its own, or those of its thinking and its text."""
        if turn.tokens and self.marks.have_only_marks(turn.tokens):
            return turn.tokens
        if not turn.thinking:
            return begun_tokens(self._vocabulary, turn)
        prompt = self._form.tokens(PROBE, variables)
        is_open = ThoughtSplitter(self.marks, prompt[-TAIL:]).is_thinking
        thought = plain_tokens(self._vocabulary, turn.thinking, continues=True)
        found = [*(() if is_open else self.marks.opening_tokens), *thought]
        if turn.text:
            found += [*self.marks.closing_tokens, *plain_tokens(self._vocabulary, turn.text, continues=True)]
        return found


def budget_of(sampling: Sampling, begun: Turn | None) -> int | None:
    """Return how much may be thought: a reply that is continued thinks on only if it has thought."""
    if begun is None:
        return sampling.thinking
    return (sampling.thinking or UNLIMITED) if begun.thinking else 0


class ReplyThinking:
    """Makes pieces of the tokens of one reply, and says when its thinking has to end.

    Attributes:
        tokens: how many tokens were thinking.
        has_answer: whether there is any text of the answer.
        begun_at: when the reply began, as `time.perf_counter` has it.
    """

    def __init__(
        self,
        model: ModelThinking,
        vocabulary: LlamaVocabulary,
        prompt: Sequence[int],
        begun: Sequence[int],
        budget: int | None,
        reserve: int,
    ) -> None:
        """`reserve` are the tokens of the context that thinking leaves for the answer."""
        self._marks, self._vocabulary = model.marks, vocabulary
        end = len(prompt) - len(begun)
        self._splitter = ThoughtSplitter(model.marks, prompt[max(end - TAIL, 0) : end], begun)
        self._budget = budget if budget is not None and budget >= 0 else None
        self._reserve = reserve + len(model.marks.closing_tokens)
        self._is_ended = False
        self.begun_at = time.perf_counter()
        self._answered_at = 0.0
        self.tokens = 0
        self.has_answer = False
        if self._budget:
            self._budget = max(self._budget - len(begun), 0)

    @property
    def is_thinking(self) -> bool:
        """Whether a thought has begun and not ended."""
        return self._splitter.is_thinking

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far; 0 if nothing was thought."""
        return (self._answered_at or time.perf_counter()) - self.begun_at if self.tokens else 0.0

    def has_mark(self, token: int) -> bool:
        """Return whether `token` is part of a mark here, even if it would end a reply elsewhere."""
        return not self._splitter.is_over and self._marks.sign(token) is not None

    def spell(self, token: int) -> bytes:
        """Return the bytes of `token`; in the marks of a thought, of the character that represents it.

        In the answer, a mark is spelled, as it may be all that tells a thought from what follows.
        """
        if self._splitter.is_over:
            is_mark = self._marks.is_whole(token)
            return self._vocabulary.text_of(token).encode() if is_mark else self._vocabulary.piece(token)
        sign = self._marks.sign(token)
        return sign.encode() if sign else self._vocabulary.piece(token)

    def spell_begun(self, token: int) -> bytes:
        """Return the bytes of a token of a reply to continue."""
        return b"" if self._marks.sign(token) else self._vocabulary.piece(token)

    def split(self, text: str, token: int) -> Sequence[Piece]:
        """Return the pieces that `text`, which came with `token`, completes."""
        return self._count(self._splitter.feed(text, token))

    def rest(self, text: str) -> Sequence[Piece]:
        """Return the pieces of what was held back at the end of the reply, by the splitter and as `text`."""
        last = self._splitter.feed(text, -1) if text else []
        return self._count([*last, *self._splitter.rest()])

    def must_end(self, stop: CancelToken, room: int) -> bool:
        """Return whether thinking has to end now: at somebody's request, or as budget or context is used up."""
        if not self._splitter.is_thinking or self._is_ended:
            return False
        is_over_budget = self._budget is not None and self.tokens >= self._budget
        return is_over_budget or stop.is_hurried() or room <= self._reserve

    def end(self) -> Sequence[int]:
        """Return the tokens that end the thinking; none if that was tried before."""
        was_ended, self._is_ended = self._is_ended, True
        return () if was_ended else self._marks.closing_tokens

    def _count(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        for piece in pieces:
            self.tokens += piece.is_thinking and piece.token >= 0
            self.has_answer = self.has_answer or (bool(piece.text) and not piece.is_thinking)
        if self.has_answer and not self._answered_at:
            self._answered_at = time.perf_counter()
        return pieces
