"""Puts a shelf of models together: the models' room knows nothing of the engine's."""

from phichat.cancellation import CancelToken
from phichat.engine import hardware
from phichat.engine.hardware import SpeedEstimator
from phichat.models.base import Remote
from phichat.models.library import Library
from phichat.models.shelf import Computer, Shelf
from phichat.paths import Home


def shelf(home: Home, library: Library) -> Shelf:
    """The models of `home`, and what they find on this computer."""
    return Shelf(home, library, _LazyHub(), Computer(_memory_needed, hardware.installed, SpeedEstimator().speed))


class _LazyHub:
    """The Hub, whose client is imported with the first question: a list of what is here needs none."""

    def look(self, repo: str, file: str, stop: CancelToken) -> Remote:
        from phichat.models.hub import Hub  # noqa: PLC0415

        return Hub().look(repo, file, stop)

    def files(self, repo: str, stop: CancelToken) -> list[Remote]:
        from phichat.models.hub import Hub  # noqa: PLC0415

        return Hub().files(repo, stop)


def _memory_needed(file_bytes: int, kv_bytes: int) -> int:
    return file_bytes + kv_bytes + hardware.OVERHEAD
