"""Import from DeepSeek's export, `conversations.json`.

It is like ChatGPT's, a tree by id, but each message is in fragments: what was asked, what was thought and looked up,
and what was answered. The format is not documented; this follows what its readers on GitHub agree on.
"""

from collections.abc import Iterator
from typing import Any

from phichat.chat.conversation import Role
from phichat.exchange.chatgpt import parents
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

ORIGIN = "deepseek"

_FRAGMENTS = {"REQUEST": Role.USER, "RESPONSE": Role.ASSISTANT}  # searches and the like are folded away there
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}


def is_deepseek(values: dict[str, Any]) -> bool:
    """Return whether `values` are a conversation of DeepSeek's."""
    mapping = values.get("mapping")
    if not isinstance(mapping, dict):
        return False
    messages = (dict_or_empty(dict_or_empty(node).get("message")) for node in mapping.values())
    return "inserted_at" in values or any("fragments" in message for message in messages)


def parse_conversation(values: dict[str, Any]) -> ConversationRecord | None:
    """Return the conversation; None if it has no messages. Raise Unreadable."""
    mapping = values["mapping"]
    header = ForeignConversation(
        ORIGIN,
        text_or_empty(values.get("id")) or digest(values),
        text_or_empty(values.get("title")),
        parse_time(values.get("inserted_at")),
        parse_time(values.get("updated_at")),
        values.get("pinned") is True,
        text_or_empty(values.get("current_node")) or next(reversed(mapping), None),
    )
    return to_record(header, list(_nodes(mapping)))


def _nodes(mapping: dict[str, Any]) -> Iterator[ForeignMessage]:
    above = parents(mapping)
    for name, node in mapping.items():
        if not isinstance(node, dict):
            raise Unreadable("no message")
        message = dict_or_empty(node.get("message"))
        role, text = _said(message)
        time = parse_time(message.get("inserted_at"))
        yield ForeignMessage(
            name, above.get(name), role if text else None, text, time, text_or_empty(message.get("model")),
            has_content=bool(message), thinking=_thought(message),
        )  # fmt: skip


def _thought(message: dict[str, Any]) -> str:
    """Return what the model thought."""
    fragments = map(dict_or_empty, list_or_empty(message.get("fragments")))
    thoughts = (text_or_empty(each.get("content")) for each in fragments if each.get("type") == "THINK")
    return "\n\n".join(text.strip() for text in thoughts if text.strip())


def _said(message: dict[str, Any]) -> tuple[Role | None, str]:
    """Return who wrote the message, and its text, with the names of its files."""
    fragments = [dict_or_empty(fragment) for fragment in list_or_empty(message.get("fragments"))]
    kinds = [_FRAGMENTS.get(text_or_empty(fragment.get("type")).upper()) for fragment in fragments]
    role = next(filter(None, kinds), _ROLES.get(text_or_empty(message.get("role")).lower()))
    texts = [text_or_empty(each.get("content")) for each, kind in zip(fragments, kinds, strict=True) if kind]
    files = [text_or_empty(dict_or_empty(file).get("file_name")) for file in list_or_empty(message.get("files"))]
    names = [f"[{name}]" for name in files if name and role is Role.USER]
    parts = [*names, *(texts or [text_or_empty(message.get("content"))])]
    return role, "\n\n".join(text.strip() for text in parts if text.strip())
