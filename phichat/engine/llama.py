"""llama.cpp through llama-cpp-python: the engine that does the work, in whatever process it is created."""

import ctypes
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as lib
import numpy as np

from phichat import gguf
from phichat.chat.messages import Ending
from phichat.chat.prompt import begun_tokens, draft_of, fit, format_for
from phichat.chat.sampling import Sampling
from phichat.engine import memory
from phichat.engine.base import (
    Done,
    EngineSettings,
    Event,
    Fitted,
    Loaded,
    Loading,
    Notice,
    Piece,
    PromptMade,
    Reading,
    Request,
    Stop,
)
from phichat.engine.llama_sampler import SamplerChain
from phichat.engine.llama_states import LlamaStates
from phichat.engine.llama_vocabulary import LlamaVocabulary
from phichat.engine.pieces import PieceReader
from phichat.engine.states import FEWEST, States, fingerprint, key_of
from phichat.errors import EngineError, ModelDamaged, ModelUnsupported
from phichat.text import tr

_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR in ggml.h; llama-cpp-python's own list is out of date
_ABORTED = 2  # llama_decode's answer when the abort callback said so


class LlamaEngine:
    """The Engine protocol on llama.cpp. Prompt tokens in common with the last prompt and reply are not read again."""

    def __init__(self, states: States | None = None) -> None:
        _start_library()
        self._states = states
        self._saving: LlamaStates | None = None
        self._is_private = False
        self._model: Any = None
        self._context: Any = None
        self._loaded: Loaded | None = None

    def load(self, path: Path, settings: EngineSettings, stop: Stop, report: Callable[[Event], None]) -> Loaded:
        """See Engine."""
        self.close()
        head = gguf.read_head(path)
        if not _talks(head):
            raise _mute(head)
        context = min(settings.context, head.context or settings.context)
        settings = replace(settings, context=context)
        if warning := memory.check(head, context):
            report(Notice(warning))
        try:
            self._load_model(head, settings, stop, report)
            self._make_context(head, settings)
            self._vocabulary = LlamaVocabulary(self._model)
            self._format = format_for(self._vocabulary)
            self._warm_up(head, settings.batch)
        except BaseException:
            self.close()
            raise
        if self._format.notice:
            report(Notice(self._format.notice))
        self._loaded = Loaded(
            head.name, str(path), head.architecture, context, library_version(), settings, head.context, system_info()
        )
        if self._states:
            self._saving = LlamaStates(self._states, _key(path, self._loaded), self._context)
        return self._loaded

    def rest(self) -> None:
        """Nothing is asked at the moment: what is remembered of the conversation goes to the disk."""
        if self._saving and not self._is_private:
            self._saving.keep(self._kept)

    def generate(self, request: Request, stop: Stop) -> Iterator[Event]:
        """See Engine."""
        if self._loaded is None:
            raise EngineError(tr("No model is loaded: choose one first."))
        started = time.perf_counter()
        sampling = request.sampling.with_seed()
        seed = sampling.seed or 0
        if request.is_draft:
            yield from self._read_ahead(request, sampling, stop)
            return
        before = self._format.notice
        begun = begun_tokens(self._vocabulary, request.begun) if request.begun else ()
        prompt = fit(self._format, request.turns, self._loaded.context, sampling.max_tokens, begun)
        if self._format.notice not in {"", before}:
            yield Notice(self._format.notice)
        yield PromptMade(tuple(prompt.tokens), self._vocabulary.text_of_all(prompt.tokens), prompt.dropped)
        cached = self._keep_common(prompt.tokens, is_private=request.is_temporary)
        yield Fitted(len(prompt.tokens), cached, self._loaded.context, prompt.dropped)
        for done in self._read(prompt.tokens[cached:], stop):
            yield Reading(cached + done, len(prompt.tokens))
        read_at = time.perf_counter()
        statistics = Done(Ending.CANCELLED, seed, len(prompt.tokens), cached, prompt_seconds=read_at - started)
        if stop.is_set():
            yield statistics
            return
        self._refuse_nonsense()
        yield from self._reply(sampling, stop, statistics, started, begun)

    def _read_ahead(self, request: Request, sampling: Sampling, stop: Stop) -> Iterator[Event]:
        """Read a draft, unless more of it than that has been read already."""
        draft = draft_of(self._format, request.turns, self._settings().context, sampling.max_tokens)
        tokens = draft.fixed
        self._is_private = self._is_private or request.is_temporary
        if self._saving and request.is_temporary:
            self._saving.wait()  # so that whoever clears the disk then finds all of it
        if request.only_counts or self._kept[: len(tokens)] == tokens:
            cached = self._common(tokens)
            yield Fitted(draft.length, cached, self._settings().context, draft.dropped)
        else:
            cached = self._keep_common(tokens, is_private=request.is_temporary)
            yield Fitted(draft.length, cached, self._settings().context, draft.dropped)
            for done in self._read(tokens[cached:], stop):
                yield Reading(cached + done, draft.length)
        yield Done(Ending.CANCELLED, sampling.seed or 0, draft.length, cached)

    def unload(self) -> None:
        """See Engine. Here, the model is not loaded again by itself: that is up to whoever unloads it."""
        self.rest()
        self.close()

    def close(self) -> None:
        """See Engine."""
        if self._saving:
            self._saving.wait()
        self._saving = None
        if self._context:
            lib.llama_free(self._context)
        if self._model:
            lib.llama_model_free(self._model)
        self._context = self._model = self._loaded = None
        self._kept: list[int] = []

    def _reply(
        self, sampling: Sampling, stop: Stop, statistics: Done, started: float, begun: Sequence[int]
    ) -> Iterator[Event]:
        reader = PieceReader(self._format.stop_texts, map(self._vocabulary.piece, begun))
        chain = SamplerChain(sampling, statistics.seed, self._vocabulary.count, begun)
        count, first_at, reason = 0, 0.0, Ending.LENGTH
        reading_done = time.perf_counter()
        try:
            while True:
                token = chain.choose(self._context)
                if stop.is_set() or token in self._format.stop_tokens:
                    reason = Ending.CANCELLED if stop.is_set() else Ending.STOP
                    break
                text = reader.feed(self._vocabulary.piece(token))
                count += 1
                first_at = first_at or time.perf_counter()
                yield Piece(text, token)
                if reader.ended:
                    reason = Ending.STOP
                    break
                if count == sampling.max_tokens or not self._room_for_one() or not self._decode([token]):
                    break
        finally:
            chain.close()
        if rest := reader.rest():
            yield Piece(rest, -1)
        seconds = time.perf_counter() - reading_done
        yield replace(
            statistics,
            reason=reason,
            completion_tokens=count,
            seconds_to_first_token=(first_at or time.perf_counter()) - started,
            completion_seconds=seconds,
            tokens_per_second=count / seconds if seconds else 0.0,
        )

    def _common(self, tokens: Sequence[int]) -> int:
        shortest = max(min(len(self._kept), len(tokens) - 1), 0)
        return next((index for index in range(shortest) if self._kept[index] != tokens[index]), shortest)

    def _change_conversation(self, tokens: Sequence[int]) -> None:
        """Put away what would be forgotten now, and bring back what was put away of what comes."""
        common = self._common(tokens)
        if self._saving is None:
            return
        if len(self._kept) - common >= FEWEST and not self._is_private:
            self._saving.keep(self._kept)
        brought = self._saving.bring_back(tokens, common)
        self._kept = self._kept if brought is None else brought

    def _keep_common(self, tokens: Sequence[int], *, is_private: bool) -> int:
        """Forget what the new prompt does not begin with; the number of tokens kept. The last is always read.

        What `is_private` is never put away.
        """
        self._change_conversation(tokens)
        self._is_private = is_private
        common = self._common(tokens)
        if not lib.llama_memory_seq_rm(self._memory(), 0, common, -1):  # recurrent models cannot go back
            lib.llama_memory_clear(self._memory(), True)
            common = 0
        del self._kept[common:]
        return common

    def _read(self, tokens: Sequence[int], stop: Stop) -> Iterator[int]:
        """Decode the prompt step by step; how many are done after each. Ends early when stopped."""
        step = self._settings().batch
        self._watch(stop)
        try:
            for start in range(0, len(tokens), step):
                if stop.is_set() or not self._decode(tokens[start : start + step]):
                    return
                yield start + len(tokens[start : start + step])
        finally:
            self._watch(None)

    def _decode(self, tokens: Sequence[int]) -> bool:
        """Run the model on `tokens`, which follow those kept; False if it was stopped before the end."""
        array = (lib.llama_token * len(tokens))(*tokens)
        result = lib.llama_decode(self._context, lib.llama_batch_get_one(array, len(tokens)))
        if result:
            lib.llama_memory_seq_rm(self._memory(), 0, len(self._kept), -1)
            if result == _ABORTED:
                return False
            raise EngineError(tr("The model could not go on (llama.cpp said {code}). Try again.").format(code=result))
        self._kept += tokens
        return True

    def _watch(self, stop: Stop | None) -> None:
        """Let llama.cpp look at `stop` between the steps of a batch; not while it writes, where a look costs more."""
        self._abort = lib.ggml_abort_callback(lambda _: stop.is_set()) if stop else lib.ggml_abort_callback(0)
        lib.llama_set_abort_callback(self._context, self._abort, None)

    def _refuse_nonsense(self) -> None:
        logits: Any = lib.llama_get_logits_ith(self._context, -1)
        if not np.isfinite(np.ctypeslib.as_array(logits, (self._vocabulary.count,))).all():
            self._kept.clear()
            raise ModelDamaged(
                tr(
                    "{name} is damaged: what it computes are no numbers. Fetch it again, or choose another model."
                ).format(name=Path(self._loaded.path).name if self._loaded else "")
            )

    def _load_model(
        self, head: gguf.Head, settings: EngineSettings, stop: Stop, report: Callable[[Event], None]
    ) -> None:
        def progress(fraction: float, _: Any) -> bool:
            report(Loading(fraction))
            return not stop.is_set()

        callback = lib.llama_progress_callback(progress)
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = settings.gpu_layers
        parameters.use_extra_bufts = settings.repacking
        parameters.progress_callback = callback
        _said.clear()
        self._model = lib.llama_model_load_from_file(os.fsencode(head.path), parameters)
        if not self._model:
            if stop.is_set():
                raise EngineError(tr("Loading was stopped."))
            raise self._load_error(head)

    def _make_context(self, head: gguf.Head, settings: EngineSettings) -> None:
        if not lib.llama_model_has_decoder(self._model) or lib.llama_model_has_encoder(self._model):
            raise _mute(head)
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = settings.context
        parameters.n_batch = parameters.n_ubatch = settings.batch
        parameters.n_threads = parameters.n_threads_batch = settings.threads
        parameters.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_ENABLED if settings.flash_attention else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self._context = lib.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise self._load_error(head)

    def _load_error(self, head: gguf.Head) -> Exception:
        """llama.cpp's own words as an error a person understands."""
        said = " ".join(_said)
        if "unknown model architecture" in said or "unknown pre-tokenizer" in said:
            return ModelUnsupported(
                tr("{name} is of a kind ({kind}) that this version cannot run. Choose another model.").format(
                    name=head.path.name, kind=head.architecture
                )
            )
        if "alloc" in said or "memory" in said:
            return EngineError(
                tr("There is not enough memory for {name}. Close other programs, or choose a smaller context.").format(
                    name=head.name
                )
            )
        return ModelDamaged(gguf.damaged(head.path))

    def _warm_up(self, head: gguf.Head, longest: int) -> None:
        """Read one short batch and one token, so that a processor that cannot run this fails now, not in a reply."""
        token = self._vocabulary.bos if self._vocabulary.bos is not None else 0
        for batch in ([token] * min(4, longest), [token]):
            if not 0 <= token < self._vocabulary.count:
                raise ModelDamaged(gguf.damaged(head.path))
            self._decode(batch)
        lib.llama_memory_clear(self._memory(), True)
        self._kept.clear()

    def _room_for_one(self) -> bool:
        return len(self._kept) < self._settings().context

    def _settings(self) -> EngineSettings:
        assert self._loaded is not None  # noqa: S101 - for the type checker
        return self._loaded.settings

    def _memory(self) -> Any:
        return lib.llama_get_memory(self._context)


def _key(path: Path, loaded: Loaded) -> str:
    """All that keys and values depend on. How many threads computed them, and in what steps, is no matter."""
    settings = {name: value for name, value in asdict(loaded.settings).items() if name not in {"threads", "batch"}}
    return key_of(model=fingerprint(path), settings=settings, library=loaded.library, machine=loaded.cpu)


def _talks(head: gguf.Head) -> bool:
    """False for the parts of models that see pictures, and for models that only compare texts."""
    kind = head.architecture
    reads_backwards = head.metadata.get(f"{kind}.attention.causal") is False
    return kind != "clip" and not reads_backwards and not head.metadata.get(f"{kind}.pooling_type")


def _mute(head: gguf.Head) -> ModelUnsupported:
    return ModelUnsupported(tr("{name} is not a model to talk with. Choose another one.").format(name=head.path.name))


_said: deque[str] = deque(maxlen=20)
"""llama.cpp's latest complaints."""


def _hear(level: int, text: bytes, _: Any) -> None:
    with suppress(Exception):  # nothing may leave a C callback
        if level == _ERROR_LEVEL:
            _said.append(text.decode("utf-8", "replace").strip())


_log = lib.llama_log_callback(_hear)  # llama.cpp keeps only the pointer


@cache
def _start_library() -> None:
    lib.llama_log_set(_log, None)
    lib.llama_backend_init()


def library_version() -> str:
    """Which llama.cpp this is."""
    return f"llama-cpp-python {llama_cpp.__version__}"


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    text = ctypes.cast(lib.llama_print_system_info(), ctypes.c_char_p).value or b""
    return text.decode("utf-8", "replace").strip(" |")
