"""A model in llama.cpp and the one sequence of tokens it remembers: loading, decoding, forgetting."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as lib
import numpy as np

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.engine.base import EngineSettings
from phichat.engine.llama import hardware
from phichat.errors import EngineError, ModelDamaged, ModelUnsupported
from phichat.i18n import tr

MOST_SCORED = 64  # tokens of one step that may all be followed by a choice

_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR in ggml.h; llama-cpp-python's own list is out of date
_ABORTED = 2  # llama_decode's answer when the abort callback said so
_CACHE_TYPES = {"f16": 1, "q8_0": 8}  # GGML_TYPE_F16 and GGML_TYPE_Q8_0 in ggml.h


class LlamaContext:
    """One model and its memory. `close` it at the end.

    Attributes:
        model, context: llama.cpp's own.
        kept: the tokens that are remembered.
    """

    def __init__(self, head: gguf.Head, settings: EngineSettings, progress: Callable[[float], bool]) -> None:
        """Load `head`'s model; `progress` hears fractions and says whether to go on.

        Raises ModelDamaged, ModelUnsupported or EngineError.
        """
        start_library(settings.variant)
        self._head = head
        self.model: Any = None
        self.context: Any = None
        self.kept: list[int] = []
        try:
            self._load(settings, progress)
            self.open(settings)
        except BaseException:
            self.close()
            raise

    def _load(self, settings: EngineSettings, progress: Callable[[float], bool]) -> None:
        callback = lib.llama_progress_callback(lambda fraction, _: progress(fraction))
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = settings.gpu_layers
        parameters.use_extra_bufts = settings.repacking
        parameters.progress_callback = callback
        _log_errors.clear()
        self.model = lib.llama_model_load_from_file(os.fsencode(self._head.path), parameters)
        if not self.model:
            raise self._load_error()
        if not lib.llama_model_has_decoder(self.model) or lib.llama_model_has_encoder(self.model):
            raise not_a_chat_model(self._head)

    def open(self, settings: EngineSettings, sequences: int = 1) -> None:
        """Make room for what is to be remembered, as `settings` say; what was remembered is forgotten."""
        self._free()
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = settings.context
        parameters.n_seq_max, parameters.kv_unified = sequences, True
        parameters.n_batch = max(settings.batch, MOST_SCORED)
        parameters.n_ubatch = settings.batch
        parameters.n_threads = parameters.n_threads_batch = settings.threads
        parameters.type_k = parameters.type_v = _CACHE_TYPES[settings.cache_type]
        parameters.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_ENABLED if settings.flash_attention else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self.context = lib.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise self._load_error()
        self._batch = lib.llama_batch_init(MOST_SCORED, 0, 1)
        self._threads = settings.threads

    def warm_up(self, token: int, longest: int) -> None:
        """Read one short batch and one token, so that a processor that cannot run this fails now, not in a reply."""
        if not 0 <= token < self.token_count:
            raise ModelDamaged(gguf.damaged(self._head.path))
        for batch in ([token] * min(4, longest), [token]):
            self.decode(batch)
        self.forget_all()

    @property
    def token_count(self) -> int:
        """How many tokens the model knows."""
        return int(lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model)))

    @property
    def can_forget_last(self) -> bool:
        """Whether it can forget the last of what it remembers; recurrent models cannot."""
        return not (lib.llama_model_is_recurrent(self.model) or lib.llama_model_is_hybrid(self.model))

    def decode(self, tokens: Sequence[int]) -> bool:
        """Run the model on `tokens`, which follow those kept; False if it was stopped before the end."""
        array = (lib.llama_token * len(tokens))(*tokens)
        if not self._run(lib.llama_batch_get_one(array, len(tokens))):
            return False
        self.kept += tokens
        return True

    def decode_guesses(self, token: int, guesses: Sequence[int]) -> bool:
        """Run the model on `token`, which is kept, and on `guesses`, which are not until they are `confirm`ed.

        A choice may follow each of them, by its index. False if it was stopped before the end.
        """
        batch, start = self._batch, len(self.kept)
        for index, each in enumerate((token, *guesses)):
            batch.token[index], batch.pos[index] = each, start + index
            batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, 0, 1
        batch.n_tokens = 1 + len(guesses)
        if not self._run(batch):
            return False
        self.kept.append(token)
        return True

    def accept_guess(self, guess: int) -> None:
        """The next guess that was tried out is what comes."""
        self.kept.append(guess)

    def forget_guesses(self) -> None:
        """Forget what was tried out and not confirmed."""
        lib.llama_memory_seq_rm(self.memory, 0, len(self.kept), -1)

    def _run(self, batch: Any) -> bool:
        if result := lib.llama_decode(self.context, batch):
            self.forget_guesses()
            if result == _ABORTED:
                return False
            raise EngineError(tr("The model could not go on (llama.cpp said {code}). Try again.").format(code=result))
        return True

    def duplicate_cells(self, times: int) -> None:
        """Remember all that is kept so many times more, as cells beside it: what follows is as slow as with more text.

        The positions stay those of the first time, so nothing sensible can follow. Needs a context for two sequences.
        """
        size = lib.llama_state_seq_get_size(self.context, 0)
        state = (ctypes.c_uint8 * size)()
        lib.llama_state_seq_get_data(self.context, state, size, 0)
        for _ in range(times):
            lib.llama_state_seq_set_data(self.context, state, size, 1)
            lib.llama_memory_seq_cp(self.memory, 1, 0, -1, -1)
            lib.llama_memory_seq_rm(self.memory, 1, -1, -1)

    def forget_from(self, first: int) -> None:
        """Forget the tokens from number `first` on; all of them, where the model cannot go back."""
        if not lib.llama_memory_seq_rm(self.memory, 0, first, -1):
            self.forget_all()
        del self.kept[first:]

    def forget_all(self) -> None:
        """Remember nothing."""
        lib.llama_memory_clear(self.memory, True)
        self.kept.clear()

    def set_threads(self, count: int) -> None:
        """How many threads work from now on."""
        if count != self._threads:
            self._threads = count
            lib.llama_set_n_threads(self.context, count, count)

    def abort_on(self, stop: CancelToken | None) -> None:
        """Let llama.cpp look at `stop` between the steps of a batch; None for no longer, as a look has its cost."""
        self._abort = lib.ggml_abort_callback((lambda _: stop.is_urgent()) if stop else 0)
        lib.llama_set_abort_callback(self.context, self._abort, None)

    def has_finite_logits(self) -> bool:
        """Whether what was computed last are numbers."""
        logits: Any = lib.llama_get_logits_ith(self.context, -1)
        return bool(np.isfinite(np.ctypeslib.as_array(logits, (self.token_count,))).all())

    @property
    def memory(self) -> Any:
        """llama.cpp's handle of what is remembered."""
        return lib.llama_get_memory(self.context)

    def close(self) -> None:
        """Give everything back."""
        self._free()
        if self.model:
            lib.llama_model_free(self.model)
        self.model = None

    def _free(self) -> None:
        if self.context:
            lib.llama_free(self.context)
            lib.llama_batch_free(self._batch)
        self.context = None
        self.kept.clear()

    def _load_error(self) -> Exception:
        """llama.cpp's own words as an error a person understands."""
        said = " ".join(_log_errors)
        if "unknown model architecture" in said or "unknown pre-tokenizer" in said:
            return ModelUnsupported(
                tr("{name} is of a kind ({kind}) that this version cannot run. Choose another model.").format(
                    name=self._head.path.name, kind=self._head.architecture
                )
            )
        if "alloc" in said or "memory" in said:
            return EngineError(
                tr("There is not enough memory for {name}. Close other programs, or choose a smaller context.").format(
                    name=self._head.name
                )
            )
        return ModelDamaged(gguf.damaged(self._head.path))


def not_a_chat_model(head: gguf.Head) -> ModelUnsupported:
    """The error for a model that cannot answer."""
    return ModelUnsupported(tr("{name} is not a model to talk with. Choose another one.").format(name=head.path.name))


_log_errors: deque[str] = deque(maxlen=20)
"""llama.cpp's latest complaints."""


def _on_log(level: int, text: bytes, _: Any) -> None:
    with suppress(Exception):  # nothing may leave a C callback
        if level == _ERROR_LEVEL:
            _log_errors.append(text.decode("utf-8", "replace").strip())


_log = lib.llama_log_callback(_on_log)  # llama.cpp keeps only the pointer


@cache
def start_library(variant: str = "") -> None:
    """Have llama.cpp ready, and quiet, with that `variant` for this processor, or the best. Raises EngineError."""
    lib.llama_log_set(_log, None)
    hardware.load_variant(hardware.choose_variant(variant))
    lib.llama_backend_init()


def library_version() -> str:
    """Which llama.cpp this is."""
    return f"llama-cpp-python {llama_cpp.__version__}"


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    text = ctypes.cast(lib.llama_print_system_info(), ctypes.c_char_p).value or b""
    return text.decode("utf-8", "replace").strip(" |")
