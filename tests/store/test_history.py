"""What is told to be stored is there again, whole; and what is looked for is found."""

import copy
import os
import pickle
import random
import sqlite3
import stat
import threading
import time
from contextlib import closing
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Branch, Conversation, Ending, Message, Piece, PieceKind, Reply, Role, new_id
from phichat.errors import StoreError
from phichat.store.base import ConversationRecord, ConversationSummary, SearchHit
from phichat.store.history import History
from phichat.unicode import without_controls
from tests.support.stored_history import held

EVERYTHING = Reply(
    "phi", 2**32 - 2, (0, 1, 32_000, 2**32 - 1), Ending.LENGTH, {"seconds": 0.1, "deep": {"a": [1, None]}}, "8a" * 32,
    {"temperature": 0.7}, {"threads": 2, "cpu": "é"}, branched_from=Branch("another", 3, " snow", " é"),
    choices=bytes(range(256)),
)  # fmt: skip


def question(text: str = "Why?", parent: str | None = None, **more: Any) -> Message:
    return Message(Role.USER, text, parent, **more)


def answer(text: str = "", parent: str | None = None, ending: Ending = Ending.ANSWERING) -> Message:
    return Message(Role.ASSISTANT, text, parent, reply=Reply("model", 1, ending=ending))


def record(
    name: str = "one", *messages: Message, title: str = "", changed: float = 2.0, **more: Any
) -> ConversationRecord:
    tip = messages[-1].id if messages else None
    return ConversationRecord(ConversationSummary(name, title, 1.0, changed), tip, messages=messages, **more)


def thread(*texts: str) -> list[Message]:
    """Messages one after another."""
    messages: list[Message] = []
    for text in texts:
        messages.append(question(text, messages[-1].id if messages else None))
    return messages


def reopened(history: History, file: Path) -> History:
    history.close()
    again = History(file)
    assert again.ready.result() == ""
    return again


def test_a_conversation_comes_back_as_it_was(history: History, file: Path) -> None:
    first, second = thread("One", "Two")
    other = question("Instead of two", first.id, created=5.0)
    said = Message(Role.ASSISTANT, "Said", second.id, reply=EVERYTHING)
    whole = ConversationRecord(
        ConversationSummary("one", "Title", 1.5, 2.5, is_pinned=True),
        other.id,
        "Be brief.",
        {"top_k": 3},
        "phi",
        "Draft",
        "chatgpt",
        (first, second, other, said),
    )
    history.save_conversation(whole).result()
    assert history.load_conversation("one") == whole
    with closing(reopened(history, file)) as again:
        assert again.load_conversation("one") == whole
        assert list(again.iter_conversations()) == [whole]
        assert again.list_conversations() == [whole.summary]
        assert again.count_conversations() == 1


def test_a_stored_reply_is_like_any_other(history: History) -> None:
    said = Message(Role.ASSISTANT, "Said", reply=EVERYTHING)
    history.save_conversation(record("one", said)).result()
    stored = history.load_conversation("one").messages[0].reply
    assert stored is not None
    assert stored == EVERYTHING == stored
    assert stored != replace(EVERYTHING, tokens=(1,))
    assert replace(stored, seed=3) == replace(EVERYTHING, seed=3)
    assert replace(stored, tokens=(*stored.tokens, 5)) == replace(EVERYTHING, tokens=(*EVERYTHING.tokens, 5))
    assert asdict(stored) == asdict(EVERYTHING)
    assert copy.deepcopy(stored) == pickle.loads(pickle.dumps(stored)) == EVERYTHING
    with pytest.raises(FrozenInstanceError):
        stored.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        "", "\0", "a\0b\0", "'; DROP TABLE messages; --", '" OR 1=1', "<|end|><|user|>", "<script>",
        "%s {} \\n \\u0000", "\r\n\t\v", "\ufeff\ufffe\uffff", "\U0010ffff" * 99,
        "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)])),
    ],
)  # fmt: skip
def test_text_is_stored_to_the_byte(history: History, text: str) -> None:
    message = question(text)
    history.save_conversation(record("one", message, title=text, draft=text, system=text)).result()
    history.add_message("one", reply := answer(parent=message.id), reply.id)
    history.append_to_reply(reply.id, [Piece(text, 1)])
    history.append_to_reply(reply.id, [Piece(text, 2)]).result()
    stored = history.load_conversation("one")
    assert (stored.messages[0].text, stored.draft, stored.system, stored.summary.title) == (
        text,
        text,
        text,
        without_controls(text),
    )
    assert stored.messages[1].text == text + text


def test_every_plane_and_ten_megabytes(history: History) -> None:
    text = "".join(chr(code) for code in range(0x10000, 0x110000, 7)) + "0123456789" * 1_000_000 + " needle"
    history.save_conversation(record("one", question(text))).result()
    assert history.load_conversation("one").messages[0].text == text
    assert [hit.message for hit in history.search_conversations("needle")] == [
        history.load_conversation("one").messages[0].id
    ]


def test_lone_surrogates_become_replacements(history: History) -> None:
    bad = "a\ud800b\udc00"
    history.save_conversation(
        record("one", question(bad), title=bad, draft=bad, sampling={bad: bad}, model=bad)
    ).result()
    history.add_message("one", reply := answer(bad), reply.id).result()
    history.append_to_reply(reply.id, [Piece(bad)])
    history.finish_reply(replace(reply, text=bad, reply=Reply(bad, statistics={"x": bad}))).result()
    history.rename_conversation("one", bad).result()
    good = "a\ufffdb\ufffd"
    stored = history.load_conversation("one")
    assert {message.text for message in stored.messages} == {good}
    assert (stored.summary.title, stored.draft, stored.sampling, stored.model) == (good, good, {good: good}, good)
    assert [hit.summary.id for hit in history.search_conversations(bad)] == ["one"] * 3


def test_values_that_no_database_holds(history: History) -> None:
    nan, far = float("nan"), float("inf")
    strange = Message(
        Role.ASSISTANT, "a", created=nan, reply=Reply("m", 2**70, (-1, 2**40, 7), Ending.STOP, {"x": nan})
    )
    history.save_conversation(
        ConversationRecord(
            ConversationSummary("one", "", far, -far), "not there", messages=(strange, question(created=1e300))
        )
    ).result()
    stored = history.load_conversation("one")
    assert stored.messages[0].reply is not None
    assert (stored.messages[0].reply.seed, stored.messages[0].reply.tokens) == (None, (7,))
    assert stored.tip == stored.messages[1].id


def test_a_reply_grows_and_is_finished(history: History) -> None:
    asked, reply = question(), answer()
    history.save_conversation(record("one", asked)).result()
    history.add_message("one", reply, reply.id)
    for number in range(100):
        last = history.append_to_reply(reply.id, [Piece(f"{number} ", number)])
    last.result()
    grown = history.load_conversation("one").messages[1]
    assert grown.text == "".join(f"{number} " for number in range(100))
    assert grown.reply is not None
    assert (grown.reply.tokens, grown.reply.ending) == (tuple(range(100)), Ending.ANSWERING)
    assert history.search_conversations("99") == []
    finished = replace(reply, text="Done now", reply=EVERYTHING)
    history.finish_reply(finished).result()
    assert history.load_conversation("one").messages[1] == finished
    assert [hit.message for hit in history.search_conversations("done")] == [reply.id]


def test_pieces_are_stored_soon_however_many_come(history: History) -> None:
    reply = answer()
    history.save_conversation(record("one", reply)).result()
    first = history.append_to_reply(reply.id, [Piece("x", 1)])
    until = time.monotonic() + 20
    while not first.done():
        history.append_to_reply(reply.id, [Piece("x", 1)])
        time.sleep(0.002)
        assert time.monotonic() < until


def test_a_reply_that_was_interrupted_can_be_continued(history: History, file: Path, tmp_path: Path) -> None:
    reply = answer()
    history.save_conversation(record("one", question(), reply)).result()
    history.append_to_reply(reply.id, [Piece("Half a ", 1), Piece("sent", 2)]).result()
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    with closing(History(copy)) as again:
        partial = again.load_conversation("one").messages[1]
        assert partial.text == "Half a sent"
        assert partial.reply is not None
        assert (partial.reply.ending, partial.reply.tokens) == (Ending.CANCELLED, (1, 2))
        assert partial.reply.statistics == {"interrupted": True}
        assert again.search_conversations("half")
        again.append_to_reply(reply.id, [Piece("ence", 3)]).result()
        assert again.load_conversation("one").messages[1].text == "Half a sentence"
        continued = again.load_conversation("one").messages[1].reply
        assert continued is not None
        assert continued.ending is Ending.ANSWERING


def test_what_was_thought_survives_a_crash_and_is_not_searched(history: History, file: Path, tmp_path: Path) -> None:
    reply = answer()
    history.save_conversation(record("one", question(), reply)).result()
    thoughts = [Piece("", 1, PieceKind.THINKING), Piece("Wondering", 2, PieceKind.THINKING)]
    history.append_to_reply(reply.id, [*thoughts, Piece("Half", 3)]).result()
    copy = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    with closing(History(copy)) as again:
        partial = again.load_conversation("one").messages[1]
        assert (partial.text, partial.thinking) == ("Half", "Wondering")
        assert partial.reply is not None
        assert (partial.reply.tokens, partial.reply.thinking_tokens) == ((1, 2, 3), 2)
        assert again.search_conversations("half")
        assert not again.search_conversations("wondering")
        whole = replace(partial, reply=replace(partial.reply, ending=Ending.STOP, thinking_seconds=2.5))
        again.finish_reply(whole).result()
        assert again.load_conversation("one").messages[1] == whole
        assert not again.search_conversations("wondering")


def test_where_a_model_was_least_sure_is_kept_with_the_reply(history: History, file: Path) -> None:
    reply = answer("Said", ending=Ending.STOP)
    history.save_conversation(record("one", reply)).result()
    assert history.load_undecided(reply.id) == b""
    history.set_undecided(reply.id, b"where it was least sure").result()
    history.finish_reply(replace(reply, text="Said again")).result()
    with closing(reopened(history, file)) as again:
        assert again.load_undecided(reply.id) == b"where it was least sure"
        again.delete_everything().result()
        assert again.load_undecided(reply.id) == b""
    assert b"least sure" not in file.read_bytes()


class TestChoices:
    """What a model weighed at the words of a reply."""

    def test_they_are_loaded_when_they_are_looked_at(self, history: History, file: Path) -> None:
        reply = answer("Said", ending=Ending.STOP)
        history.save_conversation(record("one", reply)).result()
        history.set_choices(reply.id, b"first").result()
        stored = history.load_conversation("one").messages[0].reply
        history.set_choices(reply.id, b"second").result()
        assert stored
        assert stored.choices == stored.choices == b"second"
        with closing(reopened(history, file)) as again:
            reread = again.load_conversation("one").messages[0].reply
            assert reread
            assert reread.choices == b"second"

    def test_they_go_with_the_reply(self, history: History, file: Path) -> None:
        reply = answer("Said", ending=Ending.STOP)
        reply = replace(reply, reply=replace(EVERYTHING, choices=b"what was weighed there"))
        history.save_conversation(record("one", reply)).result()
        stored = history.load_conversation("one").messages[0].reply
        history.delete_everything().result()
        assert stored
        assert stored.choices == b""
        history.close()
        assert b"what was weighed" not in file.read_bytes()

    def test_what_branched_off_nowhere_sensible_did_not(self, history: History, file: Path) -> None:
        reply = answer("Said", ending=Ending.STOP)
        history.save_conversation(record("one", reply)).result()
        for damaged in ("{", "[]", '{"message": 1}', '{"message": "a", "offset": "x", "word": "", "replaced": ""}'):
            with closing(sqlite3.connect(file)) as connection, connection:
                connection.execute("UPDATE messages SET branched_from = ?", (damaged,))
            stored = history.load_conversation("one").messages[0].reply
            assert stored
            assert stored.branched_from is None


def test_details_are_changed_each_for_itself(history: History) -> None:
    history.save_conversation(record("one", *(messages := thread("One", "Two")))).result()
    history.set_tip("one", messages[0].id)
    history.set_details("one", "System", {"top_k": 1}, "phi")
    history.set_draft("one", "Draft")
    history.pin_conversation("one")
    history.rename_conversation("one", "New name").result()
    assert history.load_conversation("one") == ConversationRecord(
        ConversationSummary("one", "New name", 1.0, 2.0, is_pinned=True),
        messages[0].id,
        "System",
        {"top_k": 1},
        "phi",
        "Draft",
        messages=tuple(messages),
    )
    history.pin_conversation("one", is_pinned=False)
    history.set_tip("one", None).result()
    assert not history.list_conversations()[0].is_pinned
    assert history.load_conversation("one").tip is None


def test_a_title_of_ones_own_is_kept(history: History) -> None:
    history.save_conversation(record("one")).result()
    history.rename_conversation("one", "By itself", is_own=False).result()
    assert history.list_conversations()[0].title == "By itself"
    history.rename_conversation("one", "Mine")
    history.rename_conversation("one", "By itself again", is_own=False).result()
    assert history.list_conversations()[0].title == "Mine"


def test_the_list_has_pinned_ones_first_then_the_last_changed(history: History) -> None:
    for name, changed in (("a", 3.0), ("b", 5.0), ("c", 1.0), ("d", 4.0)):
        history.save_conversation(record(name, changed=changed))
    history.pin_conversation("c").result()
    assert [heading.id for heading in history.list_conversations()] == ["c", "b", "d", "a"]
    history.add_message("a", message := question(), message.id).result()
    assert [heading.id for heading in history.list_conversations()] == ["c", "a", "b", "d"]


def test_a_reply_is_over_when_it_is_however_long_the_disk_takes(history: History, file: Path) -> None:
    history.save_conversation(record("one", first := question(), replace(answer(), parent=first.id))).result()
    reply = history.load_conversation("one").messages[1]
    with held(file):
        history.finish_reply(reply)
        history.save_conversation(record("another", changed=time.time()))
    history = reopened(history, file)
    assert [heading.id for heading in history.list_conversations()] == ["another", "one"]
    history.close()


def test_a_pinned_message_stays_pinned_until_it_is_not(history: History, file: Path) -> None:
    first, second = question(is_pinned=True), answer("Because")
    history.save_conversation(record("one", first, replace(second, parent=first.id))).result()
    before = history.load_conversation("one").summary
    history.pin_message(first.id, is_pinned=False)
    history.pin_message(second.id, is_pinned=True).result()
    history = reopened(history, file)
    found = history.load_conversation("one")
    assert [message.is_pinned for message in found.messages] == [False, True]
    assert found.summary == before, "it is not as if something had been said in it"
    history.finish_reply(replace(found.messages[1], text="Because of that")).result()
    assert history.load_conversation("one").messages[1].is_pinned
    history.close()


def test_files_stay_with_a_question_and_are_found(history: History, file: Path) -> None:
    files = (Attachment("crossing.csv", "quay,hour\nHelsinki,7"), Attachment("b\n.txt", '"\x00\u2028\ud800'))
    asked = question("When?", attachments=files)
    history.save_conversation(record("one", attached=files[:1], draft="And")).result()
    history.add_message("one", asked, asked.id).result()
    history = reopened(history, file)
    found = history.load_conversation("one")
    assert found.messages[0].attachments == (files[0], Attachment("b\n.txt", '"\x00\u2028\ufffd'))
    assert (found.draft, found.attached) == ("And", files[:1])
    for words in ("helsinki", "crossing", "when"):
        (hit,) = history.search_conversations(words)
        assert hit.message == asked.id
        assert words in hit.excerpt.lower()
    history.set_attached("one", ()).result()
    assert history.load_conversation("one").attached == ()
    history.delete_conversations(["one"]).result()
    assert history.search_conversations("helsinki") == []
    history.close()


def test_messages_keep_their_order_when_the_clock_jumps(history: History) -> None:
    history.save_conversation(record("one"))
    times = [1e9, 2e12, 5.0, 1e9, 1e9, -7.0]
    messages = [question(str(at), created=at) for at in times]
    for message in messages:
        history.add_message("one", message, message.id).result()
    assert list(history.load_conversation("one").messages) == messages
    history.save_conversation(record("two", *[question(str(at), created=5.0) for at in range(50)])).result()
    assert [message.text for message in history.load_conversation("two").messages] == [str(at) for at in range(50)]


def test_what_is_in_the_bin_is_not_seen(history: History) -> None:
    for name in ("one", "two"):
        history.save_conversation(record(name, question("needle"), title="needle"))
    history.move_to_trash(["one", "two", "none"])
    history.restore_conversations(["two"]).result()
    assert [heading.id for heading in history.list_conversations()] == ["two"]
    binned = history.list_conversations(in_trash=True)
    assert [heading.id for heading in binned] == ["one"]
    assert binned[0].deleted is not None
    assert {hit.summary.id for hit in history.search_conversations("needle")} == {"two"}
    assert history.count_conversations() == 1
    assert history.load_conversation("one").summary == binned[0]
    history.delete_conversations(["one", "none"]).result()
    assert history.list_conversations(in_trash=True) == []
    with pytest.raises(StoreError, match=r"^This conversation no longer exists\.$"):
        history.load_conversation("one")


def test_a_message_takes_its_conversation_out_of_the_bin(history: History) -> None:
    history.save_conversation(record("one", first := question("one")))
    history.move_to_trash(["one"])
    history.add_message("one", second := question("two", first.id), second.id).result()
    assert [heading.id for heading in history.list_conversations()] == ["one"]
    assert history.list_conversations(in_trash=True) == []


def test_a_branch_is_hidden_and_shown_again(history: History) -> None:
    one, two, three = thread("one", "two", "three")
    beside = question("beside", one.id)
    history.save_conversation(
        ConversationRecord(ConversationSummary("c", "", 1.0, 1.0), three.id, messages=(one, two, three, beside))
    ).result()
    hidden = history.delete_branch(two.id).result()
    assert hidden == [two.id, three.id]
    assert history.load_conversation("c").messages == (one, beside)
    assert history.load_conversation("c").tip == one.id
    assert history.search_conversations("three") == []
    history.set_tip("c", three.id)
    history.restore_branch([two.id]).result()
    assert history.load_conversation("c").messages == (one, two, three, beside)
    assert len(history.search_conversations("three")) == 1
    assert history.delete_branch("none").result() == []


def test_what_was_deleted_before_stays_so_and_what_is_not_known_is_not_deleted(history: History) -> None:
    one, two, three = thread("one", "two", "three")
    history.save_conversation(
        ConversationRecord(ConversationSummary("c", "", 1.0, 1.0), three.id, messages=(one, two, three))
    ).result()
    assert history.delete_branch(two.id, [two.id]).result() == []
    assert history.delete_branch(three.id, [three.id]).result() == [three.id]
    assert history.delete_branch(two.id, [two.id]).result() == [two.id]
    history.restore_branch([two.id]).result()
    assert history.load_conversation("c").messages == (one, two)


def test_importing_twice_changes_nothing(history: History) -> None:
    whole = record("one", *thread("One", "Two"), title="Title")
    assert history.save_conversation(whole).result()
    assert not history.save_conversation(whole).result()
    longer = replace(whole, messages=(*whole.messages, question("Three", whole.messages[-1].id)))
    history.rename_conversation("one", "Mine")
    assert history.save_conversation(longer).result()
    assert history.load_conversation("one").messages == longer.messages
    assert history.load_conversation("one").summary.title == "Mine"
    history.move_to_trash(["one"])
    assert history.save_conversation(longer).result()
    assert history.count_conversations() == 1


def test_messages_of_the_same_name_in_two_conversations(history: History) -> None:
    messages = [question("One", id="root"), question("Two", "root", id="two")]
    for name in ("a", "b", "a", "b"):
        history.save_conversation(replace(record(name, *messages), tip="two")).result()
    first, second = history.load_conversation("a"), history.load_conversation("b")
    assert first.messages == tuple(messages)
    assert [message.text for message in second.messages] == ["One", "Two"]
    assert second.messages[1].parent == second.messages[0].id != "root"
    assert second.tip == second.messages[1].id


def test_titles_are_found_first_then_the_newest(history: History) -> None:
    old, new = question("The needle is old", created=1e9), question("The needle is new", created=1.5e9)
    history.save_conversation(record("a", new))
    history.save_conversation(record("b", old))
    history.save_conversation(record("c", title="A needle")).result()
    hits = history.search_conversations("needl")
    assert [hit.summary.id for hit in hits] == ["c", "a", "b"]
    assert hits[0] == SearchHit(history.load_conversation("c").summary, None, "A needle", ((2, 7),))
    assert hits[1] == SearchHit(history.load_conversation("a").summary, new.id, "The needle is new", ((4, 9),))
    assert [hit.summary.id for hit in history.search_conversations("needl", limit=2)] == ["c", "a"]
    history.rename_conversation("c", "Renamed").result()
    assert [hit.summary.id for hit in history.search_conversations("needl")] == ["a", "b"]


def test_deleting_everything_leaves_no_word(history: History, file: Path) -> None:
    history.save_conversation(record("one", question("Unmistakable"), title="Unmistakable"))
    history.move_to_trash(["one"]).result()
    for name in ("history.sqlite3.v1.bak", "history.damaged-2026-01-01.sqlite3"):
        (file.parent / name).write_text("Unmistakable")
    history.delete_everything().result()
    assert (
        history.list_conversations(),
        history.list_conversations(in_trash=True),
        history.search_conversations("unm"),
    ) == ([], [], [])
    assert not [path for path in file.parent.iterdir() if b"nmistakable" in path.read_bytes()]
    history.save_conversation(record("two", question("Fresh"))).result()
    history.close()
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_purged_words_are_gone_from_the_file(history: History, file: Path) -> None:
    history.save_conversation(record("one", question("Unmistakable " * 3000)))
    history.save_conversation(record("two", question("Other")))
    history.delete_conversations(["one"]).result()
    history.close()
    assert b"Unmistakable" not in file.read_bytes()


def test_a_message_for_a_conversation_that_is_gone(history: History) -> None:
    lost = history.add_message("none", question(), None)
    kept = history.save_conversation(record("one"))
    assert kept.result()
    assert isinstance(lost.exception(), StoreError)
    for nothing in (
        history.append_to_reply("none", [Piece("x")]), history.finish_reply(answer()),
        history.rename_conversation("none", "x"), history.set_draft("none", ""), history.restore_branch([]),
        history.move_to_trash([]),
    ):  # fmt: skip
        nothing.result()


def test_many_threads_at_once(history: History) -> None:
    failures: list[Exception] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for number in range(15):
                name = f"{seed}-{number}"
                history.save_conversation(record(name, question(f"needle {seed}"))).result()
                assert history.load_conversation(name).messages
                assert history.search_conversations("needle")
                assert history.list_conversations()
                if chance.random() < 0.3:
                    history.delete_conversations([name]).result()
        except Exception as error:  # noqa: BLE001 - whatever it is
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures


def test_closing_stores_what_was_asked_for(history: History, file: Path) -> None:
    stored = [history.save_conversation(record(new_id())) for _ in range(300)]
    history.close()
    history.close()
    assert all(future.result() for future in stored)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert isinstance(history.save_conversation(record()).exception(), StoreError)
    with pytest.raises(StoreError):
        history.list_conversations()
    with closing(History(file)) as again:
        assert again.count_conversations() == 300


def test_a_conversation_of_the_chat_fits(history: History) -> None:
    talk = Conversation()
    asked = talk.add_message(Role.USER, "Why?")
    history.save_conversation(ConversationRecord(ConversationSummary(talk.id, talk.title, 1.0, 1.0)))
    history.add_message(talk.id, asked, talk.tip)
    said = talk.add_message(Role.ASSISTANT, "", Reply("m"))
    history.add_message(talk.id, said, talk.tip).result()
    stored = history.load_conversation(talk.id)
    again = Conversation(stored.summary.title, stored.summary.id, stored.messages, stored.tip)
    assert again.path() == talk.path()


def test_a_guest_leaves_a_reply_that_is_being_written_alone(history: History, file: Path) -> None:
    asked = question()
    reply = answer("Half ", asked.id)
    history.save_conversation(record("one", asked, reply)).result()
    guest = History(file, is_guest=True)
    assert guest.load_conversation("one").messages[-1].text == "Half "
    guest.close()
    found = history.load_conversation("one").messages[-1].reply
    assert found is not None
    assert found.ending is Ending.ANSWERING
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT 1 FROM marks WHERE name = 'running'").fetchone()


def test_importing_again_brings_a_deleted_branch_back(history: History) -> None:
    whole = record("one", *thread("One", "Two", "Three"))
    history.save_conversation(whole).result()
    history.delete_branch(whole.messages[1].id).result()
    assert history.save_conversation(whole).result()
    assert [message.text for message in history.load_conversation("one").messages] == ["One", "Two", "Three"]
    assert not history.save_conversation(whole).result()


def test_importing_again_brings_nothing_back_that_it_does_not_hold(history: History) -> None:
    messages = thread("One", "Two", "Three")
    history.save_conversation(record("one", *messages)).result()
    history.delete_branch(messages[0].id).result()
    assert history.save_conversation(record("one", *messages[:2])).result()
    assert [message.text for message in history.load_conversation("one").messages] == ["One", "Two"]


@pytest.mark.skipif(os.name == "nt", reason="access rights")
def test_nobody_else_on_the_computer_reads_along(history: History, file: Path) -> None:
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
