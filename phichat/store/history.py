"""Conversations in a database: any thread reads, one writes, and what is told to be stored is."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Message, Piece
from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.store import integrity, queries, rows, writes
from phichat.store.base import ConversationRecord, ConversationSummary, SearchHit
from phichat.store.connections import PoolClosed
from phichat.store.database import Database
from phichat.store.failures import DatabaseDamaged, FailureKind, as_store_error, classify_error
from phichat.store.integrity import IntegrityChecker
from phichat.store.writer_thread import Job, WriterThread

_Read = TypeVar("_Read")


def _ignore(notice: str) -> None:
    """Nobody wants to know."""


class History:
    """All conversations.

    Reading methods wait until the file is open, and raise StoreError. Writing ones return at once; their future is
    done once the change is durable, or fails with StoreError: then the change is in memory only, as far as it
    concerns a conversation, and is stored as soon as that works again.

    Attributes:
        ready: done when the file is open; a notice for the person, or nothing. It fails if all is in memory.
    """

    def __init__(self, file: Path, notify: Callable[[str], None] = _ignore, *, is_guest: bool = False) -> None:
        """A guest is beside the window, which alone knows of replies that are being written."""
        self.ready: Future[str] = Future()
        self._database = Database(file, notify, is_guest=is_guest)
        self._checker: IntegrityChecker | None = None
        self._writer = WriterThread(self._open, self._database.run, self._database.close)
        self._writer.start()

    def close(self) -> None:
        """Store what is still to be stored, and leave one tidy file and no thread."""
        self.ready.exception()
        if self._checker:
            self._checker.close()
        self._writer.close()

    def list_conversations(self, *, in_bin: bool = False) -> list[ConversationSummary]:
        """All conversations, or all in the bin: pinned first, then the last changed."""

        def read(connection: Connection) -> list[ConversationSummary]:
            return queries.list_conversations(connection, in_bin=in_bin)

        found, here = self._read_both(read)
        if here is None:
            return found
        names = self._database.fallback.names
        both = [*here, *(heading for heading in found if heading.id not in names)]
        return sorted(both, key=lambda heading: (not heading.is_pinned, -heading.changed))

    def load_conversation(self, conversation: str) -> ConversationRecord:
        """A conversation with all its messages but deleted branches."""

        def read(connection: Connection) -> ConversationRecord | None:
            return queries.load_conversation(connection, conversation)

        found, here = self._read_both(read)
        record = here if conversation in self._database.fallback.names else found
        if record is None:
            raise StoreError(tr("This conversation is no longer there."))
        return record

    def search_conversations(self, words: str, limit: int = 50) -> list[SearchHit]:
        """Where every word of `words` begins a word: in titles first, then in messages, the newest first."""

        def read(connection: Connection) -> list[SearchHit]:
            return queries.search_conversations(connection, words, limit)

        found, here = self._read_both(read)
        if here is None:
            return found
        names = self._database.fallback.names
        both = [*here, *(hit for hit in found if hit.summary.id not in names)]
        return sorted(both, key=lambda hit: hit.message is not None)[:limit]

    def count_conversations(self) -> int:
        """How many conversations there are, without those in the bin."""
        if self._database.fallback.names:
            return len(self.list_conversations())
        return self._read(queries.count_conversations)

    def iter_conversations(self) -> Iterator[ConversationRecord]:
        """All conversations outside the bin, one after another, the last changed first."""
        for heading in self.list_conversations():
            try:
                yield self.load_conversation(heading.id)
            except StoreError:  # deleted meanwhile
                continue

    def save_conversation(self, record: ConversationRecord) -> Future[bool]:
        """Store what is not there yet of a conversation, as it is; whether that was anything.

        Messages and conversations are known by their ids.
        """
        return self._submit(lambda connection: writes.save_conversation(connection, record), record.summary.id)

    def add_message(self, conversation: str, message: Message, tip: str | None) -> Future[None]:
        """A new message, and where the shown path ends now."""
        return self._submit(lambda connection: writes.add_message(connection, conversation, message, tip), conversation)

    def append_to_reply(self, message: str, pieces: Sequence[Piece]) -> Future[None]:
        """A reply went on by `pieces`. Durable within half a second, however often it is called."""
        return self._writer.submit(
            Job(
                lambda connection: writes.append_to_reply(connection, message, pieces),
                message=message,
                can_wait=True,
            )
        )

    def finish_reply(self, message: Message) -> Future[None]:
        """A reply is what it will be: stored as it is, and found by its words."""
        now = time.time()  # not when the disk gets to it: another conversation may have been begun by then
        return self._writer.submit(
            Job(lambda connection: writes.finish_reply(connection, message, now), message=message.id)
        )

    def set_tip(self, conversation: str, tip: str | None) -> Future[None]:
        """The shown path ends elsewhere."""
        return self._update(conversation, tip=tip)

    def rename_conversation(self, conversation: str, title: str, *, is_own: bool = True) -> Future[None]:
        """Give it a title; `is_own` if it is the person's, which no other replaces."""

        def work(connection: Connection) -> None:
            writes.rename_conversation(connection, conversation, title, is_own=is_own)

        return self._submit(work, conversation)

    def pin_conversation(self, conversation: str, *, is_pinned: bool = True) -> Future[None]:
        """Keep it above all others, or no longer."""
        return self._update(conversation, is_pinned=is_pinned)

    def set_details(self, conversation: str, system: str, sampling: dict[str, Any], model: str) -> Future[None]:
        """What its next reply is made with."""
        return self._update(conversation, system=system, sampling=rows.encode_json(sampling), model=model)

    def set_draft(self, conversation: str, draft: str) -> Future[None]:
        """What is being written."""
        return self._update(conversation, draft=draft)

    def set_attached(self, conversation: str, attached: Attachments) -> Future[None]:
        """The files that are to go with what is being written."""

        def work(connection: Connection) -> None:
            writes.update_conversation(connection, conversation, attached=rows.encode_attachments(attached))

        return self._submit(work, conversation)

    def move_to_trash(self, conversations: Iterable[str]) -> Future[None]:
        """Delete conversations, so that they can be restored."""
        names = list(conversations)
        return self._submit(lambda connection: writes.move_to_trash(connection, names), *names)

    def restore_conversations(self, conversations: Iterable[str]) -> Future[None]:
        """Take conversations out of the bin."""
        names = list(conversations)
        return self._submit(lambda connection: writes.restore_conversations(connection, names), *names)

    def delete_conversations(self, conversations: Iterable[str]) -> Future[None]:
        """Delete conversations for good."""
        names = list(conversations)
        return self._submit(lambda connection: writes.delete_conversations(connection, names), *names)

    def empty_trash(self, older_than_days: int = 30) -> Future[int]:
        """Delete for good what was deleted so long ago; how many conversations that were."""
        return self._submit(lambda connection: writes.empty_trash(connection, older_than_days))

    def delete_branch(self, message: str) -> Future[list[str]]:
        """Hide a message and all that follows from it; the ids of what was hidden. The shown path ends before it."""
        return self._writer.submit(Job(lambda connection: writes.delete_branch(connection, message), message=message))

    def restore_branch(self, messages: Iterable[str]) -> Future[None]:
        """Show again what was hidden."""
        names = list(messages)
        first = names[0] if names else None
        return self._writer.submit(Job(lambda connection: writes.restore_branch(connection, names), message=first))

    def pin_message(self, message: str, *, is_pinned: bool) -> Future[None]:
        """Have a message stay in the prompt however long its conversation gets, or no longer."""

        def work(connection: Connection) -> None:
            writes.pin_message(connection, message, is_pinned=is_pinned)

        return self._writer.submit(Job(work, message=message))

    def delete_everything(self) -> Future[None]:
        """Delete all conversations for good, backups and damaged files included."""
        file = self._database.file
        return self._writer.submit(
            Job(
                writes.delete_all_rows,
                concerns_all=True,
                after=lambda connection: writes.erase_remains(connection, file),
            )
        )

    def _open(self) -> None:
        try:
            notice = self._database.open()
        except StoreError as error:
            self.ready.set_exception(error)
            return
        if self._database.is_check_due:
            self._checker = IntegrityChecker(self._database.file, self._on_checked)
        self.ready.set_result(notice)

    def _on_checked(self, is_whole: bool) -> None:
        self._writer.submit(Job(integrity.record_check) if is_whole else self._recovery_job(self._database.generation))

    def _update(self, conversation: str, **values: Any) -> Future[None]:
        return self._submit(
            lambda connection: writes.update_conversation(connection, conversation, **values), conversation
        )

    def _submit(self, work: Callable[[Connection], Any], *about: str) -> Future[Any]:
        return self._writer.submit(Job(work, about))

    def _read_both(self, read: Callable[[Connection], _Read]) -> tuple[_Read, _Read | None]:
        """From the file, and from memory if anything is kept there."""
        found = self._read(read)
        shelter = self._database.fallback
        return found, shelter.read(read) if shelter.names else None

    def _read(self, work: Callable[[Connection], _Read]) -> _Read:
        self.ready.exception()
        for _ in range(3):
            generation = self._database.generation
            try:
                return self._database.read(work)
            except PoolClosed:  # the file is being replaced
                self._writer.submit(Job(lambda _: None)).result()
            except (sqlite3.Error, UnicodeError) as error:
                if classify_error(error) is not FailureKind.DAMAGED:
                    raise as_store_error(error, self._database.file) from error
                self._recover(generation)
            except (TypeError, ValueError):  # a number where there should be text, or the like
                self._writer.submit(Job(integrity.check_integrity)).result()
        raise StoreError(tr("The history could not be read."))

    def _recover(self, generation: int) -> None:
        self._writer.submit(self._recovery_job(generation)).result()

    def _recovery_job(self, generation: int) -> Job:
        """Has the file recovered, unless that was done since `generation`."""

        def work(_: Connection) -> None:
            if self._database.generation == generation:
                raise DatabaseDamaged

        return Job(work)
