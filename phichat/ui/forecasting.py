"""Says beside Send how long it will be until the first word."""

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.attachments import length_with
from phichat.chat.session import Session
from phichat.chat.time_estimate import TimeEstimate, sentence
from phichat.engine.base import Done, Loaded, PromptFit
from phichat.ui.controllers.generation import GenerationController, GenerationState


class Forecasting(QObject):
    """Follows what is written and what is read of it.

    Signals: `changed(str)` with the words; empty where there is nothing worth saying.
    """

    changed = Signal(str)

    def __init__(self, answering: GenerationController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answering = answering
        self._forecast = TimeEstimate()
        self._session, self._length, self._said = Session(), 0, ""
        answering.fitted.connect(self._on_fitted)
        answering.unasked.read.connect(self._on_read)
        answering.measured.connect(self._on_measured)
        answering.loaded_model.connect(self._on_loaded)
        answering.state_changed.connect(self._say)

    @Slot(object)
    def show(self, session: Session) -> None:
        """Another conversation is shown."""
        self._session = session
        self._forecast.forget()
        self._say()

    @Slot(str)
    def write(self, draft: str) -> None:
        """This is written now."""
        attached = self._session.attached
        self._length = length_with(draft, attached) if attached or draft.strip() else 0
        self._say()

    @Slot(object, object)
    def _on_fitted(self, session: Session, fitted: PromptFit) -> None:
        if session is not self._session:
            return
        if fitted.trouble:  # it cannot be asked
            self._forecast.forget()
        else:
            self._forecast.fitted(fitted.tokens, fitted.kept, self._length)
        self._say()

    @Slot(int, int)
    def _on_read(self, done: int, _: int) -> None:
        self._forecast.read(done)
        self._say()

    @Slot(object)
    def _on_measured(self, done: Done) -> None:
        self._forecast.took(done.prompt_tokens - done.cached_tokens, done.prompt_seconds)

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._forecast.begin(loaded.reads)

    @Slot()
    def _say(self) -> None:
        can_ask = self._length and self._answering.state is GenerationState.IDLE
        words = sentence(self._forecast.seconds(self._length)) if can_ask else ""
        if words != self._said:
            self._said = words
            self.changed.emit(words)
