"""What is to be measured, as every part receives it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings


@dataclass(frozen=True)
class Plan:
    """One benchmark.

    Attributes:
        model: the model's file.
        settings: how the app runs it.
        sampling: how replies are sampled.
        sweep: whether to look for the fastest settings too.
        report: hears what is being done, a sentence at a time.
        seconds: how long a part may take, more or less.
        rounds: how often each thing is timed at most; the median counts.
    """

    model: Path
    settings: EngineSettings
    sampling: Sampling
    sweep: bool
    report: Callable[[str], None]
    seconds: float = 240.0
    rounds: int = 5
