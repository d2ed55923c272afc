"""A context's keys and values, out of llama.cpp and back into it."""

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as lib

from phichat.engine.states import FEWEST, States


class LlamaStates:
    """Keeps what one context remembers, under one key. A thread writes, so that the next answer can begin."""

    def __init__(self, states: States, key: str, context: Any) -> None:
        self._states, self._key, self._context = states, key, context
        self._written: tuple[int, ...] = ()
        self._thread: threading.Thread | None = None

    def bring_back(self, tokens: Sequence[int], known: int) -> list[int] | None:
        """Fill the context with what a file remembers of `tokens`, if that is more than the `known` it has already.

        The tokens that the context then holds; None if it is as it was.
        """
        found = self._states.best(self._key, tokens)
        if found is None or found[1] < known + FEWEST:
            return None
        saved, _ = found
        data = self._states.read(saved)
        if data is None:
            return None
        lib.llama_memory_clear(lib.llama_get_memory(self._context), True)
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        if not lib.llama_state_seq_set_data(self._context, buffer, len(data), 0):
            lib.llama_memory_clear(lib.llama_get_memory(self._context), True)
            return []
        self._written = tuple(saved.tokens)
        return list(saved.tokens)

    def keep(self, tokens: Sequence[int]) -> None:
        """Write down what the context remembers, `tokens`, unless that is done, or being done."""
        tokens = tuple(tokens)
        is_busy = self._thread is not None and self._thread.is_alive()
        if is_busy or len(tokens) < FEWEST or tokens == self._written[: len(tokens)]:
            return
        size = lib.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        if lib.llama_state_seq_get_data(self._context, buffer, size, 0) != size:
            return
        self._written = tokens
        self._thread = threading.Thread(target=self._states.keep, args=(self._key, tokens, bytes(buffer)), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until all is written."""
        if self._thread:
            self._thread.join()
