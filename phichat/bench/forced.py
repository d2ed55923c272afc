"""Has a model say a given text: its sampler does all its work, and is then overruled."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from phichat.chat.sampling import Sampling
from phichat.engine.llama.sampler import SamplerChain


class Chain(Protocol):
    """Chooses tokens; a SamplerChain is one."""

    def choose(self, context: Any, index: int = -1) -> int:
        """The next token, from what followed the token of that index in the last step."""

    def close(self) -> None:
        """Nothing more is chosen."""


class Forcing:
    """Makes sampler chains that choose the tokens of `script`, one after the other, in place of the model's own."""

    def __init__(self, script: Sequence[int]) -> None:
        self._script = script

    def __call__(self, sampling: Sampling, seed: int, vocabulary_size: int, begun: Iterable[int] = ()) -> "ForcedChain":
        """One for one reply."""
        return ForcedChain(SamplerChain(sampling, seed, vocabulary_size, begun), self._script)


class ForcedChain:
    """See `SamplerChain`."""

    def __init__(self, chain: Chain, script: Sequence[int]) -> None:
        self._chain, self._script = chain, iter(script)

    def choose(self, context: Any, index: int = -1) -> int:
        """The script's next token; the chain's own choice takes its time, and counts once the script is over."""
        return next(self._script, self._chain.choose(context, index))

    def close(self) -> None:
        """Free the chain."""
        self._chain.close()
