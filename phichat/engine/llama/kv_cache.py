"""Sequence states of llama.cpp for several conversations, parked in memory and saved in the prompt cache."""

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phichat.engine import hardware
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import LlamaContext
from phichat.engine.prompt_cache import FEWEST, PromptCache, count_common

SHARE = 10  # parked states take at most one part in so many of all memory
LEFT = 4  # and of the available memory
MOSTLY = 0.75  # share of a conversation that is enough to be saved while it goes on: files are written whole
MOST_WRITING = 2  # states written at the same time, each held in memory meanwhile


@dataclass(frozen=True)
class _Parked:
    """The state of a conversation that is not in the context, and whether it is on disk, too."""

    tokens: tuple[int, ...]
    data: bytearray
    is_written: bool


class KVCache:
    """Parks, saves and restores the KV cache of one loaded model, known by `key`. Threads write the files."""

    def __init__(self, prompt_cache: PromptCache | None, key: str, llama: LlamaContext) -> None:
        self._prompt_cache, self._key, self._llama = prompt_cache, key, llama
        self._written: tuple[int, ...] = ()
        self._aside: list[_Parked] = []
        self._threads: list[threading.Thread] = []

    def switch_prompt(self, tokens: Sequence[int], known: int, *, keeps: bool) -> None:
        """Prepare for the prompt `tokens`, of which the first `known` are in the KV cache.

        Park what it will overwrite, if `keeps`, and restore a parked or saved state with a longer prefix of it.
        """
        kept = self._llama.kept
        if keeps and len(kept) - known >= FEWEST:
            self._park()
        waiting = max(self._aside, key=lambda aside: count_common(aside.tokens, tokens), default=None)
        there = count_common(waiting.tokens, tokens) if waiting else 0
        if waiting and there >= known + FEWEST:
            self._aside.remove(waiting)
            self._restore(waiting.tokens, waiting.data, is_written=waiting.is_written)
        else:
            self._load_saved(tokens, known)

    def save(self, *, whole: bool = True) -> None:
        """Save the KV cache unless it is on disk already; most of it is enough unless `whole`."""
        tokens = tuple(self._llama.kept)
        enough = len(tokens) if whole else MOSTLY * len(tokens)
        if self._prompt_cache and len(tokens) >= FEWEST and count_common(self._written, tokens) < enough:
            self._start_saving(tokens, self._read_state())

    def drop_parked(self) -> None:
        """Discard all parked states."""
        self._aside.clear()

    def wait(self) -> None:
        """Wait until all files are written."""
        for thread in self._threads:
            thread.join()

    def _park(self) -> None:
        tokens, data = tuple(self._llama.kept), self._read_state()
        if not data:
            return
        is_written = self._prompt_cache is None or tokens == self._written[: len(tokens)]
        is_written = is_written or self._start_saving(tokens, data)
        room = min(hardware.installed_memory() // SHARE, hardware.available_memory() // LEFT)
        self._aside = [aside for aside in self._aside if count_common(aside.tokens, tokens) < len(aside.tokens)]
        while self._aside and sum(len(aside.data) for aside in self._aside) + len(data) > room:
            self._aside.pop(0)
        if len(data) <= room:
            self._aside.append(_Parked(tokens, data, is_written))

    def _load_saved(self, tokens: Sequence[int], known: int) -> None:
        """Restore a saved state of `tokens` if it is clearly longer than the `known` tokens."""
        found = self._prompt_cache.find_longest(self._key, tokens) if self._prompt_cache else None
        if not found or not self._prompt_cache or found[1] < known + FEWEST:
            return
        data = self._prompt_cache.load_state(found[0])
        if data is not None:
            self._restore(tuple(found[0].tokens), data, is_written=True)

    def _restore(self, tokens: tuple[int, ...], data: bytearray | memoryview, *, is_written: bool) -> None:
        self._llama.forget_all()
        buffer = (ctypes.c_uint8 * len(data)).from_buffer(data)
        if lib.llama_state_seq_set_data(self._llama.context, buffer, len(data), 0):
            self._llama.kept[:] = tokens
            self._written = tokens if is_written else ()
        else:
            self._llama.forget_all()

    def _read_state(self) -> bytearray:
        """Return the state of the sequence; empty if llama.cpp cannot give it."""
        size = lib.llama_state_seq_get_size(self._llama.context, 0)
        data = bytearray(size)
        buffer: Any = (ctypes.c_uint8 * size).from_buffer(data)
        return data if lib.llama_state_seq_get_data(self._llama.context, buffer, size, 0) == size else bytearray()

    def _start_saving(self, tokens: tuple[int, ...], data: bytearray) -> bool:
        """Start a thread that saves a state; return False if too many are being written."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if not self._prompt_cache or not data or len(self._threads) >= MOST_WRITING:
            return False
        self._written = tokens
        thread = threading.Thread(target=self._prompt_cache.save_state, args=(self._key, tokens, data), daemon=True)
        self._threads.append(thread)
        thread.start()
        return True
