"""Exports of other programs than ChatGPT and Open WebUI, JSON Lines, times in any form; and bombs of every kind."""

import json
import re
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.attachments import Attachment
from phichat.errors import StoreError
from phichat.exchange.foreign import parse_time
from phichat.exchange.imports import Imported, conversations, import_file
from phichat.exchange.shown_path import shown_path
from phichat.store.base import ConversationRecord
from phichat.store.history import History

Said = list[tuple[str, str]]
NOON = "2025-03-01T12:00:00Z"
AT_NOON = 1740830400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.dat"


def _said(record: ConversationRecord | None) -> Said:
    assert record
    return [(str(message.role), message.text) for message in shown_path(record)]


def _read(file: Path, content: Any) -> list[Said | None]:
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return [_said(record) if record else None for record in conversations(file)]


HELLO: Said = [("user", "Hello"), ("assistant", "Hi")]


def _deepseek(**more: Any) -> dict[str, Any]:
    question = {"files": [], "inserted_at": NOON, "fragments": [{"type": "REQUEST", "content": "Hello"}]}
    answer = {
        "model": "deepseek-reasoner",
        "inserted_at": "2025-03-01T20:00:09+08:00",
        "fragments": [
            {"type": "THINK", "content": "A greeting."},
            {"type": "SEARCH", "results": []},
            {"type": "RESPONSE", "content": "Hi"},
        ],
    }
    mapping = {
        "root": {"id": "root", "parent": None, "children": ["1"], "message": None},
        "1": {"id": "1", "parent": "root", "children": ["2"], "message": question},
        "2": {"id": "2", "parent": "1", "children": [], "message": answer},
    }
    return {"id": "d", "title": "Greeting", "inserted_at": NOON, "updated_at": NOON, "mapping": mapping} | more


def test_deepseek(file: Path) -> None:
    assert _read(file, [_deepseek()]) == [HELLO]
    (found,) = conversations(file)
    assert found
    assert (found.origin, found.model, found.summary.title) == ("deepseek", "deepseek-reasoner", "Greeting")
    assert found.messages[1].thinking == "A greeting."
    assert (found.summary.created, found.messages[1].created) == (AT_NOON, AT_NOON + 9)


@pytest.mark.parametrize(
    "answer",
    [
        {"content": "Hi", "reasoning_content": "A greeting."},
        {"content": "<think>\nA greeting.\n</think>\n\nHi"},
        {"content": [{"type": "thinking", "thinking": "A greeting."}, {"type": "text", "text": "Hi"}]},
    ],
)
def test_what_models_thought_elsewhere(file: Path, answer: dict[str, Any]) -> None:
    listed = [{"role": "user", "content": "Hello"}, {"role": "assistant", **answer}]
    assert _read(file, {"messages": listed}) == [HELLO]
    (found,) = conversations(file)
    assert found
    assert found.messages[1].thinking == "A greeting."


def test_older_deepseek_messages_have_roles(file: Path) -> None:
    mapping = {
        "1": {"parent": None, "children": ["2"], "message": {"role": "USER", "content": "Hello"}},
        "2": {"parent": "1", "children": [], "message": {"role": "ASSISTANT", "content": "Hi"}},
    }
    assert _read(file, [_deepseek(mapping=mapping)]) == [HELLO]


def test_files_of_a_deepseek_question_are_named(file: Path) -> None:
    values = _deepseek()
    values["mapping"]["1"]["message"]["files"] = [{"file_name": "plan.pdf"}]
    assert _read(file, [values]) == [[("user", "[plan.pdf]\n\nHello"), HELLO[1]]]


CLAUDE = {
    "uuid": "c", "name": "Greeting", "created_at": NOON, "updated_at": NOON,
    "chat_messages": [
        {"uuid": "1", "sender": "human", "text": "Hello", "content": [{"type": "text", "text": "Hello"}],
         "attachments": [{"file_name": "a.txt", "extracted_content": "What I know"}], "created_at": NOON},
        {"uuid": "2", "sender": "assistant", "text": "",
         "content": [{"type": "thinking", "thinking": "A greeting."}, {"type": "text", "text": "Hi"}]},
    ],
}  # fmt: skip
GROK = {
    "conversations": [
        {
            "conversation": {"id": "g", "title": "Greeting", "create_time": NOON},
            "responses": [
                {"response": {"_id": "1", "sender": "human", "message": "Hello", "parent_response_id": None,
                              "create_time": {"$date": {"$numberLong": "1740830400000"}}}},
                {"response": {"_id": "2", "sender": "ASSISTANT", "message": "Hi", "parent_response_id": "1"}},
            ],
        }
    ]
}  # fmt: skip
LIBRECHAT = {
    "conversationId": "l", "title": "Greeting", "messages": [
        {"messageId": "1", "parentMessageId": "0000", "isCreatedByUser": True, "text": "Hello", "createdAt": NOON},
        {"messageId": "2", "parentMessageId": "1", "isCreatedByUser": False, "text": "Hi"},
    ],
}  # fmt: skip
MESSAGES = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
SHAREGPT = [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}]
PARTS = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}, {"role": "model", "parts": [{"text": "Hi"}]}]}
TAVERN = [
    {"user_name": "Me", "character_name": "Greeter"},
    {"name": "Me", "is_user": True, "mes": "Hello", "send_date": "March 1, 2025 12:00pm"},
    {"name": "Greeter", "is_user": False, "mes": "Hi"},
]


@pytest.mark.parametrize(
    "values",
    [
        [CLAUDE], GROK, LIBRECHAT, [LIBRECHAT], MESSAGES, [MESSAGES], {"messages": MESSAGES},
        {"conversations": SHAREGPT}, [{"id": 1, "conversations": SHAREGPT}], PARTS, TAVERN,
    ],
)  # fmt: skip
def test_a_list_of_messages_by_any_name(values: Any, file: Path) -> None:
    assert _read(file, values) == [HELLO]


def test_claude_gives_the_text_of_attachments(file: Path) -> None:
    file.write_text(json.dumps([CLAUDE]))
    (found,) = conversations(file)
    assert found
    assert found.messages[0].attachments == (Attachment("a.txt", "What I know"),)
    assert (found.summary.title, found.summary.created, found.messages[0].created) == ("Greeting", AT_NOON, AT_NOON)


def test_instructions_become_the_system_prompt(file: Path) -> None:
    file.write_text(json.dumps({"messages": [{"role": "system", "content": "Be brief."}, *MESSAGES]}))
    (found,) = conversations(file)
    assert found
    assert (found.system, _said(found)) == ("Be brief.", HELLO)


def _line(text: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": text}]})


@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n \n", "", " ", ",\n"])
def test_every_value_of_a_file_is_read(between: str, file: Path) -> None:
    asked = _read(file, between.join(map(_line, "abc")) + between)
    assert asked == [[("user", text)] for text in "abc"]


def test_values_over_several_lines_are_read(file: Path) -> None:
    pretty = "\n".join(json.dumps(json.loads(_line(text)), indent=1) for text in "ab")
    assert _read(file, pretty + "\n" + json.dumps(GROK, indent=2)) == [[("user", "a")], [("user", "b")], HELLO]


@pytest.mark.parametrize("bad", ['{"messages": [{"role": "user", "content": "b', "{", "}", "nonsense", '"text"', "7"])
def test_a_line_that_is_damaged_costs_itself_alone_and_is_counted(bad: str, file: Path, tmp_path: Path) -> None:
    file.write_text("\n".join([_line("a"), bad, _line("c"), bad]))
    with closing(History(tmp_path / "history.sqlite3")) as history:
        assert import_file(file, history) == Imported(2, 2, skipped=2)


def test_a_message_on_each_line_is_one_conversation(file: Path) -> None:
    assert _read(file, "\n".join(map(json.dumps, MESSAGES))) == [HELLO]
    assert _read(file, "\n".join(map(json.dumps, TAVERN))) == [HELLO]
    assert _read(file, "\n".join(json.dumps({"conversations": SHAREGPT, "n": n}) for n in range(2))) == [HELLO, HELLO]


def test_conversations_that_begin_alike_are_two(file: Path, tmp_path: Path) -> None:
    longer = {"messages": [*MESSAGES, {"role": "user", "content": "Bye"}]}
    file.write_text("\n".join(map(json.dumps, ({"messages": MESSAGES}, longer, longer))))
    with closing(History(tmp_path / "history.sqlite3")) as history:
        assert import_file(file, history) == Imported(2, 5, unchanged=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"mapping": {"1": {"message": {**_from("user"), "content": {"parts": [text]}}}}},
        lambda text: {"inserted_at": "2025-01-02T03:04:05Z", "mapping": {"1": {"message": _fragment(text)}}},
        lambda text: {"chat": {"timestamp": 1735786800, "messages": [{"role": "user", "content": text}]}},
    ],
    ids=["chatgpt", "deepseek", "open_webui"],
)
def test_conversations_without_ids_of_the_same_moment_stay_apart(
    make: Callable[[str], Any], file: Path, tmp_path: Path
) -> None:
    file.write_text(json.dumps([{"title": "Same", "create_time": 1735786800, **make(text)} for text in ("Hi", "Bye")]))
    with closing(History(tmp_path / "history.sqlite3")) as history:
        assert import_file(file, history) == Imported(2, 2)
        assert import_file(file, history) == Imported(unchanged=2)


def _from(role: str) -> dict[str, Any]:
    return {"author": {"role": role}, "create_time": 1735786800}


def _fragment(text: str) -> dict[str, Any]:
    return {"fragments": [{"type": "REQUEST", "content": text}]}


@pytest.mark.parametrize("kind", ["phichat", "chatgpt", "list"])
def test_titles_and_names_of_files_lose_what_turns_them_around(kind: str, file: Path, tmp_path: Path) -> None:
    """A title would read as another one, or end where a NUL is."""
    title = "a\u202egpj\0.\x1b[31m\u2066exe 👩\u200d💻 é\u0301"
    said = {"id": "1", "role": "user", "content": "Hi", "text": "Hi"}
    made: dict[str, dict[str, Any]] = {
        "phichat": {"id": "x", "tip": "1", "messages": [{**said, "attachments": [{"name": title, "text": "t"}]}]},
        "chatgpt": {"mapping": {"1": {"message": {**_from("user"), "content": {"parts": ["Hi"]}}}}},
        "list": {"messages": [said]},
    }
    file.write_text(json.dumps({"title": title, **made[kind]}))
    with closing(History(tmp_path / "history.sqlite3")) as history:
        import_file(file, history)
        (heading,) = history.list_conversations()
        assert heading.title == "agpj.[31mexe 👩\u200d💻 é\u0301"
        files = history.load_conversation(heading.id).messages[0].attachments
        assert all(each.title == heading.title for each in files)
        assert len(files) == (kind == "phichat")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
@pytest.mark.parametrize("is_in_archive", [False, True])
def test_an_export_in_any_unicode(encoding: str, is_in_archive: bool, file: Path) -> None:
    lines = "\n".join(json.dumps({"messages": [*MESSAGES, {"role": "user", "content": text}]}) for text in "éя")
    data = lines.encode(encoding)
    if is_in_archive:
        _zipped(file, {"a.jsonl": data})
    else:
        file.write_bytes(data)
    found = [record for record in conversations(file) if record]
    assert [record.messages[-1].text for record in found] == ["é", "я"]


def test_conversations_that_never_began_do_not_count(file: Path) -> None:
    assert _read(file, [{**CLAUDE, "chat_messages": []}, CLAUDE]) == [HELLO]


def test_a_form_that_is_not_known_yet_is_told(file: Path) -> None:
    message = {"author": {"role": "user"}, "content": {"content_type": "new", "said": "Hello"}}
    file.write_text(json.dumps([{"mapping": {"1": {"message": message}}}]))
    with pytest.raises(StoreError, match="You can import files exported from Phichat"):
        list(conversations(file))


def _zipped(file: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_archives_of_any_program_are_read(file: Path) -> None:
    others = {"user.json": b'{"id": 1}', "readme.json": b"no JSON", "a.png": b"\x89PNG"}
    grok = json.dumps(GROK).encode()
    for name in ("conversations.json", "ttl/30d/prod-grok-backend.json", "chats.jsonl"):
        _zipped(file, {**others, name: grok})
        assert [_said(record) for record in conversations(file)] == [HELLO]


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (NOON, AT_NOON), ("2025-03-01T20:00:00.000000+08:00", AT_NOON), ("2025-03-01 12:00:00", AT_NOON),
        (AT_NOON, AT_NOON), (AT_NOON * 1e3, AT_NOON), (AT_NOON * 1e6, AT_NOON), (int(AT_NOON) * 10**9, AT_NOON),
        (str(int(AT_NOON)), AT_NOON), ({"$date": NOON}, AT_NOON),
        ({"$date": {"$numberLong": "1740830400000"}}, AT_NOON),
        (None, None), (0, None), (1, None), (-5, None), (86400, None), ("yesterday", None), ("", None), ("12", None),
        (1e300, None), (10**400, None), (float("nan"), None), (True, None), ([], None), ({}, None), ("9" * 99, None),
    ],
)  # fmt: skip
def test_times_in_any_form(value: Any, time: float | None) -> None:
    assert parse_time(value) == (time if time is None else pytest.approx(time))


def _items_before_refusal(file: Path) -> int:
    count = 0
    try:
        for _ in conversations(file):
            count += 1
    except StoreError as error:
        assert re.search("too large|can’t import|incomplete", str(error))  # noqa: PT017
        return count
    raise AssertionError("all of it was read")


def _repeated(head: bytes, unit: bytes, tail: bytes = b"") -> bytes:
    return head + unit * (10_000_000 // len(unit)) + tail


def _many_conversations() -> bytes:
    return b"[" + b",".join(b'{"id":"%d","messages":[{"role":"user","content":"x"}]}' % n for n in range(20_000)) + b"]"


BOMBS: dict[str, Callable[[], bytes]] = {
    "spaces": lambda: _repeated(b"[", b" ", b"]"),
    "lines": lambda: _repeated(b"{}", b"\n"),
    "numbers": lambda: _repeated(b"[", b"0,", b"0]"),
    "empty conversations": lambda: _repeated(b"[", b'{"mapping":{}},', b"0]"),
    "one conversation": lambda: _repeated(b"[", b'{"id":"1","messages":[{"role":"user","content":"x"}]},', b"0]"),
    "members": lambda: _repeated(b"{", b'"a":0,', b'"b":0}'),
    "messages": lambda: _repeated(b"[", b'{"role":"user","content":"x"},', b"0]"),
    "lists in a list": lambda: _repeated(b"[[", b"[],", b"0]]"),
    "messages of a conversation": lambda: _repeated(b'[{"mapping":{', b'"a":{},', b'"b":0}}]'),
    "a word": lambda: _repeated(b'["', b"x", b'"]'),
    "a number": lambda: _repeated(b"[", b"9", b"]"),
    "depth": lambda: _repeated(b"", b"["),
    "damaged lines": lambda: _repeated(_line("a").encode() + b"\n", b'{"x\n'),
    "conversations": _many_conversations,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_archive_never_becomes_a_lot(bomb: str, file: Path) -> None:
    """Every item that comes out of it would be looked at or stored."""
    _zipped(file, {"conversations.json": BOMBS[bomb]()})
    assert file.stat().st_size < 300_000
    assert _items_before_refusal(file) <= 10_000


def test_archives_that_need_memory_as_they_say_are_not_unpacked(file: Path) -> None:
    content = json.dumps(GROK).encode()
    _zipped(file, {"conversations.json": content}, zipfile.ZIP_LZMA)
    with pytest.raises(StoreError, match="You can import files exported from Phichat"):
        list(conversations(file))


def test_a_large_file_of_something_else_is_given_up_early(file: Path) -> None:
    file.write_bytes(b"[" + b"0," * 5_000_000 + b"0]")
    assert _items_before_refusal(file) <= 2_000


@pytest.mark.parametrize("around", [lambda messages: messages, lambda messages: {"conversations": messages}])
def test_each_list_on_a_line_is_a_conversation(file: Path, around: Callable[[Any], Any]) -> None:
    other = [{"from": "human", "value": "Bye"}, {"from": "gpt", "value": "See you"}]
    file.write_text("\n".join(json.dumps(around(messages)) for messages in (SHAREGPT, other)))
    assert [record.summary.title for record in conversations(file) if record] == ["Hello", "Bye"]
