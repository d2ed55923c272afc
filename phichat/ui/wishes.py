"""What the person wants done with messages: said by what shows them, done by who connects here."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from phichat.chat.attachments import Attachments
from phichat.chat.messages import Message
from phichat.chat.sampling import Sampling
from phichat.ui.answering import Model
from phichat.ui.aside import Aside

if TYPE_CHECKING:
    from phichat.ui.drawings import Drawings


class Wishes(QObject):
    """One for all messages of a transcript.

    Attributes:
        can_ask: whether the model could answer now.
        is_answering: whether a reply is being made in the conversation that is shown.
        siblings: all versions of a message, itself among them.
        models: what could answer.
        presets: the settings that have a name, and these.
        remarks: what there is to say about replies besides how they were made, by their ids.
        edits: what is being written in place of questions, by their ids.
        kept: which files stay with those, where some were taken away.
        listeners: hear what keys do in messages' text, and what the mouse does.
        selection: the whole messages that are selected.
        aside: does what takes a moment, for what shows messages.

    Signals:
        retried(Message), continued(Message): the person wants another reply, or the rest of it.
        varied(Message, Sampling, Model): another one with these settings, by this model or, for None, the present one.
        repeated(Message): the same reply once more.
        edited(Message, str, Attachments): another question in its place, with these files.
        chosen(Message): that version is to be shown.
        quoted(str), deleted(Message).
        pinned(Message): it is to be pinned, or no longer if it is.
    """

    retried = Signal(object)
    continued = Signal(object)
    varied = Signal(object, object, object)
    repeated = Signal(object)
    edited = Signal(object, str, object)
    chosen = Signal(object)
    quoted = Signal(str)
    deleted = Signal(object)
    pinned = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.can_ask = self.is_answering = False
        self.siblings: Callable[[Message], list[Message]] = lambda message: [message]
        self.models: Callable[[], Sequence[Model]] = list
        self.presets: Callable[[], Sequence[tuple[str, Sampling]]] = list
        self.remarks: dict[str, str] = {}
        self.edits: dict[str, str] = {}
        self.kept: dict[str, Attachments] = {}
        self.listeners: tuple[QObject, QObject] | None = None
        self.selection: Callable[[], list[Message]] = list
        self.aside = Aside(self)
        self._drawings: Drawings | None = None

    @property
    def drawings(self) -> "Drawings":
        """The formulas in all messages."""
        if self._drawings is None:
            from phichat.ui.drawings import Drawings  # noqa: PLC0415 - an empty window has none

            self._drawings = Drawings(self.aside, self)
        return self._drawings
