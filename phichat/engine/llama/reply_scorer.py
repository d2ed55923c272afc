"""A reply that is known, read again: what the model weighs at each of its tokens."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from phichat.cancellation import CancelToken
from phichat.chat.candidates import Choice
from phichat.chat.conversation import Piece, Turn
from phichat.chat.prompts.base import PromptFormat
from phichat.chat.prompts.trimming import fit_prompt
from phichat.chat.sampling import Sampling
from phichat.engine.base import Event, Reading
from phichat.engine.llama.candidates import ObservedChain
from phichat.engine.llama.context import MOST_SCORED, LlamaContext
from phichat.engine.llama.reply_thinking import ModelThinking, ReplyThinking, budget_of
from phichat.engine.llama.undecided import UndecidedWatch
from phichat.engine.llama.vocabulary import Detokenizer, LlamaVocabulary


class ReplyScorer:
    """Weighs the tokens of `reply`: its own or, without any, those of its text.

    Attributes:
        tokens: what it consists of, its thinking included.
    """

    def __init__(
        self,
        form: PromptFormat,
        thinking: ModelThinking,
        vocabulary: LlamaVocabulary,
        reply: Turn,
        sampling: Sampling,
    ) -> None:
        self._form, self._thinking, self._vocabulary, self._sampling = form, thinking, vocabulary, sampling
        self._budget = sampling.thinking if reply.tokens else budget_of(sampling, reply)
        self._variables = thinking.variables(self._budget)
        self.tokens = thinking.begun_tokens(reply, self._variables)

    def fit(self, turns: Sequence[Turn], context: int) -> list[int]:
        """Return the prompt for `turns` that the reply follows. Raise PromptError."""
        longest = self._thinking.longest_reply(self._sampling, self._budget)
        prompt = fit_prompt(self._form, turns, context, longest, self.tokens, self._variables)
        return prompt.tokens[: len(prompt.tokens) - len(self.tokens)]

    def events(
        self,
        llama: LlamaContext,
        chain: ObservedChain,
        prompt: Sequence[int],
        stop: CancelToken,
        watch: UndecidedWatch | None = None,
    ) -> Iterator[Event]:
        """Yield the pieces of the reply as when it was generated, after `prompt`, which was decoded last, and Reading.

        With a `watch`, Undecided comes last. End early when stopped.
        """
        waiting: deque[Choice | None] = deque()
        weighed = _weighed(llama, chain, self.tokens, stop, watch)
        for count, pieces in enumerate(self._pieces(weighed, waiting, prompt, stop), 1):
            if watch:
                watch.read(pieces)
            yield from _with_choices(pieces, waiting)
            if count % MOST_SCORED == 0 and count <= len(self.tokens):
                yield Reading(len(prompt) + count, len(prompt) + len(self.tokens))
        if watch and not stop.is_set() and (undecided := watch.undecided()):
            yield undecided

    def _pieces(
        self,
        weighed: Iterable[tuple[int, Choice | None]],
        waiting: deque[Choice | None],
        prompt: Sequence[int],
        stop: CancelToken,
    ) -> Iterator[list[Piece]]:
        """Yield the pieces that come of each token, and add its choice to `waiting`; at the end, what was held back."""
        thinking = ReplyThinking(self._thinking, self._vocabulary, prompt, (), self._budget, 0)
        reader = Detokenizer((*self._form.stop_texts, *self._sampling.stop))
        for token, choice in weighed:
            waiting.append(choice)
            yield [*thinking.split(reader.feed(thinking.spell(token)), token)]
            if reader.ended_by:
                break
        if not stop.is_set():
            yield [*thinking.rest(reader.rest())]


def _with_choices(pieces: Iterable[Piece], waiting: deque[Choice | None]) -> Iterator[Piece]:
    for piece in pieces:
        yield replace(piece, choice=waiting.popleft()) if piece.token >= 0 else piece


def _weighed(
    llama: LlamaContext,
    chain: ObservedChain,
    tokens: Sequence[int],
    stop: CancelToken,
    watch: UndecidedWatch | None,
) -> Iterator[tuple[int, Choice | None]]:
    """Yield each of `tokens`, which follow the last step, with its choice; all but the last are decoded."""

    def weigh(index: int, token: int) -> Choice | None:
        if watch:
            watch.weigh(llama.context, index, token)
        return chain.weigh(llama.context, index, token)

    llama.abort_on(stop)
    try:
        yield tokens[0], weigh(-1, tokens[0])
        for start in range(0, len(tokens) - 1, MOST_SCORED):
            step = tokens[start : min(start + MOST_SCORED, len(tokens) - 1)]
            if stop.is_set() or not llama.decode_scored(step):
                return
            llama.save_checkpoint_of_reply()
            for index in range(len(step)):
                token = tokens[start + index + 1]
                yield token, weigh(index, token)
    finally:
        llama.abort_on(None)
