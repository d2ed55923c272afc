"""Files that are being read to be attached, and what comes of reading them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from phichat.cancellation import CancelToken
from phichat.chat.attachments import Attachment, AttachmentProgress
from phichat.chat.session import Session
from phichat.store.base import FileKind

Files = Sequence[tuple[Path, FileKind | None]]


class FileTarget(Protocol):
    """A message that is being edited; see EditedMessage."""

    def objection(self, *, is_short: bool) -> str:
        """Return why a file that was read can't go with it."""

    def take(self, file: Attachment) -> str:
        """Add a file that was read."""

    def show_reading(self, title: str | None) -> None:
        """Hold it back while a file is being read, and show its `title` unless that is empty; None for no file."""


@dataclass(frozen=True)
class Locked:
    """A file that wants a password, and the sentence that asks for it."""

    file: Path
    sentence: str


class Folder:
    """The file is a folder."""


class TooLong:
    """The file has too much text to go with a message."""


@dataclass
class Reading:
    """Files that are being read for `session`: `at`, then those `left`. `refused`: why those could not be attached.

    `target` is the message that is being edited which they go with; None for the one that is being written.
    """

    session: Session
    at: Path
    left: Files
    password: str
    target: FileTarget | None = None
    refused: dict[Path, str] = field(default_factory=dict)
    attached: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    progress: AttachmentProgress | None = None
    has_begun: bool = False
    stop: CancelToken = field(default_factory=CancelToken)

    def title(self) -> str:
        """Return the name of the file that is being read, with the page if that is known."""
        return self.progress.title(self.at.name) if self.progress else self.at.name

    def rest(self) -> "Reading":
        """Return what is left of it."""
        at, stop = self.left[0][0], CancelToken()
        return replace(self, at=at, refused={}, attached=[], remarks=[], progress=None, has_begun=False, stop=stop)
