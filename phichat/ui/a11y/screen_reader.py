"""Announces a reply to screen readers while it is generated, sentence by sentence."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QWidget

from phichat.chat.conversation import Ending, Message
from phichat.chat.session import Session
from phichat.i18n import N_, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController

if TYPE_CHECKING:
    from phichat.markdown.speech import SpeechSplitter

PAUSE = 1200  # milliseconds between two announcements, as some screen readers break off the one before
ENDINGS = {
    Ending.STOP: N_("End of the answer"),
    Ending.CANCELLED: N_("Stopped"),
}  # a limit is said by the reply itself, an error by the line that shows it


class ReplyAnnouncer(QObject):
    """Announces replies in the current conversation, on behalf of `widget`.

    Without a screen reader, the only cost is a check for one.
    """

    def __init__(self, generation: GenerationController, current: CurrentConversation, widget: QWidget) -> None:
        super().__init__(widget)
        self._current = current
        self._reply = ""
        self._splitter: SpeechSplitter
        self._has_told_thinking = False
        self._pending: list[str] = []
        self._pause = QTimer(self, interval=PAUSE, singleShot=True)
        self._pause.timeout.connect(self._say)
        generation.replied.connect(self._on_replied)
        current.session_changed.connect(self._on_session_changed)

    @Slot()
    def _on_session_changed(self) -> None:
        self._reply = ""
        self._pending.clear()

    @Slot(object, object)
    def _on_replied(self, session: Session, message: Message) -> None:
        if session is not self._current.session or message.reply is None or not is_screen_reader_active():
            return
        ending = message.reply.ending
        is_whole = ending is not Ending.ANSWERING
        if message.id != self._reply:  # what it has already was announced, or is old
            from phichat.markdown.speech import SpeechSplitter  # noqa: PLC0415 - only a screen reader needs it

            self._reply, self._splitter = message.id, SpeechSplitter(message.text)
            self._pending += [] if message.text or message.is_thinking or is_whole else [tr("Processing…")]
            self._has_told_thinking = False
        if message.is_thinking and not self._has_told_thinking:  # what is thought is read where it is opened
            self._has_told_thinking = True
            self._pending += [tr("Thinking…")]
        self._pending += self._splitter.next_sentences(message.text, is_whole=is_whole)
        if is_whole:
            self._reply = ""
            self._pending += [tr(ENDINGS[ending])] if ending in ENDINGS else []
            self._pending += [message.reply.limit_text()] if ending is Ending.LENGTH else []
        if not self._pause.isActive():
            self._say()

    @Slot()
    def _say(self) -> None:
        widget = self.parent()
        if self._pending and isinstance(widget, QWidget):
            announce(widget, "\n".join(self._pending))
            self._pending.clear()
            self._pause.start()


def is_screen_reader_active() -> bool:
    """Whether an assistive technology such as a screen reader is active."""
    from PySide6.QtGui import QAccessible  # noqa: PLC0415 - its enumerations load slowly

    return QAccessible.isActive()
