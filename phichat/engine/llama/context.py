"""A model loaded in llama.cpp, with a context and one sequence of tokens in its KV cache."""

import ctypes
import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.engine.base import SIZES, EngineSettings
from phichat.engine.engine_settings import EXACT, SHORT, SHORT_KEYS
from phichat.engine.llama import hardware
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.checkpoints import Checkpoints
from phichat.engine.states import FEWEST, Checkpoint, usable_length
from phichat.errors import EngineError, ModelDamaged, ModelUnsupported
from phichat.i18n import tr

MOST_SCORED = 64  # tokens of one step of which logits are computed, at most

_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR in ggml.h; llama-cpp-python's own list is out of date
_ABORTED = 2  # returned by llama_decode after the abort callback
_PARTIAL = lib.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
_ROLLING_BACK = {"lfm2", "lfm2moe", "nemotron_h", "nemotron_h_moe", "qwen35", "qwen35moe"}
"""Recurrent architectures of which llama.cpp can take the last tokens back; it says so of others, not tried here."""

ROLLBACK = SIZES[0] - 1
"""Tokens those can take back: the smallest step of prompt lookup. It took no measurable time, but each token as much
memory as a state; 31 tokens made a small model's graph too large for llama.cpp, which ended the process."""

MOST_ROLLBACK = 256_000_000  # bytes of memory for that
GGML_TYPES = {
    EXACT: (lib.GGML_TYPE_F16, lib.GGML_TYPE_F16),
    SHORT_KEYS: (lib.GGML_TYPE_Q8_0, lib.GGML_TYPE_F16),
    SHORT: (lib.GGML_TYPE_Q8_0, lib.GGML_TYPE_Q8_0),
}
"""Those of keys and of values, by the type of the KV cache."""


class LlamaContext:
    """One model and its context. `close` it at the end.

    Attributes:
        model, context, batch: llama.cpp's handles.
        kept: the tokens in the KV cache.
        checkpoints: copies of what cannot be trimmed, at some of these tokens.
        is_trimmable: whether any number of tokens at the end can be removed, without checkpoints.
        most_guesses: how many tokens of the last step can be; none if the model is recurrent and llama.cpp keeps no
            snapshots of it.
        sequences: for how many there is room in the context; the first is the one of `kept`.
    """

    def __init__(self, head: gguf.Head, settings: EngineSettings, progress: Callable[[float], bool]) -> None:
        """Load the model; `progress` is called with a fraction and returns whether to continue.

        Raise ModelDamaged, ModelUnsupported or EngineError.
        """
        start_library(settings.variant)
        self._head = head
        self.model: Any = None
        self.context: Any = None
        self.batch: Any = None
        self.kept: list[int] = []
        self.checkpoints = Checkpoints()
        self.is_trimmable, self.most_guesses, self.sequences = True, 0, 1
        self._window, self._is_recurrent = 0, False
        """How many tokens a sliding window sees; 0 if all. Whether some layers have a state that tokens overwrite."""
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
            raise ModelUnsupported(
                tr("{name} isn’t a chat model. Choose another model.").format(name=self._head.path.name)
            )
        self._is_recurrent = lib.llama_model_is_recurrent(self.model) or lib.llama_model_is_hybrid(self.model)

    def open(self, settings: EngineSettings, sequences: int = 1, *, keeps_window: bool = False) -> None:
        """Create a context as `settings` say, in place of the one before, for so many sequences.

        With `keeps_window`, sliding windows lose nothing, as `duplicate_cells` needs it.
        """
        self._free()
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = settings.context
        parameters.n_seq_max, parameters.kv_unified = sequences, True
        parameters.n_batch = most = max(settings.batch, MOST_SCORED)
        parameters.n_ubatch = settings.batch
        parameters.n_threads = parameters.n_threads_batch = settings.threads
        parameters.swa_full = keeps_window
        parameters.n_rs_seq = self._rollback(settings)
        parameters.type_k, parameters.type_v = GGML_TYPES[settings.cache_type]
        parameters.flash_attn_type = (
            lib.LLAMA_FLASH_ATTN_TYPE_ENABLED if settings.flash_attention else lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self.context = lib.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise self._load_error()
        self.batch = lib.llama_batch_init(most, 0, 1)
        self.sequences = sequences
        self._threads = settings.threads
        window = int(lib.llama_model_n_swa(self.model))
        self._window = window if window < lib.llama_n_ctx(self.context) else 0
        self.is_trimmable = not (self._window or self._is_recurrent)
        step = min(settings.batch, MOST_SCORED)
        self.most_guesses = int(lib.llama_n_rs_seq(self.context)) if self._is_recurrent else step - 1

    def warm_up(self, token: int, longest: int) -> None:
        """Decode a short batch and a token, so that a processor that cannot run this fails now, not in a reply."""
        if not 0 <= token < self.token_count:
            raise ModelDamaged(gguf.damaged(self._head.path))
        for batch in ([token] * min(4, longest), [token]):
            self.decode(batch)
        self.forget_all()

    def _rollback(self, settings: EngineSettings) -> int:
        """Return how many tokens a recurrent model should be able to take back for prompt lookup."""
        is_affordable = ROLLBACK * _state_bytes(self._head) <= MOST_ROLLBACK
        return ROLLBACK if settings.looks_up and self._head.architecture in _ROLLING_BACK and is_affordable else 0

    @property
    def token_count(self) -> int:
        """Size of the vocabulary."""
        return int(lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model)))

    def decode(self, tokens: Sequence[int]) -> bool:
        """Decode `tokens` after those kept; return False if it was aborted."""
        array = (lib.llama_token * len(tokens))(*tokens)
        if not self._run(lib.llama_batch_get_one(array, len(tokens))):
            return False
        self.kept += tokens
        return True

    def decode_guesses(self, token: int, guesses: Sequence[int]) -> bool:
        """Decode `token`, which is kept, and `guesses`, which are not kept until `accept_guess`.

        Logits are computed for each of them, by index. Return False if it was aborted.
        """
        if not self._run(self._scored_batch((token, *guesses))):
            return False
        self.kept.append(token)
        return True

    def decode_scored(self, tokens: Sequence[int]) -> bool:
        """Decode at most `MOST_SCORED` tokens after those kept, as `decode`, with logits for each of them, by index."""
        if not self._run(self._scored_batch(tokens)):
            return False
        self.kept += tokens
        return True

    def _scored_batch(self, tokens: Sequence[int]) -> Any:
        batch, start = self.batch, len(self.kept)
        for index, each in enumerate(tokens):
            batch.token[index], batch.pos[index] = each, start + index
            batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, 0, 1
        batch.n_tokens = len(tokens)
        return batch

    def can_trim_sequence(self, number: int, length: int, kept: int) -> bool:
        """Return whether the end of `kept` tokens can be removed, from `length` on, without a checkpoint."""
        return self.can_trim_state(length, kept, -1 if length >= kept else self.first_position(number))

    def can_trim_state(self, length: int, kept: int, first: int) -> bool:
        """Return the same of a state whose cells begin at position `first`."""
        if self.is_trimmable or length >= kept:
            return True
        return not self._is_recurrent and first <= max(0, length - self._window + 1)

    def first_position(self, number: int) -> int:
        """Return the position of the first token that a sequence still has cells of; -1 if there is none."""
        return int(lib.llama_memory_seq_pos_min(self.memory, number))

    def accept_guess(self, guess: int) -> None:
        """Keep the next of the guesses."""
        self.kept.append(guess)

    def forget_guesses(self) -> None:
        """Remove guesses that were not accepted from the KV cache; if they are too many, all since a checkpoint."""
        if not lib.llama_memory_seq_rm(self.memory, 0, len(self.kept), -1):
            self._return_to(self.checkpoints.before(len(self.kept)))

    def _run(self, batch: Any) -> bool:
        if result := lib.llama_decode(self.context, batch):
            self._undo_step()
            if result == _ABORTED:
                return False
            raise decode_error(result)
        return True

    def _undo_step(self) -> None:
        """Remove what a step that failed or was aborted has left, which in recurrent states is part of each token."""
        if self._is_recurrent:
            self._return_to(self.checkpoints.before(len(self.kept)))
        else:
            self.forget_guesses()

    def save_checkpoint(self) -> None:
        """Add a checkpoint of the tokens kept, if one is needed to return to them."""
        length = len(self.kept)
        if self.is_trimmable or length <= self.checkpoints.last:
            return
        if data := read_state(
            lib.llama_state_seq_get_size_ext(self.context, 0, _PARTIAL),
            lambda buffer, size: lib.llama_state_seq_get_data_ext(self.context, buffer, size, 0, _PARTIAL),
        ):
            self.checkpoints.add(Checkpoint(length, data))

    def save_checkpoint_of_reply(self) -> None:
        """Add a checkpoint if the last is so long ago that one is worth it, so that a reply can be branched there."""
        if not self.is_trimmable and len(self.kept) - self.checkpoints.last >= FEWEST:
            self.save_checkpoint()

    def usable_length(self, common: int) -> int:
        """Return how many tokens stay if all but the first `common` are forgotten: fewer unless they can be trimmed."""
        if self._can_trim(common):
            return common
        return usable_length(common, len(self.kept), [each.length for each in self.checkpoints])

    def _can_trim(self, length: int) -> bool:
        """Return whether all after `length` tokens can be removed, and what the next token looks at is still there."""
        return self.can_trim_sequence(0, length, len(self.kept))

    def _return_to(self, checkpoint: Checkpoint | None) -> None:
        """Restore a checkpoint; forget everything if there is none, or llama.cpp refuses it."""
        if checkpoint and self._restore(checkpoint):
            del self.kept[checkpoint.length :]
            self.checkpoints.forget_after(checkpoint.length)
        else:
            self.forget_all()

    def _restore(self, checkpoint: Checkpoint) -> bool:
        data = checkpoint.read()
        size = len(data)
        buffer = (ctypes.c_uint8 * size).from_buffer_copy(data)
        read = lib.llama_state_seq_set_data_ext(self.context, buffer, size, 0, _PARTIAL)
        return read == size and bool(lib.llama_memory_seq_rm(self.memory, 0, checkpoint.length, -1))

    def duplicate_cells(self, times: int) -> None:
        """Copy the KV cells of the sequence so many times, so that decoding is as slow as after a longer text.

        The copies have the same positions, so no sensible text can follow. Needs a context for two sequences.
        """
        size = lib.llama_state_seq_get_size(self.context, 0)
        state = (ctypes.c_uint8 * size)()
        lib.llama_state_seq_get_data(self.context, state, size, 0)
        for _ in range(times):
            lib.llama_state_seq_set_data(self.context, state, size, 1)
            lib.llama_memory_seq_cp(self.memory, 1, 0, -1, -1)
            lib.llama_memory_seq_rm(self.memory, 1, -1, -1)

    def forget_from(self, first: int) -> None:
        """Remove the tokens from index `first` on from the KV cache, and those since a checkpoint before if need be."""
        if not self._can_trim(first):
            self._return_to(self.checkpoints.before(first))
        elif first < len(self.kept):
            if not lib.llama_memory_seq_rm(self.memory, 0, first, -1):
                self.forget_all()
            del self.kept[first:]
            self.checkpoints.forget_after(first)

    def forget_all(self) -> None:
        """Clear the KV cache, and forget the checkpoints."""
        lib.llama_memory_clear(self.memory, True)
        self.kept.clear()
        self.checkpoints.replace(())

    def set_threads(self, count: int) -> None:
        """Set the number of threads."""
        if count != self._threads:
            self._threads = count
            lib.llama_set_n_threads(self.context, count, count)

    def abort_on(self, stop: CancelToken | None) -> None:
        """Abort decoding when `stop` is set; None to not check any more, as each check takes time."""
        self._abort = lib.ggml_abort_callback((lambda _: stop.is_urgent()) if stop else 0)
        lib.llama_set_abort_callback(self.context, self._abort, None)

    def has_finite_logits(self, index: int = -1) -> bool:
        """Return whether the logits at `index` of the last step are numbers."""
        logits: Any = lib.llama_get_logits_ith(self.context, index)
        return math.isfinite(sum(logits[: self.token_count]))  # no sum of so many 32-bit numbers overflows

    def invalid_values(self) -> ModelDamaged:
        """Return the error for logits that are no numbers."""
        return ModelDamaged(
            tr("{name} is damaged: it produces invalid values. Download it again, or choose another model.").format(
                name=self._head.path.name
            )
        )

    @property
    def memory(self) -> Any:
        """llama.cpp's handle of the KV cache."""
        return lib.llama_get_memory(self.context)

    def close(self) -> None:
        """Free model and context."""
        self._free()
        if self.model:
            lib.llama_model_free(self.model)
        self.model = None

    def _free(self) -> None:
        if self.context:
            lib.llama_free(self.context)
            lib.llama_batch_free(self.batch)
        self.context = None
        self.kept.clear()
        self.checkpoints.replace(())

    def _load_error(self) -> Exception:
        """Return an error for the user, from what llama.cpp logged."""
        said = " ".join(_log_errors)
        if "unknown model architecture" in said or "unknown pre-tokenizer" in said or "unknown tokenizer" in said:
            return ModelUnsupported(
                tr(
                    "{name} uses an architecture ({kind}) that this version of Phichat doesn’t support. "
                    "Choose another model."
                ).format(name=self._head.path.name, kind=self._head.architecture)
            )
        if "alloc" in said or "memory" in said:
            return EngineError(
                tr("There isn’t enough memory for {name}. Close other apps, or choose a smaller context.").format(
                    name=self._head.name
                )
            )
        return ModelDamaged(gguf.damaged(self._head.path))


def decode_error(code: int) -> EngineError:
    """Return the error for what `llama_decode` returned."""
    return EngineError(tr("The model couldn’t continue (llama.cpp error {code}). Try again.").format(code=code))


def read_state(size: int, read: Callable[[Any, int], int]) -> bytearray:
    """Return the `size` bytes that `read` writes into a buffer; empty if llama.cpp cannot give them."""
    data = bytearray(size)
    return data if size and read((ctypes.c_uint8 * size).from_buffer(data), size) == size else bytearray()


def _state_bytes(head: gguf.Head) -> int:
    """Return about how many bytes the recurrent states of a model are, if all its layers are recurrent."""

    def number(key: str) -> int:
        value = head.metadata.get(f"{head.architecture}.{key}")
        return value if isinstance(value, int) else 0

    inner, states = number("ssm.inner_size"), number("ssm.state_size")
    channels = inner + 2 * number("ssm.group_count") * states
    convolution = number("ssm.conv_kernel") * channels + number("shortconv.l_cache") * number("embedding_length")
    return 4 * head.layers * (convolution + inner * states)


_log_errors: deque[str] = deque(maxlen=20)
"""The latest errors that llama.cpp logged."""


def _on_log(level: int, text: bytes, _: Any) -> None:
    with suppress(Exception):  # no exception may leave a C callback
        if level == _ERROR_LEVEL:
            _log_errors.append(text.decode("utf-8", "replace").strip())


_log = lib.llama_log_callback(_on_log)  # kept here, as llama.cpp keeps only the pointer


@cache
def start_library(variant: str = "") -> None:
    """Initialise llama.cpp with that CPU `variant`, or the best one, and catch its log. Raise EngineError."""
    lib.llama_log_set(_log, None)
    hardware.load_variant(hardware.choose_variant(variant))
    lib.llama_backend_init()


def system_info() -> str:
    """Return the processor features that llama.cpp uses."""
    text = ctypes.cast(lib.llama_print_system_info(), ctypes.c_char_p).value or b""
    return text.decode("utf-8", "replace").strip(" |")
