"""The documents that questions are about: opens their collections, and connects them with the window."""

import os
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat import paths
from phichat.app import on_demand
from phichat.app.services import AttachmentService
from phichat.ui.controllers.documents import DocumentsController
from phichat.ui.controllers.file_watch import FileStamp
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.idle import IdleTimer
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.window.main_window import MainWindow

if TYPE_CHECKING:
    from phichat.documents.retrieval.library_process import LibraryProcess


class DocumentsService(QObject):
    """Opens the collections of documents at first use, which are searched in a process of their own.

    Signals: `noticed(str)` with a sentence about the state of their file, or why the embedding model isn't used.
    """

    noticed = Signal(str)

    def __init__(self, home: paths.Home, preferences: PreferencesStore) -> None:
        super().__init__()
        self._home, self._preferences = home, preferences
        self._making = threading.Lock()
        self._library: LibraryProcess | None = None

    def library(self) -> "LibraryProcess":
        """Return the collections; any thread may call it."""
        from phichat.documents.retrieval.library_process import LibraryProcess  # noqa: PLC0415 - when they are used

        chosen = self._preferences.current.embedding_model
        model = Path(chosen) if os.path.isfile(chosen) else None  # noqa: PTH113 - Path's raises where nobody may look
        with self._making:
            self._library = self._library or LibraryProcess(self._home.documents, model)
            self._library.model, self._library.on_notice = model, self.noticed.emit
            return self._library

    def check_model(self, file: Path) -> None:
        """Have an embedding model used that is chosen, also if it couldn't be before; raise ModelError for another."""
        on_demand.check_embedding_model(file)
        self.library().retry_model()

    @Slot()
    def close(self) -> None:
        """End its processes."""
        with self._making:
            if self._library:
                self._library.close()


def connect_documents(
    window: MainWindow,
    generation: GenerationController,
    preferences: PreferencesStore,
    home: paths.Home,
    attachments: AttachmentService,
    idle_timer: IdleTimer,
) -> None:
    """Connect the documents that questions are about."""

    def context() -> int:
        return generation.loaded.context if generation.loaded else preferences.current.context

    service = DocumentsService(home, preferences)
    documents = DocumentsController(service.library, preferences, context)
    documents.check_model = service.check_model
    documents.has_index = partial(os.path.exists, home.documents)
    documents.known_models = on_demand.embedding_models
    for part in (service, documents):
        part.setParent(window)
    window.closed.connect(service.close)  # which ends what the threads wait for
    window.closed.connect(documents.close)
    service.noticed.connect(window.feedback.warn_everywhere)
    service.noticed.connect(documents.changed)
    idle_timer.became_idle.connect(documents.index_waiting)
    conversations, autosave = window.conversations, window.conversations.autosave
    autosave.purged.connect(documents.forget)
    autosave.everything_deleted.connect(documents.forget_all)
    autosave.has_documents = lambda session: bool(documents.used(session))
    autosave.list_with_documents = documents.remembered
    documents.changed.connect(conversations.current.save_soon)
    window.documents.change_made.connect(window.sidebar.record_change)
    window.documents.start(documents, attachments.reader, context)

    def is_wanted() -> bool:  # which must not keep the window
        return conversations.is_seen() and bool(documents.used(conversations.current.session))

    documents.watch(partial(_file_stamp, home.documents), is_wanted)


def _file_stamp(file: Path) -> FileStamp:
    from phichat.store.locking import file_state  # noqa: PLC0415 - brings SQLite, which the first frame doesn't wait for

    return file_state(file)
