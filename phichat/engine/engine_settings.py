"""The settings a model is run with."""

from dataclasses import asdict, dataclass
from typing import Any

EXACT, SHORT_KEYS, SHORT = CACHE_TYPES = "f16", "q8_0/f16", "q8_0"
"""Types of the KV cache, longest first."""

SIZES = (8, 16, 32)
"""Tokens in a step of prompt lookup decoding: the sampled one and the guesses after it."""


@dataclass(frozen=True)
class EngineSettings:
    """How a model is run. The same settings, seed and prompt on one machine give the same text.

    Attributes:
        context: size of the context in tokens; at most what the model was trained for.
        threads: processor threads, at most.
        batch: tokens decoded in one step of the prompt; cancellation and progress are handled between steps.
        flash_attention: whether to use flash attention.
        repacking: whether to repack the weights for this processor while loading, which needs more memory.
        gpu_layers: layers to offload to the graphics processor; -1 for all.
        cache_type: type of the KV cache: "f16", "q8_0/f16" with keys in q8_0, which takes three quarters of the memory,
            or "q8_0", which takes half and is a little less exact; empty for the best guess.
        looks_up: whether to use prompt lookup decoding: guess tokens from earlier text and check several in one step.
            It changes a reply only by the rounding of larger steps.
        follows_load: whether to use fewer threads while other programs are busy, where that is faster.
        variant: which of llama.cpp's CPU variants runs; empty for the best one.
        step_prices: time of a step that checks guesses, for each size in `SIZES`, in single tokens; empty if not
            measured.
    """

    context: int = 4096
    threads: int = 1
    batch: int = 128
    flash_attention: bool = True
    repacking: bool = False
    gpu_layers: int = -1
    cache_type: str = "f16"
    looks_up: bool = True
    follows_load: bool = True
    variant: str = ""
    step_prices: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_prices", tuple(self.step_prices))  # JSON has lists only

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON types."""
        return {**asdict(self), "step_prices": list(self.step_prices)}
