"""A model file and what is known of it, as every room sees them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Any, Protocol, Self

from phichat.cancellation import CancelToken
from phichat.engine.base import ModelRef

MAX_FILE_BYTES = 1 << 50  # of one file; beyond it is nonsense

_SHA256 = re.compile("[0-9a-f]{64}")


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
    def ref(self) -> ModelRef:
        """The model as an engine is handed it."""
        return ModelRef.of_file(self.path, self.name, self.title)

    @property
    def bytes(self) -> int:
        """The file's size now; 0 once it is gone."""
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True)
class VerifiedModel:
    """A file that is whole. `known` says whether its SHA-256 was compared with a published one."""

    model: ModelFile
    sha256: str
    known: bool


@dataclass(frozen=True)
class HubFile:
    """A file on the Hub: `file` is its path in `repo`. What the Hub has not been asked for is None."""

    repo: str
    file: str
    revision: str = "main"
    bytes: int | None = None
    sha256: str | None = None
    licence: str = ""

    @property
    def name(self) -> str:
        """How the command line names any file on the Hub."""
        return f"{self.repo}:{self.file}"

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """What was written down as JSON; None if it makes no sense, or nobody wrote it."""
        if not isinstance(values, dict):
            return None
        texts = [values.get(name) for name in ("repo", "file", "revision", "licence")]
        size, sha256 = values.get("bytes"), values.get("sha256")
        is_sound = all(isinstance(text, str) for text in texts) and texts[0] and texts[1]
        is_size = size is None or (isinstance(size, int) and not isinstance(size, bool) and 0 <= size < MAX_FILE_BYTES)
        is_sum = sha256 is None or (isinstance(sha256, str) and _SHA256.fullmatch(sha256))
        if not (is_sound and is_size and is_sum):
            return None
        repo, file, revision, licence = map(str, texts)
        return cls(repo, file, revision, size, sha256, licence)


class Phase(Enum):
    """What a download is doing."""

    ASKING = auto()
    """the Hub, for size and checksum"""
    FETCHING = auto()
    WAITING = auto()
    """until it tries again, or until the server sends something"""
    CHECKING = auto()
    """all is here; the rest of the checksum is computed"""
    ELSEWHERE = auto()
    """another Phichat on this computer is fetching the same file"""


@dataclass(frozen=True)
class Progress:
    """How far a download is. `speed` in bytes a second; `left` in seconds, None while it cannot be told.

    `note` is a sentence that says why it waits, or what happened; mostly empty.
    """

    phase: Phase
    done: int
    total: int
    speed: float = 0.0
    left: float | None = None
    note: str = ""


@dataclass(frozen=True)
class DownloadedModel:
    """The file is here under its final name, whole, its SHA-256 that of the Hub."""

    model: ModelFile
    sha256: str


@dataclass(frozen=True)
class PartialDownload:
    """A download that has begun. `path` is where the file will be; `bytes` of it are on this disk."""

    remote: HubFile
    path: Path
    bytes: int
    is_paused: bool


class Presence(Enum):
    """How much of a model is on this disk."""

    ON_DISK = auto()
    PARTIAL = auto()
    ABSENT = auto()


@dataclass(frozen=True)
class Listing:
    """A model as a list of models shows it, on this disk or not.

    Attributes:
        name: what `fetch`, `remove` and the command line call it.
        remote: where it is on the Hub; None for files of other origin.
        model: the file, where it is on this disk.
        bytes: of the whole file; None if nobody has told yet.
        is_rough: whether `bytes` is rounded, as the Hub has not been asked.
        bytes_here: of them on this disk.
        is_paused: whether its download was stopped by the person, and waits to be resumed.
        is_official: published by the model's makers; else a quantisation by the community.
        memory: bytes it takes here with the usual context; None if unknown.
        fits: whether this computer has that much.
        speed: tokens a second it may write here, an estimate; None if unknown.
        confirmed: whether the Hub knows the file; None if it was not asked, or would not say.
        note: the sentence with which the Hub refused to tell; mostly empty.
    """

    name: str
    title: str
    remote: HubFile | None = None
    model: ModelFile | None = None
    licence: str = ""
    bytes: int | None = None
    bytes_on_disk: int = 0
    is_paused: bool = False
    is_official: bool = True
    memory: int | None = None
    fits: bool = True
    speed: float | None = None
    exists_on_hub: bool | None = None
    is_size_approximate: bool = False
    note: str = ""

    @property
    def presence(self) -> Presence:
        """How much of it is on this disk."""
        if self.model:
            return Presence.ON_DISK
        return Presence.PARTIAL if self.bytes_on_disk else Presence.ABSENT


@dataclass(frozen=True)
class SpaceCheck:
    """What a model takes and what this computer has, in bytes. `needed` is what is still to be fetched."""

    folder: Path
    needed: int
    free: int
    memory: int | None
    memory_installed: int


class ModelManager(Protocol):
    """All models on this disk and on the Hub. Any thread may call; every call may take its time."""

    def list_models(self) -> list[Listing]:
        """Every model, as this disk knows it."""

    def list_with_speeds(self) -> list[Listing]:
        """The same, with how fast each will be here."""

    def confirm_catalogue(self, stop: CancelToken) -> Iterator[Listing]:
        """The catalogue as the Hub knows it, row by row."""

    def list_repository(self, repo: str, stop: CancelToken) -> list[Listing]:
        """The GGUF files of any repository."""

    def download(
        self, name: str, stop: CancelToken, patience: int | None = None
    ) -> Iterator[Progress | DownloadedModel]:
        """Fetch a model, from where it was left. Ends early, keeping what is there, when `stop` is set."""

    def discard_download(self, name: str) -> None:
        """Delete what is here of an unfinished download."""

    def set_paused(self, name: str, paused: bool) -> None:
        """Remember that the person paused an unfinished download, or resumed it."""

    def check_space(self, name: str) -> SpaceCheck:
        """What a model takes, and what there is."""

    def space_problem(self, room: SpaceCheck) -> str:
        """What stands in the way, if anything."""

    def find_existing(self) -> list[Path]:
        """Files the person may already have."""


def model_as_json(model: ModelFile) -> dict[str, Any]:
    """`model` as JSON prints it."""
    return {
        "name": model.name,
        "title": model.title,
        "path": str(model.path),
        "source": str(model.source),
        "bytes": model.bytes,
        "on_disk": True,
    }
