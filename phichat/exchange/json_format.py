"""Our own JSON format, with everything in a conversation, for other programs and to be imported again.

A file is one object:

    {"format": "phichat", "version": 1, "conversations": [CONVERSATION, …]}

    CONVERSATION = {
        "id": text, "title": text, "created": seconds, "changed": seconds, "pinned": bool,
        "deleted": seconds | null,    when it went to the bin
        "tip": id | null,             the last message of the shown path
        "system": text, "sampling": {…}, "model": text, "draft": text, "origin": text,
        "attached": [FILE, …],        those that were to go with the draft
        "messages": [MESSAGE, …]      the whole tree, parents before children
    }
    MESSAGE = {"id": text, "parent": id | null, "role": "system" | "user" | "assistant", "text": text,
               "created": seconds, "pinned": bool, "attachments": [FILE, …],
               "sources": SOURCES | null, "reply": REPLY | null}
    FILE = {"name": text, "text": text}
    SOURCES = {"searched": [text, …],  the names of the collections and documents that were searched for a question
               "passages": [{"file": text, "text": text, "page": whole | null, "line": whole | null,
                             "heading": [text, …], "score": 0 to 1}, …],    what the model read of them
               "whole": bool,         whether that is all of their text
               "unfinished": [text, …], "missing": [text, …],   what was not read to the end, and what was gone
               "unreadable": [text, …]}                         documents of which no text could be read
    REPLY = {"model": text, "model_sha256": text | null, "seed": whole | null,
             "ending": "answering" | "stop" | "length" | "cancelled" | "error",
             "tokens": [id, …], "sampling": {…}, "engine": {…}, "statistics": {…},
             "thinking": text,        what the model thought before it answered
             "thinking_tokens": whole, "thinking_seconds": seconds,
             "branched_from": null | {"message": id, "offset": whole, "word": text, "replaced": text},
             "choices": text}         what the model weighed at each token, as phichat/chat/choice_table.py packs it,
                                      in Base64

Seconds count from the beginning of 1970. A reader leaves out what it does not know; an absent field has its empty
value, but for `id`, `role` and `text`. The version rises when that is no longer enough.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, TypeVar

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.choice_table import ChoiceTable
from phichat.chat.conversation import Branch, Ending, Message, Reply, Role
from phichat.chat.sources import Sources, sources_from_json, sources_json
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.unicode import replace_surrogates

FORMAT, VERSION = "phichat", 1

MOST_NESTED = 32
MOST_OF_AN_ID = 200
LATEST = 253_402_300_799.0  # the end of the year 9999, the last that calendars here can show
LARGEST = 2**63 - 1  # in SQLite
LARGEST_TOKEN = 2**31 - 1  # llama.cpp's

T = TypeVar("T")


class Unreadable(ValueError):
    """A conversation is invalid. The message is for developers; users are told how many were skipped."""


def json_pieces(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """Yield a file as described above, a conversation per line."""
    yield f'{{"format": "{FORMAT}", "version": {VERSION}, "conversations": ['
    before = "\n"
    for record in records:
        yield before + json.dumps(record_to_json(record), ensure_ascii=False, allow_nan=False)
        before = ",\n"
    yield "\n]}\n"


def record_to_json(record: ConversationRecord) -> dict[str, Any]:
    """Return `record` as a JSON object."""
    heading = record.summary
    return {
        "id": heading.id,
        "title": replace_surrogates(heading.title),
        "created": heading.created,
        "changed": heading.changed,
        "pinned": heading.is_pinned,
        "deleted": heading.deleted,
        "tip": record.tip,
        "system": replace_surrogates(record.system),
        "sampling": plain_json(record.sampling),
        "model": replace_surrogates(record.model),
        "draft": replace_surrogates(record.draft),
        "origin": record.origin,
        "attached": _files_json(record.attached),
        "messages": [_message_json(message) for message in record.messages],
    }


def record_from_json(values: Mapping[str, Any]) -> ConversationRecord:
    """Return the record that a JSON object describes. Raise Unreadable."""
    messages = _messages(_typed(values, "messages", list, []))
    tip = _typed(values, "tip", str, None)
    if tip is not None and tip not in {message.id for message in messages}:
        raise Unreadable("the path ends nowhere")
    return ConversationRecord(
        _heading(values),
        tip,
        _text(values, "system"),
        plain_json(_typed(values, "sampling", dict, {})),
        _text(values, "model"),
        _text(values, "draft"),
        _text(values, "origin"),
        messages,
        _files(values, "attached"),
    )


def plain_json(value: Any, depth: int = MOST_NESTED) -> Any:
    """Return `value` with what not every JSON reader and database can hold replaced. Raise Unreadable if too deep."""
    if depth == 0:
        raise Unreadable("nested too deeply")
    if isinstance(value, Mapping):
        return {replace_surrogates(str(key)): plain_json(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item, depth - 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    return replace_surrogates(str(value))


def _message_json(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "parent": message.parent,
        "role": str(message.role),
        "text": replace_surrogates(message.text),
        "created": message.created,
        "pinned": message.is_pinned,
        "attachments": _files_json(message.attachments),
        "sources": sources_json(message.sources) if message.sources else None,
        "reply": _reply_json(message.reply) if message.reply else None,
    }


def _files_json(files: Attachments) -> list[dict[str, str]]:
    return [{"name": replace_surrogates(file.name), "text": replace_surrogates(file.text)} for file in files]


def _reply_json(reply: Reply) -> dict[str, Any]:
    return {
        "model": replace_surrogates(reply.model),
        "model_sha256": reply.model_sha256,
        "seed": reply.seed,
        "ending": str(reply.ending),
        "tokens": list(reply.tokens),
        "sampling": plain_json(reply.sampling),
        "engine": plain_json(reply.engine),
        "statistics": plain_json(reply.statistics),
        "thinking": replace_surrogates(reply.thinking),
        "thinking_tokens": reply.thinking_tokens,
        "thinking_seconds": reply.thinking_seconds,
        "branched_from": _branch_json(reply.branched_from) if reply.branched_from else None,
        "choices": base64.b64encode(reply.choices).decode(),
    }


def _branch_json(branch: Branch) -> dict[str, Any]:
    return {
        "message": branch.message,
        "offset": branch.offset,
        "word": replace_surrogates(branch.word),
        "replaced": replace_surrogates(branch.replaced),
    }


def _heading(values: Mapping[str, Any]) -> ConversationSummary:
    created = _time(values, "created") or 0.0
    return ConversationSummary(
        _id(values, "id"),
        _text(values, "title"),
        created,
        _time(values, "changed") or created,
        _typed(values, "pinned", bool, False),
        _time(values, "deleted"),
    )


def _messages(listed: list[Any]) -> tuple[Message, ...]:
    messages: dict[str, Message] = {}
    for values in listed:
        if not isinstance(values, dict):
            raise Unreadable("no message")
        message = _message(values)
        if message.id in messages or (message.parent is not None and message.parent not in messages):
            raise Unreadable("no tree")
        messages[message.id] = message
    return tuple(messages.values())


def _message(values: dict[str, Any]) -> Message:
    role = _typed(values, "role", str, "")
    reply = _typed(values, "reply", dict, None)
    if role not in set(Role) or "text" not in values:
        raise Unreadable("no message")
    return Message(
        Role(role),
        _text(values, "text"),
        None if values.get("parent") is None else _id(values, "parent"),
        _id(values, "id"),
        None if reply is None else _reply(reply),
        _time(values, "created") or 0.0,
        _typed(values, "pinned", bool, False),
        _files(values, "attachments"),
        _sources(_typed(values, "sources", dict, None)),
    )


def _sources(values: dict[str, Any] | None) -> Sources | None:
    if values is None:
        return None
    try:
        return sources_from_json(values)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unreadable("no sources") from error


def _files(values: Mapping[str, Any], name: str) -> Attachments:
    listed = _typed(values, name, list, [])
    if not all(isinstance(file, dict) and "text" in file for file in listed):
        raise Unreadable("no file")
    return tuple(Attachment(_text(file, "name"), _text(file, "text")) for file in listed)


def _reply(values: dict[str, Any]) -> Reply:
    ending = _typed(values, "ending", str, str(Ending.STOP))
    if ending not in set(Ending):
        raise Unreadable("no such ending")
    return Reply(
        _text(values, "model"),
        _whole(values.get("seed")),
        _tokens(_typed(values, "tokens", list, [])),
        Ending(ending),
        plain_json(_typed(values, "statistics", dict, {})),
        _typed(values, "model_sha256", str, None),
        plain_json(_typed(values, "sampling", dict, {})),
        plain_json(_typed(values, "engine", dict, {})),
        _text(values, "thinking"),
        max(_whole(values.get("thinking_tokens")) or 0, 0),
        _time(values, "thinking_seconds") or 0.0,
        _branch(_typed(values, "branched_from", dict, None)),
        _choices(_text(values, "choices")),
    )


def _branch(values: dict[str, Any] | None) -> Branch | None:
    if values is None:
        return None
    offset = max(_whole(values.get("offset")) or 0, 0)
    return Branch(_id(values, "message"), offset, _text(values, "word"), _text(values, "replaced"))


def _choices(encoded: str) -> bytes:
    """Return the choices; none if they are damaged: the conversation is worth more."""
    try:
        choices = base64.b64decode(encoded, validate=True)
        return ChoiceTable.unpack(choices).pack() if choices else b""
    except ValueError:
        return b""


def _typed(values: Mapping[str, Any], name: str, kind: type[T], default: Any) -> Any:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise Unreadable(f"{name} is something else")
    return value


def _text(values: Mapping[str, Any], name: str) -> str:
    return replace_surrogates(_typed(values, name, str, ""))


def _id(values: Mapping[str, Any], name: str) -> str:
    found = _text(values, name)
    if not 0 < len(found) <= MOST_OF_AN_ID:
        raise Unreadable(f"{name} names nothing")
    return found


def _time(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise Unreadable(f"{name} is no time")
    return float(value)


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise Unreadable("no whole number")
    return value


def _tokens(listed: list[Any]) -> tuple[int, ...]:
    if all(type(token) is int and 0 <= token <= LARGEST_TOKEN for token in listed):
        return tuple(listed)
    raise Unreadable("no tokens")
