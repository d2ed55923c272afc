"""What message widgets share: the signals they emit, the state they show, and look-ups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Message
from phichat.chat.sampling import Sampling
from phichat.chat.sources import Sources
from phichat.ui.blocks.render_context import RenderContext

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from phichat.engine.base import ModelRef
    from phichat.ui.blocks.base import BlockWidget


class LensPart(Protocol):
    """Shows how sure the model was of an answer; the room that draws it is none of the transcript's."""

    def widget(self) -> "QWidget":
        """Return the widget, which is above the text of the answer."""

    def block(self) -> "BlockWidget":
        """Return the text in it, which is shown in place of the answer's own blocks where its words are known."""

    def show_message(self, message: Message) -> bool:
        """Show the answer `message`; return whether its words are known."""

    def tab_stops(self) -> "list[QWidget]":
        """Return the widgets that take the focus before the text."""


class SourcesPart(Protocol):
    """Shows where an answer comes from; the room that draws it is none of the transcript's."""

    def widget(self) -> "QWidget":
        """Return the widget, which is below the text of the answer."""

    def notice(self) -> "QWidget":
        """Return what says, above the text, that nothing was found."""

    def set_index(self, index: int) -> None:
        """Name it after the message's position on the path; -1 for none."""

    def show_answer(self, message: Message, sources: Sources, *, is_growing: bool) -> str:
        """Show the sources of the answer `message`; return its text with citations."""

    def titles(self) -> list[str]:
        """Return where each passage is, such as "manual.pdf, p. 12"."""

    def open_passage(self, number: int) -> None:
        """Show the passage of that number, from 1, in its document."""

    def tab_stops(self) -> "list[QWidget]":
        """Return the widgets that take the focus, in reading order."""


class MessageSignals(QObject):
    """Requests of the user about messages, from buttons, menus and shortcuts; one object for a transcript.

    Signals:
        retry_requested(Message): generate another reply.
        continue_requested(Message): continue the reply where it ended.
        regenerate_requested(Message, Sampling, ModelRef): generate another reply with these settings, by this model
            or, for None, the current one.
        several_requested(Message, Sequence[Sampling]): generate other replies side by side, each with its settings.
        repeat_requested(Message): generate the reply again with its own settings, seed and model.
        edit_submitted(Message, str, Attachments): ask this text with these files, as another version of the message;
            the editor stays open until that is done.
        version_chosen(Message): show this version.
        quote_requested(str): quote this text in the composer.
        delete_requested(Message): delete the message and all that follow.
        editing_changed(MessageView): the editor of the message was opened or closed.
        edit_changed: what is written in an editor changed.
        edit_cancelled(Message): the editor of the message was closed, and nothing sent.
        edit_files_given(Message, list[Path]): read these files, and add them to the editor of the message.
        pin_requested(Message): pin the message, or unpin it if it is pinned.
        thinking_toggled: the thinking of a message was opened or folded.
        lens_toggled(Message): an answer was put under the lens, or is shown as usual again.
        score_requested(str): show how surprising this text is.
        conversation_needed: a key or menu is about to do something with messages, which are to be in sight for it.
    """

    retry_requested = Signal(object)
    continue_requested = Signal(object)
    regenerate_requested = Signal(object, object, object)
    several_requested = Signal(object, object)
    repeat_requested = Signal(object)
    edit_submitted = Signal(object, str, object)
    version_chosen = Signal(object)
    quote_requested = Signal(str)
    delete_requested = Signal(object)
    pin_requested = Signal(object)
    editing_changed = Signal(object)
    edit_changed = Signal()
    edit_cancelled = Signal(object)
    edit_files_given = Signal(object, list)
    thinking_toggled = Signal()
    lens_toggled = Signal(object)
    score_requested = Signal(str)
    conversation_needed = Signal()


@dataclass
class MessageState:
    """State of messages beyond what is stored. Dictionaries are keyed by message id.

    Attributes:
        can_ask: whether the model can answer now.
        is_answering: whether a reply is generated in the current conversation.
        remarks: notes below replies.
        unsent_edits: texts in open editors.
        unsent_files: the files in those editors where some were removed or added.
        edit_readings: the files that are being read for those editors; empty before that is worth a word.
        cancelled_edits: what was changed in editors that were then cancelled, as text and files.
        open_thinking: the ids of messages whose thinking is open.
        has_lens: whether answers are shown under the lens.
        unlike: the ids of messages of which the opposite is true, as that was chosen for each.
    """

    can_ask: bool = False
    is_answering: bool = False
    remarks: dict[str, str] = field(default_factory=dict)
    unsent_edits: dict[str, str] = field(default_factory=dict)
    unsent_files: dict[str, Attachments] = field(default_factory=dict)
    edit_readings: dict[str, str] = field(default_factory=dict)
    cancelled_edits: dict[str, tuple[str, Attachments]] = field(default_factory=dict)
    open_thinking: set[str] = field(default_factory=set)
    has_lens: bool = False
    unlike: set[str] = field(default_factory=set)

    def shows_lens(self, message: Message) -> bool:
        """Return whether the answer `message` is to be shown under the lens."""
        return self.has_lens is not (message.id in self.unlike)

    def set_lens(self, message: Message, *, is_on: bool) -> None:
        """Show one answer under the lens, or as usual."""
        (self.unlike.add if is_on is not self.has_lens else self.unlike.discard)(message.id)


@dataclass
class MessageContext:
    """Everything a message widget needs besides its message and the theme.

    Attributes:
        siblings: returns all versions of a message, including itself.
        models: returns the available models.
        presets: returns the labels and settings of the presets.
        selection: returns the messages selected as a whole.
        continue_objection: returns why an answer can't be continued, as a sentence; empty if it can.
        make_lens: makes a lens for an answer; None if there is none.
        make_sources: makes what shows the sources of an answer; None if there are none.
        find_sources: returns what was found in documents for the question of an answer; None if none were searched.
        key_filter: an event filter for text fields, if any.
        mouse_filter: an event filter for the viewports of text fields, if any.
    """

    signals: MessageSignals
    render: RenderContext
    state: MessageState = field(default_factory=MessageState)
    siblings: Callable[[Message], list[Message]] = lambda message: [message]
    models: "Callable[[], Sequence[ModelRef]]" = list
    presets: Callable[[], Sequence[tuple[str, Sampling]]] = list
    selection: Callable[[], list[Message]] = list
    continue_objection: Callable[[Message], str] = lambda _: ""
    make_lens: Callable[[], LensPart] | None = None
    make_sources: Callable[[], SourcesPart] | None = None
    find_sources: Callable[[Message], Sources | None] = lambda _: None
    key_filter: QObject | None = None
    mouse_filter: QObject | None = None
