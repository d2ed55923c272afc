"""When the tokens of one reply came, and the speeds that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Clock:
    """When each token of a reply came, in seconds; `asked` is when its prompt was handed over."""

    asked: float
    ticks: Sequence[float]

    def figures(self, prompt_tokens: int) -> dict[str, float]:
        """Tokens per second: the prompt's up to the first token, the reply's from the first to the last."""
        first, last = self.ticks[0], self.ticks[-1]
        return {
            "prompt": prompt_tokens / (first - self.asked),
            "generation": (len(self.ticks) - 1) / (last - first) if last > first else 0.0,
        }


def is_enough(ticks: Sequence[float], order: Mapping[str, Any]) -> bool:
    """Whether there are the `count` tokens that were ordered, or `seconds` have passed since the first of them."""
    is_late = order["seconds"] is not None and len(ticks) > 1 and ticks[-1] - ticks[0] > order["seconds"]
    return bool(is_late or len(ticks) >= order["count"])
