"""What the widgets of messages share: the signals they emit, the state they show, and where they look things up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Message
from phichat.chat.sampling import Sampling
from phichat.ui.blocks.render_context import RenderContext

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


class MessageSignals(QObject):
    """What the user asks for with messages, whichever widget or key they use; one for all messages of a transcript.

    Signals:
        retried(Message), continued(Message): make another reply, or the rest of this one.
        varied(Message, Sampling, ModelRef): make another one with these settings, by this model or, for None, the
            current one.
        repeated(Message): make the same reply once more.
        edited(Message, str, Attachments): ask another question in its place, with these files.
        chosen(Message): show that version.
        quoted(str), deleted(Message).
        pinned(Message): pin it, or unpin it if it is pinned.
    """

    retry_requested = Signal(object)
    continue_requested = Signal(object)
    regenerate_requested = Signal(object, object, object)
    repeat_requested = Signal(object)
    edit_submitted = Signal(object, str, object)
    version_chosen = Signal(object)
    quote_requested = Signal(str)
    delete_requested = Signal(object)
    pin_requested = Signal(object)


@dataclass
class MessageState:
    """What messages show besides their text.

    Attributes:
        can_ask: whether the model could answer now.
        is_answering: whether a reply is being made in the conversation that is shown.
        remarks: notes below replies, by message id.
        edits: unsent new texts of questions, by message id.
        edited_files: the files that stay with those, by message id, where some were removed.
    """

    can_ask: bool = False
    is_answering: bool = False
    remarks: dict[str, str] = field(default_factory=dict)
    unsent_edits: dict[str, str] = field(default_factory=dict)
    unsent_files: dict[str, Attachments] = field(default_factory=dict)


@dataclass
class MessageContext:
    """What a message's widget is made with.

    Attributes:
        siblings: returns all versions of a message, itself among them.
        models: returns the models that could answer.
        presets: returns the settings that have a name, with their labels.
        selection: returns the messages that are selected as a whole.
        key_filter: the event filter of text fields, None for none.
        mouse_filter: the event filter of text fields' viewports, None for none.
    """

    signals: MessageSignals
    render: RenderContext
    state: MessageState = field(default_factory=MessageState)
    siblings: Callable[[Message], list[Message]] = lambda message: [message]
    models: "Callable[[], Sequence[ModelRef]]" = list
    presets: Callable[[], Sequence[tuple[str, Sampling]]] = list
    selection: Callable[[], list[Message]] = list
    key_filter: QObject | None = None
    mouse_filter: QObject | None = None
