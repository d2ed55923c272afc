"""Types that describe models, downloads and disk space, and the protocol of the model manager."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Any, Protocol, Self

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.engine.base import ModelRef
from phichat.unicode import short_title

MAX_FILE_BYTES = 1 << 50  # a larger size is invalid

_SHA256 = re.compile("[0-9a-f]{64}")


class Source(StrEnum):
    """Where a model in the library comes from."""

    STARTER = "starter"
    OURS = "ours"
    HUB = "hub"
    ADDED = "added"


@dataclass(frozen=True)
class ModelFile:
    """A model on disk. `name` identifies it on the command line; `title` is displayed.

    `path` is its file; the first one of a model in several files.
    """

    name: str
    title: str
    path: Path
    source: Source

    def __post_init__(self) -> None:
        """Bound the title, which may be anybody's."""
        object.__setattr__(self, "title", short_title(self.title))

    @property
    def ref(self) -> ModelRef:
        """The model as an engine is handed it."""
        return ModelRef.of_file(self.path, self.name, self.title)

    @property
    def files(self) -> tuple[Path, ...]:
        """All its files."""
        return gguf.part_paths(self.path)

    @property
    def bytes(self) -> int:
        """The present size of its files; 0 if they are gone."""
        return sum(map(file_size, self.files))


def file_size(path: Path) -> int:
    """Return the size of a file; 0 if it is not there."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


@dataclass(frozen=True)
class VerifiedModel:
    """A model whose checksums were computed. `known` is whether all were compared with published ones.

    `sha256s` are those of its files, in order.
    """

    model: ModelFile
    sha256s: tuple[str, ...]
    known: bool

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of a model in one file; None for one in several."""
        return self.sha256s[0] if len(self.sha256s) == 1 else None


@dataclass(frozen=True)
class HubFile:
    """A file on the Hub: `file` is its path in `repo`. `bytes` and `sha256` are None until the Hub was asked.

    The first file of a model in several stands for all of them: then `bytes` counts all, and `sha256` is None.
    """

    repo: str
    file: str
    revision: str = "main"
    bytes: int | None = None
    sha256: str | None = None
    licence: str = ""

    @property
    def name(self) -> str:
        """`owner/repo:file.gguf`: its name on the command line, the same for every revision."""
        return f"{self.repo}:{self.file}"

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """Parse what was saved as JSON; None if it is missing or malformed."""
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
    """What a download is doing. The names, in lower case, are part of the output of `--json`."""

    ASKING = auto()
    """asks the Hub for size and checksum"""
    FETCHING = auto()
    WAITING = auto()
    """until the next attempt, or until the server sends something"""
    CHECKING = auto()
    """all bytes are on disk; the rest of the checksum is being computed"""
    ELSEWHERE = auto()
    """another Phichat on this computer is fetching the same file"""


@dataclass(frozen=True)
class Progress:
    """How far a download is. `speed` in bytes per second; `left` in seconds, None while unknown.

    `note` is a sentence for the user: why it waits, or what happened; mostly empty.
    """

    phase: Phase
    done: int
    total: int
    speed: float = 0.0
    left: float | None = None
    note: str = ""


@dataclass(frozen=True)
class DownloadedModel:
    """A finished download: the file has its final name, and its SHA-256 is the Hub's; "" for several files."""

    model: ModelFile
    sha256: str


@dataclass(frozen=True)
class PartialDownload:
    """An unfinished download. `path` is its final place; `bytes` of it are on disk.

    For a model in several files, `path` is what it would be called if it were one.
    """

    remote: HubFile
    path: Path
    bytes: int
    is_paused: bool


class Presence(Enum):
    """How much of a model is on disk."""

    ON_DISK = auto()
    UNUSABLE = auto()
    """it is in the list, but its file is away, incomplete, or no model to chat with"""
    PARTIAL = auto()
    ABSENT = auto()


@dataclass(frozen=True)
class Listing:
    """A model as a list of models shows it, on disk or not.

    Attributes:
        name: identifies it to `download`, `remove` and the command line.
        remote: where it is on the Hub; None for files of other origin.
        model: the file, if it is on disk.
        unusable: the file, if there is something wrong with it; `problem` says what.
        bytes: size of the whole file; None if unknown.
        bytes_on_disk: how many of them are on disk.
        is_paused: whether the user paused its download.
        is_official: published by the model's makers; else a quantisation by the community.
        memory: bytes of RAM it needs with the usual context; None if unknown.
        fits: whether this computer has that much.
        fits_now: whether that much is free at the moment, besides what the model in use would free.
        speed: estimated tokens per second on this computer; None if unknown.
        exists_on_hub: whether the Hub has the file; None if it was not asked, or refused to answer.
        is_size_approximate: whether `bytes` is rounded, as the Hub has not been asked.
        note: the Hub's refusal, as a sentence; mostly empty.
        good_at: what the model is for, in one line; empty if that is unknown.
        sampling: the settings that its makers recommend, by name; empty if none are known.
        problem: why the file `unusable` cannot be used, and what to do; `problem_label` in two or three words.
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
    fits_now: bool = True
    speed: float | None = None
    exists_on_hub: bool | None = None
    is_size_approximate: bool = False
    note: str = ""
    good_at: str = ""
    sampling: tuple[tuple[str, float], ...] = ()
    unusable: ModelFile | None = None
    problem: str = ""
    problem_label: str = ""

    def __post_init__(self) -> None:
        """Bound what may come from anybody on the Hub."""
        object.__setattr__(self, "title", short_title(self.title))
        object.__setattr__(self, "licence", short_title(self.licence))

    @property
    def presence(self) -> Presence:
        """How much of it is on disk."""
        if self.model:
            return Presence.ON_DISK
        if self.unusable:
            return Presence.UNUSABLE
        return Presence.PARTIAL if self.bytes_on_disk else Presence.ABSENT


@dataclass(frozen=True)
class FoundRepository:
    """A repository with GGUF files.

    Attributes:
        downloads: in the last month; None if the Hub does not say.
        licence: as the Hub has it, such as `apache-2.0`; mostly not empty.
        parameters: how many the model has; 0 if unknown.
        is_gated: whether one has to agree to terms before a download.
        problem: what it is if it is nothing to chat with, as a sentence; mostly empty.
    """

    repo: str
    downloads: int | None = None
    licence: str = ""
    parameters: int = 0
    is_gated: bool = False
    problem: str = ""

    def __post_init__(self) -> None:
        """Bound what anybody may have entered."""
        object.__setattr__(self, "licence", short_title(self.licence))

    @property
    def maker(self) -> str:
        """Who published it."""
        return self.repo.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name without the publisher's."""
        return self.repo.partition("/")[2]


@dataclass(frozen=True)
class Waiting:
    """The Hub has asked to wait `seconds`; `reason` is a sentence."""

    reason: str
    seconds: int


@dataclass(frozen=True)
class SpaceCheck:
    """What a model needs and what this computer has, in bytes. `needed` is what is still to be downloaded."""

    folder: Path
    needed: int
    free: int
    memory: int | None
    memory_installed: int


@dataclass(frozen=True)
class TokenState:
    """Which access tokens there are for the Hub at `host`.

    Attributes:
        is_variable: HF_TOKEN has one, which counts first.
        is_entered: one was entered in the preferences.
        is_kept: that one is in the system's keyring, for the next runs, too.
        is_from_login: Hugging Face's own program has one, which counts last.
    """

    host: str
    is_variable: bool = False
    is_entered: bool = False
    is_kept: bool = False
    is_from_login: bool = False


class TokenKeeper(Protocol):
    """Keeps the access token for the Hub. Every method may block."""

    def token_state(self) -> TokenState:
        """Return which tokens there are."""

    def save_token(self, token: str) -> TokenState:
        """Use `token` from now on, and keep it if possible. Raise HubRefused for what cannot be one."""

    def delete_token(self) -> TokenState:
        """Forget the token that was entered."""


class ModelManager(Protocol):
    """The models on disk and on the Hub, as the window uses them. Thread-safe; every method may block."""

    def list_models(self) -> list[Listing]:
        """Return all models, without asking the Hub; with speeds once those were measured."""

    def list_with_speeds(self) -> list[Listing]:
        """Measure this computer, and return all models with estimated speeds."""

    def confirm_catalogue(self, stop: CancelToken) -> Iterator[Listing]:
        """Yield the catalogue's models as the Hub describes them."""

    def list_repository(self, repo: str, stop: CancelToken) -> list[Listing]:
        """Return the GGUF files of a repository."""

    def search(self, words: str, stop: CancelToken) -> "Iterator[Waiting | list[FoundRepository]]":
        """Yield the repositories that `words` find on the Hub, after what it asks to wait."""

    def list_patiently(self, repo: str, stop: CancelToken) -> "Iterator[Waiting | list[Listing]]":
        """Yield the files of a repository, after what the Hub asks to wait."""

    def download(
        self, name: str, stop: CancelToken, patience: int | None = None
    ) -> Iterator[Progress | DownloadedModel]:
        """Download a model, resuming where possible. Once `stop` is set it ends early and keeps what has arrived."""

    def discard_download(self, name: str) -> None:
        """Delete an unfinished download."""

    def set_paused(self, name: str, paused: bool) -> None:
        """Record that the user paused an unfinished download, or resumed it."""

    def check_space(self, name: str) -> SpaceCheck:
        """Return what a model needs and what this computer has."""

    def space_problem(self, room: SpaceCheck) -> str:
        """Return why the space does not suffice, for the user; "" if it does."""

    def find_existing(self) -> list[Path]:
        """Return model files that are on this computer but not in the library."""


def model_as_json(model: ModelFile) -> dict[str, Any]:
    """Return `model` as the command line prints it as JSON."""
    return {
        "name": model.name,
        "title": model.title,
        "path": str(model.path),
        "source": str(model.source),
        "bytes": model.bytes,
        "on_disk": True,
    }
