"""Import from ChatGPT's export, `conversations.json`.

The format is not documented; this follows what its readers on GitHub agree on:
mohamed-chs/convoviz (docs/dev/chatgpt-spec.md),
mitkury/chatgpt-export-parser (docs/chatgpt-data-export-format.md) and open-webui/open-webui (src/lib/utils/index.ts).
"""

import re
from collections.abc import Iterator
from typing import Any

from phichat.chat.conversation import Ending, Role
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
from phichat.store.base import ConversationRecord

ORIGIN = "chatgpt"

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}  # `system` and `tool` are never shown
_ENDINGS = {"max_tokens": Ending.LENGTH, "interrupted": Ending.CANCELLED}
_CITATIONS = re.compile("\ue200[^\ue200\ue201]*\ue201|【\\d+[†:][^【】]*】")  # markers that ChatGPT replaces by links
_IMAGES = {"image_asset_pointer"}


def is_chatgpt(values: dict[str, Any]) -> bool:
    """Return whether `values` are a conversation of ChatGPT's."""
    return isinstance(values.get("mapping"), dict)


def parse_conversation(values: dict[str, Any]) -> ConversationRecord | None:
    """Return the conversation; None if it has no messages. Raise Unreadable."""
    mapping = values["mapping"]
    header = ForeignConversation(
        ORIGIN,
        text_or_empty(values.get("conversation_id")) or text_or_empty(values.get("id")) or digest(values),
        text_or_empty(values.get("title")),
        parse_time(values.get("create_time")),
        parse_time(values.get("update_time")),
        values.get("is_starred") is True or parse_time(values.get("pinned_time")) is not None,
        text_or_empty(values.get("current_node")) or None,
    )
    return to_record(header, _nodes(mapping))


def _nodes(mapping: dict[str, Any]) -> Iterator[ForeignMessage]:
    above = parents(mapping)
    for name, values in mapping.items():
        if not isinstance(values, dict):
            raise Unreadable("no message")
        yield _node(name, above.get(name), dict_or_empty(values.get("message")))


def parents(mapping: dict[str, Any]) -> dict[str, str]:
    """Return the parent of each message: its own `parent`, else the message that lists it among its `children`."""
    said = {
        child: name
        for name, values in mapping.items()
        for child in list_or_empty(dict_or_empty(values).get("children"))
        if isinstance(child, str)
    }
    said |= {
        name: parent
        for name, values in mapping.items()
        if (parent := text_or_empty(dict_or_empty(values).get("parent")))
    }
    return {name: parent for name, parent in said.items() if parent in mapping}


def _node(name: str, parent: str | None, message: dict[str, Any]) -> ForeignMessage:
    role = _ROLES.get(text_or_empty(dict_or_empty(message.get("author")).get("role")))
    text = "" if role is None or _is_hidden(message) else _text(dict_or_empty(message.get("content"))).strip()
    metadata = dict_or_empty(message.get("metadata"))
    is_answer = role is Role.ASSISTANT and metadata.get("is_visually_hidden_from_conversation") is not True
    return ForeignMessage(
        name,
        parent,
        role if text else None,
        text,
        parse_time(message.get("create_time")),
        text_or_empty(metadata.get("model_slug")),
        _ENDINGS.get(text_or_empty(dict_or_empty(metadata.get("finish_details")).get("type")), Ending.STOP),
        has_content=role is not None and bool(message.get("content")) and not _is_hidden(message),
        thinking=_thinking(message) if is_answer else "",
    )


def _thinking(message: dict[str, Any]) -> str:
    """Return what the model thought, which is a message of its own before the answer."""
    content = dict_or_empty(message.get("content"))
    if content.get("content_type") == "thoughts":
        thoughts = map(dict_or_empty, list_or_empty(content.get("thoughts")))
        texts = (text_or_empty(each.get("content")) or text_or_empty(each.get("summary")) for each in thoughts)
        return "\n\n".join(text.strip() for text in texts if text.strip())
    return _text(content).strip() if message.get("channel") == "analysis" and not message.get("recipient") else ""


def _is_hidden(message: dict[str, Any]) -> bool:
    """Return whether ChatGPT does not show the message: instructions, and calls of tools."""
    metadata = dict_or_empty(message.get("metadata"))
    return (
        metadata.get("is_visually_hidden_from_conversation") is True
        or metadata.get("is_user_system_message") is True
        or text_or_empty(message.get("recipient")) not in {"", "all"}
        or message.get("channel") == "analysis"
    )


def _text(content: dict[str, Any]) -> str:
    """Return the text; empty for thoughts, recaps, quotes and the results of tools."""
    match content.get("content_type", "text"):
        case "text" | "multimodal_text":
            parts = map(_part, list_or_empty(content.get("parts")))
            return _CITATIONS.sub("", "\n\n".join(filter(None, parts)) or text_or_empty(content.get("text")))
        case "code" if text := text_or_empty(content.get("text")):
            language = text_or_empty(content.get("language"))
            return f"```{'' if language == 'unknown' else language}\n{text}\n```"
    return ""


def _part(part: Any) -> str:
    if isinstance(part, dict):
        return "[image]" if text_or_empty(part.get("content_type")) in _IMAGES else text_or_empty(part.get("text"))
    return text_or_empty(part)
