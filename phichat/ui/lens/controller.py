"""The controller of the section "Next word": which answer's least sure place it shows."""

from PySide6.QtCore import QObject, Slot

from phichat.chat.conversation import Message, Role
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import AnswerEvent, CancelToken, Event, Loaded, Undecided
from phichat.i18n import tr
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.lens.next_word import NextWord
from phichat.ui.threads.engine_thread import EngineThread

MOST = 50  # answers whose place is remembered


class NextWordController(QObject):
    """Has the engine find the places, while the section is open, and shows that of the last answer."""

    def __init__(
        self,
        section: NextWord,
        thread: EngineThread,
        generation: GenerationController,
        current: CurrentConversation,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._section, self._thread, self._generation, self._current = section, thread, generation, current
        self._places: dict[str, Undecided] = {}  # by message
        section.toggled.connect(self._on_toggled)
        current.session_changed.connect(self._on_session)
        generation.model_loaded.connect(self._on_loaded)

    @Slot(object)
    def show_sampling(self, sampling: Sampling) -> None:
        """Show what `sampling` does, as a slider moved."""
        self._section.show_sampling(sampling)

    @Slot()
    def show_last_answer(self) -> None:
        """Show the place of the last answer that is shown; an example if none is known."""
        answers = [each for each in self._current.session.conversation.path() if each.role is Role.ASSISTANT]
        self._section.show_place(self._places.get(answers[-1].id) if answers else None)

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        self._generation.finds_undecided = is_open
        if is_open:
            self._thread.happened.connect(self._on_event)
            self._on_session(self._current.session)
        else:
            self._thread.happened.disconnect(self._on_event)

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        text = tr("{host} doesn’t report how settings affect a word’s probability.").format(host=loaded.model.host)
        self._section.show_refusal(text if loaded.model.is_remote else "")

    @Slot(object)
    def _on_session(self, session: Session) -> None:
        self._section.show_sampling(session.sampling)
        self.show_last_answer()

    @Slot(object, object)
    def _on_event(self, _: CancelToken, event: Event) -> None:
        session = self._generation.session
        if session is None:
            return
        number, found = (event.answer, event.event) if isinstance(event, AnswerEvent) else (0, event)
        answers = [each.answering for each in (session, *session.beside)]
        if isinstance(found, Undecided) and number < len(answers) and (message := answers[number]):
            self._remember(message, found)
            self.show_last_answer()

    def _remember(self, message: Message, found: Undecided) -> None:
        before = self._places.pop(message.id, None)  # of an answer that is continued
        self._places[message.id] = min(filter(None, (before, found)), key=lambda place: place.probability)
        for name in list(self._places)[:-MOST]:
            del self._places[name]
