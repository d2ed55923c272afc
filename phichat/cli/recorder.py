"""Saves a conversation of the terminal in the history."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from phichat.chat.conversation import Message, Piece
from phichat.chat.session import Session
from phichat.cli.console import Console
from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.paths import Home
from phichat.store.base import ConversationRecord, ConversationSummary


class ChatRecorder:
    """Saves one session as it goes. An error in saving is printed once, and the conversation goes on."""

    def __init__(self, home: Home, console: Console) -> None:
        from phichat.store.history import History  # noqa: PLC0415 - only `--save` needs it, 30 ms

        self._history = History(home.history, console.print_notice, is_guest=True)
        self._console = console
        self._is_new = True
        self._trouble = ""

    def open(self) -> None:
        """Wait until the history is open. Raise StoreError if it cannot be opened."""
        try:
            notice = self._history.ready.result()
        except StoreError as error:
            raise StoreError(f"{error} " + tr("To chat without saving, leave out --save.")) from error
        if notice:
            self._console.print_notice(notice)

    def record_question(self, session: Session) -> None:
        """Save a new question and the empty reply to it."""
        conversation = session.conversation
        question, answer = conversation.path()[-2:]
        if self._is_new:
            self._is_new = False
            heading = ConversationSummary(conversation.id, conversation.title, question.created, question.created)
            model = answer.reply.model if answer.reply else ""
            settings = asdict(session.sampling)
            self._wait_for(
                self._history.save_conversation(
                    ConversationRecord(heading, question.id, session.system, settings, model, messages=(question,))
                )
            )
        else:
            self._wait_for(self._history.add_message(conversation.id, question, question.id))
        self._wait_for(self._history.add_message(conversation.id, answer, answer.id))

    def record_pieces(self, answer: Message, pieces: Sequence[Piece]) -> None:
        """Append pieces to the saved reply."""
        self._history.append_to_reply(answer.id, pieces)

    def record_reply(self, answer: Message) -> None:
        """Save the finished reply."""
        self._wait_for(self._history.finish_reply(answer))

    def close(self) -> None:
        """Close the history."""
        self._history.close()

    def _wait_for(self, stored: Future[Any]) -> None:
        try:
            stored.result()
        except StoreError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._console.print_notice(self._trouble)
