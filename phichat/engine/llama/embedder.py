"""A model that turns texts into vectors, by which they can be compared."""

import math
import os
from pathlib import Path
from typing import Any

from phichat import gguf
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import start_library
from phichat.errors import EngineError, ModelDamaged, PromptTooLong
from phichat.i18n import format_number, tr

LONGEST = 8192  # tokens of a text: the memory for its attention grows with the square
_UNKNOWN = -1  # LLAMA_POOLING_TYPE_UNSPECIFIED: as the file says
_MEAN = 1


class Embedder:
    """The model file at `path`, run with so many `threads`. Raise ModelError if it is none.

    Attributes:
        size: the numbers in a vector.
    """

    def __init__(self, path: Path, threads: int) -> None:
        gguf.check_embedding_model(path, takes_chat=True)  # other programs may want one
        start_library()
        self._model: Any = lib.llama_model_load_from_file(os.fsencode(path), lib.llama_model_default_params())
        if not self._model:
            raise ModelDamaged(gguf.damaged(path))
        self._vocabulary: Any = lib.llama_model_get_vocab(self._model)
        self._longest = min(int(lib.llama_model_n_ctx_train(self._model)), LONGEST)
        self._context: Any = self._open(threads, _UNKNOWN)
        if lib.llama_pooling_type(self._context) == 0:  # none: a model that writes
            lib.llama_free(self._context)
            self._context = self._open(threads, _MEAN)
        self.size = int(lib.llama_model_n_embd(self._model))

    def _open(self, threads: int, pooling: int) -> Any:
        parameters = lib.llama_context_default_params()
        parameters.embeddings, parameters.pooling_type = True, pooling
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = self._longest  # such a model reads all at once
        parameters.n_threads = parameters.n_threads_batch = threads
        context = lib.llama_init_from_model(self._model, parameters)
        if not context:
            raise EngineError(
                tr("There isn’t enough memory for this embedding model. Close other apps, then try again.")
            )
        return context

    def embed(self, text: str) -> tuple[list[float], int]:
        """Return the vector of `text`, of length one, and how many tokens it has. Raise PromptTooLong."""
        tokens = self._tokenize(text)
        if len(tokens) > self._longest:
            raise PromptTooLong(
                tr("This text takes {tokens} tokens, but the embedding model can read at most {longest}.").format(
                    tokens=format_number(len(tokens)), longest=format_number(self._longest)
                ),
                len(tokens),
            )
        if not tokens:
            return [0.0] * self.size, 0
        self._read(tokens)
        found: Any = lib.llama_get_embeddings_seq(self._context, 0)
        if not found:
            raise EngineError(tr("This model can’t create embeddings. Use an embedding model."))
        return _normalized(list(found[: self.size])), len(tokens)

    def _read(self, tokens: list[int]) -> None:
        memory = lib.llama_get_memory(self._context)
        if memory:
            lib.llama_memory_clear(memory, True)
        array = (lib.llama_token * len(tokens))(*tokens)
        read = lib.llama_decode if memory else lib.llama_encode
        if result := read(self._context, lib.llama_batch_get_one(array, len(tokens))):
            raise EngineError(
                tr("The model couldn’t continue (llama.cpp error {code}). Try again.").format(code=result)
            )

    def _tokenize(self, text: str) -> list[int]:
        """Return the ids with the tokens that the model wants around a text; what the text spells stays text."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        found = (lib.llama_token * room)()
        return list(found[: max(lib.llama_tokenize(self._vocabulary, data, len(data), found, room, True, False), 0)])


def _normalized(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector] if math.isfinite(length) and length else vector
