"""The engine on llama.cpp, which runs in the process that creates it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from phichat import gguf
from phichat.chat.conversation import Ending, Turn
from phichat.chat.prompts.base import Template
from phichat.chat.prompts.formats import compile_here, format_for
from phichat.chat.prompts.trimming import fit_draft
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelRef,
    Notice,
    PromptFit,
    Reading,
    Request,
)
from phichat.engine.hardware import check_memory
from phichat.engine.llama import hardware
from phichat.engine.llama.answer_group import write_answers
from phichat.engine.llama.context import start_library
from phichat.engine.llama.generation import TokenGenerator
from phichat.engine.llama.loaded_model import LoadedModel, fit_settings, loads_for_ever
from phichat.engine.llama.reply_plan import MakeChain, ReplyPlan
from phichat.engine.llama.reply_slots import ReplySlots
from phichat.engine.llama.sampler import SamplerChain
from phichat.engine.prompt_cache import PromptCache
from phichat.errors import EngineError, ModelDamaged, ModelError, PromptTooLong
from phichat.i18n import tr

if TYPE_CHECKING:
    pass


class LlamaEngine:
    """Implements Engine with llama.cpp. The common prefix with the last prompt and reply is not decoded again.

    Attributes:
        make_chain: makes the sampler of one reply, from sampling, seed, vocabulary and tokens begun with.
    """

    make_chain: MakeChain = SamplerChain

    def __init__(
        self,
        prompt_cache: PromptCache | None = None,
        compile_template: Callable[[str], Template] = compile_here,
        prepare_template: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._prompt_cache, self._compile_template = prompt_cache, compile_template
        self._prepare_template = prepare_template
        self._is_private = False
        self._open: LoadedModel | None = None

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """See Engine."""
        self.save_prompt_cache(for_long=True)
        self.close()
        head = gguf.read_head(model.path)
        if loads_for_ever(head):
            raise ModelDamaged(gguf.damaged(head.path))
        self._prepare_template(str(head.metadata.get("tokenizer.chat_template") or ""))  # while the weights are read
        chosen = hardware.choose_variant(settings.variant)
        if chosen.variant:
            report(chosen)
        start_library(settings.variant)
        settings = fit_settings(head, replace(settings, variant=chosen.variant))
        if warning := check_memory(head, settings.context, settings.cache_type):
            report(Notice(warning))
        make_format = partial(format_for, compile_template=self._compile_template)
        self._open = opened = LoadedModel(model, head, settings, self._prompt_cache, stop, report, make_format)
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
        if request.is_draft:
            yield from self._prefill_draft(self._open, request, request.sampling.with_seed(), stop)
        elif request.weighs_begun and request.begun:
            yield from self._weigh(self._open, request, request.begun, request.sampling.with_seed(), stop)
        else:
            yield from self._generate(self._open, request, stop)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """See Engine. The state of the conversation is parked first; afterwards, the KV cache is empty."""
        from phichat.engine.llama.text_scorer import TextScorer  # noqa: PLC0415 - NumPy takes 80 ms to import

        if self._open is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        self._open.cache.set_aside(keeps=not self._is_private)
        self._open.pacer_for(1)
        llama, settings = self._open.llama, self._open.loaded.settings
        try:
            yield from TextScorer(llama, self._open.vocabulary, settings.context, settings.batch).events(text, stop)
        finally:
            llama.forget_all()

    def open_slots(self, count: int) -> ReplySlots:
        """Return slots for `count` replies at the same time; nothing else may be asked until they are closed.

        The state of the conversation is parked first. Raise EngineError.
        """
        if self._open is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        self._open.cache.set_aside(keeps=not self._is_private)
        return ReplySlots(self._open, count, self.make_chain)

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

    def _generate(self, opened: LoadedModel, request: Request, stop: CancelToken) -> Iterator[Event]:
        started = time.perf_counter()
        plan = ReplyPlan(opened, request, self.make_chain)
        tokens = plan.prompt.tokens
        yield from plan.opening()
        if request.count > 1:
            with suppress(EngineError, ModelError):  # without memory for it, one after the other
                opened.open_sequences(request.count)
        cached = self._reuse_prefix(opened, tokens, is_private=request.is_temporary)
        yield plan.fit(cached)
        for done in opened.decode_prompt(tokens[cached:], stop):
            yield Reading(cached + done, len(tokens))
        statistics = Done(Ending.CANCELLED, plan.request.sampling.seed or 0, len(tokens), cached)
        statistics = replace(statistics, prompt_seconds=time.perf_counter() - started)
        if stop.is_set():
            yield statistics
            return
        opened.check_logits()
        if request.count > 1:
            yield from write_answers(opened, plan, stop, statistics, started)
            return
        with plan.answer() as answer:
            generator = TokenGenerator(opened.llama, answer.picker, opened.pacer_for(1), opened.make_lookup())
            tokens_of_reply = generator.tokens(answer.most, stop)
            yield from answer.writer.pieces(tokens_of_reply, lambda: opened.room, stop)
        yield from answer.ending(replace(statistics, looked_up_tokens=generator.looked_up), started)

    def _weigh(
        self, opened: LoadedModel, request: Request, reply: Turn, sampling: Sampling, stop: CancelToken
    ) -> Iterator[Event]:
        """Read `reply` again, and tell what is weighed at each of its tokens."""
        from phichat.engine.llama.candidates import ObservedChain  # noqa: PLC0415 - NumPy, as above
        from phichat.engine.llama.reply_scorer import ReplyScorer  # noqa: PLC0415
        from phichat.engine.llama.undecided import UndecidedWatch  # noqa: PLC0415

        started = time.perf_counter()
        known = ReplyScorer(opened.form, opened.thinking, opened.vocabulary, reply, sampling)
        prompt = known.fit(request.turns, opened.loaded.context)
        cached = self._reuse_prefix(opened, prompt, is_private=request.is_temporary)
        total = len(prompt) + len(known.tokens)
        for done in opened.decode_prompt(prompt[cached:], stop):
            yield Reading(cached + done, total)
        if known.tokens and not stop.is_set():
            opened.check_logits()
            opened.pacer_for(1)
            chain = ObservedChain(sampling, sampling.seed or 0, opened.vocabulary, (), request.candidates)
            watch = UndecidedWatch(opened.vocabulary, offsets=request.branched_at) if request.finds_undecided else None
            try:
                yield from known.events(opened.llama, chain, prompt, stop, watch)
            finally:
                chain.close()
        reason = Ending.CANCELLED if stop.is_set() else Ending.STOP
        yield Done(reason, sampling.seed or 0, total, cached, prompt_seconds=time.perf_counter() - started)

    def _prefill_draft(
        self, opened: LoadedModel, request: Request, sampling: Sampling, stop: CancelToken
    ) -> Iterator[Event]:
        """Prefill a draft, unless that much of it is in the KV cache already."""
        context, budget = opened.loaded.context, sampling.thinking
        variables, longest = opened.thinking.variables(budget), opened.thinking.longest_reply(sampling, budget)
        try:
            draft = fit_draft(opened.form, request.turns, context, longest, variables)
        except PromptTooLong as error:
            yield PromptFit(error.tokens, 0, context, trouble=str(error), excess=error.excess, is_least=error.is_least)
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

    def _reuse_prefix(self, opened: LoadedModel, tokens: Sequence[int], *, is_private: bool) -> int:
        """Keep the common prefix with the new prompt in the KV cache; return its length. The last token never counts.

        The state of another conversation is parked first, unless that was private, and a parked or saved state of this
        one is restored.
        """
        opened.cache.switch_prompt(tokens, opened.count_common(tokens), keeps=not self._is_private)
        self._is_private = is_private
        opened.llama.forget_from(opened.count_common(tokens))
        return len(opened.llama.kept)
