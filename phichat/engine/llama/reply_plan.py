"""What a request asks of a loaded model: its prompt, and what writes its answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from phichat.chat.prompts.tokens import marked_tokens
from phichat.chat.prompts.trimming import Prompt, fit_prompt, joined
from phichat.chat.sampling import Sampling
from phichat.engine.base import Done, Event, Notice, PromptFit, PromptReady, Request, Undecided
from phichat.engine.llama.generation import TokenPicker, TokenSampler
from phichat.engine.llama.loaded_model import LoadedModel
from phichat.engine.llama.reply_thinking import ReplyThinking, budget_of
from phichat.engine.llama.reply_writer import ReplyWriter
from phichat.engine.llama.sampler import SamplerChain
from phichat.engine.llama.vocabulary import Detokenizer, LlamaVocabulary
from phichat.errors import PromptError, PromptTooLong
from phichat.i18n import format_number, tr

if TYPE_CHECKING:
    from phichat.engine.llama.undecided import UndecidedWatch

MakeChain = Callable[[Sampling, int, LlamaVocabulary, Sequence[int]], TokenSampler]
"""Makes the sampler of one reply, from sampling, seed, vocabulary and tokens begun with."""


class ReplyPlan:
    """The prompt of a request to a loaded model. Raise PromptError if it does not fit.

    Attributes:
        request: the request, with a seed.
        prompt: its prompt.
    """

    def __init__(self, opened: LoadedModel, request: Request, make_chain: MakeChain = SamplerChain) -> None:
        self._opened, self._make_chain = opened, make_chain
        self.request = request = replace(request, sampling=request.sampling.with_seed())
        before = opened.form.notice
        self._begun: Sequence[int] = ()
        self.prompt = self._fit() if request.raw is None else self._whole(self._raw_tokens(request.raw))
        self._notice = opened.form.notice if opened.form.notice != before else ""

    def opening(self) -> Iterator[Event]:
        """Yield what is told before anything is read."""
        if self._notice:
            yield Notice(self._notice)
        text = self._opened.vocabulary.text_of_all(self.prompt.tokens)
        yield PromptReady(tuple(self.prompt.tokens), text, self.prompt.dropped)

    def fit(self, cached: int) -> PromptFit:
        """Return how the prompt fits, of which so many tokens need not be read."""
        context = self._opened.loaded.context
        return PromptFit(len(self.prompt.tokens), cached, context, self.prompt.dropped, self.prompt.first)

    def answer(self, number: int = 0) -> "Answer":
        """Return what writes an answer, by its number from 0, once the prompt is read. Close it at the end."""
        return Answer(self._opened, self, number, self._make_chain)

    @property
    def begun(self) -> Sequence[int]:
        """The tokens at the end of the prompt with which the reply begins."""
        return self._begun

    def _fit(self) -> Prompt:
        opened, request = self._opened, self.request
        budget = budget_of(request.sampling, request.begun)
        variables = opened.thinking.variables(budget)
        longest = opened.thinking.longest_reply(request.sampling, budget)
        if request.begun:
            self._begun = opened.thinking.begun_tokens(request.begun, variables)
        if request.keeps_all:
            return self._whole([*opened.form.tokens(joined(request.turns), variables), *self._begun])
        return fit_prompt(opened.form, request.turns, opened.loaded.context, longest, self._begun, variables)

    def _raw_tokens(self, prompt: str | Sequence[int]) -> list[int]:
        vocabulary = self._opened.vocabulary
        if isinstance(prompt, str):
            return marked_tokens(vocabulary, prompt)
        if not all(0 <= token < vocabulary.count for token in prompt):
            raise PromptError(tr("The prompt contains token IDs that aren’t in this model’s vocabulary."))
        return list(prompt)

    def _whole(self, tokens: list[int]) -> Prompt:
        """Return the prompt of `tokens`, of which none is left out. Raise PromptError if there is no room for more."""
        context = self._opened.loaded.context
        if not tokens:
            raise PromptError(tr("There’s nothing to answer yet. Write a message first."))
        if len(tokens) < context:
            return Prompt(tokens, begun=len(self._begun))
        raise PromptTooLong(
            tr(
                "This text is too long: it takes {tokens} tokens, but the context only holds {context}. Shorten it, or "
                "choose a larger context in the settings."
            ).format(tokens=format_number(len(tokens)), context=format_number(context)),
            len(tokens),
            len(tokens) - context + 1,
        )


class Answer:
    """One answer of a plan. It is a context manager, which closes its sampler.

    Attributes:
        picker: picks its tokens.
        writer: makes pieces of them.
        most: how many tokens it may have, as far as the context has room for them.
        seed: of its sampler.
    """

    def __init__(self, opened: LoadedModel, plan: ReplyPlan, number: int, make_chain: MakeChain) -> None:
        request, form, vocabulary = plan.request, opened.form, opened.vocabulary
        sampling = request.sampling_of(number)
        self.seed, self._is_new = sampling.seed or 0, not plan.begun
        room = opened.loaded.context - len(plan.prompt.tokens)
        reserve, budget = min(sampling.max_tokens, room // 2), budget_of(sampling, request.begun)
        thinking = ReplyThinking(opened.thinking, vocabulary, plan.prompt.tokens, plan.begun, budget, reserve)
        self._watch = _make_watch(vocabulary, request, plan.begun) if request.finds_undecided else None
        forced = [token for token in request.forced if 0 <= token < vocabulary.count]
        self._chain = _make_chain(request, sampling, vocabulary, (*plan.begun, *forced), make_chain)
        self.picker = TokenPicker(self._chain, self._watch)
        self.picker.force(forced)
        is_raw = request.raw is not None
        stop_texts = sampling.stop if is_raw else (*form.stop_texts, *sampling.stop)
        reader = Detokenizer(stop_texts, map(thinking.spell_begun, plan.begun), continues=is_raw)
        most, stops = sampling.max_tokens, sampling.stop
        self.writer = ReplyWriter(self.picker, reader, thinking, form.stop_tokens, most, stops)
        self.most = room + 1 if opened.loaded.thinking else min(sampling.max_tokens, room + 1)

    def ending(self, statistics: Done, started: float) -> Iterator[Notice | Undecided | Done]:
        """Yield what is told at the end, with `statistics` of a request that came at `started`."""
        if self._is_new and self.writer.is_empty:
            yield Notice(tr("The model didn’t write anything. Regenerate the answer, or rephrase your message."))
        if self._watch and (undecided := self._watch.undecided()):
            yield undecided
        yield self.writer.statistics(replace(statistics, seed=self.seed), started)

    def close(self) -> None:
        """Free the sampler."""
        self._chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_chain(
    request: Request, sampling: Sampling, vocabulary: LlamaVocabulary, begun: Sequence[int], make_chain: MakeChain
) -> TokenSampler:
    if not request.candidates:
        return make_chain(sampling, sampling.seed or 0, vocabulary, begun)
    from phichat.engine.llama.candidates import ObservedChain  # noqa: PLC0415 - NumPy takes 80 ms to import

    return ObservedChain(sampling, sampling.seed or 0, vocabulary, begun, request.candidates)


def _make_watch(vocabulary: LlamaVocabulary, request: Request, begun: Sequence[int]) -> "UndecidedWatch":
    from phichat.engine.llama.undecided import UndecidedWatch  # noqa: PLC0415 - NumPy, as above

    return UndecidedWatch(vocabulary, begun, request.begun.text if request.begun else "")
