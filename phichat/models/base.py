"""A model file and what is known of it, as every room sees them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Source(StrEnum):
    """Why a file is in the library."""

    STARTER = "starter"
    OURS = "ours"
    HUB = "hub"
    ADDED = "added"


@dataclass(frozen=True)
class ModelFile:
    """A model on this disk. `name` is what the command line calls it, `title` what people read."""

    name: str
    title: str
    path: Path
    source: Source

    @property
    def bytes(self) -> int:
        """The file's size now; 0 once it is gone."""
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True)
class Verified:
    """A file that is whole. `known` says whether its SHA-256 was compared with a published one."""

    model: ModelFile
    sha256: str
    known: bool
