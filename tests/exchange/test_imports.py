"""What comes in from files: our own JSON, ChatGPT's and Open WebUI's; and what is made of files that mean no good."""

import io
import json
import random
import zipfile
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Role
from phichat.errors import StoreError
from phichat.exchange import imports, json_stream
from phichat.exchange.export import Format, export
from phichat.exchange.imports import Imported, conversations, holds_conversations, import_file
from phichat.exchange.json_format import record_to_json
from phichat.exchange.json_stream import JsonStream, NotJson
from phichat.exchange.shown_path import shown_path
from phichat.store.base import ConversationRecord
from phichat.store.history import History
from tests.support.conversations import record, talk


class ShelfStub:
    """A history in memory."""

    def __init__(self) -> None:
        self.records: dict[str, ConversationRecord] = {}
        self.puts = 0
        self.error: StoreError | None = None

    def load_conversation(self, conversation: str) -> ConversationRecord:
        if conversation not in self.records:
            raise StoreError("This conversation no longer exists.")
        return self.records[conversation]

    def save_conversation(self, record: ConversationRecord) -> "Future[bool]":
        self.puts += 1
        done: Future[bool] = Future()
        if self.error:
            done.set_exception(self.error)
        else:
            before = self.records.get(record.summary.id)
            done.set_result(before is None or len(before.messages) < len(record.messages))
            self.records[record.summary.id] = record if done.result() else before or record
        return done

    def take(self, file: Path) -> Imported:
        return import_file(file, self)


@pytest.fixture
def shelf() -> ShelfStub:
    return ShelfStub()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.dat"  # the name says nothing


def _one(file: Path, values: Any) -> ConversationRecord:
    file.write_text(json.dumps(values), "utf-8")
    (found,) = conversations(file)
    assert found
    return found


def _said(record: ConversationRecord) -> list[tuple[str, str]]:
    return [(str(message.role), message.text) for message in shown_path(record)]


def _node(name: str, parent: str | None, role: str, text: Any, **more: Any) -> dict[str, Any]:
    content = text if isinstance(text, dict) else {"content_type": "text", "parts": [text]}
    author: dict[str, Any] = {"role": role, "name": None, "metadata": {}}
    message = {"id": name, "author": author, "create_time": 1.7e9, "content": content, "recipient": "all"}
    return {name: {"id": name, "parent": parent, "children": [], "message": {**message, **more}}}


def _chatgpt(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
    for node in nodes:
        mapping |= node
    last = list(mapping)[-1]
    conversation = {"title": "Owls", "create_time": 1.7e9, "update_time": 1.7e9 + 60, "mapping": mapping}
    return {**conversation, "current_node": last, "conversation_id": "c-1", **more}


# Written by hand, after mohamed-chs/convoviz's and mitkury/chatgpt-export-parser's descriptions.
CHATGPT = _chatgpt(
    _node("s", "root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
    _node("ctx", "s", "user", {"content_type": "user_editable_context", "user_profile": "I am Ada"}),
    _node("q", "ctx", "user", {"content_type": "multimodal_text", "parts": [
        {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_1"}, "What bird is this?"]}),
    _node("old", "q", "assistant", "A hawk.", metadata={"model_slug": "gpt-4o"}, create_time=1.7e9 + 1),
    _node("t", "q", "assistant", {"content_type": "thoughts", "thoughts": [{"summary": "hm", "content": "an owl?"}]}),
    _node("call", "t", "assistant", {"content_type": "code", "language": "unknown", "text": "search('owl')"},
          recipient="web.run"),
    _node("back", "call", "tool", {"content_type": "execution_output", "text": "owls"}),
    _node("recap", "back", "assistant", {"content_type": "reasoning_recap", "content": "Thought for 8s"}),
    _node("a", "recap", "assistant", "An owl \ue200cite\ue202turn0search1\ue201.", create_time=1.7e9 + 9,
          metadata={"model_slug": "gpt-5", "finish_details": {"type": "max_tokens"}}),
    _node("code", "a", "assistant", {"content_type": "code", "language": "python", "text": "print('hoo')"}),
    _node("thanks", "code", "user", "Thanks"),
    is_starred=True,
)  # fmt: skip


def test_chatgpt_conversations_keep_what_was_shown(file: Path) -> None:
    found = _one(file, [CHATGPT])
    assert _said(found) == [
        ("user", "[image]\n\nWhat bird is this?"),
        ("assistant", "An owl .\n\n```python\nprint('hoo')\n```"),
        ("user", "Thanks"),
    ]
    heading = found.summary
    assert (heading.title, heading.created, heading.changed, heading.is_pinned) == ("Owls", 1.7e9, 1.7e9 + 60, True)
    assert (found.origin, found.model, len(found.messages)) == ("chatgpt", "gpt-5", 4)
    question, hawk, owl, _ = found.messages
    assert (hawk.thinking, owl.thinking) == ("", "an owl?")
    assert hawk.parent == owl.parent == question.id
    assert question.parent is None
    assert hawk.reply
    assert (hawk.text, hawk.reply.model, hawk.reply.ending, hawk.created) == (
        "A hawk.", "gpt-4o", Ending.STOP, 1.7e9 + 1,
    )  # fmt: skip


def test_a_chatgpt_reply_that_was_cut_says_so(file: Path) -> None:
    cut = _node("a", "q", "assistant", "Long", metadata={"finish_details": {"type": "max_tokens"}})
    found = _one(file, [_chatgpt(_node("q", "root", "user", "Hi"), cut)])
    assert found.messages[1].reply
    assert found.messages[1].reply.ending is Ending.LENGTH


def test_chatgpt_says_who_answers_whom_in_two_ways(file: Path) -> None:
    values = _chatgpt(_node("q", "root", "user", "Hi"), _node("a", "q", "assistant", "Hello"))
    for node in values["mapping"].values():
        del node["parent"]
    values["mapping"]["root"]["children"] = ["q"]
    values["mapping"]["q"]["children"] = ["a"]
    assert _said(_one(file, values)) == [("user", "Hi"), ("assistant", "Hello")]


@pytest.mark.parametrize("names", [["conversations.json"], ["export/conversations-000.json", "conversations-001.json"]])
def test_chatgpt_archives_are_read_as_they_come(file: Path, names: list[str], shelf: ShelfStub) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.html", "<html>")
        archive.writestr("user.json", "{}")
        for name in names:
            archive.writestr(name, json.dumps([{**CHATGPT, "conversation_id": name}]))
    assert shelf.take(file) == Imported(len(names), 4 * len(names))


def _webui_message(name: str, parent: str | None, role: str, text: Any, **more: Any) -> dict[str, Any]:
    message = {"id": name, "parentId": parent, "childrenIds": [], "role": role, "content": text}
    return {name: {**message, "timestamp": 1_700_000_000, **more}}


# Written by hand, after open-webui/open-webui's ChatModel and its pages.
OPEN_WEBUI: dict[str, Any] = {
    "id": "w-1",
    "user_id": "u",
    "title": "Birds",
    "chat": {
        "id": "",
        "title": "Birds",
        "models": ["phi3:mini", "llama3"],
        "params": {"system": "Be brief."},
        "history": {
            "messages": {
                **_webui_message("q", None, "user", "Which?", models=["phi3:mini", "llama3"]),
                **_webui_message("a1", "q", "assistant", "A hawk.", model="phi3:mini", done=True),
                **_webui_message(
                    "a2", "q", "assistant",
                    '<details type="reasoning" done="true" duration="3">\n<summary>Thought</summary>\n'
                    "&gt; hm\n</details>\n"
                    "An owl. <details>mine</details>",
                    model="llama3", done=True,
                ),
                **_webui_message("q2", "a2", "user", [{"type": "text", "text": "Sure?"}, {"type": "image_url"}]),
            },
            "currentId": "q2",
        },
        "messages": [],
        "tags": [],
        "timestamp": 1_700_000_000_123,
        "files": [],
    },
    "updated_at": 1_700_000_100,
    "created_at": 1_700_000_000,
    "pinned": True,
    "archived": False,
    "meta": {},
}  # fmt: skip


def test_open_webui_conversations_keep_their_branches(file: Path) -> None:
    found = _one(file, [OPEN_WEBUI])
    assert _said(found) == [
        ("user", "Which?"), ("assistant", "An owl. <details>mine</details>"), ("user", "Sure?"),
    ]  # fmt: skip
    assert [message.text for message in found.messages][1] == "A hawk."
    assert [message.thinking for message in found.messages] == ["", "", "hm", ""]
    assert (found.origin, found.system, found.summary.title) == ("open-webui", "Be brief.", "Birds")
    assert (found.summary.created, found.summary.changed, found.summary.is_pinned) == (1.7e9, 1.7e9 + 100, True)


def test_older_open_webui_conversations_are_a_list(file: Path) -> None:
    old = {"title": "", "timestamp": 1_700_000_000_500, "messages": [
        {"role": "user", "content": "Hello there, how are you?"}, {"role": "assistant", "content": "Fine"},
    ]}  # fmt: skip
    for values in ([old], [{"id": "1", "chat": old}], old):
        found = _one(file, values)
        assert _said(found) == [("user", "Hello there, how are you?"), ("assistant", "Fine")]
        assert (found.summary.title, found.summary.created) == ("Hello there, how are you?", 1_700_000_000.5)


@pytest.mark.parametrize("values", [CHATGPT, OPEN_WEBUI], ids=["chatgpt", "open-webui"])
def test_importing_twice_changes_nothing(values: dict[str, Any], file: Path, shelf: ShelfStub) -> None:
    file.write_text(json.dumps([values]))
    assert shelf.take(file) == Imported(1, 4)
    before = dict(shelf.records)
    assert shelf.take(file) == Imported(unchanged=1)
    assert shelf.records == before


def test_a_conversation_that_went_on_elsewhere_brings_what_is_new(file: Path, shelf: ShelfStub) -> None:
    file.write_text(json.dumps([CHATGPT]))
    shelf.take(file)
    more = {
        **CHATGPT,
        "mapping": CHATGPT["mapping"] | _node("z", "thanks", "assistant", "Welcome"),
        "current_node": "z",
    }
    file.write_text(json.dumps([more]))
    assert shelf.take(file) == Imported(1, 1)


def test_a_conversation_that_went_on_here_stays(file: Path, shelf: ShelfStub) -> None:
    first = talk("Hi", "Hello")
    export([first], Format.JSON, file)
    shelf.records[first.summary.id] = longer = talk("Hi", "Hello", "More")
    assert shelf.take(file) == Imported(unchanged=1)
    assert shelf.records[first.summary.id] == longer


def test_everything_goes_through_the_history_and_back(tmp_path: Path) -> None:
    chance = random.Random(11)
    records = {each.summary.id: each for each in (record(chance) for _ in range(40))}
    export(records.values(), Format.JSON, tmp_path / "one.json")
    with closing(History(tmp_path / "history.sqlite3")) as history:
        done = import_file(tmp_path / "one.json", history)
        assert done == Imported(40, sum(len(each.messages) for each in records.values()))
        export(map(history.load_conversation, records), Format.JSON, tmp_path / "two.json")
        assert import_file(tmp_path / "two.json", history) == Imported(unchanged=40)
    assert list(conversations(tmp_path / "two.json")) == list(records.values())


def test_what_is_in_the_bin_stays_there(file: Path, shelf: ShelfStub) -> None:
    first = talk("Hi", "Hello")
    binned = replace(first, summary=replace(first.summary, deleted=1.7e9))
    export([binned], Format.JSON, file)
    assert shelf.take(file) == Imported(1, 2)
    assert shelf.take(file) == Imported(unchanged=1)
    assert (shelf.records[first.summary.id], shelf.puts) == (binned, 1)


def test_our_own_comes_back_however_it_was_written(file: Path) -> None:
    chance = random.Random(3)
    records = [record(chance) for _ in range(5)]
    values = {
        "conversations": [record_to_json(each) for each in records],
        "format": "phichat",
        "version": 1,
        "x": {"y": [1]},
    }
    file.write_text(json.dumps(values, indent=3, sort_keys=True), "utf-8-sig")
    assert list(conversations(file)) == records
    file.write_text(json.dumps(record_to_json(records[0])))
    assert list(conversations(file)) == records[:1]


def test_a_newer_version_is_not_guessed_at(file: Path, shelf: ShelfStub) -> None:
    file.write_text('{"format": "phichat", "version": 2, "conversations": [{"id": "a"}]}')
    with pytest.raises(StoreError, match="was exported from a newer version of Phichat"):
        shelf.take(file)


GOOD = record_to_json(talk("Hi", "Hello"))
QUESTION, ANSWER = GOOD["messages"]
DEEP: list[Any] = []
for _ in range(60):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "wrong",
    [
        None, 1, "text", [], {}, {"id": ""}, {"id": 7}, {"id": "x" * 300}, {"messages": 3}, {"messages": [3]},
        {"title": 3}, {"created": "now"}, {"created": -1}, {"created": True}, {"changed": 1e300}, {"tip": "nobody"},
        {"pinned": 1}, {"sampling": []}, {"sampling": {"a": DEEP}},
        {"messages": [QUESTION, QUESTION]}, {"messages": [ANSWER, QUESTION]},
        {"messages": [{**QUESTION, "parent": "A talk 0"}]},
        {"messages": [{**QUESTION, "pinned": "yes"}]}, {"messages": [{**QUESTION, "role": "boss"}]},
        {"messages": [{**QUESTION, "role": {}}]},
        {"messages": [{**QUESTION, "text": None, "id": None}]}, {"messages": [{"id": "a", "role": "user"}]},
        *({"messages": [QUESTION, {**ANSWER, "reply": {**ANSWER["reply"], **part}}]} for part in (
            {"tokens": ["a"]}, {"tokens": [-1]}, {"tokens": [1.5]}, {"tokens": [2**40]}, {"tokens": [True]},
            {"ending": "never"}, {"seed": "x"}, {"seed": 1.5}, {"statistics": 3}, {"model": 4},
        )),
    ],
)  # fmt: skip
def test_a_conversation_that_makes_no_sense_is_skipped_alone(wrong: Any, file: Path, shelf: ShelfStub) -> None:
    bad = {**GOOD, "id": "bad", **wrong} if isinstance(wrong, dict) and wrong else wrong
    other = {**record_to_json(talk("One", "Two", title="Other"))}
    file.write_text(json.dumps({"format": "phichat", "version": 1, "conversations": [GOOD, bad, other]}))
    assert shelf.take(file) == Imported(2, 4, skipped=1)
    assert set(shelf.records) == {GOOD["id"], other["id"]}


def _chain(count: int) -> dict[str, Any]:
    return _chatgpt(*(_node(str(n), str(n - 1), "user" if n % 2 else "assistant", f"no. {n}") for n in range(count)))


@pytest.mark.parametrize(
    "wrong",
    [
        _chatgpt(_node("a", "b", "user", "Hi"), _node("b", "a", "assistant", "Hello")),
        _chatgpt(_node("a", "a", "user", "Hi")),
        _chatgpt({"a": 5}),
        {"id": "w", "chat": {"history": {"messages": {"a": 5}}}},
        {"id": "w", "chat": {"history": {"messages": {
            **_webui_message("a", "b", "user", "Hi"), **_webui_message("b", "a", "user", "Hi")}}}},
    ],
)  # fmt: skip
def test_a_foreign_tree_that_is_none_is_skipped(wrong: Any, file: Path, shelf: ShelfStub) -> None:
    file.write_text(json.dumps([wrong, CHATGPT, OPEN_WEBUI]))
    assert shelf.take(file) == Imported(2, 8, skipped=1)


@pytest.mark.parametrize(
    "odd",
    [
        {"title": None, "create_time": None, "update_time": "yesterday", "current_node": "nobody"},
        {"title": 5, "create_time": 10**300, "update_time": -4, "current_node": 7, "conversation_id": None},
        {"title": "\ud800", "create_time": float("nan"), "update_time": float("inf"), "conversation_id": "\udfff"},
        {"create_time": True, "conversation_id": ["x"], "id": {"y": 1}},
    ],
)
def test_odd_values_around_a_conversation_do_not_matter(odd: dict[str, Any], file: Path) -> None:
    gone = _node("q", "not there", "user", "Hi \ud83d")
    found = _one(file, [{**_chatgpt(gone, _node("a", "q", "assistant", "Hello", create_time=None)), **odd}])
    assert _said(found) == [("user", "Hi \ufffd"), ("assistant", "Hello")]
    assert found.summary.title
    assert found.summary.title.encode()
    assert found.messages[1].created == found.summary.created


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        "text",
        [],
        {},
        {"content_type": 5},
        {"content_type": "text"},
        {"parts": 7},
        {"parts": [None, 3, {"x": 1}]},
    ],
)
def test_messages_without_text_were_not_said(content: Any, file: Path) -> None:
    nothing = _node("e", "q", "assistant", "", content=content)
    found = _one(file, [_chatgpt(_node("q", "root", "user", "Hi"), nothing, _node("a", "e", "assistant", "Hello"))])
    assert _said(found) == [("user", "Hi"), ("assistant", "Hello")]


def test_a_conversation_in_which_nothing_was_said_does_not_count(file: Path, shelf: ShelfStub) -> None:
    file.write_text(json.dumps([_chatgpt(), CHATGPT]))
    assert shelf.take(file) == Imported(1, 4)
    file.write_text("[]")
    assert shelf.take(file) == Imported()


def test_a_very_long_conversation_is_no_trouble(file: Path) -> None:
    found = _one(file, [_chain(4_000)])
    assert len(shown_path(found)) == 4_000
    pieces = _chatgpt(*(_node(str(n), str(n - 1), "assistant", "word") for n in range(4_000)))
    assert len(_one(file, [pieces]).messages) == 1


def test_marks_meant_to_take_forever_do_not(file: Path) -> None:
    opened = '<details type="reasoning"' * 100_000 + '<details type="reasoning">' * 100_000
    _one(file, [{**OPEN_WEBUI, "chat": {"messages": [{"role": "user", "content": opened}]}}])
    _one(file, [_chatgpt(_node("q", "root", "user", "\ue200" * 300_000 + "【1†" * 300_000))])


UNKNOWN = "You can import files exported from Phichat"
DAMAGED = "is incomplete or damaged"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", UNKNOWN), (b"hello", UNKNOWN), (b"\x89PNG\r\n\x1a\n", UNKNOWN), (b"{}", UNKNOWN), (b"[1, 2]", UNKNOWN),
        (b'{"a": [1, 2]}', UNKNOWN), (b'[{"a": 1}]', UNKNOWN), (b"[" * 200_000, UNKNOWN), (b'{"a":' * 200_000, UNKNOWN),
        (b'"text"', UNKNOWN), (b"[,]", UNKNOWN), (b"\xff\xfe[\x00,\x00]\x00", UNKNOWN),
        (b"[" + json.dumps(CHATGPT).encode(), DAMAGED), (b"[" + json.dumps(CHATGPT).encode() + b", {", DAMAGED),
        (b"[" + json.dumps(CHATGPT).encode() + b"," + b"[" * 200_000, DAMAGED),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_one_sentence(
    content: bytes, sentence: str, file: Path, shelf: ShelfStub
) -> None:
    file.write_bytes(content)
    with pytest.raises(StoreError, match=sentence) as caught:
        shelf.take(file)
    assert "\n" not in str(caught.value)
    assert len(shelf.records) == (sentence is DAMAGED)
    assert ("1 conversation was imported before the error." in str(caught.value)) == (sentence is DAMAGED)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="Windows has none")
def test_a_device_is_no_export() -> None:
    assert not holds_conversations(Path("/dev/zero"))
    with pytest.raises(StoreError, match="/dev/zero isn’t a file"):
        list(conversations(Path("/dev/zero")))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, shelf: ShelfStub) -> None:
    with pytest.raises(StoreError, match="couldn’t be read: there’s no such file or folder"):
        shelf.take(tmp_path / "nothing.json")
    with pytest.raises(StoreError, match="couldn’t be read: it’s a folder"):
        shelf.take(tmp_path)


def _trouble(file: Path, shelf: ShelfStub) -> str:
    try:
        shelf.take(file)
    except StoreError as error:
        return str(error)
    return ""


def _zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def test_bombs_do_not_go_off(file: Path, shelf: ShelfStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_UNPACKED", 3_000_000)
    file.write_bytes(_zipped("conversations.json", b"[" + b" " * 4_000_000))
    with pytest.raises(StoreError, match="too large to be a conversation export"):
        shelf.take(file)
    monkeypatch.setattr(json_stream, "LONGEST_PART", 2_000_000)
    file.write_bytes(b'["' + b"x" * 9_000_000)
    with pytest.raises(StoreError, match="too large to be a conversation export"):
        shelf.take(file)


def test_damaged_archives_are_one_sentence(file: Path, shelf: ShelfStub) -> None:
    whole = _zipped("conversations.json", json.dumps([CHATGPT] * 50).encode())
    chance = random.Random(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        assert "\n" not in _trouble(file, shelf)
    for packed in (b"PK\x03\x04 no archive", *(whole[:end] for end in (30, len(whole) // 2, len(whole) - 1))):
        file.write_bytes(packed)
        assert "is incomplete or damaged" in _trouble(file, shelf)
    file.write_bytes(_zipped("photo.png", b"x"))
    with pytest.raises(StoreError, match=UNKNOWN):
        shelf.take(file)


def test_nothing_at_random_is_more_than_a_sentence(file: Path, shelf: ShelfStub) -> None:
    chance = random.Random(5)
    whole = json.dumps([CHATGPT, OPEN_WEBUI, GOOD])
    for _ in range(400):
        start, length = chance.randrange(len(whole)), chance.randrange(1, 30)
        junk = chance.choice(["", "null", "{}", "[]", '"', "1e999", "NaN", "9" * 5000, "-", "\\ud800", "}", "\x00"])
        file.write_text(whole[:start] + junk + whole[start + length :])
        assert "\n" not in _trouble(file, shelf)


def test_what_the_disk_refuses_ends_the_import(file: Path, shelf: ShelfStub) -> None:
    file.write_text(json.dumps([CHATGPT, OPEN_WEBUI]))
    shelf.error = StoreError("The disk is full.")
    with pytest.raises(StoreError, match="The disk is full"):
        shelf.take(file)


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 20])
def test_a_stream_is_the_same_in_any_portions(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    parts = [1, -12.5, 'a\\"]}é😀\n', [], {}, {"a": [{"b": None}, True]}, "", 123456789]
    for indent in (None, 2):
        stream = JsonStream(io.StringIO(json.dumps(parts, indent=indent)), "list")
        assert list(stream.items()) == parts
        stream = JsonStream(io.StringIO(json.dumps({"v": 1, "list": parts, "w": 2}, indent=indent)), "list")
        assert list(stream.items()) == parts
        assert stream.before == {"v": 1}


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    "wrong", ["[1 2]", "[1,", '{"list" [1]}', '{"list": [1]', '["a', "[tru", "[1}", "{1: 2}", "[-]"]
)
def test_a_stream_that_is_no_json_says_so(wrong: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    with pytest.raises(NotJson):
        list(JsonStream(io.StringIO(wrong), "list").items())


def test_numbers_that_json_does_not_have_are_none() -> None:
    text = f"[NaN, -Infinity, 1e999, {'9' * 9999}, 12]"
    assert list(JsonStream(io.StringIO(text), "list").items()) == [None, None, None, None, 12]


def test_a_mistake_early_in_a_long_file_is_found_early() -> None:
    class Endless(io.StringIO):
        reads = 0

        def read(self, size: int | None = -1) -> str:
            self.reads += 1
            return '[{"a" 2' + "x" * (size or 0)

    endless = Endless()
    with pytest.raises(NotJson):
        list(JsonStream(endless, "list").items())
    assert endless.reads <= 2


def test_a_role_of_ours_stays_what_it_is(file: Path) -> None:
    told = talk("Hi", "Hello")
    told = replace(told, messages=(replace(told.messages[0], role=Role.SYSTEM), told.messages[1]))
    export([told], Format.JSON, file)
    assert list(conversations(file)) == [told]
