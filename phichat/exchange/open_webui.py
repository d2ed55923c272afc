"""Import from Open WebUI's export.

The format follows open-webui/open-webui: src/lib/components/chat/Settings/DataControls.svelte, src/lib/utils/index.ts,
backend/open_webui/models/chats.py.
"""

import re
from collections.abc import Iterator
from html import unescape
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
_REASONING = 'type="reasoning"'
_SUMMARY = re.compile(r"\s*<summary>[^<>]*</summary>")
_QUOTED = re.compile("^> ?", re.MULTILINE)


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
    whole = _flat(message.get("content"))
    text = without_folded(whole).strip()
    return ForeignMessage(
        name,
        parent,
        role if text else None,
        text,
        parse_time(message.get("timestamp")),
        text_or_empty(message.get("model")),
        Ending.ERROR if message.get("error") else Ending.STOP,
        thinking=folded_thinking(whole) if role is Role.ASSISTANT else "",
    )


def _flat(content: Any) -> str:
    if isinstance(content, list):
        content = "\n\n".join(filter(None, (text_or_empty(dict_or_empty(part).get("text")) for part in content)))
    return text_or_empty(content)


def without_folded(text: str) -> str:
    """Return `text` without thoughts and calls of tools, which are folded away in it."""
    kept, at = [], 0
    for begin, _, end in _folded(text):
        kept.append(text[at:begin])
        at = end
    return "".join([*kept, text[at:]])


def folded_thinking(text: str) -> str:
    """Return the thoughts that are folded away in `text`, where they are quoted as HTML."""
    thoughts = []
    for begin, inside, end in _folded(text):
        if _REASONING in text[begin:inside]:
            thought = unescape(_SUMMARY.sub("", text[inside : end - len(_FOLDED_END)], count=1))
            thoughts.append(_QUOTED.sub("", thought.strip()).strip())
    return "\n\n".join(filter(None, thoughts))


def _folded(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield where each part of `text` begins that is folded away, where its content does, and where it ends."""
    at = 0
    for folded in _FOLDED.finditer(text):
        end = text.find(_FOLDED_END, folded.end())
        if end < 0:
            break
        if folded.start() >= at:
            at = end + len(_FOLDED_END)
            yield folded.start(), folded.end(), at
