"""A loaded model with its vocabulary, prompt format, KV cache and thread pacing."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from phichat import gguf
from phichat.chat.prompts.base import PromptFormat
from phichat.engine.base import CancelToken, EngineSettings, Event, Loaded, Loading, ModelRef
from phichat.engine.engine_settings import EXACT, SHORT_KEYS
from phichat.engine.hardware import (
    available_memory,
    choose_cache_type,
    guess_cache_type,
    memory_needed,
    needs_flash,
)
from phichat.engine.llama import hardware
from phichat.engine.llama.checkpoints import TAIL, checkpoint_places
from phichat.engine.llama.context import LlamaContext, system_info
from phichat.engine.llama.kv_cache import KVCache
from phichat.engine.llama.prompt_lookup import PromptLookup, StepCosts
from phichat.engine.llama.reply_thinking import ModelThinking
from phichat.engine.llama.thread_pacing import ThreadPacer
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.engine.prompt_cache import PromptCache, fingerprint, make_key
from phichat.engine.settings import library_build
from phichat.errors import EngineError, ModelDamaged
from phichat.i18n import tr

if TYPE_CHECKING:
    from phichat.engine.cpu_load import CpuLoad

MEASURABLE = 32  # tokens of a step of the prompt, from which on its speed counts for the number of threads


class LoadedModel:
    """A loaded model. `close` it at the end.

    Attributes:
        llama: its context.
        vocabulary, form, thinking: how it is written to.
        loaded: what is told of it.
        cache: the states of other conversations.
    """

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

        self._cpu_load = _make_cpu_load(settings)
        try:
            self.llama = LlamaContext(head, settings, progress)
        except (EngineError, ModelDamaged) as error:
            if stop.is_urgent():
                raise EngineError(tr("Loading was canceled.")) from error
            raise
        try:
            self.vocabulary = LlamaVocabulary(self.llama.model)
            self.form = make_format(self.vocabulary)
            self.thinking = ModelThinking(self.vocabulary, self.form, _names(head))
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
            self.cache = KVCache(prompt_cache, _cache_key(self.loaded), self.llama)
        except BaseException:
            self.llama.close()
            raise
        self._prices = StepCosts(settings.step_prices)
        self._pacers: dict[int, ThreadPacer] = {}
        """By the tokens of a step, of which `MEASURABLE` stand for more."""
        if self._cpu_load:
            self._cpu_load.start()

    def close(self) -> None:
        """Free everything, once the prompt cache is written."""
        self.cache.wait()
        if self._cpu_load:
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

    def pacer_for(self, tokens: int) -> ThreadPacer | None:
        """Set the threads for steps of so many tokens, and return what learns how long a token takes.

        Return None if the number of threads is fixed.
        """
        if not self._cpu_load:
            return None
        key = min(tokens, MEASURABLE)
        if key not in self._pacers:
            self._pacers[key] = ThreadPacer(self.loaded.settings.threads, self._cpu_load)
        pacer = self._pacers[key]
        pacer.check_load()
        self.llama.set_threads(pacer.threads)
        return pacer

    def open_sequences(self, count: int) -> None:
        """Have room for so many sequences in the context, which is created anew if it has less."""
        if self.llama.sequences < count:
            self.cache.reopen(self.loaded.settings, count)

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

    def check_logits(self, index: int = -1) -> None:
        """Raise ModelDamaged if the logits at `index` of the last step are no numbers."""
        if not self.llama.has_finite_logits(index):
            self.llama.forget_all()
            raise self.llama.invalid_values()

    def _read_step(self, tokens: Sequence[int]) -> bool:
        pacer = self.pacer_for(MEASURABLE)
        begun = time.perf_counter()
        is_done = self.llama.decode(tokens)
        if is_done and pacer and len(tokens) >= MEASURABLE:
            pacer.record_step((time.perf_counter() - begun) / len(tokens))
        return is_done


def fit_settings(head: gguf.Head, settings: EngineSettings) -> EngineSettings:
    """Return `settings` as the model and the memory allow."""
    context = min(settings.context, head.context or settings.context)
    layers = hardware.gpu_layers(head, context) if settings.gpu_layers < 0 else settings.gpu_layers
    kind = choose_cache_type(head, context, _wanted_cache_type(head, settings, layers))
    flash = settings.flash_attention or layers != 0 or needs_flash(head, context, settings.batch, kind)
    repacking = settings.repacking and memory_needed(head, context, repacking=True) <= available_memory()
    settings = replace(settings, context=context, cache_type=kind, repacking=repacking)
    return replace(settings, gpu_layers=layers, flash_attention=flash)


def _make_cpu_load(settings: EngineSettings) -> "CpuLoad | None":
    """Return what measures the load that the number of threads follows; None if that is fixed."""
    if not settings.follows_load or settings.threads == 1:
        return None
    from phichat.engine.cpu_load import CpuLoad  # noqa: PLC0415 - brings psutil, a tenth of the process's start

    return CpuLoad()


def _wanted_cache_type(head: gguf.Head, settings: EngineSettings, layers: int) -> str:
    """Return the type of the KV cache where there is memory for it: keys are shortened on the processor only."""
    wanted = settings.cache_type or guess_cache_type(head)
    return EXACT if wanted == SHORT_KEYS and layers else wanted


def _names(head: gguf.Head) -> str:
    """Return what the makers call the model."""
    return " ".join(str(head.metadata.get(f"general.{key}", "")) for key in ("name", "basename", "finetune"))


def _cache_key(loaded: Loaded) -> str:
    """Return a hash of all that the KV cache depends on, which threads and step sizes are no part of."""
    ignored = {"threads", "batch", "looks_up", "follows_load", "step_prices", "variant"}  # the last is in `machine`
    settings = {name: value for name, value in loaded.settings.as_json().items() if name not in ignored}
    return make_key(model=fingerprint(loaded.model.path), settings=settings, library=loaded.library, machine=loaded.cpu)


def loads_for_ever(head: gguf.Head) -> bool:
    """Return whether llama.cpp would rotate no dimensions of each head without end."""
    kind = head.architecture
    is_hybrid = f"{kind}.ssm.state_size" in head.metadata  # which may do without any
    keys = (f"{kind}.rope.{name}" for name in ("dimension_count", "dimension_count_swa"))
    return not is_hybrid and any(head.metadata.get(key) == 0 for key in keys)
