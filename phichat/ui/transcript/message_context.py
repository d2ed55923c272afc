"""What message widgets share: the signals they emit, the state they show, and look-ups."""

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
    """Requests of the user about messages, from buttons, menus and shortcuts; one object for a transcript.

    Signals:
        retry_requested(Message): generate another reply.
        continue_requested(Message): continue the reply where it ended.
        regenerate_requested(Message, Sampling, ModelRef): generate another reply with these settings, by this model
            or, for None, the current one.
        repeat_requested(Message): generate the reply again with its own settings, seed and model.
        edit_submitted(Message, str, Attachments): ask this text with these files, as another version of the message.
        version_chosen(Message): show this version.
        quote_requested(str): quote this text in the composer.
        delete_requested(Message): delete the message and all that follow.
        editing_changed(MessageView): the editor of the message was opened or closed.
        pin_requested(Message): pin the message, or unpin it if it is pinned.
        thinking_toggled: the thinking of a message was opened or folded.
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
    editing_changed = Signal(object)
    thinking_toggled = Signal()


@dataclass
class MessageState:
    """State of messages beyond what is stored. Dictionaries are keyed by message id.

    Attributes:
        can_ask: whether the model can answer now.
        is_answering: whether a reply is generated in the current conversation.
        remarks: notes below replies.
        unsent_edits: texts in open editors.
        unsent_files: the files in those editors where some were removed.
        open_thinking: the ids of messages whose thinking is open.
    """

    can_ask: bool = False
    is_answering: bool = False
    remarks: dict[str, str] = field(default_factory=dict)
    unsent_edits: dict[str, str] = field(default_factory=dict)
    unsent_files: dict[str, Attachments] = field(default_factory=dict)
    open_thinking: set[str] = field(default_factory=set)


@dataclass
class MessageContext:
    """Everything a message widget needs besides its message and the theme.

    Attributes:
        siblings: returns all versions of a message, including itself.
        models: returns the available models.
        presets: returns the labels and settings of the presets.
        selection: returns the messages selected as a whole.
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
    key_filter: QObject | None = None
    mouse_filter: QObject | None = None
