"""Measure prompt lookup: one engine copies a text and makes one up, in turns with and without it.

A test model of random weights copies nothing, so its sampler is made to choose the tokens of a given text.

echo '{"model": …}' | python -m phichat.bench.lookup
"""

import difflib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from phichat.bench.runs import Clock, Figures, medians, print_figures
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Piece, Request
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.generation import TokenSampler
from phichat.engine.llama.sampler import SamplerChain
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.errors import PhichatError


class Forcing:
    """Makes samplers that choose the tokens of `script` in place of the model's own."""

    def __init__(self, script: Sequence[int]) -> None:
        self._script = script

    def __call__(
        self, sampling: Sampling, seed: int, vocabulary: LlamaVocabulary, begun: Iterable[int] = ()
    ) -> "ForcedChain":
        """Return the sampler of one reply."""
        return ForcedChain(SamplerChain(sampling, seed, vocabulary, begun), self._script)


class ForcedChain:
    """Implements TokenSampler with a script."""

    def __init__(self, chain: TokenSampler, script: Sequence[int]) -> None:
        self._chain, self._script = chain, iter(script)

    def choose(self, context: Any, index: int = -1) -> int:
        """Return the script's next token, or after its end the chain's; the chain samples in any case, for the time."""
        return next(self._script, self._chain.choose(context, index))

    def close(self) -> None:
        """Free the chain."""
        self._chain.close()


TEXT = (
    "The old ferry goes over the river every morning. It carries bread, letters and people to the town on the other"
    " side. The captain is called Marie, and she has a dog that barks at the gulls. In winter the river freezes, and"
    " the ferry stays in the harbour. Then the people walk over the ice, and Marie mends her nets, paints the hull and"
    " drinks tea with the baker."
)
COPYING = f"Write the following text again, and change nothing:\n\n{TEXT}"
COPY = TEXT

FREE = "Tell me a long story about a lighthouse and the people who live near it."
STORY = (
    "Once upon a time, on a rocky coast in the north, there stood a tall white lighthouse. The keeper was an old woman"
    " named Marta, who had lived there since she was a girl. Every evening she climbed the hundred and twelve steps to"
    " light the lamp, and every morning she climbed them again to put it out. The fishermen in the village below said"
    " that she knew each wave by its name. One autumn a storm came that was worse than any before it. The wind tore"
    " the roof from the boathouse, and the sea rose until the path to the village was gone. Marta stayed with the"
    " light all night, and when it went out she lit it again. In the morning a stranger knocked at her door. He was"
    " wet and cold, and he carried a small wooden box under his arm."
)

LONGEST_REPLY, SHORTEST_REPLY = 128, 24  # tokens
TRIED = 20.0  # seconds of the first reply at most, which shows how fast the model is and whether it copies
ALIKE = 0.4  # similarity from which on a reply is a copy: the starter model's has 0.8, noise hardly any
ROUNDS = 2  # at least, unless the model is too slow


@dataclass(frozen=True)
class LookupReply:
    """A reply, the times of its tokens, and how many of them came from prompt lookup."""

    text: str
    clock: Clock
    looked_up: int

    @property
    def speed(self) -> float:
        """Tokens per second; 0 for an empty reply."""
        return self.clock.figures(0)["generation"] if self.clock.ticks else 0.0

    @property
    def share(self) -> float:
        """Share of its tokens that came from prompt lookup."""
        return self.looked_up / max(len(self.clock.ticks), 1)


class LookupEngine:
    """The engine, with model and settings of an order."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._path = Path(order["model"])
        self._settings = EngineSettings(**order["settings"])
        self._sampling = Sampling(**order["sampling"])
        self._engine = LlamaEngine()
        self.tokens = LONGEST_REPLY

    def copies(self, *, looks_up: bool, forced: bool = False, seconds: float | None = None) -> LookupReply:
        """Return its copy of the text."""
        exact = Sampling(temperature=0, repeat_penalty=1, seed=0)
        return self._say(COPYING, exact, looks_up, COPY if forced else "", seconds)

    def makes_up(self, seed: int, *, looks_up: bool, forced: bool = False) -> LookupReply:
        """Return a story of its own."""
        return self._say(FREE, replace(self._sampling, seed=seed), looks_up, STORY if forced else "")

    def _say(
        self, text: str, sampling: Sampling, looks_up: bool, forced: str, seconds: float | None = None
    ) -> LookupReply:
        """Return a reply, from a new context, so that nothing of the one before is in the KV cache."""
        self._engine.load(
            ModelRef.of_file(self._path), replace(self._settings, looks_up=looks_up), CancelToken(), lambda _: None
        )
        script = _tokens(self._path, forced)
        count = min(self.tokens, len(script) or self.tokens)
        if script:
            self._engine.make_chain = Forcing(script)
        stop, begun, pieces, ticks, looked_up = CancelToken(), time.perf_counter(), list[str](), list[float](), 0
        for event in self._engine.generate(
            Request((Turn(Role.USER, text),), replace(sampling, max_tokens=count)), stop
        ):
            if isinstance(event, Piece):
                pieces.append(event.text)
                ticks += [time.perf_counter()] if event.token >= 0 else []
                if seconds and ticks and ticks[-1] - ticks[0] > seconds:
                    stop.set()
            elif isinstance(event, Done):
                looked_up = event.looked_up_tokens
        return LookupReply("".join(pieces), Clock(begun, ticks), looked_up)

    def close(self) -> None:
        """Free all memory."""
        self._engine.close()


def measure(order: dict[str, Any]) -> Figures:
    """Measure both kinds of reply with and without prompt lookup, in at most `rounds`, for about `seconds`."""
    speaker = LookupEngine(order)
    try:
        return _measure(speaker, order["rounds"], order["seconds"])
    except PhichatError as error:
        return {"error": str(error)}
    finally:
        speaker.close()


def _measure(speaker: LookupEngine, rounds: int, seconds: float) -> Figures:
    first = speaker.copies(looks_up=False, seconds=TRIED)
    forced = not _is_copy(first.text)
    fitting = int(seconds / (4 * ROUNDS) * (first.speed or 1))
    speaker.tokens = min(LONGEST_REPLY, max(SHORTEST_REPLY, fitting))
    runs: dict[str, list[Figures | None]] = {"copying": [], "free": []}
    begun = time.monotonic()
    for turn in range(rounds):
        order = (True, False) if turn % 2 else (False, True)
        copies = {on: speaker.copies(looks_up=on, forced=forced) for on in order}
        stories = {on: speaker.makes_up(turn + 1, looks_up=on, forced=forced) for on in order}
        runs["copying"].append(_compared(copies))
        runs["free"].append(_compared(stories))
        passed = time.monotonic() - begun
        if passed + passed / (turn + 1) > seconds:
            break
    return {**{kind: medians(figures) for kind, figures in runs.items()}, "forced": forced}


def _compared(spoken: dict[bool, LookupReply]) -> Figures:
    """Return both speeds, and the share of tokens from prompt lookup."""
    return {"on": spoken[True].speed, "off": spoken[False].speed, "looked_up": spoken[True].share}


def _is_copy(text: str) -> bool:
    """Return whether `text`, which may have been cut off, is more or less a copy."""
    said = text.split()
    alike = difflib.SequenceMatcher(None, COPY.split()[: len(said)], said, autojunk=False)
    return bool(said) and alike.ratio() > ALIKE


def _tokens(path: Path, text: str) -> Sequence[int]:
    """Return the tokens of `text`."""
    if not text:
        return ()
    parameters = lib.llama_model_default_params()
    parameters.vocab_only = True
    model = lib.llama_model_load_from_file(os.fsencode(path), parameters)
    try:
        return LlamaVocabulary(model).tokenize(text)
    finally:
        lib.llama_model_free(model)


if __name__ == "__main__":
    print_figures(measure)
