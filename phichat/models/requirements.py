"""What models need of this computer, and what it gives them: memory, and speed."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from phichat.models.base import Listing

ASSUMED_CONTEXT = 4096
"""Tokens of context for memory estimates, unless the model was trained for fewer."""

TYPICAL_KV_BYTES = 131_072
"""KV cache bytes per token in most models of a few gigabytes, for files that are not on disk yet."""


@dataclass(frozen=True)
class HardwareInfo:
    """Memory and speed of this computer. `speed` gets a file size, measures at its first call; None if that fails.

    `memory_free` is what a model could have now; `measure` has the speed of the memory measured again.
    """

    memory_needed: Callable[[int, int], int]
    memory_installed: Callable[[], int]
    speed: Callable[[int], float | None]
    memory_free: Callable[[], int] = lambda: sys.maxsize
    measure: Callable[[], object] = lambda: None


class Requirements:
    """Adds to listings what their models need of a computer, and how fast it runs them."""

    def __init__(self, computer: HardwareInfo) -> None:
        self._hardware = computer
        self._is_measured = False

    def measure(self) -> None:
        """Measure how fast the memory is, from which speeds follow. Blocks."""
        self._hardware.measure()
        self._is_measured = True

    def with_memory(self, listing: Listing, kv_bytes: int) -> Listing:
        """Return `listing` with the memory that its file and a KV cache of that size need, if its size is known."""
        if listing.bytes is None:
            return listing
        return replace(listing, memory=self._hardware.memory_needed(listing.bytes, kv_bytes))

    def with_figures(self, rows: list[Listing]) -> list[Listing]:
        """Return `rows` with whether they fit into the memory, and with their speeds once those are measured."""
        installed, free = self._hardware.memory_installed(), self._hardware.memory_free()  # asks every process: once
        rows = [_with_fit(row, installed, free) for row in rows]
        return [self._with_speed(row) for row in rows] if self._is_measured else rows

    def _with_speed(self, listing: Listing) -> Listing:
        is_measurable = listing.bytes and not listing.unusable
        return replace(listing, speed=self._hardware.speed(listing.bytes or 0) if is_measurable else None)


def _with_fit(listing: Listing, installed: int, free: int) -> Listing:
    if listing.memory is None:
        return listing
    fits_now = listing.memory <= free or listing.model is not None
    return replace(listing, fits=listing.memory <= installed, fits_now=fits_now)
