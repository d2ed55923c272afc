"""The engine on llama.cpp, which runs in the process that creates it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from phichat import gguf
from phichat.chat.conversation import Ending, Turn
from phichat.chat.prompts.base import PromptFormat, Template
from phichat.chat.prompts.formats import compile_here, format_for
from phichat.chat.prompts.trimming import fit_draft, fit_prompt
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelRef,
    Notice,
    PromptFit,
    PromptReady,
    Reading,
    Request,
)
from phichat.engine.hardware import (
    CpuLoad,
    check_memory,
)
from phichat.engine.llama import hardware
from phichat.engine.llama.checkpoints import TAIL, checkpoint_places
from phichat.engine.llama.context import LlamaContext, start_library, system_info
from phichat.engine.llama.generation import TokenGenerator, TokenSampler
from phichat.engine.llama.kv_cache import KVCache
from phichat.engine.llama.loading import cache_key, fit_settings, loads_for_ever, names
from phichat.engine.llama.prompt_lookup import PromptLookup, StepCosts
from phichat.engine.llama.reply_thinking import ModelThinking, ReplyThinking, budget_of
from phichat.engine.llama.reply_writer import ReplyWriter
from phichat.engine.llama.sampler import SamplerChain
from phichat.engine.llama.thread_pacing import ThreadPacer
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.settings import library_build
from phichat.errors import EngineError, ModelDamaged, PromptTooLong
from phichat.i18n import tr

if TYPE_CHECKING:
    from phichat.engine.llama.undecided import UndecidedWatch

MEASURABLE = 32  # tokens of a step of the prompt, from which on its speed counts for the number of threads


class LlamaEngine:
    """Implements Engine with llama.cpp. The common prefix with the last prompt and reply is not decoded again.

    Attributes:
        make_chain: makes the sampler of one reply, from sampling, seed, vocabulary and tokens begun with.
    """

    make_chain: Callable[[Sampling, int, LlamaVocabulary, Sequence[int]], TokenSampler] = SamplerChain

    def __init__(
        self, prompt_cache: PromptCache | None = None, compile_template: Callable[[str], Template] = compile_here
    ) -> None:
        self._prompt_cache, self._compile_template = prompt_cache, compile_template
        self._is_private = False
        self._open: _LoadedModel | None = None

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """See Engine."""
        self.save_prompt_cache(for_long=True)
        self.close()
        head = gguf.read_head(model.path)
        if loads_for_ever(head):
            raise ModelDamaged(gguf.damaged(head.path))
        chosen = hardware.choose_variant(settings.variant)
        if chosen.variant:
            report(chosen)
        start_library(settings.variant)
        settings = fit_settings(head, replace(settings, variant=chosen.variant))
        if warning := check_memory(head, settings.context, settings.cache_type):
            report(Notice(warning))
        make_format = partial(format_for, compile_template=self._compile_template)
        self._open = opened = _LoadedModel(model, head, settings, self._prompt_cache, stop, report, make_format)
        if opened.form.notice:
            report(Notice(opened.form.notice))
        return opened.loaded

    def save_prompt_cache(self, *, for_long: bool = False) -> None:
        """Write the KV cache of the conversation to disk, unless it is temporary.

        `for_long` writes all of it, as the model may be unloaded next; otherwise most of it is enough.
        """
        if self._open and not self._is_private:
            self._open.cache.save(whole=for_long)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """See Engine."""
        if self._open is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        sampling = request.sampling.with_seed()
        if request.is_draft:
            yield from self._prefill_draft(self._open, request, sampling, stop)
        elif request.weighs_begun and request.begun:
            yield from self._weigh(self._open, request, request.begun, sampling, stop)
        else:
            yield from self._generate(self._open, request, sampling, stop)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """See Engine. The state of the conversation is parked first; afterwards, the KV cache is empty."""
        from phichat.engine.llama.scoring import TextScorer  # noqa: PLC0415 - NumPy takes 80 ms to import

        if self._open is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        self._open.cache.set_aside(keeps=not self._is_private)
        self._open.start_pacer()
        llama, settings = self._open.llama, self._open.loaded.settings
        try:
            yield from TextScorer(llama, self._open.vocabulary, settings.context, settings.batch).events(text, stop)
        finally:
            llama.forget_all()

    def calibrate(self, stop: CancelToken, report: object = None) -> Iterator[Event]:  # noqa: ARG002 - the protocol's
        """Do nothing: EngineProcess measures settings."""
        yield from ()

    def unload(self) -> None:
        """See Engine, but for loading the model again, which EngineProcess does."""
        self.save_prompt_cache(for_long=True)
        self.close()

    def close(self) -> None:
        """See Engine."""
        if self._open:
            self._open.close()
        self._open = None

    def _generate(
        self, opened: "_LoadedModel", request: Request, sampling: Sampling, stop: CancelToken
    ) -> Iterator[Event]:
        started, before = time.perf_counter(), opened.form.notice
        budget = budget_of(sampling, request.begun)
        variables, longest = opened.thinking.variables(budget), opened.thinking.longest_reply(sampling, budget)
        begun = opened.thinking.begun_tokens(request.begun, variables) if request.begun else ()
        prompt = fit_prompt(opened.form, request.turns, opened.loaded.context, longest, begun, variables)
        if opened.form.notice not in {"", before}:
            yield Notice(opened.form.notice)
        yield PromptReady(tuple(prompt.tokens), opened.vocabulary.text_of_all(prompt.tokens), prompt.dropped)
        cached = self._reuse_prefix(opened, prompt.tokens, is_private=request.is_temporary)
        yield PromptFit(len(prompt.tokens), cached, opened.loaded.context, prompt.dropped, prompt.first)
        for done in opened.decode_prompt(prompt.tokens[cached:], stop):
            yield Reading(cached + done, len(prompt.tokens))
        statistics = Done(Ending.CANCELLED, sampling.seed or 0, len(prompt.tokens), cached)
        statistics = replace(statistics, prompt_seconds=time.perf_counter() - started)
        if stop.is_set():
            yield statistics
            return
        opened.check_logits()
        reserve = min(sampling.max_tokens, opened.room // 2)
        thinking = ReplyThinking(opened.thinking, opened.vocabulary, prompt.tokens, begun, budget, reserve)
        forced = [token for token in request.forced if 0 <= token < opened.vocabulary.count]
        chain = self._make_chain(opened, request, sampling, (*begun, *forced))
        watch = _make_watch(opened.vocabulary, request, begun) if request.finds_undecided else None
        writer = TokenGenerator(opened.llama, chain, opened.start_pacer(), opened.make_lookup(), watch)
        writer.force(forced)
        reply = ReplyWriter(opened.form, writer, sampling, thinking, begun)
        most = opened.room + 1 if opened.loaded.thinking else min(sampling.max_tokens, opened.room + 1)
        try:
            yield from reply.pieces(most, lambda: opened.room, stop)
        finally:
            chain.close()
        if reply.is_empty:
            yield Notice(tr("The model didn’t write anything. Regenerate the answer, or rephrase your message."))
        if watch and (undecided := watch.undecided()):
            yield undecided
        yield reply.statistics(statistics, started)

    def _weigh(
        self, opened: "_LoadedModel", request: Request, reply: Turn, sampling: Sampling, stop: CancelToken
    ) -> Iterator[Event]:
        """Read `reply` again, and tell what is weighed at each of its tokens."""
        from phichat.engine.llama.candidates import ObservedChain  # noqa: PLC0415 - NumPy, as above
        from phichat.engine.llama.weighing import ReplyWeighing  # noqa: PLC0415

        started = time.perf_counter()
        known = ReplyWeighing(opened.form, opened.thinking, opened.vocabulary, reply, sampling)
        prompt = known.fit(request.turns, opened.loaded.context)
        cached = self._reuse_prefix(opened, prompt, is_private=request.is_temporary)
        total = len(prompt) + len(known.tokens)
        for done in opened.decode_prompt(prompt[cached:], stop):
            yield Reading(cached + done, total)
        if known.tokens and not stop.is_set():
            opened.check_logits()
            opened.start_pacer()
            chain = ObservedChain(sampling, sampling.seed or 0, opened.vocabulary, (), request.candidates)
            try:
                yield from known.events(opened.llama, chain, prompt, stop)
            finally:
                chain.close()
        reason = Ending.CANCELLED if stop.is_set() else Ending.STOP
        yield Done(reason, sampling.seed or 0, total, cached, prompt_seconds=time.perf_counter() - started)

    def _prefill_draft(
        self, opened: "_LoadedModel", request: Request, sampling: Sampling, stop: CancelToken
    ) -> Iterator[Event]:
        """Prefill a draft, unless that much of it is in the KV cache already."""
        context, budget = opened.loaded.context, sampling.thinking
        variables, longest = opened.thinking.variables(budget), opened.thinking.longest_reply(sampling, budget)
        try:
            draft = fit_draft(opened.form, request.turns, context, longest, variables)
        except PromptTooLong as error:
            yield PromptFit(error.tokens, 0, context, trouble=str(error), excess=error.excess)
            yield Done(Ending.CANCELLED, sampling.seed or 0, error.tokens)
            return
        self._is_private = self._is_private or request.is_temporary
        if request.is_temporary:
            opened.cache.wait()  # so that clearing the disk finds all of it
            if not any(turn.text for turn in request.turns):
                opened.cache.drop_parked()  # earlier conversations may have been deleted
        fixed = opened.lasting(draft.fixed)
        begun = time.perf_counter()
        if request.only_counts or opened.llama.kept[: len(fixed)] == fixed:
            cached = opened.count_common(draft.fixed)
            yield PromptFit(draft.length, cached, context, draft.dropped, draft.first)
        else:
            cached = self._reuse_prefix(opened, fixed, is_private=request.is_temporary)
            yield PromptFit(draft.length, cached, context, draft.dropped, draft.first)
            for done in opened.decode_prompt(fixed[cached:], stop, is_draft=True):
                yield Reading(cached + done, draft.length)
        seconds = time.perf_counter() - begun
        yield Done(Ending.CANCELLED, sampling.seed or 0, draft.length, cached, prompt_seconds=seconds)

    def _make_chain(
        self, opened: "_LoadedModel", request: Request, sampling: Sampling, begun: Sequence[int]
    ) -> TokenSampler:
        if not request.candidates:
            return self.make_chain(sampling, sampling.seed or 0, opened.vocabulary, begun)
        from phichat.engine.llama.candidates import ObservedChain  # noqa: PLC0415 - NumPy takes 80 ms to import

        return ObservedChain(sampling, sampling.seed or 0, opened.vocabulary, begun, request.candidates)

    def _reuse_prefix(self, opened: "_LoadedModel", tokens: Sequence[int], *, is_private: bool) -> int:
        """Keep the common prefix with the new prompt in the KV cache; return its length. The last token never counts.

        The state of another conversation is parked first, unless that was private, and a parked or saved state of this
        one is restored.
        """
        opened.cache.switch_prompt(tokens, opened.count_common(tokens), keeps=not self._is_private)
        self._is_private = is_private
        opened.llama.forget_from(opened.count_common(tokens))
        return len(opened.llama.kept)


class _LoadedModel:
    """A loaded model with its vocabulary, prompt format and thread pacing."""

    def __init__(
        self,
        model: ModelRef,
        head: gguf.Head,
        settings: EngineSettings,
        prompt_cache: PromptCache | None,
        stop: CancelToken,
        report: Callable[[Event], None],
        make_format: Callable[[LlamaVocabulary], PromptFormat],
    ) -> None:
        def progress(fraction: float) -> bool:
            report(Loading(fraction))
            return not stop.is_urgent()  # a gentle stop comes from a request to the same model

        self._cpu_load = CpuLoad()
        try:
            self.llama = LlamaContext(head, settings, progress)
        except (EngineError, ModelDamaged) as error:
            if stop.is_urgent():
                raise EngineError(tr("Loading was canceled.")) from error
            raise
        try:
            self.vocabulary = LlamaVocabulary(self.llama.model)
            self.form = make_format(self.vocabulary)
            self.thinking = ModelThinking(self.vocabulary, self.form, names(head))
            self.llama.warm_up(self.vocabulary.bos or 0, settings.batch)
            self.loaded = Loaded(
                model,
                head.architecture,
                settings.context,
                library_build(),
                settings,
                most_context=head.context,
                cpu=system_info(),
                gpu=settings.gpu_layers != 0,
                thinking=self.thinking.default,
            )
            self.cache = KVCache(prompt_cache, cache_key(self.loaded), self.llama)
        except BaseException:
            self.llama.close()
            raise
        self._prices = StepCosts(settings.step_prices)
        self._cpu_load.start()
        self._reading, self._writing = (ThreadPacer(settings.threads, self._cpu_load) for _ in range(2))

    def close(self) -> None:
        """Free everything, once the prompt cache is written."""
        self.cache.wait()
        self._cpu_load.stop()
        self.llama.close()

    @property
    def room(self) -> int:
        """How many more tokens fit into the context."""
        return self.loaded.context - len(self.llama.kept)

    def count_common(self, tokens: Sequence[int]) -> int:
        """Return how much of the common prefix with the KV cache can stay there; the last token never counts."""
        pairs = zip(self.llama.kept, tokens[:-1], strict=False)
        return self.llama.usable_length(sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))

    def lasting(self, fixed: list[int]) -> list[int]:
        """Return what should be prefilled of the tokens of a draft that are the same whatever follows.

        A letter more can change its last tokens, which would mean to go back to a checkpoint where the memory cannot be
        trimmed. Then they are left for the reply.
        """
        return fixed if self.llama.is_trimmable else fixed[:-TAIL]

    def make_lookup(self) -> PromptLookup | None:
        """Return the prompt lookup for a reply; None if it is off."""
        is_on = self.loaded.settings.looks_up and self.llama.most_guesses > 0
        return PromptLookup(self.llama.kept, self._prices, self.form.stop_tokens) if is_on else None

    def start_pacer(self) -> ThreadPacer | None:
        """Return what sets the number of threads during a reply; None if that is fixed."""
        if not self.loaded.settings.follows_load:
            return None
        self._writing.check_load()
        self.llama.set_threads(self._writing.threads)
        return self._writing

    def decode_prompt(self, tokens: Sequence[int], stop: CancelToken, *, is_draft: bool = False) -> Iterator[int]:
        """Decode a prompt in steps, and yield how many tokens are done after each. End early when stopped.

        Where it is needed, a step ends and there is a checkpoint at the end of a turn, and near the end of the prompt.
        """
        places = self._checkpoint_places(tokens, is_draft=is_draft)
        self.llama.abort_on(stop)
        try:
            for before, place in pairwise([0, *places, len(tokens)]):
                for start in range(before, place, self.loaded.settings.batch):
                    step = tokens[start : min(start + self.loaded.settings.batch, place)]
                    if stop.is_set() or not self._read_step(step):
                        return
                    yield start + len(step)
                if place in places:
                    self.llama.save_checkpoint()
        finally:
            self.llama.abort_on(None)

    def _checkpoint_places(self, tokens: Sequence[int], *, is_draft: bool) -> list[int]:
        if self.llama.is_trimmable:
            return []
        since = len(self.llama.kept) - self.llama.checkpoints.last
        return checkpoint_places(tokens, self.form.stop_tokens, since, is_draft=is_draft)

    def check_logits(self) -> None:
        """Raise ModelDamaged if the last logits are no numbers."""
        if not self.llama.has_finite_logits():
            self.llama.forget_all()
            raise self.llama.invalid_values()

    def _read_step(self, tokens: Sequence[int]) -> bool:
        if self.loaded.settings.follows_load:
            self._reading.check_load()
            self.llama.set_threads(self._reading.threads)
        begun = time.perf_counter()
        is_done = self.llama.decode(tokens)
        if is_done and len(tokens) >= MEASURABLE:
            self._reading.record_step((time.perf_counter() - begun) / len(tokens))
        return is_done


def _make_watch(vocabulary: LlamaVocabulary, request: Request, begun: Sequence[int]) -> "UndecidedWatch":
    from phichat.engine.llama.undecided import UndecidedWatch  # noqa: PLC0415 - NumPy, as above

    return UndecidedWatch(vocabulary, begun, request.begun.text if request.begun else "")
