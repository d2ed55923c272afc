"""Which model is used, and with how much context; a change waits for the reply under way."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.engine.base import Loaded, ModelRef
from phichat.engine.remote.base import Server
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.threads.background import BackgroundTasks


class ModelSelection(QObject):
    """Has `generation` load models, and stores the user's choice as preference once it is loaded.

    Signals: `load_started` before a model is loaded; `chosen` before that if the user chose it; `choice_loaded(Loaded)`
    once that is loaded; `delayed(str)` with a sentence about what waits, empty when it no longer does; `returned(str)`
    with one about a model that was used for one answer; `failed(str)` with one about an error.
    """

    load_started = Signal()
    chosen = Signal()
    choice_loaded = Signal(object)
    delayed = Signal(str)
    returned = Signal(str)
    failed = Signal(str)

    def __init__(
        self,
        generation: GenerationController,
        preferences: PreferencesStore,
        open_model: Callable[[Path], ModelRef],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._generation, self._preferences, self._open_model = generation, preferences, open_model
        self._tasks = BackgroundTasks("model file", 1, self)
        self._chosen = self._ordered = ""
        self._next: ModelRef | None = None
        self._former: ModelRef | None = None
        """The model to go back to after the answer of another one."""
        self._has_written = False  # anything of the last answer
        self._first: ModelRef | None = None
        """The model to begin with, as long as a file that was opened is looked at."""
        self._opening = 0
        self._context_waits = self._is_closed = False
        generation.state_changed.connect(self._apply)
        generation.model_loaded.connect(self._on_loaded)
        generation.asked.connect(self._remember_fallback)
        generation.replied.connect(self._on_replied)

    @property
    def next_model(self) -> ModelRef | None:
        """The model that will answer the next message, which that of the answer under way may not; None for none."""
        return self._next or self._former or self._generation.model

    @Slot(object)
    def load_first(self, model: ModelRef) -> None:
        """Load `model`, unless the user was quicker and chose one."""
        if self._opening:
            self._first = model
        elif not self._chosen:
            self.load_model(model)

    @Slot(object)
    def load_model(self, model: ModelRef) -> None:
        """Load `model`, and do not remember it."""
        self.load_started.emit()
        self._ordered = model.location
        self._generation.load_model(model, self._preferences.current.context)

    @Slot(object)
    def reload_from(self, server: Server) -> None:
        """Load the model in use again if it is on `server`, which has another key, or was removed."""
        model = self._generation.model
        if model and model.server_url == server.url:
            self.load_model(model)

    @Slot(object)
    def choose(self, model: ModelRef) -> None:
        """Load `model`, and once it is loaded remember it for the next start."""
        self._chosen, self._former = model.location, None
        self.chosen.emit()
        self.load_model(model)

    def use_once(self, model: ModelRef) -> str:
        """Load `model` for the next answer alone, unless it is in use; return the name of the one to go back to."""
        former = self._generation.model
        if former is None or former.name == model.name:
            return ""
        self.load_model(model)
        self._former = former
        return former.name

    @Slot(object)
    def choose_after_reply(self, model: ModelRef) -> None:
        """Choose `model` once the reply under way has ended."""
        self._next = model
        if self._generation.is_answering():
            self.delayed.emit(tr("Switching to {model} after this answer.").format(model=model.title))
        self._apply()

    @Slot(str)
    def open_file(self, file: str) -> None:
        """Choose the model in `file` once the reply under way has ended; what is no chat model leaves all as it is."""
        self._opening += 1
        self._tasks.run(
            lambda _: self._open_model(Path(file)), self.choose_after_reply, self.failed.emit, self._on_file_ended
        )

    def _on_file_ended(self) -> None:
        self._opening -= 1
        model, self._first = self._first, None
        if model:
            self.load_first(model)

    @Slot(int)
    def set_context(self, context: int) -> None:
        """Store another context length, and load the model again with it."""
        self._preferences.change(context=context)
        self._context_waits = True
        self._apply()

    def close(self) -> None:
        """Load nothing any more, as the window closes."""
        self._is_closed = True
        self._tasks.close()

    @Slot()
    def _apply(self) -> None:
        if self._is_closed or self._generation.is_answering():
            return
        if self._next:
            model, self._next = self._next, None
            self.delayed.emit("")
            self._context_waits = False
            self.choose(model)
        elif self._former and self._generation.model:
            self._go_back(self._former, self._generation.model)
        elif self._context_waits and self._generation.model:
            self._context_waits = False
            self._generation.load_model(self._generation.model, self._preferences.current.context)

    def _go_back(self, former: ModelRef, used: ModelRef) -> None:
        """Load `former` again, as `used` was for one answer, which has ended; keep what is told of that answer."""
        self._former, self._ordered = None, former.location
        if used.location == former.location:  # the other one could not be loaded
            self._apply()
            return
        has_written, self._context_waits = self._has_written, False
        self._generation.load_model(former, self._preferences.current.context)
        if has_written:
            sentence = tr("{other} was used for that answer only. {model} will answer your next messages.")
            self.returned.emit(sentence.format(other=used.title, model=former.title))

    @Slot(object, object)
    def _on_replied(self, _: Session, message: Message) -> None:
        self._has_written = bool(message.text or message.thinking)

    @Slot()
    def _remember_fallback(self) -> None:
        """Begin the next start with the model that answers, if that took the place of one that can't be loaded."""
        model = self._generation.model
        if model and self._ordered == self._preferences.current.model != model.location:
            self._preferences.change(model=model.location)

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        if loaded.model.location == self._chosen:
            self._preferences.change(model=self._chosen)
            self.choice_loaded.emit(loaded)
