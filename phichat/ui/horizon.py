"""From where on the model remembers a conversation, as its engine tells: a line in the transcript shows it."""

from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Slot

from phichat.chat.session import Session
from phichat.engine.base import PromptFit
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.transcript.transcript import Transcript


class Horizon(QObject):
    """Keeps for each conversation what was told of it last, so that it is there when that is shown again."""

    def __init__(self, transcript: Transcript, answering: GenerationController, parent: QObject) -> None:
        super().__init__(parent)
        self._transcript = transcript
        self._session = Session()
        self._firsts: WeakKeyDictionary[Session, str] = WeakKeyDictionary()
        answering.fitted.connect(self._on_fitted)

    def show(self, session: Session) -> None:
        """Another conversation is shown."""
        self._session = session
        self._transcript.show_horizon(self._firsts.get(session))

    @Slot(object, object)
    def _on_fitted(self, session: Session, fitted: PromptFit) -> None:
        if fitted.trouble:  # it says nothing of what is left out
            return
        if fitted.dropped:
            self._firsts[session] = fitted.first
        else:
            self._firsts.pop(session, None)
        if session is self._session:
            self.show(session)
