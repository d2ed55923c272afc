"""Export and import of conversations from the window."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from phichat.cancellation import CancelToken
from phichat.errors import StoreError
from phichat.exchange.export import FORMATS
from phichat.files import without_device
from phichat.i18n import tr, tr_count
from phichat.store.base import ConversationRecord, ConversationSummary, record_from_session
from phichat.ui.controllers.autosave import wait_for
from phichat.ui.controllers.conversation_model import title_of_summary
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.widgets.dialogs import choose_conversation_files, choose_export_file

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.exchange.imports import Imported
    from phichat.store.history import History

LONGEST_NAME = 60  # characters of a title in a file's name
_BAD = frozenset('<>:"/\\|?*')

Exporter = Callable[[Iterable[ConversationRecord], Path], int]
"""Write conversations to a file in the format of its suffix; return how many. Raises StoreError."""

Importer = Callable[[Path, "History"], "Imported"]
"""Add a file's conversations to the history. Raises StoreError."""


@dataclass
class _Batch:
    """Files that are imported together: how many are left, and a sentence on each that is done."""

    left: int
    results: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class ImportExport(QObject):
    """Exports to files with `export_to` and imports with `import_from`, both in a background thread.

    Signals:
        notified(str), failed(str): a sentence about the result; `failed` is empty once one went well.
        progressed(str): a sentence about what is under way; empty when nothing is.
        changed: conversations were added to the history.
        unwanted(list): an import was undone; with the ids of its conversations.
    """

    notified = Signal(str)
    failed = Signal(str)
    progressed = Signal(str)
    changed = Signal()
    unwanted = Signal(list)

    def __init__(
        self, conversations: Conversations, parent: QObject, *, export_to: Exporter, import_from: Importer
    ) -> None:
        super().__init__(parent)
        self._history, self._tasks, self._current = conversations.history, conversations.tasks, conversations.current
        self._list_model, self._autosave, self._undo_stack = (
            conversations.list_model,
            conversations.autosave,
            conversations.undo_stack,
        )
        self._export_to, self._import_from = export_to, import_from
        self._under_way: list[str] = []
        self._importing: list[str] = []  # names of files
        self._exporting: list[str] = []

    def ask_to_export(self, window: QWidget, names: Sequence[str]) -> None:
        """Ask for a file, then export the conversations of those ids to it, or all of them if there are none."""
        filters = [tr(info.file_filter) for info in FORMATS.values()]
        choose_export_file(window, self._suggested_name(names), filters, lambda file: self.export(names, Path(file)))

    def ask_to_import(self, window: QWidget) -> None:
        """Ask for files, then import them."""
        self.import_files([Path(file) for file in choose_conversation_files(window)])

    def question_before_quit(self) -> tuple[str, str]:
        """Return what to ask before an import or export is cut off, and the answer that keeps it; empty if none is."""
        facts, stay = [], ""
        if self._importing:
            text = tr("{file} is still being imported. To get the rest of its conversations, import it again.")
            facts.append(text.format(file=self._importing[0]))
            stay = tr("Keep importing")
        if self._exporting:
            text = tr("{file} is still being exported. If you quit now, it won’t be saved.")
            facts.append(text.format(file=self._exporting[0]))
            stay = tr("Cancel") if stay else tr("Keep exporting")
        return " ".join([tr("Quit Phichat?"), *facts]) if facts else "", stay

    def export(self, names: Sequence[str], file: Path) -> None:
        """Write the conversations of those ids to `file`, or all that are stored if there are none."""
        last = self._autosave.last
        unstored = {name: record for name in names if (record := self._temporary_record(name))}

        def write(stop: CancelToken) -> int:
            wait_for(last)
            history = self._history()
            records: Iterator[ConversationRecord] = (
                (unstored.get(name) or history.load_conversation(name) for name in names)
                if names
                else history.iter_conversations()
            )
            return self._export_to(_until(stop, records), file)

        def notify(count: int) -> None:
            self.failed.emit("")
            self.notified.emit(
                tr("Exported {conversations} to {file}.").format(
                    conversations=tr_count("{count} conversation", "{count} conversations", count), file=file.name
                )
            )

        def end() -> None:
            self._end(sentence)
            self._exporting.remove(file.name)

        sentence = tr("Exporting to {file}…").format(file=file.name)
        self._begin(sentence)
        self._exporting.append(file.name)
        self._tasks.run(write, notify, self.failed.emit, end)

    def _temporary_record(self, name: str) -> ConversationRecord | None:
        """Return a temporary conversation, of which nothing is stored, as it is now; None for another one."""
        session = self._current.cached_session(name)
        return record_from_session(session) if session and session.is_temporary else None

    def import_files(self, files: Sequence[Path]) -> None:
        """Add the conversations in `files` to the history."""
        batch = _Batch(len(files))
        for file in files:
            sentence = tr("Importing {file}…").format(file=file.name)
            self._begin(sentence)
            self._importing.append(file.name)
            self._tasks.run(
                partial(self._import, file, self._autosave.last),
                partial(self._on_imported, batch),
                batch.failures.append,
                partial(self._on_import_ended, batch, file.name, sentence),
            )

    def _on_import_ended(self, batch: "_Batch", name: str, sentence: str) -> None:
        """Tell how it went once the last file of a batch is done, so that no sentence replaces another."""
        self._end(sentence)
        self._importing.remove(name)
        self.changed.emit()
        batch.left -= 1
        if not batch.left and batch.failures:
            self.failed.emit("\n".join([*batch.failures, *batch.results]))
        elif not batch.left:
            self.failed.emit("")
            self.notified.emit("\n".join(batch.results))

    def _begin(self, sentence: str) -> None:
        self._under_way.append(sentence)
        self.progressed.emit(sentence)

    def _end(self, sentence: str) -> None:
        self._under_way.remove(sentence)
        self.progressed.emit(self._under_way[-1] if self._under_way else "")

    def _import(self, file: Path, last: "Future[Any] | None", _: CancelToken) -> "tuple[Imported, list[str]]":
        """Import `file` once `last` is written; return the counts, and the ids of conversations that are new."""
        wait_for(last)
        history = self._history()
        before = {heading.id for heading in history.list_conversations()}
        tally = self._import_from(file, history)
        return tally, [heading.id for heading in history.list_conversations() if heading.id not in before]

    def _on_imported(self, batch: "_Batch", found: "tuple[Imported, list[str]]") -> None:
        tally, names = found
        sentence = _summarize(tally)
        batch.results.append(sentence)
        if names:
            self._undo_stack.record(
                sentence, lambda: self.unwanted.emit(names), lambda: self._restore(names), quietly=True
            )

    def _restore(self, names: Sequence[str]) -> None:
        self._autosave.restore(names)
        self.changed.emit()

    def _suggested_name(self, names: Sequence[str]) -> str:
        heading = self._list_model.summary(names[0]) if len(names) == 1 else None
        return _file_name(heading) if heading else "phichat.json"


def _until(stop: CancelToken, records: Iterator[ConversationRecord]) -> Iterator[ConversationRecord]:
    """Yield `records`; raise StoreError once `stop` is set, so that nothing is left of the file."""
    for record in records:
        if stop.is_set():
            raise StoreError(tr("Phichat is closing."))
        yield record


def _file_name(heading: ConversationSummary) -> str:
    """Return a name that any system can have; it ends with a word where the title was cut off."""
    title = title_of_summary(heading)
    letters = (" " if letter in _BAD or not letter.isprintable() else letter for letter in title)
    name = " ".join("".join(letters).split())
    is_cut = name.endswith(("…", "..."))
    if len(name) > LONGEST_NAME:
        name, is_cut = name[: LONGEST_NAME + 1].rsplit(" ", 1)[0][:LONGEST_NAME], True
    name = name.strip(" .-")
    while is_cut and name and unicodedata.category(name[-1])[0] not in "LMN":  # neither letter, mark nor number
        name = name[:-1]
    return without_device((name or "phichat") + ".json")


def _summarize(imported: "Imported") -> str:
    """Return a sentence on what was imported, and one on what was left out."""
    brought = tr("Imported {conversations} with {messages}.").format(
        conversations=tr_count("{count} conversation", "{count} conversations", imported.conversations),
        messages=tr_count("{count} new message", "{count} new messages", imported.messages),
    )
    if imported.unchanged:
        brought += " " + tr_count(
            "{count} conversation was already up to date.",
            "{count} conversations were already up to date.",
            imported.unchanged,
        )
    if imported.skipped:
        brought += " " + tr_count(
            "Skipped {count} unreadable conversation.", "Skipped {count} unreadable conversations.", imported.skipped
        )
    return brought
