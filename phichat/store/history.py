"""The conversation history: reads from any thread, and writes durably in a thread of its own."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
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
from phichat.store.locking import file_state
from phichat.store.writer_thread import Job, WriterThread

_Read = TypeVar("_Read")


class History:
    """All conversations, in one SQLite file.

    Reading methods wait until the file is open, and raise StoreError. Writing methods return a future at once; it is
    done once the change is durable, or fails with StoreError: then the changed conversation is kept in memory, and
    stored as soon as writing works again.

    Attributes:
        ready: done when the file is open; its result is a notice for the user, or "". Fails if the file is unusable.
    """

    def __init__(
        self,
        file: Path,
        notify: Callable[[str], None] = lambda _: None,
        on_saved: Callable[[str], None] | None = None,
        *,
        is_guest: bool = False,
    ) -> None:
        """Open `file` in the background; `notify` gets later notices for the user.

        `on_saved` gets the one that all can be saved again, empty if nothing had to be kept in memory meanwhile. By
        default, `notify` gets it, too. A guest (a command beside the window) leaves replies alone that the window may
        be generating.
        """
        self.ready: Future[str] = Future()
        self._database = Database(file, notify, on_saved, is_guest=is_guest)
        self._checker: IntegrityChecker | None = None
        database = self._database
        self._writer = WriterThread(self._open, database.run, database.close, database.seconds_to_retry)
        self._writer.start()

    def can_read(self) -> bool:
        """Wait until the file is open, and return whether it can be read, even if it cannot be written to."""
        return self.ready.exception() is None or self._database.can_read

    def close(self) -> None:
        """Write what is queued, close the file and end the threads."""
        self.ready.exception()
        if self._checker:
            self._checker.close()
        self._writer.close()

    def file_state(self) -> tuple[tuple[int, int], ...]:
        """Return times and sizes of the files, which change with whatever this program or another one writes."""
        return file_state(self._database.file)

    def list_conversations(self, *, in_trash: bool = False) -> list[ConversationSummary]:
        """Return all conversations, or all in the trash: pinned ones first, then by last change."""
        names, here, found = self._read_both(
            lambda connection: queries.list_conversations(connection, in_trash=in_trash)
        )
        if here is None:
            return found
        both = [*here, *(summary for summary in found if summary.id not in names)]
        return sorted(both, key=lambda summary: (not summary.is_pinned, -summary.changed))

    def load_conversation(self, conversation: str) -> ConversationRecord:
        """Return a conversation without its deleted branches. Raise StoreError if it does not exist."""
        self.ready.exception()
        read = partial(queries.load_conversation, name=conversation, load_choices=self._load_choices)
        names, here = self._database.fallback.read_kept(read)
        record = here if conversation in names else self._read(read)  # all of it is in one of them
        if record is None:
            raise StoreError(tr("This conversation no longer exists."))
        return record

    def search_conversations(self, words: str, limit: int = 50) -> list[SearchHit]:
        """Find where every word of `words` begins a word: in titles first, then in messages, the newest first."""
        names, here, found = self._read_both(lambda connection: queries.search_conversations(connection, words, limit))
        if here is None:
            return found
        both = [*here, *(hit for hit in found if hit.summary.id not in names)]
        return sorted(both, key=lambda hit: hit.message is not None)[:limit]

    def load_undecided(self, message: str) -> bytes:
        """Return where the model was least sure in a reply; nothing if that is not known. Raise StoreError."""
        fallback, read = self._database.fallback, partial(queries.load_undecided, message=message)
        return (fallback.read(read) if fallback.names else b"") or self._read(read)

    def count_unsaved(self) -> int:
        """Return how many conversations have changes that could not be written, and are only kept in memory."""
        return len(self._database.fallback.unsaved)

    def count_conversations(self) -> int:
        """Return the number of conversations outside the trash."""
        if self._database.fallback.names:
            return len(self.list_conversations())
        return self._read(queries.count_conversations)

    def iter_conversations(self) -> Iterator[ConversationRecord]:
        """Yield all conversations outside the trash, the last changed first."""
        for summary in self.list_conversations():
            try:
                yield self.load_conversation(summary.id)
            except StoreError:  # deleted in the meantime
                continue

    def save_conversation(self, record: ConversationRecord) -> Future[bool]:
        """Store a conversation, or the messages of it that are missing; the result is whether there were any.

        Conversations and messages are identified by their ids.
        """
        return self._submit(lambda connection: writes.save_conversation(connection, record), record.summary.id)

    def add_message(self, conversation: str, message: Message, tip: str | None) -> Future[bool]:
        """Insert a message and set the tip, the end of the branch that is shown.

        The conversation leaves the trash, as it is in use; the result is whether it was there.
        """
        return self._submit(lambda connection: writes.add_message(connection, conversation, message, tip), conversation)

    def append_to_reply(self, message: str, pieces: Sequence[Piece]) -> Future[None]:
        """Append to a reply that is being generated. Durable within half a second; cheap to call for every token."""
        return self._writer.submit(
            Job(
                lambda connection: writes.append_to_reply(connection, message, pieces),
                message=message,
                can_wait=True,
                part=f"reply {message}",
            )
        )

    def finish_reply(self, message: Message) -> Future[None]:
        """Store a message whose reply has ended, and index it for search."""
        now = time.time()  # not when it is written: another conversation may have been changed by then
        return self._writer.submit(
            Job(
                lambda connection: writes.finish_reply(connection, message, now),
                message=message.id,
                part=f"reply {message.id}",
                sets_part=True,
            )
        )

    def set_choices(self, message: str, choices: bytes) -> Future[None]:
        """Set what was weighed at the tokens of a reply."""
        return self._writer.submit(
            Job(lambda connection: writes.set_choices(connection, message, choices), message=message)
        )

    def set_undecided(self, message: str, place: bytes) -> Future[None]:
        """Set where the model was least sure in a reply."""
        return self._writer.submit(
            Job(lambda connection: writes.set_undecided(connection, message, place), message=message)
        )

    def set_tip(self, conversation: str, tip: str | None) -> Future[None]:
        """Set the last message of the branch that is shown."""
        return self._update(conversation, tip=tip)

    def rename_conversation(self, conversation: str, title: str, *, is_own: bool = True) -> Future[None]:
        """Set the title; one that the user gave (`is_own`) is not replaced by an automatic one."""
        return self._submit(
            lambda connection: writes.rename_conversation(connection, conversation, title, is_own=is_own), conversation
        )

    def pin_conversation(self, conversation: str, *, is_pinned: bool = True) -> Future[None]:
        """Pin a conversation to the top of the list, or unpin it."""
        return self._update(conversation, is_pinned=is_pinned)

    def set_details(self, conversation: str, system: str, sampling: dict[str, Any], model: str) -> Future[None]:
        """Set the system prompt, sampling and model of the next reply."""
        return self._update(conversation, system=system, sampling=rows.encode_json(sampling), model=model)

    def set_draft(self, conversation: str, draft: str) -> Future[None]:
        """Set the text in the composer."""
        return self._update(conversation, draft=draft)

    def set_attached(self, conversation: str, attached: Attachments) -> Future[None]:
        """Set the files attached to the draft."""

        def work(connection: Connection) -> None:  # encodes in the writer's thread: files may be large
            writes.update_conversation(connection, conversation, attached=rows.encode_attachments(attached))

        return self._writer.submit(
            Job(work, (conversation,), part=f"{conversation} attached", sets_part=True),
        )

    def move_to_trash(self, conversations: Iterable[str]) -> Future[None]:
        """Move conversations to the trash."""
        names = list(conversations)
        return self._submit(lambda connection: writes.move_to_trash(connection, names), *names)

    def restore_conversations(self, conversations: Iterable[str]) -> Future[None]:
        """Take conversations out of the trash."""
        names = list(conversations)
        return self._submit(lambda connection: writes.restore_conversations(connection, names), *names)

    def delete_conversations(self, conversations: Iterable[str]) -> Future[None]:
        """Delete conversations permanently."""
        names = list(conversations)
        return self._submit(lambda connection: writes.delete_conversations(connection, names), *names)

    def delete_draft(self, conversation: str) -> Future[bool]:
        """Delete a conversation permanently, unless it has messages after all; the result is whether it is gone."""
        return self._submit(lambda connection: writes.delete_draft(connection, conversation), conversation)

    def delete_from_trash(self, conversations: Iterable[str]) -> Future[list[str]]:
        """Delete permanently those of the conversations that are still in the trash; the result is their ids."""
        names = list(conversations)
        return self._submit(lambda connection: writes.delete_from_trash(connection, names), *names)

    def empty_trash(self, older_than_days: int = 30) -> Future[list[str]]:
        """Delete permanently what was deleted before then; the result is the ids of the conversations.

        That fails while anything is only in memory, which may have been restored there, or would come back from there.
        """
        return self._writer.submit(
            Job(lambda connection: writes.empty_trash(connection, older_than_days), follows_all=True)
        )

    def delete_branch(self, message: str, known: Collection[str] | None = None) -> Future[list[str]]:
        """Delete a message and its descendants, restorably; the result is their ids. The tip moves to its parent.

        If there are others than those `known` among them, as another program has written them, none is deleted.
        """
        return self._writer.submit(
            Job(lambda connection: writes.delete_branch(connection, message, known), message=message)
        )

    def restore_branch(self, messages: Iterable[str]) -> Future[None]:
        """Restore messages that `delete_branch` deleted, with all that it deleted below them."""
        names = list(messages)
        first = names[0] if names else None
        return self._writer.submit(Job(lambda connection: writes.restore_branch(connection, names), message=first))

    def pin_message(self, message: str, *, is_pinned: bool) -> Future[None]:
        """Set whether a message always stays in the prompt, however long the conversation."""
        return self._writer.submit(
            Job(lambda connection: writes.pin_message(connection, message, is_pinned=is_pinned), message=message)
        )

    def delete_everything(self) -> Future[None]:
        """Delete all conversations permanently, with backups and damaged copies of the file.

        If that fails, none is deleted, not even those that are only in memory.
        """
        file = self._database.file
        return self._writer.submit(
            Job(
                writes.delete_all_rows,
                deletes_all=True,
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
        return self._writer.submit(
            Job(
                lambda connection: writes.update_conversation(connection, conversation, **values),
                (conversation,),
                part=" ".join([conversation, *values]),
                sets_part=True,
            )
        )

    def _submit(self, work: Callable[[Connection], Any], *about: str) -> Future[Any]:
        return self._writer.submit(Job(work, about))

    def _read_both(self, read: Callable[[Connection], _Read]) -> tuple[frozenset[str], _Read | None, _Read]:
        """Return the names in the memory fallback, and the results of `read` on that, if it has any, and on the file.

        In this order: what is saved from memory meanwhile is in both then, and not in neither.
        """
        self.ready.exception()
        names, here = self._database.fallback.read_kept(read)
        return names, here, self._read(read)

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
                self._writer.submit(self._recovery_job(generation)).result()
            except (TypeError, ValueError):  # a value of the wrong type: a damaged page
                self._writer.submit(Job(integrity.check_integrity)).result()
        raise StoreError(tr("The history couldn’t be read. Restart Phichat."))

    def _load_choices(self, message: str) -> bytes:
        """Return what was weighed at the tokens of a reply, in any thread; nothing if it cannot be read."""
        return self._read_bytes(lambda connection: queries.load_choices(connection, message))

    def _read_bytes(self, read: Callable[[Connection], bytes]) -> bytes:
        fallback = self._database.fallback
        try:
            return (fallback.read(read) if fallback.names else b"") or self._database.read(read)
        except (sqlite3.Error, PoolClosed, UnicodeError, TypeError, ValueError):
            return b""

    def _recovery_job(self, generation: int) -> Job:
        """Return a job that has the file recovered, unless it was since `generation`."""

        def work(_: Connection) -> None:
            if self._database.generation == generation:
                raise DatabaseDamaged

        return Job(work)
