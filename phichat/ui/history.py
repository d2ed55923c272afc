"""What the window asks of the conversations that are stored, and of those who bring them in and out."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.messages import Message
from phichat.store.base import FileKind, Heading, Hit, Record

if TYPE_CHECKING:
    from concurrent.futures import Future


class History(Protocol):
    """All conversations. Reading takes its time, in any thread; writing returns at once, in the order of asking."""

    ready: "Future[str]"

    def headings(self, *, in_bin: bool = False) -> list[Heading]:
        """All conversations, or all in the bin: pinned first, then the last changed."""

    def load(self, conversation: str) -> Record:
        """A conversation. Raises StoreError."""

    def search(self, words: str, limit: int = 50) -> list[Hit]:
        """Where every word of `words` begins a word."""

    def records(self) -> Iterator[Record]:
        """All conversations outside the bin."""

    def create(self, record: Record) -> "Future[bool]":
        """A new conversation."""

    def put(self, record: Record) -> "Future[bool]":
        """Store what is not there yet of a conversation; whether that was anything."""

    def add(self, conversation: str, message: Message, tip: str | None) -> "Future[None]":
        """A new message, and where the shown path ends now."""

    def journal(self, message: str, text: str, tokens: Iterable[int] = ()) -> "Future[None]":
        """A reply went on."""

    def finish(self, message: Message) -> "Future[None]":
        """A reply is what it will be."""

    def change_tip(self, conversation: str, tip: str | None) -> "Future[None]":
        """The shown path ends elsewhere."""

    def rename(self, conversation: str, title: str, *, is_own: bool = True) -> "Future[None]":
        """Give it a title; one of the person's own is replaced by no other."""

    def pin(self, conversation: str, *, is_pinned: bool = True) -> "Future[None]":
        """Keep it above all others, or no longer."""

    def set_details(self, conversation: str, system: str, sampling: dict[str, Any], model: str) -> "Future[None]":
        """What its next reply is made with."""

    def set_draft(self, conversation: str, draft: str) -> "Future[None]":
        """What is being written."""

    def set_attached(self, conversation: str, attached: Attachments) -> "Future[None]":
        """The files that are to go with it."""

    def bin(self, conversations: Iterable[str]) -> "Future[None]":
        """Delete conversations, so that they can be restored."""

    def restore(self, conversations: Iterable[str]) -> "Future[None]":
        """Take conversations out of the bin."""

    def purge(self, conversations: Iterable[str]) -> "Future[None]":
        """Delete conversations for good."""

    def empty_bin(self, older_than_days: int = 30) -> "Future[int]":
        """Delete for good what was deleted so long ago."""

    def delete_branch(self, message: str) -> "Future[list[str]]":
        """Hide a message and all that follows from it."""

    def restore_branch(self, messages: Iterable[str]) -> "Future[None]":
        """Show again what was hidden."""

    def pin_message(self, message: str, *, is_pinned: bool) -> "Future[None]":
        """Have a message stay in the prompt, or no longer."""

    def delete_everything(self) -> "Future[None]":
        """Delete all conversations for good."""


Looker = Callable[[Path], FileKind]
"""Says what a file is, however long that takes."""

TextReader = Callable[[Path], Attachment]
"""Reads a text file as it is now. Raises StoreError with a sentence about what is wrong with it."""

Exporter = Callable[[Iterable[Record], Path], int]
"""Writes conversations to a file of the kind that its name says; how many. Raises StoreError."""


class Tally(Protocol):
    """What an import brought."""

    @property
    def conversations(self) -> int:
        """Those that are new, or have new messages."""

    @property
    def messages(self) -> int:
        """The new ones in them."""

    @property
    def unchanged(self) -> int:
        """Conversations that were here as they are."""

    @property
    def skipped(self) -> int:
        """Conversations that make no sense."""


Importer = Callable[[Path, History], Tally]
"""Puts a file's conversations into the history. Raises StoreError."""
