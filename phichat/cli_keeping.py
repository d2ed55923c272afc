"""A conversation in the terminal that is kept: questions before the model reads them, replies as they come."""

from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from phichat.chat.messages import Message
from phichat.chat.session import Session
from phichat.cli_console import Console
from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.paths import Home
from phichat.store.base import Heading, Record
from phichat.store.history import History


class Keeper:
    """Stores what happens in one session. What cannot be stored is said once, and the conversation goes on."""

    def __init__(self, home: Home, console: Console) -> None:
        self._history = History(home.history, console.tell, is_guest=True)
        self._console, self._folder = console, home.root
        self._is_new = True
        self._trouble = ""

    def open(self) -> None:
        """Wait for the history. Raises StoreError if there can be none."""
        try:
            notice = self._history.ready.result()
        except StoreError as error:
            raise StoreError(
                tr("This conversation cannot be kept in {folder}: allow writing there, or leave out --save.").format(
                    folder=self._folder
                )
            ) from error
        if notice:
            self._console.tell(notice)

    def begun(self, session: Session) -> None:
        """A question was asked, and a reply begins."""
        conversation = session.conversation
        question, answer = conversation.path()[-2:]
        if self._is_new:
            self._is_new = False
            heading = Heading(conversation.id, conversation.title, question.created, question.created)
            model = answer.reply.model if answer.reply else ""
            settings = asdict(session.sampling)
            self._wait(
                self._history.create(
                    Record(heading, question.id, session.system, settings, model, messages=(question,))
                )
            )
        else:
            self._wait(self._history.add(conversation.id, question, question.id))
        self._wait(self._history.add(conversation.id, answer, answer.id))

    def went_on(self, answer: Message, text: str, token: int) -> None:
        """The reply goes on by `text`."""
        self._history.journal(answer.id, text, [token] if token >= 0 else [])

    def finished(self, answer: Message) -> None:
        """The reply is over."""
        self._wait(self._history.finish(answer))

    def close(self) -> None:
        """Nothing more will happen."""
        self._history.close()

    def _wait(self, stored: "Future[Any]") -> None:
        try:
            stored.result()
        except StoreError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._console.tell(self._trouble)
