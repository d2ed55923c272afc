"""While a person writes, the model reads along, so that it answers sooner once it is asked."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from phichat.chat.session import Session
from phichat.ui.answering import Answering, State

SETTLED = 250  # milliseconds without a key: a word is written, or a text was pasted


class ReadingAhead(QObject):
    """Tells `answering` what is being written, when the person pauses.

    `session` is the conversation that is shown, `draft` what is being written in it, and `may_read` whether the
    computer has power to spare.
    """

    def __init__(
        self,
        answering: Answering,
        session: Callable[[], Session],
        draft: Callable[[], str],
        may_read: Callable[[], bool] = lambda: True,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._answering, self._session, self._draft, self._may_read = answering, session, draft, may_read
        self._last: tuple[str, str | None, str, str] | None = None
        self._timer = QTimer(self, interval=SETTLED, singleShot=True)
        self._timer.timeout.connect(self._read)
        answering.state_changed.connect(self._on_state)

    @Slot()
    def soon(self) -> None:
        """Something was written, or another conversation is shown."""
        self._timer.start()

    @Slot()
    def _on_state(self) -> None:
        if self._answering.state is State.IDLE:
            self.soon()

    @Slot()
    def _read(self) -> None:
        session, draft, model = self._session(), self._draft(), self._answering.model
        now = (session.conversation.id, session.conversation.tip, draft, model.name if model else "")
        is_worth_it = bool(draft.strip() or session.conversation.tip)
        if now != self._last and is_worth_it and self._answering.state is State.IDLE and self._may_read():
            self._last = now
            self._answering.read_ahead(session, draft)
