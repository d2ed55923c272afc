"""Common parts of importing other programs' conversations: a tree of messages, some of them hidden, becomes ours."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Ending, Message, Reply, Role, title_of
from phichat.exchange.json_format import LATEST, Unreadable
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.unicode import replace_surrogates

MILLISECONDS = 100_000_000_000
"""Larger times are in milliseconds, microseconds or nanoseconds: in seconds this is the year 5138."""

EARLIEST = 315_532_800.0
"""The beginning of 1980: no chat was before it, and a smaller number counts something else."""

_WRAPPED_TIMES = ("$date", "$numberLong", "seconds", "_seconds")
_THINKING = re.compile(r"\s*<(think|thought|thinking)>(.*?)</\1>", re.DOTALL)
MOST_HIDDEN = 200  # nodes before an answer whose thoughts count
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")


@dataclass(frozen=True)
class ForeignMessage:
    """One node of another program's tree. Without `role` it is hidden, but may stand between messages that are not.

    `has_content` says that somebody wrote something here, whether we can read it or not. `thinking` is what a model
    thought before it wrote `text`, which may begin with that, too; of a hidden node, before it wrote the next one.
    """

    id: str
    parent: str | None
    role: Role | None = None
    text: str = ""
    created: float | None = None
    model: str = ""
    ending: Ending = Ending.STOP
    attachments: Attachments = ()
    has_content: bool = False
    thinking: str = ""


@dataclass(frozen=True)
class ForeignConversation:
    """Another program's conversation without its messages."""

    origin: str
    id: str
    title: str = ""
    created: float | None = None
    changed: float | None = None
    is_pinned: bool = False
    tip: str | None = None
    system: str = ""


def to_record(header: ForeignConversation, nodes: Iterable[ForeignMessage]) -> ConversationRecord | None:
    """Return the conversation as a record; None if it has no messages. Raise Unreadable, also if none can be read.

    Without dates, its times are 0. Its ids are derived from the other program's, so that importing it again gives the
    same.
    """
    known = {node.id: node for node in nodes}
    tree = _MessageTree(known)
    shown = tree.merged()
    if not shown and any(node.has_content for node in known.values()):
        raise Unreadable("no message that can be read")
    if not shown:
        return None
    start = header.created or min((node.created for node in shown if node.created), default=0.0)
    name = derived_id(header.origin, header.id)
    messages = [_message(node, name, start) for node in shown]
    title = replace_surrogates(header.title).strip() or title_of(
        next((m.text for m in messages if m.role is Role.USER), "")
    )
    changed = header.changed or max(message.created for message in messages)
    tip = tree.place(header.tip) if header.tip in tree else None
    return ConversationRecord(
        ConversationSummary(name, title, start, changed, header.is_pinned),
        derived_id(name, tip) if tip else messages[-1].id,
        replace_surrogates(header.system),
        model=next((m.reply.model for m in reversed(messages) if m.reply and m.reply.model), ""),
        origin=header.origin,
        messages=tuple(messages),
    )


class _MessageTree:
    """Another program's tree, from which hidden messages are removed."""

    def __init__(self, nodes: Mapping[str, ForeignMessage]) -> None:
        self._nodes = nodes
        self._depths: dict[str, int] = {}
        self._places: dict[str, str | None] = {}  # of each node, the visible message that it is or comes after
        self._wholes: dict[str, str] = {}  # of each merged message, the one it was merged into
        for name in nodes:
            self._settle(name)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def place(self, name: str | None) -> str | None:
        """Return the visible message that `name` is, was merged into, or comes after."""
        found = self._places.get(name) if name is not None else None
        return self._wholes.get(found, found) if found is not None else None

    def merged(self) -> list[ForeignMessage]:
        """Return the visible messages, parents first, then by time. A reply in several messages is merged into one."""
        shown = [node for node in self._nodes.values() if node.role]
        shown.sort(key=lambda node: (self._depths[node.id], node.created or 0.0))
        answers = Counter(self.place(node.parent) for node in shown)
        pieces: dict[str, list[ForeignMessage]] = {}
        for node in shown:
            above = self.place(node.parent)
            is_piece = above is not None and answers[above] == 1 and pieces[above][0].role is node.role
            if above is not None and is_piece and node.role is Role.ASSISTANT:
                pieces[above].append(self._with_earlier_thoughts(node))
                answers[above] = answers[node.id]
                self._wholes[node.id] = above
            else:
                pieces[node.id] = [replace(self._with_earlier_thoughts(node), parent=above)]
        return [_joined(parts) for parts in pieces.values()]

    def _with_earlier_thoughts(self, node: ForeignMessage) -> ForeignMessage:
        """Return `node` with what is thought in the hidden nodes between it and the visible one before it."""
        thoughts = [node.thinking]
        at = self._nodes.get(node.parent or "") if node.role is Role.ASSISTANT else None
        for _ in range(MOST_HIDDEN):
            if at is None or at.role:
                break
            thoughts.append(at.thinking)
            at = self._nodes.get(at.parent or "")
        return replace(node, thinking="\n\n".join(filter(None, reversed(thoughts))))

    def _settle(self, name: str) -> None:
        """Compute depth and place of `name` and its ancestors, without recursion, as there may be thousands."""
        way: list[str] = []
        at: str | None = name
        while at is not None and at in self._nodes and at not in self._depths:
            way.append(at)
            self._depths[at] = -1
            at = self._nodes[at].parent
        if at is not None and self._depths.get(at) == -1:
            raise Unreadable("a message that answers itself")
        depth, place = (self._depths[at], self._places[at]) if at in self._depths and at is not None else (0, None)
        for each in reversed(way):
            depth += 1
            place = each if self._nodes[each].role else place
            self._depths[each], self._places[each] = depth, place


def _joined(parts: list[ForeignMessage]) -> ForeignMessage:
    model = next((part.model for part in reversed(parts) if part.model), "")
    text = "\n\n".join(part.text for part in parts)
    files = tuple(file for part in parts for file in part.attachments)
    thinking = "\n\n".join(part.thinking for part in parts if part.thinking)
    return replace(parts[0], text=text, model=model, ending=parts[-1].ending, attachments=files, thinking=thinking)


def _message(node: ForeignMessage, conversation: str, start: float) -> Message:
    reply, text = None, node.text
    if node.role is Role.ASSISTANT:
        thinking, text = _split_thinking(node)
        reply = Reply(replace_surrogates(node.model), ending=node.ending, thinking=replace_surrogates(thinking))
    return Message(
        node.role or Role.USER,
        replace_surrogates(text),
        derived_id(conversation, node.parent) if node.parent else None,
        derived_id(conversation, node.id),
        reply,
        node.created or start,
        attachments=node.attachments,
    )


def _split_thinking(node: ForeignMessage) -> tuple[str, str]:
    """Return what was thought, and the answer; the text of some programs has both."""
    if node.thinking or not (found := _THINKING.match(node.text)):
        return node.thinking, node.text
    answer = node.text[found.end() :].strip()
    return (found[2].strip(), answer) if answer else ("", node.text)


def derived_id(*names: str) -> str:
    """Return an id for what has `names` in another program, always the same one."""
    return hashlib.sha256("\0".join(map(replace_surrogates, names)).encode()).hexdigest()[:32]


def digest(values: Any) -> str:
    """Return an id for what has none, the same for the same JSON values."""
    return derived_id(json.dumps(values, sort_keys=True, default=str))


def parse_time(value: Any) -> float | None:
    """Return a POSIX time from a number, a date as text, or MongoDB's time; None if `value` is no time."""
    if isinstance(value, dict):
        return parse_time(next((value[name] for name in _WRAPPED_TIMES if name in value), None))
    if isinstance(value, str):
        return parse_time(float(value)) if _NUMBER.fullmatch(value) else _parse_date(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LATEST * 1e9:
        return None
    unit = next((unit for unit in (1, 1e3, 1e6, 1e9) if value <= MILLISECONDS * unit), None)
    return value / unit if unit and EARLIEST <= value / unit <= LATEST else None


def _parse_date(text: str) -> float | None:
    """Return the time that an ISO 8601 date names, in UTC if it does not say where; None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return parse_time((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def text_or_empty(value: Any) -> str:
    """Return `value` if it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def dict_or_empty(value: Any) -> dict[str, Any]:
    """Return `value` if it is a dict, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_or_empty(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
