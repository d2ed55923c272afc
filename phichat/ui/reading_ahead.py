"""While a person writes, the model reads along, so that it answers sooner once it is asked."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from phichat.chat.session import Session
from phichat.ui.answering import Answering, State

EVERY = 250  # milliseconds between two looks at what is being written


class ReadingAhead(QObject):
    """Tells `answering` what is being written, a few times a second, and at once when it has read what there was.

    `may_read` says whether the computer has power to spare.
    """

    def __init__(
        self, answering: Answering, may_read: Callable[[], bool] = lambda: True, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._answering, self._may_read = answering, may_read
        self._session, self._draft = Session(), ""
        self._place: tuple[str | None, ...] = ()
        self._last = ""
        self._timer = QTimer(self, interval=EVERY, singleShot=True)
        self._timer.timeout.connect(self._read)
        answering.read_on.connect(self.soon)
        answering.state_changed.connect(self._on_state)

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
    def _read(self) -> None:
        session, draft, model = self._session, self._draft, self._answering.model
        pins = [message.id for message in session.conversation.path() if message.is_pinned]
        place = (session.conversation.id, session.conversation.tip, model.name if model else None, *pins)
        goes_on = place == self._place and draft.startswith(self._last)
        if self._answering.state is not State.IDLE or (goes_on and self._answering.is_reading_ahead()):
            return  # it is asked for again when that has ended
        is_news = place != self._place or draft != self._last
        if is_news and (draft.strip() or session.conversation.tip) and self._may_read():
            self._place, self._last = place, draft
            self._answering.read_ahead(session, draft)
