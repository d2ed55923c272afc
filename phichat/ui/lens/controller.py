"""The controller of the section "Next word": which answer's least sure place it shows."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from phichat.chat.conversation import Ending, Message, Role
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import AnswerEvent, CancelToken, Event, Undecided
from phichat.i18n import tr
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.reply_weigher import ReplyWeigher
from phichat.ui.lens.next_word import NextWord
from phichat.ui.lens.places import UndecidedPlaces
from phichat.ui.threads.engine_thread import EngineThread

SLOW_AFTER = 200  # milliseconds until nothing is shown any more of the answer before


class NextWordController(QObject):
    """Has the engine find the places, while the section is open, and shows that of the last answer.

    An answer that was written before is reread once: when the section is opened or its button is pressed, as soon as
    the model has read the conversation; otherwise if nothing is being written, and `has_power`.
    """

    def __init__(
        self,
        section: NextWord,
        thread: EngineThread,
        generation: GenerationController,
        current: CurrentConversation,
        weigher: ReplyWeigher,
        places: UndecidedPlaces,
        has_power: Callable[[], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._section, self._thread, self._generation, self._current = section, thread, generation, current
        self._weigher, self._places, self._has_power = weigher, places, has_power
        self._wanted = ""  # the id of the answer that the user wants to have reread
        self._tried: set[str] = set()  # the ids of those that were reread, or are not to be
        section.toggled.connect(self._on_toggled)
        section.reading_requested.connect(self.read_last_answer)
        section.reading_cancelled.connect(self._on_refused)
        current.session_changed.connect(self._on_session)
        generation.model_loaded.connect(self.show_last_answer)
        generation.background.prefill_finished.connect(self._on_prefilled)
        weigher.progressed.connect(self._on_reading)
        weigher.undecided.connect(self._on_undecided)
        places.looked_up.connect(self._on_looked_up)
        self._loading_timer = QTimer(self, interval=SLOW_AFTER, singleShot=True)
        self._loading_timer.timeout.connect(self._show_last_answer)
        for ended in (weigher.weighed, weigher.cancelled):
            ended.connect(self.show_last_answer)
        weigher.failed.connect(self._on_failed)

    @Slot(object)
    def show_sampling(self, sampling: Sampling) -> None:
        """Show what `sampling` does, as a slider moved."""
        self._section.show_sampling(sampling)

    @Slot()
    def show_last_answer(self) -> None:
        """Show the place of the last answer; an example if none is known. Nothing while the section is folded.

        What was shown stays for the moment that loading takes.
        """
        self._loading_timer.stop()
        if self._section.is_open():
            if self._is_looked_up(self._last_answer()):
                self._show_last_answer()
            else:
                self._loading_timer.start()

    @Slot()
    def _show_last_answer(self) -> None:
        message = self._last_answer()
        is_readable = self._unread_answer() is not None
        is_waiting = message is not None and (message.id == self._wanted or self._weigher.is_weighing(message))
        if not (is_readable and is_waiting):
            self._section.show_reading(None)
        self._section.show_refusal(self._refusal())
        self._section.show_place(self._places.find(message) if message else None, is_readable=is_readable)

    @Slot()
    def read_last_answer(self) -> None:
        """Have the last answer reread if its place isn't known, as soon as the model has read the conversation."""
        message = self._last_answer()
        if message and not self._is_looked_up(message):
            self._wanted = message.id
        elif message := self._unread_answer():
            self._wanted = message.id
            self._section.show_reading(0.0)
            self._read_now()

    @Slot()
    def read_in_idle_time(self) -> None:
        """Have it reread unless that was tried before, as nobody needs the model."""
        message = self._unread_answer() if self._section.is_open() else None
        if message and message.id not in self._tried and not self._generation.is_shared_now():
            self._read_now()

    def _read_now(self) -> None:
        """Have the last answer reread, unless the model reads something else or writes."""
        message, background = self._unread_answer(), self._generation.background
        is_reading = background.is_prefilling() or background.is_weighing()
        if message and self._section.is_open() and not is_reading and self._weigher.can_weigh():
            self._wanted = ""
            self._tried.add(message.id)
            self._weigher.weigh(self._current.session, message)

    def _is_looked_up(self, message: Message | None) -> bool:
        return message is None or self._places.look_up(self._current.session, message)

    def _last_answer(self) -> Message | None:
        path = self._current.session.conversation.path()
        return next((message for message in reversed(path) if message.role is Role.ASSISTANT), None)

    def _unread_answer(self) -> Message | None:
        """Return the last answer if its place isn't known, and the model in use wrote it and can reread it."""
        message, loaded = self._last_answer(), self._generation.loaded
        if message is None or loaded is None or loaded.model.is_remote:
            return None
        if not self._is_looked_up(message) or self._places.find(message):
            return None
        is_written = message.reply is not None and message.reply.ending is not Ending.ANSWERING
        return message if is_written and message.text and self._weigher.is_own(message) else None

    def _refusal(self) -> str:
        """Return why no answer of the model in use will be shown."""
        loaded = self._generation.loaded
        if loaded is None or not loaded.model.is_remote:
            return ""
        return tr("{host} doesn’t report how settings affect a word’s probability.").format(host=loaded.model.host)

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        self._generation.finds_undecided = is_open
        if is_open:
            self._thread.happened.connect(self._on_event)
            self._tried.clear()
            self._on_session(self._current.session)
            self.read_last_answer()
        else:
            self._wanted = ""
            self._thread.happened.disconnect(self._on_event)

    @Slot()
    def _on_prefilled(self) -> None:
        if self._wanted:
            self._read_now()
        elif not self._current.session.draft.strip() and self._has_power():
            self.read_in_idle_time()

    @Slot(object)
    def _on_session(self, session: Session) -> None:
        self._wanted = ""
        self._section.show_sampling(session.sampling)
        self.show_last_answer()

    @Slot(str)
    def _on_looked_up(self, name: str) -> None:
        message = self._last_answer()
        if message is None or message.id != name:
            return
        is_wanted, self._wanted = self._wanted == name, ""
        if is_wanted and self._section.is_open():
            self.read_last_answer()
        self.show_last_answer()

    @Slot()
    def _on_refused(self) -> None:
        """Stop rereading the last answer, and don't begin again until that is wanted."""
        self._wanted = ""
        message = self._last_answer()
        if message and self._weigher.is_weighing(message):
            self._weigher.cancel()
        self.show_last_answer()

    @Slot(str, float)
    def _on_reading(self, name: str, share: float) -> None:
        message = self._last_answer()
        if message and message.id == name:
            self._section.show_reading(share)

    @Slot(str, str)
    def _on_failed(self, name: str, sentence: str) -> None:
        self.show_last_answer()
        message = self._last_answer()
        if message and message.id == name:
            self._section.show_refusal(sentence)

    @Slot(object, object, object)
    def _on_undecided(self, session: Session, message: Message, found: Undecided) -> None:
        self._places.add(session, message, found)
        self.show_last_answer()

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        session = self._generation.session
        if session is None or not self._generation.is_reply(stop):
            return
        number, found = (event.answer, event.event) if isinstance(event, AnswerEvent) else (0, event)
        answers = [each.answering for each in (session, *session.beside)]
        if isinstance(found, Undecided) and number < len(answers) and (message := answers[number]):
            self._places.add(session, message, found)
            self.show_last_answer()
