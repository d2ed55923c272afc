"""The replies of one request as they grow: a session's own, and the versions beside it."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.chat.conversation import Ending, Message, Piece
from phichat.chat.session import Session
from phichat.ui.controllers.autosave import ReplyStore

FRAME = 16  # milliseconds: pieces are painted together, at most this often


class GrowingReplies(QObject):
    """Puts pieces into their replies and stores them, all together, at most once a frame.

    A reply has a number: 0 for the session's own, and from 1 on those of `Session.beside`.

    Signals:
        replied(Session, Message): the reply 0 begins, grows, or ends with the last of them.
        version_replied(Session, Message): another one does, or the reply 0 ends before the others.
    """

    replied = Signal(object, object)
    version_replied = Signal(object, object)

    def __init__(self, reply_store: ReplyStore | None, parent: QObject) -> None:
        super().__init__(parent)
        self._reply_store = reply_store
        self._sessions: tuple[Session, ...] = ()
        self._pieces: list[list[Piece]] = []
        self._first: Message | None = None
        self._frame = QTimer(self, interval=FRAME, singleShot=True)
        self._frame.timeout.connect(self.show_pieces)

    def begin(self, session: Session) -> None:
        """Begin with the empty replies of `session`."""
        self._sessions, self._first = (session, *session.beside), None
        self._pieces = [[] for _ in self._sessions]
        for number in range(len(self._sessions)):
            self._tell(number)

    def add(self, number: int, piece: Piece) -> None:
        """Add `piece` to a reply with the next frame."""
        self._pieces[number].append(piece)
        if not self._frame.isActive():
            self._frame.start()

    @Slot()
    def show_pieces(self) -> None:
        """Add now what waits for the next frame."""
        self._frame.stop()
        for number in range(len(self._sessions)):
            self._show(number)

    def forget_seeds(self) -> None:
        """Note that no seed reproduces those whose answer has not begun, as their thinking ends now; store that."""
        self.show_pieces()
        for session in self._sessions:
            if session.answering and not session.answering.text:
                session.forget_seed()
                if self._reply_store:
                    self._reply_store.store_reply(session, session.answering)

    def finish_one(self, number: int, ending: Ending, statistics: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """End a reply while others grow."""
        self._show(number)
        if message := self._finish(number, ending, statistics, made):
            self.version_replied.emit(self._sessions[0], message)

    def finish(self, ending: Ending, statistics: Mapping[str, Any], made: Mapping[str, Any]) -> None:
        """End all that have not ended."""
        for number in reversed(range(len(self._sessions))):
            message = self._finish(number, ending, statistics, made)
            if message and number:
                self.version_replied.emit(self._sessions[0], message)
        sessions, self._sessions = self._sessions, ()
        if self._first and (first := sessions[0].conversation.message(self._first.id)):
            self.replied.emit(sessions[0], first)

    def _finish(
        self, number: int, ending: Ending, statistics: Mapping[str, Any], made: Mapping[str, Any]
    ) -> Message | None:
        session = self._sessions[number]
        message = session.finish_reply(ending, statistics, **made)
        if message and self._reply_store:
            self._reply_store.store_reply(session, message)
        if message and not number:
            self._first = message
        return message

    def _show(self, number: int) -> None:
        session, pieces = self._sessions[number], self._pieces[number]
        if not pieces:
            return
        self._pieces[number] = []
        added = session.extend(pieces)
        if self._reply_store:
            self._reply_store.append_reply(session, added)
        self._tell(number)

    def _tell(self, number: int) -> None:
        """Tell of a reply as it is now; of all of them with the session of the first."""
        if message := self._sessions[number].answering:
            (self.version_replied if number else self.replied).emit(self._sessions[0], message)
