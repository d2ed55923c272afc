"""Sequence states of llama.cpp for several conversations, parked in memory and saved in the prompt cache.

Where a memory cannot be trimmed, some checkpoints go with each state, so that a prompt that differs near its end is not
decoded from the beginning.
"""

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from phichat.engine.base import EngineSettings
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.checkpoints import SAVED, memory_room, thinned
from phichat.engine.llama.context import LlamaContext, read_state
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.states import FEWEST, State, count_common
from phichat.errors import EngineError, ModelError

MOSTLY = 0.75  # share of a conversation that is enough to be saved while it goes on: files are written whole
MOST_WRITING = 2  # states written at the same time, each held in memory meanwhile


@dataclass(frozen=True)
class _Parked:
    """The state of a conversation that is not in the context, and whether it is on disk, too."""

    state: State
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
        waiting = max(self._aside, key=lambda aside: aside.state.usable_length(tokens), default=None)
        if waiting and waiting.state.usable_length(tokens) >= known + FEWEST:
            self._aside.remove(waiting)
            self._restore(waiting.state, is_written=waiting.is_written)
        else:
            self._load_saved(tokens, known)

    def set_aside(self, *, keeps: bool) -> None:
        """Clear the KV cache; park what is in it first, if `keeps`."""
        if keeps and len(self._llama.kept) >= FEWEST:
            self._park()
        self._llama.forget_all()

    def reopen(self, settings: EngineSettings, sequences: int) -> None:
        """Create the context anew for so many sequences, and keep what is in it.

        Raise EngineError if there is not enough memory; then it is as before, but empty.
        """
        state, before, is_written = self._read_state(), self._llama.sequences, self._written == tuple(self._llama.kept)
        try:
            self._llama.open(settings, sequences)
        except (EngineError, ModelError):
            self._llama.open(settings, before)
            raise
        if state.data:
            self._restore(state, is_written=is_written)

    def save(self, *, whole: bool = True) -> None:
        """Save the KV cache unless it is on disk already; most of it is enough unless `whole`."""
        tokens = tuple(self._llama.kept)
        enough = len(tokens) if whole else MOSTLY * len(tokens)
        if self._prompt_cache and len(tokens) >= FEWEST and count_common(self._written, tokens) < enough:
            self._start_saving(self._read_state())

    def drop_parked(self) -> None:
        """Discard all parked states."""
        self._aside.clear()

    def wait(self) -> None:
        """Wait until all files are written."""
        for thread in self._threads:
            thread.join()

    def _park(self) -> None:
        state = self._read_state()
        if not state.data:
            return
        tokens = tuple(state.tokens)
        is_written = self._prompt_cache is None or tokens == self._written[: len(tokens)]
        is_written = is_written or self._start_saving(state)
        room = memory_room() if state.is_trimmable else memory_room() // 2  # the rest is for checkpoints
        self._aside = [each for each in self._aside if count_common(each.state.tokens, tokens) < len(each.state.tokens)]
        while self._aside and sum(aside.state.bytes for aside in self._aside) + state.bytes > room:
            self._aside.pop(0)
        if state.bytes <= room:
            self._aside.append(_Parked(state, is_written))

    def _load_saved(self, tokens: Sequence[int], known: int) -> None:
        """Restore a saved state of `tokens` if it is clearly longer than the `known` tokens."""
        found = self._prompt_cache.find_longest(self._key, tokens) if self._prompt_cache else None
        if not found or not self._prompt_cache or found[1] < known + FEWEST:
            return
        if state := self._prompt_cache.load_state(found[0]):
            self._restore(state, is_written=True)

    def _restore(self, state: State, *, is_written: bool) -> None:
        self._llama.forget_all()
        buffer = (ctypes.c_uint8 * len(state.data)).from_buffer(state.data)
        if lib.llama_state_seq_set_data(self._llama.context, buffer, len(state.data), 0):
            self._llama.kept[:] = state.tokens
            self._llama.checkpoints.replace(state.checkpoints)
            self._written = tuple(state.tokens) if is_written else ()
        else:
            self._llama.forget_all()

    def _read_state(self) -> State:
        """Return the state of the sequence, with its most useful checkpoints; without data if llama.cpp gives none."""
        llama = self._llama
        size = lib.llama_state_seq_get_size(llama.context, 0)
        data = read_state(size, lambda buffer, size: lib.llama_state_seq_get_data(llama.context, buffer, size, 0))
        llama.checkpoints.read_all()
        checkpoints = tuple(thinned(list(llama.checkpoints), SAVED, memory_room() // 2))
        return State(tuple(llama.kept), data, checkpoints, llama.is_trimmable)

    def _start_saving(self, state: State) -> bool:
        """Start a thread that saves a state; return False if too many are being written."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if not self._prompt_cache or not state.data or len(self._threads) >= MOST_WRITING:
            return False
        self._written = tuple(state.tokens)
        thread = threading.Thread(target=self._prompt_cache.save_state, args=(self._key, state), daemon=True)
        self._threads.append(thread)
        thread.start()
        return True
