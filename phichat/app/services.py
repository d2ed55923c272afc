"""What lies on the disk as the window needs it, made when it is first asked for: once the window can be used."""

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat import paths
from phichat.engine.base import Loaded, ModelRef
from phichat.errors import ModelMissing, StoreError
from phichat.ui.controllers.preferences import PreferencesStore

if TYPE_CHECKING:
    from phichat.models.base import ModelManager
    from phichat.models.library import Library
    from phichat.store.history import History

PATIENCE = 10.0  # seconds for the disk to take what was written last
GB = 1_000_000_000


class ModelService(QObject):
    """The library as the window needs it, looked at once the window can be used.

    Signals: `first_found(ModelRef)` for the model to begin with, `spare_found(ModelRef)` for one to use where that
    cannot be loaded; `failed(str)` with a sentence; `searched` once it is known what there is.
    """

    first_found = Signal(object)
    spare_found = Signal(object)
    failed = Signal(str)
    searched = Signal()

    def __init__(self, home: paths.Home, wanted: str, make_shelf: "Callable[[Library], ModelManager]") -> None:
        super().__init__()
        self._home, self._wanted, self._make_shelf = home, wanted, make_shelf
        self._making = threading.RLock()

    def library(self) -> "Library":
        """What is on this disk; any thread may ask."""
        with self._making:
            return self._library

    def checksum(self, model: ModelRef) -> str | None:
        """Return the SHA-256 of the file of `model`, if it was ever read in full."""
        try:
            return self.library().known_sha256(self.library().find_model(model.location))
        except ModelMissing:
            return None

    def shelf(self) -> "ModelManager":
        """What is on the Hub, too; any thread may ask."""
        with self._making:
            return self._shelf

    @cached_property
    def _library(self) -> "Library":
        from phichat.models.library import Library  # noqa: PLC0415 - the window does not wait for it

        return Library(self._home)

    @cached_property
    def _shelf(self) -> "ModelManager":
        return self._make_shelf(self.library())

    def list_models(self) -> list[ModelRef]:
        """All models on this disk."""
        return [model.ref for model in self.library().list_models()]

    def find_file(self, path: Path) -> ModelRef:
        """Return the model in the file at `path`. Raise ModelMissing."""
        return self.library().find_model(str(path)).ref

    @Slot()
    def find_first(self) -> None:
        """Find the model that was asked for or used last, else the default."""
        model, trouble = None, ""
        try:
            model = self.library().find_model(self._wanted) if self._wanted else None
        except ModelMissing as error:
            trouble = str(error)
        spare = self.library().default_model()
        if model := model or spare:
            self.first_found.emit(model.ref)
        if spare and spare != model:
            self.spare_found.emit(spare.ref)
        if trouble:
            self.failed.emit(trouble)
        self.searched.emit()

    @Slot(object)
    def remember(self, loaded: Loaded) -> None:
        """A file from anywhere that could be loaded is in the menu from now on."""
        try:
            self.library().register_file(loaded.model.path)
        except StoreError as error:
            self.failed.emit(str(error))


class HistoryService(QObject):
    """The history, opened when it is first asked for: that is once the window can be used.

    Signals: `noticed(str)` with a sentence about what became of it.
    """

    noticed = Signal(str)

    def __init__(self, home: paths.Home, preferences: PreferencesStore, *, is_guest: bool = False) -> None:
        super().__init__()
        self._home, self._preferences, self._is_guest = home, preferences, is_guest
        preferences.changed.connect(self._on_preference)
        self._making = threading.Lock()
        self._history: History | None = None

    def history(self) -> "History":
        """All conversations; any thread may ask."""
        with self._making:
            if self._history is None:
                from phichat.store.history import History  # noqa: PLC0415 - the window does not wait for it

                self._history = History(self._home.history, self.noticed.emit, is_guest=self._is_guest)
            return self._history

    @Slot()
    def clear_prompt_cache(self) -> None:
        """What the model remembered of them goes with conversations that are deleted for good."""
        from phichat.engine import prompt_cache  # noqa: PLC0415 - rarely needed

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
        """Store what is still to be stored; a disk that does not answer is not waited for."""
        if self._history:
            closing = threading.Thread(target=self._history.close, name="closing", daemon=True)
            closing.start()
            closing.join(PATIENCE)
