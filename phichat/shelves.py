"""Puts a shelf of models together: the models' room knows nothing of the engine's."""

from phichat.engine import bandwidth, memory
from phichat.models.hub import Hub
from phichat.models.library import Library
from phichat.models.shelf import Computer, Shelf
from phichat.paths import Home


def shelf(home: Home, library: Library) -> Shelf:
    """The models of `home`, and what they find on this computer."""
    return Shelf(home, library, Hub(), Computer(_memory_needed, memory.installed, bandwidth.Speedometer().speed))


def _memory_needed(file_bytes: int, kv_bytes: int) -> int:
    return file_bytes + kv_bytes + memory.OVERHEAD
