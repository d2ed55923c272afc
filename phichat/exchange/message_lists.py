"""Import from what has a list of messages: Claude's, Grok's and LibreChat's exports, and files for OpenAI's interface.

None of them is documented as a format. They differ in the names of their fields, so that each field is looked for by
every name that is known: `{"messages": [{"role": "user", "content": "Hello"}, …]}` and its relatives.
"""

from collections.abc import Iterator
from typing import Any

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.conversation import Role
from phichat.exchange.foreign import (
    ForeignConversation,
    ForeignMessage,
    dict_or_empty,
    digest,
    list_or_empty,
    parse_time,
    text_or_empty,
    to_record,
)
from phichat.exchange.json_format import Unreadable
from phichat.exchange.open_webui import folded_thinking, without_folded
from phichat.store.base import ConversationRecord
from phichat.unicode import replace_surrogates

ORIGIN = "messages"

_LISTS = ("messages", "chat_messages", "conversations", "conversation", "responses", "contents", "turns")
_IDS = ("id", "uuid", "_id", "conversation_id", "conversationId", "chat_id", "messageId", "message_id")
_PARENTS = ("parent", "parent_id", "parentId", "parentMessageId", "parent_message_uuid", "parent_response_id")
_TITLES = ("title", "name", "chat_title", "subject", "character_name")
_CREATED = (
    "created_at", "createdAt", "create_time", "created", "inserted_at", "timestamp", "time", "date", "send_date",
)  # fmt: skip
_CHANGED = ("updated_at", "updatedAt", "update_time", "modify_time", "modified", "changed")
_MODELS = ("model", "model_slug", "model_name", "modelName")
_ROLES = ("role", "sender", "from", "author", "speaker")
_TEXTS = ("content", "text", "value", "message", "mes", "parts", "body")
_USER_FLAGS = ("is_user", "isCreatedByUser", "isUser")

_USERS = {"user", "human", "prompter", "you", "me"}
_ASSISTANTS = {"assistant", "ai", "gpt", "model", "bot", "chatgpt", "claude", "grok", "chatbot", "llm"}
_INSTRUCTIONS = {"system", "developer"}
_HIDDEN = {"tool", "function", "tool_call", "tool_result", "observation", "function_call"}
_THOUGHTS = {"thinking", "reasoning", "thought", "think", "tool_use", "tool_result", "tool_call", "function_call"}
_THINKING = ("reasoning_content", "reasoning", "thinking", "thoughts")
_THOUGHT_TYPES = {"thinking", "reasoning", "thought", "think"}
_THOUGHT_TEXTS = ("thinking", "reasoning", "think", "text", "content")
_IMAGES = {"image", "image_url", "input_image", "inline_data"}


def is_message(part: Any) -> bool:
    """Return whether `part` is a single message: it says who wrote it, and what."""
    return isinstance(part, dict) and _role(part) is not None and any(name in part for name in _TEXTS)


def is_header(part: Any) -> bool:
    """Return whether `part` is the line before the messages in a file of SillyTavern's."""
    return isinstance(part, dict) and "user_name" in part and "character_name" in part


def is_bare(part: dict[str, Any]) -> bool:
    """Return whether `part` has messages of which no program can be told that made them."""
    return "chat" not in part and "history" not in part and "timestamp" not in part and has_messages(part)


def has_messages(part: Any) -> bool:
    """Return whether `part` is a conversation with a list of messages, or such a list; also one that never began."""
    listed = _listed(part)
    if isinstance(part, dict) and not listed:
        return any(part.get(name) == [] for name in _LISTS) and bool(_first_text(part, _IDS))
    return bool(listed) and all(isinstance(item, dict) for item in listed) and any(map(is_message, listed))


def parse_conversation(part: Any) -> ConversationRecord | None:
    """Return the conversation; None if it has no messages. Raise Unreadable."""
    listed = _listed(part)
    values: dict[str, Any] = part if isinstance(part, dict) else {}
    values = {**values, **dict_or_empty(values.get("conversation"))}
    nodes = list(_nodes(listed))
    if not nodes:
        return None
    if not any(node.role for node in nodes):
        raise Unreadable("no message that can be read")
    header = ForeignConversation(
        ORIGIN,
        _first_text(values, _IDS) or digest(listed),  # two that begin alike are two
        _first_text(values, _TITLES),
        _first_time(values, _CREATED),
        _first_time(values, _CHANGED),
        any(values.get(name) is True for name in ("pinned", "is_pinned", "is_starred", "starred")),
        nodes[-1].id,
        "\n\n".join(filter(None, (_text(item) for item in listed if _role(item) is Role.SYSTEM)))
        or text_or_empty(values.get("system")),
    )
    return to_record(header, nodes)


def _listed(part: Any) -> list[Any]:
    """Return the messages of a conversation, each out of what it may be wrapped in."""
    values = dict_or_empty(part)
    found = (
        part if isinstance(part, list) else next((v for name in _LISTS if isinstance(v := values.get(name), list)), [])
    )
    return [item.get("response", item) if isinstance(item, dict) else item for item in found]


def _nodes(listed: list[Any]) -> Iterator[ForeignMessage]:
    names = [_first_text(item, _IDS) or str(number) for number, item in enumerate(listed)]
    if len(set(names)) < len(names):
        names = list(map(str, range(len(names))))
    known, before = set(names), None
    for name, item in zip(names, listed, strict=True):
        parent = _first_text(item, _PARENTS)
        has_parent = any(key in item for key in _PARENTS)
        role, text, files = _role(item), _text(item), _files(item)
        yield ForeignMessage(
            name,
            parent if parent in known and parent != name else None if has_parent and not parent else before,
            role if isinstance(role, Role) and role is not Role.SYSTEM and (text or files) else None,
            text,
            _first_time(item, _CREATED),
            _first_text(item, _MODELS),
            attachments=files,
            thinking=_thinking(item),
        )
        before = name


def _role(item: dict[str, Any]) -> Role | str | None:
    """Return the role; its name for one that is hidden, None if the item has none."""
    for name in _USER_FLAGS:
        if isinstance(item.get(name), bool):
            return Role.USER if item[name] else Role.ASSISTANT
    found = next((value for name in _ROLES if (value := item.get(name))), None)
    name = text_or_empty(dict_or_empty(found).get("role") or found).strip().lower()
    if name in _USERS:
        return Role.USER
    if name in _INSTRUCTIONS:
        return Role.SYSTEM
    return Role.ASSISTANT if name in _ASSISTANTS else name if name in _HIDDEN else None


def _text(item: dict[str, Any]) -> str:
    """Return what the message says."""
    return without_folded(_whole_text(item)).strip()


def _whole_text(item: dict[str, Any]) -> str:
    """Return the first field with any text in it."""
    found = (_flat(item[name]) for name in _TEXTS if name in item)
    return next((text for text in found if text.strip()), "")


def _thinking(item: dict[str, Any]) -> str:
    """Return what a model thought before it answered: in a field of its own, in parts of the content, or folded."""
    parts = [part for name in _TEXTS for part in list_or_empty(item.get(name)) if isinstance(part, dict)]
    thoughts = (_first_text(part, _THOUGHT_TEXTS) for part in parts if part.get("type") in _THOUGHT_TYPES)
    return _first_text(item, _THINKING) or "\n\n".join(filter(None, thoughts)) or folded_thinking(_whole_text(item))


def _flat(content: Any) -> str:
    """Return the text of parts in parts, as far as such go; empty for thoughts and calls of tools."""
    if isinstance(content, list):
        return "\n\n".join(text for part in content if (text := _part(part)).strip())
    return _part(content)


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return text_or_empty(part)
    kind = text_or_empty(part.get("type"))
    if kind in _THOUGHTS:
        return ""
    if kind in _IMAGES:
        return "[image]"
    return next((text for name in ("text", "content", "value", "parts") if (text := _inner(part.get(name)))), "")


def _inner(value: Any) -> str:
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(text_or_empty, value)))
    return text_or_empty(value)


def _files(item: dict[str, Any]) -> Attachments:
    """Return the files whose text the export holds, as Claude's does."""
    found = map(dict_or_empty, list_or_empty(item.get("attachments")))
    return tuple(
        Attachment(replace_surrogates(_first_text(file, ("file_name", "name"))) or "file", replace_surrogates(text))
        for file in found
        if (text := text_or_empty(file.get("extracted_content"))).strip()
    )


def _first_text(values: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the named values that is text; a number counts, as some ids are numbers."""
    for name in names:
        value = values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if text := text_or_empty(value).strip():
            return text
    return ""


def _first_time(values: dict[str, Any], names: tuple[str, ...]) -> float | None:
    return next((time for name in names if (time := parse_time(values.get(name)))), None)
