"""Models and history as the window needs them, opened at first use: once the window is shown."""

import os
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Signal, Slot

from phichat import paths
from phichat.app.server_service import ServerService
from phichat.engine.base import Loaded, ModelRef
from phichat.errors import ModelMissing, StoreError
from phichat.i18n import tr
from phichat.ui.controllers.preferences import PreferencesStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from phichat.cancellation import CancelToken
    from phichat.documents.process.document_process import DocumentProcess
    from phichat.models.base import ModelManager
    from phichat.models.hub_access import HubAccess
    from phichat.models.library import Library
    from phichat.store.history import History
    from phichat.ui.models.coordinator import ModelCoordinator
    from phichat.ui.window.main_window import MainWindow

PATIENCE = 10.0  # seconds to wait for the last writes when closing
GB = 1_000_000_000


class AttachmentService(QObject):
    """Reads files that are attached: text in the thread that asks, documents in a process of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._making = threading.Lock()
        self._process: DocumentProcess | None = None
        self._is_closed = False

    def read(self, file: Path, password: str, stop: "CancelToken") -> "Iterator[object]":
        """See `phichat.ui.chat.attachments.FileReader`."""
        from phichat.documents.attachments import is_document, read_attachment  # noqa: PLC0415 - when one is dropped
        from phichat.exchange import text_files  # noqa: PLC0415

        if is_document(file):
            yield from read_attachment(self.reader(), file, password, stop)
        else:
            yield text_files.read_text(file)

    def reader(self) -> "DocumentProcess":
        """Return what reads and shows documents; any thread may call it."""
        from phichat.documents.process.document_process import DocumentProcess  # noqa: PLC0415 - as above

        with self._making:
            self._process = self._process or DocumentProcess()
            if self._is_closed:
                self._process.close()  # it then refuses to read
            return self._process

    @Slot()
    def close(self) -> None:
        """End the process; none is started any more."""
        with self._making:
            self._is_closed = True
            if self._process:
                self._process.close()


class ModelService(QObject):
    """Opens the library and the model manager at first use.

    `wanted` is the name or place of the model to begin with; empty for the default. `make_shelf` makes the model
    manager, None for that of the Hub. `servers` know those on servers.

    Signals:
        first_found(ModelRef): the model to begin with.
        spare_found(ModelRef): one to load if that fails.
        not_found(str): the wanted model is gone, as a sentence that names the one to begin with instead.
        failed(str): one sentence about another error.
        searched: it is known which models there are.
    """

    first_found = Signal(object)
    spare_found = Signal(object)
    not_found = Signal(str)
    failed = Signal(str)
    searched = Signal()

    def __init__(
        self,
        home: paths.Home,
        wanted: str,
        make_shelf: "Callable[[Library], ModelManager] | None",
        servers: ServerService,
    ) -> None:
        super().__init__()
        self._home, self._wanted, self._make_shelf, self._servers = home, wanted, make_shelf, servers
        self._making = threading.RLock()

    def library(self) -> "Library":
        """Return the models on this disk; any thread may call it."""
        with self._making:
            return self._library

    def checksum(self, model: ModelRef) -> str | None:
        """Return the SHA-256 of the file of `model`, None if it was never read in full, or is on a server."""
        if model.is_remote:
            return None
        try:
            return self.library().known_sha256(self.library().find_model(model.location))
        except ModelMissing:
            return None

    def shelf(self) -> "ModelManager":
        """Return the model manager, which knows the Hub, too; any thread may call it."""
        with self._making:
            return self._shelf

    def access(self) -> "HubAccess":
        """Return what has the access token for the Hub; any thread may call it."""
        with self._making:
            return self._access

    @cached_property
    def _access(self) -> "HubAccess":
        from phichat.models.manager import make_hub_access  # noqa: PLC0415 - the start does not wait for it

        return make_hub_access(self._home)

    @cached_property
    def _library(self) -> "Library":
        from phichat.models.library import Library  # noqa: PLC0415 - the start does not wait for it

        return Library(self._home)

    @cached_property
    def _shelf(self) -> "ModelManager":
        if self._make_shelf:
            return self._make_shelf(self.library())
        from phichat.models.manager import make_model_manager  # noqa: PLC0415 - the start does not wait for it

        return make_model_manager(self._home, self.library(), self.access())

    def list_models(self) -> list[ModelRef]:
        """Return all models on this disk that are made to chat with, and those on servers as they told last."""
        return [*(model.ref for model in self.library().list_chat_models()), *self._servers.models()]

    def find_file(self, path: Path) -> ModelRef:
        """Return the model in the file at `path`. Raise ModelError if there is none to chat with. Reads its header."""
        from phichat import gguf  # noqa: PLC0415 - when a file is opened

        gguf.read_head(path)
        return self.library().find_model(str(path)).ref

    @Slot()
    def find_first(self) -> None:
        """Find the wanted model, else the default, and emit the signals."""
        model, trouble = None, ""
        try:
            model = self._find_wanted() if self._wanted else None
        except ModelMissing as error:
            has_models = bool(self.library().list_models())
            trouble = (
                str(error)
                if has_models
                else tr("There are no models on this computer. Download one, or add a model file.")
            )
        usual = self.library().usual_model(besides=model.path if model and not model.is_remote else None)
        spare = usual.ref if usual else None
        if model := model or spare:
            self.first_found.emit(model)
            instead = tr("{model} will be used until you choose another model.").format(model=model.title)
            trouble = trouble and f"{trouble} {instead}"
        if spare and spare != model:
            self.spare_found.emit(spare)
        if trouble:
            self.not_found.emit(trouble)
        self.searched.emit()

    def _find_wanted(self) -> ModelRef:
        """Return the wanted model. Raise ModelMissing."""
        if found := self._servers.find_model(self._wanted):
            return found
        if "://" in self._wanted:
            host = urlsplit(self._wanted).netloc
            raise ModelMissing(
                tr("{host} is no longer one of your servers. Add it again, or choose another model.").format(host=host)
            )
        return self.library().find_model(self._wanted).ref

    @Slot(object)
    def register(self, loaded: Loaded) -> None:
        """Keep a file that was loaded, from wherever, in the library."""
        if not loaded.model.is_remote:
            self._change(lambda library: library.register_file(loaded.model.path))

    @Slot(object)
    def record_choice(self, loaded: Loaded) -> None:
        """Record a file that was loaded as the one that the user chose last."""
        if not loaded.model.is_remote:
            self._change(lambda library: library.record_use(loaded.model.path))

    def _change(self, change: Callable[["Library"], object]) -> None:
        try:
            change(self.library())
        except (ModelMissing, StoreError) as error:
            self.failed.emit(str(error))


def connect_models(models: ModelService, window: "MainWindow", coordinator: "ModelCoordinator") -> None:
    """Connect the search for models, and record those that were loaded and chosen."""
    models.first_found.connect(window.model_selection.load_first)
    models.spare_found.connect(window.generation.set_fallback)
    models.not_found.connect(window.feedback.fail_choosing)
    models.failed.connect(window.feedback.fail_everywhere)
    models.searched.connect(coordinator.load_listings)
    window.generation.model_loaded.connect(models.register)
    window.model_selection.choice_loaded.connect(models.record_choice)
    window.generation.model_loaded.connect(coordinator.load_listings)


class HistoryService(QObject):
    """Opens the history at first use, and keeps the prompt cache in step with it.

    Signals:
        noticed(str): a sentence about the state of its file.
        saved(str): all can be saved again; with a sentence if what was kept in memory has been.
    """

    noticed = Signal(str)
    saved = Signal(str)

    def __init__(self, home: paths.Home, preferences: PreferencesStore, *, is_guest: bool = False) -> None:
        super().__init__()
        self._home, self._preferences, self._is_guest = home, preferences, is_guest
        preferences.changed.connect(self._on_preference)
        self._making = threading.Lock()
        self._history: History | None = None

    def history(self) -> "History":
        """Return the history; any thread may call it."""
        with self._making:
            if self._history is None:
                from phichat.store.history import History  # noqa: PLC0415 - the start does not wait for it

                said = self.noticed.emit, self.saved.emit
                self._history = History(self._home.history, *said, is_guest=self._is_guest)
            return self._history

    @Slot()
    def clear_prompt_cache(self) -> None:
        """Delete the stored prompt cache, as conversations are deleted for good."""
        from phichat.engine import prompt_cache  # noqa: PLC0415 - rarely needed

        # Not a daemon: the process ends only when it is deleted.
        threading.Thread(target=prompt_cache.clear, args=(self._home.states,), name="clearing").start()

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        if name != "states_gb":
            return
        from phichat.engine.prompt_cache import PromptCache  # noqa: PLC0415 - rarely needed

        kept = PromptCache(self._home.states, self._preferences.current.states_gb * GB)
        threading.Thread(target=kept.shrink, name="shrinking").start()

    @Slot()
    def close(self) -> None:
        """Finish writing and close the history; do not wait long for a disk that does not answer."""
        if self._history:
            closing = threading.Thread(target=self._history.close, name="closing", daemon=True)
            closing.start()
            closing.join(PATIENCE)


def hub_host() -> str:
    """Return the host that models are downloaded from."""
    return urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").netloc
