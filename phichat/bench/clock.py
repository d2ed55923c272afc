"""When the tokens of one reply came, and the speeds that follow."""

from collections.abc import Sequence
from dataclasses import dataclass


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
