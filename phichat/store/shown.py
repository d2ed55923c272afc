"""What a reader sees of a stored conversation: the shown path, who speaks, and when."""

from datetime import UTC, datetime

from phichat.chat.conversation import Message, Role
from phichat.i18n import tr
from phichat.store.base import Heading, Record
from phichat.unicode import replace_surrogates


def path_of(record: Record) -> list[Message]:
    """The shown messages, oldest first."""
    messages = {message.id: message for message in record.messages}
    path: list[Message] = []
    at = messages.pop(record.tip, None) if record.tip else None
    while at is not None:
        path.append(at)
        at = messages.pop(at.parent, None) if at.parent else None
    return path[::-1]


def heading_title(heading: Heading) -> str:
    """A conversation's title in one line, even if it has none."""
    return " ".join(replace_surrogates(heading.title).split()) or tr("Untitled")


def speaker(message: Message) -> str:
    """Whose message it is; of a reply, by which model."""
    if message.role is Role.USER:
        return tr("You")
    if message.role is Role.SYSTEM:
        return tr("Instructions")
    model = replace_surrogates(message.reply.model) if message.reply else ""
    return " ".join(model.split()) or tr("Answer")


def moment(seconds: float) -> str:
    """A day and a time here, to the minute; empty if it is not known."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}" if seconds else ""
    except (OverflowError, ValueError, OSError):  # beyond what the calendar here can show
        return ""
