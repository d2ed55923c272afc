"""What the window asks of the models on this disk and on the Hub, and of whom."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from phichat.models.base import Fetched, Listing, ModelFile, Progress, Room, Verified
from phichat.stop import Stop


class Shelf(Protocol):
    """All models there are. Any thread may ask; no answer is fast enough for the window's own."""

    def listings(self) -> list[Listing]:
        """Every model, as this disk knows it."""

    def measured(self) -> list[Listing]:
        """The same, with how fast each will be here."""

    def confirmed(self, stop: Stop) -> Iterator[Listing]:
        """The catalogue as the Hub knows it, row by row."""

    def files(self, repo: str, stop: Stop) -> list[Listing]:
        """The GGUF files of any repository."""

    def fetch(self, name: str, stop: Stop, patience: int | None = None) -> Iterator[Progress | Fetched]:
        """Fetch a model, from where it was left. Ends early, keeping what is there, when `stop` is set."""

    def discard(self, name: str) -> None:
        """Delete what is here of an unfinished download."""

    def set_paused(self, name: str, paused: bool) -> None:
        """Remember that the person paused an unfinished download, or resumed it."""

    def room(self, name: str) -> Room:
        """What a model takes, and what there is."""

    def trouble(self, room: Room) -> str:
        """What stands in the way, if anything."""

    def elsewhere(self) -> list[Path]:
        """Files the person may already have."""


class Library(Protocol):
    """The model files on this disk."""

    def add(self, path: Path) -> ModelFile:
        """Remember a file, which stays where it is."""

    def remove(self, name: str) -> ModelFile:
        """Delete a file of ours, forget one that was added."""

    def verify(self, name: str, report: Callable[[int, int], None] | None = None) -> Verified:
        """Read the whole file and compare it with what was published."""
