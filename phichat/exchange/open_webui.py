"""Import from Open WebUI's export.

The format follows open-webui/open-webui: src/lib/components/chat/Settings/DataControls.svelte, src/lib/utils/index.ts,
backend/open_webui/models/chats.py.
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
    parse_time,
    text_or_empty,
    to_record,
)
from phichat.exchange.json_format import Unreadable
from phichat.store.base import ConversationRecord

ORIGIN = "open-webui"

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}
_FOLDED = re.compile(r'<details\b[^<>]*\btype="(?:reasoning|code_interpreter|tool_calls)"[^<>]*>')
_FOLDED_END = "</details>"


def is_open_webui(values: dict[str, Any]) -> bool:
    """Return whether `values` are a conversation of Open WebUI's, as the server stores it or in the older bare form."""
    chat = _chat(values)
    listed = chat.get("messages")
    return isinstance(dict_or_empty(chat.get("history")).get("messages"), dict) or (
        isinstance(listed, list) and all(isinstance(item, dict) and "content" in item for item in listed)
    )


def parse_conversation(values: dict[str, Any]) -> ConversationRecord | None:
    """Return the conversation; None if it has no messages. Raise Unreadable."""
    chat = _chat(values)
    nodes = list(_nodes(chat))
    created = parse_time(values.get("created_at")) or parse_time(chat.get("timestamp"))
    header = ForeignConversation(
        ORIGIN,
        text_or_empty(values.get("id")) or text_or_empty(chat.get("id")) or digest(chat),
        text_or_empty(values.get("title")) or text_or_empty(chat.get("title")),
        created,
        parse_time(values.get("updated_at")),
        values.get("pinned") is True,
        text_or_empty(dict_or_empty(chat.get("history")).get("currentId")) or (nodes[-1].id if nodes else None),
        text_or_empty(dict_or_empty(chat.get("params")).get("system")) or text_or_empty(chat.get("system")),
    )
    return to_record(header, nodes)


def _chat(values: dict[str, Any]) -> dict[str, Any]:
    return values["chat"] if isinstance(values.get("chat"), dict) else values


def _nodes(chat: dict[str, Any]) -> Iterator[ForeignMessage]:
    tree = dict_or_empty(chat.get("history")).get("messages")
    if isinstance(tree, dict) and tree:
        for name, message in tree.items():
            parent = text_or_empty(dict_or_empty(message).get("parentId"))
            yield _node(name, parent if parent in tree else None, message)
        return
    before = None
    for index, message in enumerate(chat.get("messages") or []):
        name = text_or_empty(dict_or_empty(message).get("id")) or str(index)
        yield _node(name, before, message)
        before = name


def _node(name: str, parent: str | None, message: Any) -> ForeignMessage:
    if not isinstance(message, dict):
        raise Unreadable("no message")
    role = _ROLES.get(text_or_empty(message.get("role")))
    text = _text(message.get("content")).strip()
    return ForeignMessage(
        name,
        parent,
        role if text else None,
        text,
        parse_time(message.get("timestamp")),
        text_or_empty(message.get("model")),
        Ending.ERROR if message.get("error") else Ending.STOP,
    )


def _text(content: Any) -> str:
    """Return the text without what Open WebUI folds away: thoughts and calls of tools."""
    if isinstance(content, list):
        content = "\n\n".join(filter(None, (text_or_empty(dict_or_empty(part).get("text")) for part in content)))
    return without_folded(text_or_empty(content))


def without_folded(text: str) -> str:
    """Return `text` without thoughts and calls of tools, which are folded away in it."""
    kept, at = [], 0
    for folded in _FOLDED.finditer(text):
        end = text.find(_FOLDED_END, folded.end())
        if end < 0:
            break
        if folded.start() >= at:
            kept.append(text[at : folded.start()])
            at = end + len(_FOLDED_END)
    return "".join([*kept, text[at:]])
