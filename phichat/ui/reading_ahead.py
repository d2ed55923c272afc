"""While a person writes, the model reads along, so that it answers sooner once it is asked."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from phichat.chat.session import Session
from phichat.ui.answering import Answering, State

EVERY = 250  # milliseconds between two looks at what is being written
LOOK_EVERY = 2000  # milliseconds between two looks at whether there is still power to spare


class ReadingAhead(QObject):
    """Tells `answering` what is being written, a few times a second, and at once when it has read what there was.

    `may_read` says whether the computer has power to spare; where it has not, the model only counts.
    """

    def __init__(
        self,
        answering: Answering,
        may_read: Callable[[], bool] = lambda: True,
        parent: QObject | None = None,
        look_every: int = LOOK_EVERY,
    ) -> None:
        super().__init__(parent)
        self._answering, self._may_read = answering, may_read
        self._session, self._draft = Session(), ""
        self._place: tuple[object, ...] = ()
        self._last = ""
        self._timer = QTimer(self, interval=EVERY, singleShot=True)
        self._timer.timeout.connect(self._read)
        self._watch = QTimer(self, interval=look_every)
        self._watch.timeout.connect(self._look)
        answering.unasked.read_on.connect(self.soon)
        answering.state_changed.connect(self._on_state)
        answering.loaded_model.connect(self._on_loaded)

    def show(self, session: Session) -> None:
        """Another conversation is shown."""
        self._session = session
        self.soon()

    @Slot(str)
    def write(self, draft: str) -> None:
        """This is written in it now."""
        self._draft = draft
        self.soon()

    @Slot()
    def soon(self) -> None:
        """There may be something to read."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _on_state(self) -> None:
        if self._answering.state is State.IDLE:
            self.soon()

    @Slot()
    def _on_loaded(self) -> None:
        """A model that has just been loaded has read nothing."""
        self._place = ()
        self.soon()

    @Slot()
    def _read(self) -> None:
        session, draft, model = self._session, self._draft, self._answering.model
        pins = [message.id for message in session.conversation.path() if message.is_pinned]
        place = (
            session.conversation.id,
            session.conversation.tip,
            session.system,
            model.name if model else None,
            session.attached,
            *pins,
        )
        goes_on = place == self._place and draft.startswith(self._last)
        if self._answering.state is not State.IDLE or (goes_on and self._answering.unasked.is_reading()):
            return  # it is asked for again when that has ended
        is_news = place != self._place or draft != self._last
        if is_news and (draft.strip() or session.attached or session.conversation.tip):
            self._place, self._last = place, draft
            self._answering.read_ahead(session, draft, only_counts=not self._may_read())
            self._watch.start()

    @Slot()
    def _look(self) -> None:
        """Stop where the power has gone, as of a laptop that was unplugged."""
        if not self._answering.unasked.is_reading():
            self._watch.stop()
        elif not self._may_read():
            self._answering.unasked.stop()
