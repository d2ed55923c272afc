"""Kills, power cuts, damage, full disks and other programs: what was stored stays, and the rest is told."""

import errno
import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Message, Piece, Reply, Role
from phichat.errors import StoreError
from phichat.store import connections, database, fallback, integrity, migrations, recovery, rows, writer_thread, writes
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.failures import DatabaseDamaged, error_message
from phichat.store.history import History
from phichat.store.locking import lock_folder
from phichat.store.write_ahead_log import read_log
from tests.support.history_child import history_file, imported
from tests.support.history_kills import missing_after_kill, missing_after_power_loss
from tests.support.stored_history import held

CONVERSATIONS, MESSAGES = 12, 15
VARIANTS = 60
PAGE = 4096

Eventually = Callable[[Callable[[], object]], None]


def test_nothing_is_missing_after_kills(tmp_path: Path) -> None:
    logs: list[tuple[Path, float]] = []
    for seed in range(3):
        assert missing_after_kill(tmp_path / "history.sqlite3", logs, 1000 + seed, longest=0.8) == []


@pytest.mark.skipif(os.name == "nt", reason="nothing stops a process there")
def test_nothing_is_missing_after_a_power_cut(tmp_path: Path) -> None:
    assert missing_after_power_loss(tmp_path / "history.sqlite3", 1, tmp_path / "copy") == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A history file."""
    return history_file(tmp_path_factory.mktemp("whole"), CONVERSATIONS, MESSAGES)


def damaged(data: bytes, seed: int) -> bytes:
    """Bytes changed, a page of noise, the end missing, or three pages of zeros."""
    chance, content = random.Random(seed), bytearray(data)
    start = chance.randrange(len(content) // PAGE) * PAGE
    match seed % 4:
        case 0:
            for _ in range(20):
                content[chance.randrange(len(content))] = chance.randrange(256)
        case 1:
            content[start : start + PAGE] = chance.randbytes(PAGE)
        case 2:
            del content[chance.randrange(len(content)) :]
        case _:
            end = min(start + 3 * PAGE, len(content))
            content[start:end] = bytes(end - start)
    return bytes(content)


def test_whatever_is_damaged_the_rest_is_saved(whole: bytes, tmp_path: Path) -> None:
    """Messages lie on 5 to 8 of the pages; noise takes one, zeros three of them."""
    for seed in range(VARIANTS):
        file = tmp_path / str(seed) / "history.sqlite3"
        file.parent.mkdir()
        file.write_bytes(damaged(whole, seed))
        notices: list[str] = []
        with closing(History(file, notices.append)) as history:
            notices.append(history.ready.result())
            records = list(history.iter_conversations())
            history.search_conversations("imported")
            assert history.save_conversation(imported("new", 3)).result()
            assert history.search_conversations("imported 2 of new"), seed
        if seed % 4 != 2:
            assert sum(len(record.messages) for record in records) > CONVERSATIONS * MESSAGES * 0.3, seed
        is_told = any("The history was damaged" in notice for notice in notices)
        kept = list(file.parent.glob("history.damaged-*"))
        assert is_told == bool(kept)
        assert is_told or (len(records) == CONVERSATIONS and all(len(each.messages) == MESSAGES for each in records))
        if seed % 5 == 0:
            with closing(History(file)) as history:
                assert history.ready.result() == "", seed
                assert len(history.load_conversation("new").messages) == 3


def test_what_is_no_database_is_kept(tmp_path: Path) -> None:
    for number, content in enumerate((b"\0" * 99, b"not a database" * 999, os.urandom(50_000))):
        file = tmp_path / str(number) / "history.sqlite3"
        file.parent.mkdir()
        file.write_bytes(content)
        with closing(History(file)) as history:
            assert "0 conversations were recovered. The damaged file was kept as" in history.ready.result()
        assert [kept.read_bytes() for kept in file.parent.glob("history.damaged-*")] == [content]


def test_a_recovery_that_was_interrupted_is_finished(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    for name in ("history.sqlite3.recovered", "history.damaged-2026-01-01.sqlite3"):
        (tmp_path / name).write_bytes(whole)
    with closing(History(file)) as history:
        assert history.count_conversations() == CONVERSATIONS


def test_pages_that_lead_back_to_each_other(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    content = bytearray(whole)
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()[0]
    start = (root - 1) * PAGE
    assert content[start] == 5  # an inner page
    cell = start + int.from_bytes(content[start + 12 : start + 14], "big")
    content[cell : cell + 4] = root.to_bytes(4, "big")
    file.write_bytes(content)
    with closing(History(file)) as history:
        assert f"{CONVERSATIONS} conversations were recovered" in history.ready.result()
        assert sum(len(record.messages) for record in history.iter_conversations()) > CONVERSATIONS * MESSAGES * 0.5


def test_lost_messages_are_told(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as history:
        history.ready.result()
        for number in range(5):
            told = tuple(Message(Role.USER, f"Ship {number} {index} " * 200) for index in range(6))
            summary = ConversationSummary(f"c{number}", f"Ship {number}", 1.0, 2.0)
            history.save_conversation(ConversationRecord(summary, messages=told)).result()
    whole = file.read_bytes()
    start = whole.rindex(b"Ship 3 4 Ship 3 4") // PAGE * PAGE
    file.write_bytes(whole[:start] + os.urandom(PAGE) + whole[start + PAGE :])
    with closing(History(file)) as history:
        notice = history.ready.result()
        there = sum(len(record.messages) for record in history.iter_conversations())
    lost = 30 - there
    assert lost
    sentence = f"{lost} message{'s were' if lost > 1 else ' was'} lost from “Ship 3”."
    assert f"5 conversations were recovered. {sentence}" in notice
    assert "may be missing" not in notice


def test_rows_are_read_from_their_pages(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    with closing(History(file)) as history:
        history.save_conversation(
            ConversationRecord(
                ConversationSummary("long", "é", 1.0, 2.0), messages=(Message(Role.USER, "é中😀" * 9999),)
            )
        ).result()
        found = list(recovery.rows_from_pages(file, read_log(file), lambda count: count > 13))
    texts = [values[15] for _, values in found if values[4] == "user"]
    assert sum("Imported" in text for text in texts) >= CONVERSATIONS * MESSAGES
    assert "é中😀" * 9999 in texts


def test_damage_that_is_met_later_is_mended(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "history.sqlite3"
    content = bytearray(whole)
    content[PAGE + 1 : 2 * PAGE] = os.urandom(PAGE - 1)  # conversations
    file.write_bytes(content)
    monkeypatch.setattr(integrity, "SMALL_FILE_BYTES", 0)
    monkeypatch.setattr(integrity, "is_check_due", lambda connection: False)
    notices: list[str] = []
    with closing(History(file, notices.append)) as history:
        assert history.ready.result() == ""
        assert len(history.list_conversations()) == CONVERSATIONS
        assert "conversations were recovered" in notices[0]
        assert history.save_conversation(imported("new", 3)).result()


def test_damage_is_noticed_in_the_background(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    file = tmp_path / "history.sqlite3"
    content = bytearray(whole)
    content[4 * PAGE : 5 * PAGE] = os.urandom(PAGE)  # an index
    file.write_bytes(content)
    monkeypatch.setattr(integrity, "SMALL_FILE_BYTES", 0)
    monkeypatch.setattr(integrity, "is_check_due", lambda connection: True)
    notices: list[str] = []
    with closing(History(file, notices.append)) as history:
        assert history.ready.result() == ""
        eventually(lambda: notices)
        assert f"{CONVERSATIONS} conversations were recovered" in notices[0]
        assert sum(len(record.messages) for record in history.iter_conversations()) == CONVERSATIONS * MESSAGES


def test_a_whole_file_is_looked_at_once_a_week(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    monkeypatch.setattr(integrity, "SMALL_FILE_BYTES", 0)
    with closing(History(file)) as history:
        history.ready.result()
    with closing(connections.connect(file)) as connection:
        assert not integrity.is_check_due(connection)
        now = time.time()
        for away in (8 * 86400, -86400):
            monkeypatch.setattr("time.time", lambda away=away: now + away)
            assert integrity.is_check_due(connection)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is patient."""
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.2)


def message(text: str) -> Message:
    return Message(Role.USER, text)


def conversation(name: str, *messages: Message) -> ConversationRecord:
    return ConversationRecord(ConversationSummary(name, f"Title of {name}", 1.0, 2.0), messages=messages)


def test_without_a_folder_all_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    for folder in (tmp_path / "home", Path("/proc/phichat")):
        with closing(History(folder / "history.sqlite3")) as history:
            with pytest.raises(StoreError) as caught:
                history.ready.result()
            sentence = f"Phichat can’t write to {folder}. New messages are only kept in memory. "
            assert str(caught.value) == sentence + "Check the folder’s permissions."
            works_in_memory(history, str(caught.value))


def works_in_memory(history: History, sentence: str) -> None:
    """All can be done, and everything says that it is not stored."""
    asked, reply = message("Needle?"), Message(Role.ASSISTANT, "", None)
    done: list[Any] = [history.save_conversation(conversation("new")), history.add_message("new", asked, asked.id)]
    done += [history.add_message("new", reply, reply.id), history.append_to_reply(reply.id, [Piece("Hay", 1)])]
    done += [history.pin_message(reply.id, is_pinned=True)]
    done += [
        history.rename_conversation("new", "Renamed"),
        history.save_conversation(conversation("other")),
        history.move_to_trash(["other"]),
    ]
    assert {str(future.exception()) for future in done} == {sentence}
    assert [(each.role, each.text, each.is_pinned) for each in history.load_conversation("new").messages] == [
        ("user", "Needle?", False),
        ("assistant", "Hay", True),
    ]
    assert "Renamed" in [heading.title for heading in history.list_conversations()]
    assert [heading.id for heading in history.list_conversations(in_trash=True)] == ["other"]
    assert [hit.message for hit in history.search_conversations("needle")] == [asked.id]


def test_a_history_that_may_only_be_read(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    connect = connections.connect
    monkeypatch.setattr(connections, "connect", lambda file, mode="rwc": connect(file, "ro" if file else mode))
    with closing(History(file)) as history:
        with pytest.raises(StoreError) as caught:
            history.ready.result()
        works_in_memory(history, str(caught.value))
        assert history.count_conversations() == CONVERSATIONS + 1
        assert history.add_message("conversation-3", message("More"), None).exception()
        assert len(history.load_conversation("conversation-3").messages) == MESSAGES + 1
        assert len(history.list_conversations()) == CONVERSATIONS + 1
        history.delete_conversations(["conversation-4"])
        assert history.delete_branch(history.load_conversation("conversation-5").messages[3].id).exception()
        assert history.count_conversations() == CONVERSATIONS
        assert len(history.load_conversation("conversation-5").messages) == 3
    assert file.read_bytes() == whole


def test_a_full_disk_and_room_again(tmp_path: Path, disk: Callable[[int], None], eventually: Eventually) -> None:
    """What is in memory is stored although nothing else is written."""
    notices: list[str] = []
    file = tmp_path / "history.sqlite3"
    with closing(History(file, notices.append)) as history:
        history.save_conversation(conversation("before", replace(message("Needle"), is_pinned=True)))
        history.save_conversation(conversation("gone")).result()
        disk(1)
        big = [message("Needle " * 20_000) for _ in range(3)]
        full = str(history.add_message("before", big[0], None).exception())
        assert full.startswith("The disk that contains ")
        assert str(history.save_conversation(conversation("new", *big[1:])).exception()) == full
        assert [len(history.load_conversation(name).messages) for name in ("before", "new")] == [2, 2]
        assert len(history.search_conversations("needle")) == 4
        assert history.count_conversations() == 3
        history.delete_conversations(["gone"]).result()
        assert history.count_unsaved() == 2
        disk(1_000_000)
        eventually(lambda: notices)
        assert history.count_unsaved() == 0
        assert notices == ["Recent messages that were only kept in memory have now been saved."]
    with closing(History(file)) as history:
        assert {heading.id for heading in history.list_conversations()} == {"before", "new"}
        assert history.load_conversation("before").messages[0].is_pinned
        assert [len(history.load_conversation(name).messages) for name in ("before", "new")] == [2, 2]
        assert len(history.search_conversations("needle")) == 4


def test_what_is_in_memory_is_stored_at_the_end(tmp_path: Path, disk: Callable[[int], None]) -> None:
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as history:
        history.ready.result()
        disk(1)
        assert history.save_conversation(conversation("new", message("x" * 100_000))).exception()
        disk(1_000_000)
    with closing(History(file)) as history:
        assert history.load_conversation("new").messages[0].text == "x" * 100_000


@pytest.mark.usefixtures("soon")
def test_a_file_that_another_program_holds(tmp_path: Path, eventually: Eventually) -> None:
    file = tmp_path / "history.sqlite3"
    with ExitStack() as stack:
        history = stack.enter_context(closing(History(file)))
        history.save_conversation(conversation("one")).result()  # by then it is made, for us alone
        other = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        stored = [history.add_message("one", message("Needle"), None) for _ in range(3)]
        held = f"Another app is using {file}. New messages are only kept in memory until the file is available again."
        assert {str(future.exception()) for future in stored} == {held}
        assert len(history.load_conversation("one").messages) == 3
        other.execute("COMMIT")
        eventually(lambda: not history.count_unsaved())
        history.add_message("one", message("Needle"), None).result()
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (4,)


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """While there is anything in this list, the disk reads nothing of the file."""
    reasons: list[str] = []
    read = connections.ConnectionPool.read

    def read_or_fail(self: connections.ConnectionPool, work: Callable[[sqlite3.Connection], Any]) -> Any:
        if reasons:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
            raise error
        return read(self, work)

    monkeypatch.setattr(connections.ConnectionPool, "read", read_or_fail)
    return reasons


@pytest.mark.usefixtures("soon")
def test_what_cannot_be_read_is_not_replaced(tmp_path: Path, unreadable: list[str], eventually: Eventually) -> None:
    """A letter in the message field is enough for the conversation to be in memory, and to be stored from there."""
    file, notices = tmp_path / "history.sqlite3", list[str]()
    with ExitStack() as stack:
        history = stack.enter_context(closing(History(file, notices.append)))
        told, reply = [message(f"Needle {number}") for number in range(3)], Message(Role.ASSISTANT, "Hay", None)
        history.save_conversation(conversation("one", *told)).result()
        history.save_conversation(conversation("gone")).result()
        other = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        unreadable.append("for a moment")
        done: list[Any] = [history.set_draft("one", draft) for draft in ("S", "Shi", "Ship")]
        done += [history.add_message("one", reply, reply.id), history.append_to_reply(reply.id, [Piece("stack", 1)])]
        done += [history.pin_message(told[1].id, is_pinned=True), history.delete_conversations(["gone"])]
        assert all("only kept in memory" in str(future.exception()) for future in done)
        assert history.count_unsaved()
        unreadable.clear()
        assert history.set_draft("one", "Ships").exception()  # by now it can be read, with what was not saved
        shown = history.load_conversation("one")
        assert [each.text for each in shown.messages] == ["Needle 0", "Needle 1", "Needle 2", "Haystack"]
        assert (shown.draft, shown.messages[1].is_pinned) == ("Ships", True)
        other.execute("COMMIT")
        eventually(lambda: not history.count_unsaved())
        assert history.add_message("one", message("More"), None).result() is False
    assert notices == ["Recent messages that were only kept in memory have now been saved."]
    with closing(History(file)) as history:
        shown = history.load_conversation("one")
        assert [each.text for each in shown.messages] == ["Needle 0", "Needle 1", "Needle 2", "Haystack", "More"]
        assert (shown.draft, shown.messages[1].is_pinned) == ("Ships", True)
        assert len(history.search_conversations("needle")) == 3
        assert [heading.id for heading in history.list_conversations()] == ["one"]


@pytest.fixture
def at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be stored is not tried again before the history is closed."""
    monkeypatch.setattr(database, "RETRY_SECONDS", 1000.0)
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.2)


@pytest.mark.usefixtures("at_the_end")
def test_what_follows_a_change_to_who_knows_what_waits_for_it(tmp_path: Path, unreadable: list[str]) -> None:
    """The end of an answer, above all: it would have its last words twice, and no end."""
    file, reply = tmp_path / "history.sqlite3", Message(Role.ASSISTANT, "", None)
    whole = replace(reply, text="Haystack", reply=Reply("m", 7, (1, 2), Ending.STOP))
    with closing(History(file)) as history:
        history.save_conversation(conversation("one", message("Needle?"), reply)).result()
        history.save_conversation(conversation("two")).result()
        history.append_to_reply(reply.id, [Piece("Hay", 1)]).result()
        with held(file):
            unreadable.append("for a moment")
            kept = [
                history.append_to_reply(reply.id, [Piece("stack", 2)]),
                history.pin_message(reply.id, is_pinned=True),
            ]
            assert all("only kept in memory" in str(future.exception()) for future in kept)
        unreadable.clear()
        later: list[Any] = [history.finish_reply(whole), history.pin_message(reply.id, is_pinned=False)]
        later += [history.set_draft("two", "Ship")]
        assert all("only kept in memory" in str(future.exception()) for future in later)
        shown = history.load_conversation("one").messages[1]
        assert (shown.text, shown.is_pinned) == ("Haystack", False)
        assert history.load_conversation("two").draft == "Ship"
        history._writer.submit(writer_thread.Job(lambda _: None)).result()  # it concerns no conversation
    with closing(History(file)) as history:
        shown = history.load_conversation("one").messages[1]
        assert (shown.text, shown.is_pinned) == ("Haystack", False)
        assert shown.reply
        assert shown.reply.ending is Ending.STOP
        assert history.load_conversation("two").draft == "Ship"


@pytest.mark.usefixtures("at_the_end")
def test_what_is_kept_of_many_conversations_is_done_with_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change was made again in a new database for every later conversation."""
    file, names = tmp_path / "history.sqlite3", [str(number) for number in range(12)]
    done, made = list[str](), list[sqlite3.Connection]()
    update, make = writes.update_conversation, fallback._make_database

    def count(connection: sqlite3.Connection, name: str, **values: Any) -> None:
        done.append(name)
        update(connection, name, **values)

    def make_and_count() -> sqlite3.Connection:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(writes, "update_conversation", count)
    monkeypatch.setattr(fallback, "_make_database", make_and_count)
    with closing(History(file)) as history:
        for name in names:
            history.save_conversation(conversation(name, message("Needle"))).result()
        with held(file):
            for name in names:
                assert history.pin_conversation(name).exception()
            assert history.set_draft(names[0], "Ship").exception()
            assert history.move_to_trash(names[3:]).exception()
            found = history.list_conversations()
        assert {(heading.id, heading.is_pinned) for heading in found} == {(name, True) for name in names[:3]}
        assert len(done) == len(names) + 1
        assert len(made) == 2
    with closing(History(file)) as history:
        assert len(history.list_conversations(in_trash=True)) == len(names) - 3
        assert history.load_conversation(names[0]).draft == "Ship"


@pytest.mark.usefixtures("at_the_end")
def test_what_is_kept_in_memory_is_deleted_with_everything(tmp_path: Path, unreadable: list[str]) -> None:
    """As soon as that is done in the file, though nothing else was stored there since."""
    file, notices, told = tmp_path / "history.sqlite3", list[str](), message("Needle")
    with closing(History(file, notices.append)) as history:
        history.save_conversation(conversation("one", told)).result()
        with held(file):
            assert history.add_message("one", message("More"), None).exception()
            assert history.save_conversation(conversation("two", message("Needle"))).exception()
            unreadable.append("for a moment")
            assert history.pin_message("of who knows what", is_pinned=True).exception()
            unreadable.clear()
        found: list[list[Any]] = []

        def look(_: object) -> None:
            found.append(
                [history.list_conversations(), history.search_conversations("needle"), history.count_unsaved()]
            )

        deleted = history.delete_everything()
        deleted.add_done_callback(look)
        assert deleted.exception() is None
        assert history.save_conversation(conversation("three")).result()
        assert found == [[[], [], 0]]
        assert [heading.id for heading in history.list_conversations()] == ["three"]
    assert notices == []
    with closing(History(file)) as history:
        assert [heading.id for heading in history.list_conversations()] == ["three"]


@pytest.mark.usefixtures("at_the_end")
def test_the_trash_is_not_emptied_before_what_is_kept_in_memory_is_saved(tmp_path: Path) -> None:
    """What was deleted would come back from there, and what was restored would be told as deleted."""
    file, told = tmp_path / "history.sqlite3", [message("Needle"), message("Hay")]
    with closing(History(file)) as history:
        history.save_conversation(conversation("one", *told)).result()
        history.save_conversation(conversation("two", message("Needle"))).result()
        history.delete_branch(told[1].id).result()
        history.move_to_trash(["two"]).result()
        with held(file):
            assert history.set_draft("one", "S").exception()
            assert history.restore_conversations(["two"]).exception()
        assert str(history.empty_trash(0).exception()).startswith(f"Another app is using {file}.")
        assert {heading.id for heading in history.list_conversations()} == {"one", "two"}
    with closing(History(file)) as history:
        assert {heading.id for heading in history.list_conversations()} == {"one", "two"}
        assert history.load_conversation("one").draft == "S"
        assert history.empty_trash(0).result() == []
        assert history.empty_trash(0).result() == []
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT text FROM messages").fetchall() == [("Needle",), ("Needle",)]


@pytest.mark.usefixtures("soon")
def test_a_deletion_of_everything_that_fails_deletes_nothing(tmp_path: Path, eventually: Eventually) -> None:
    """Not later, either: what is listed again stays."""
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as history:
        history.save_conversation(conversation("one", message("Needle"))).result()
        with held(file):
            assert history.set_draft("one", "S").exception()
            assert history.save_conversation(conversation("two", message("Needle"))).exception()
            failure = history.delete_everything().exception()
            assert isinstance(failure, StoreError)
            assert str(failure).startswith(f"Another app is using {file}.")
            assert {heading.id for heading in history.list_conversations()} == {"one", "two"}
        eventually(lambda: not history.count_unsaved())
        assert {heading.id for heading in history.list_conversations()} == {"one", "two"}
        assert len(history.search_conversations("needle")) == 2
        assert history.load_conversation("one").draft == "S"
        history.delete_everything().result()
        assert history.list_conversations() == []


def test_a_deletion_of_everything_tells_why_it_fails(tmp_path: Path) -> None:
    """Where there was never a file, too."""
    (tmp_path / "home").write_text("a file")
    with closing(History(tmp_path / "home" / "history.sqlite3")) as history:
        assert history.save_conversation(conversation("one")).exception()
        failure = history.delete_everything().exception()
        assert isinstance(failure, StoreError)
        assert str(failure) == str(history.ready.exception())


def pull_out(folder: Path) -> None:
    """End what this program has open in the folder, as a disk does that is pulled out: nothing is read or written.

    The index of the log is in memory, and can be locked as before.
    """
    dead = os.open("/", os.O_RDONLY)
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            place = descriptor.readlink()
            if place.is_relative_to(folder) and not place.name.endswith("-shm"):
                os.dup2(dead, int(descriptor.name))
    os.close(dead)


@pytest.fixture
def usb(tmp_path: Path) -> Path:
    """A folder on a disk."""
    folder = tmp_path / "usb"
    folder.mkdir()
    return folder


BROKEN = "The disk that contains {} isn’t working properly. New messages are only kept in memory. Check the disk."


@pytest.mark.usefixtures("soon")
@pytest.mark.skipif(sys.platform != "linux", reason="lists open files in /proc")
@pytest.mark.parametrize("is_away", [False, True])
def test_a_disk_that_was_pulled_out_and_is_back(usb: Path, is_away: bool, eventually: Eventually) -> None:
    """What is written meanwhile is saved then, and no new history where the disk was."""
    away, notices, reply = usb.with_name("away"), list[str](), Message(Role.ASSISTANT, "")
    with closing(History(usb / "history.sqlite3", notices.append)) as history:
        history.save_conversation(conversation("one", message("Needle"))).result()
        history.add_message("one", reply, reply.id).result()
        history.append_to_reply(reply.id, [Piece("Hay", 1)]).result()
        pull_out(usb)
        if is_away:
            usb.rename(away)
            usb.mkdir()
        assert str(history.add_message("one", message("Needle"), None).exception()) == BROKEN.format(usb)
        appended = history.append_to_reply(reply.id, [Piece(" and", 1)])
        if is_away:
            assert str(appended.exception()) == BROKEN.format(usb)
            time.sleep(0.1)  # several attempts
            with pytest.raises(StoreError, match="isn’t working properly"):
                history.list_conversations()
            assert history.save_conversation(conversation("new", message("Hay"))).exception()
            assert history.load_conversation("new").messages[0].text == "Hay"
            assert list(usb.iterdir()) == []
            usb.rmdir()
            away.rename(usb)
        eventually(lambda: notices)
        assert notices == ["Recent messages that were only kept in memory have now been saved."]
        assert len(history.load_conversation("one").messages) == 3
        history.append_to_reply(reply.id, [Piece(" straw", 1)]).result()
        assert [hit.message is None for hit in history.search_conversations("needle")] == [False, False]
        told = next(each for each in history.load_conversation("one").messages if each.id == reply.id)
        assert (told.text, told.reply and told.reply.ending) == ("Hay and straw", Ending.ANSWERING)


@pytest.mark.skipif(sys.platform != "linux", reason="lists open files in /proc")
def test_a_disk_that_was_pulled_out_is_back_at_the_end(usb: Path) -> None:
    with closing(History(usb / "history.sqlite3")) as history:
        history.ready.result()
        pull_out(usb)
        assert history.save_conversation(conversation("new", message("Needle"))).exception()
    with closing(History(usb / "history.sqlite3")) as history:
        assert history.load_conversation("new").messages[0].text == "Needle"


def test_a_file_that_cannot_be_looked_at_is_not_made_anew(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, lstat = tmp_path / "history.sqlite3", os.lstat

    def fail_or_look(path: Any, **options: Any) -> os.stat_result:
        if path == file:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return lstat(path, **options)

    file.write_bytes(whole)
    monkeypatch.setattr(os, "lstat", fail_or_look)
    with closing(History(file)) as history, suppress(StoreError):
        history.ready.result()
    monkeypatch.undo()
    with closing(History(file)) as history:
        assert history.count_conversations() == CONVERSATIONS


@pytest.mark.usefixtures("soon")
def test_what_can_be_read_in_part_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    file, whole = tmp_path / "history.sqlite3", rows.fetch_dicts

    def fetch_few(connection: sqlite3.Connection, query: str, *values: Any) -> Any:
        for number, row in enumerate(whole(connection, query, *values)):
            if number > 1:
                raise sqlite3.DatabaseError("database disk image is malformed")
            yield row

    with ExitStack() as stack:
        history = stack.enter_context(closing(History(file)))
        history.save_conversation(conversation("one", *(message(f"Needle {number}") for number in range(9)))).result()
        other = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("phichat.store.fallback.fetch_dicts", fetch_few)
        assert history.add_message("one", message("Needle 9"), None).exception()
        monkeypatch.setattr("phichat.store.fallback.fetch_dicts", whole)
        other.execute("COMMIT")
        eventually(lambda: not history.count_unsaved())
        assert len(history.load_conversation("one").messages) == 10


@pytest.mark.usefixtures("soon")
def test_what_another_program_wrote_meanwhile_stays(tmp_path: Path, eventually: Eventually) -> None:
    file = tmp_path / "history.sqlite3"
    with ExitStack() as stack:
        history = stack.enter_context(closing(History(file)))
        first = message("First")
        history.save_conversation(conversation("one", first)).result()
        terminal = stack.enter_context(closing(connections.connect(file)))
        terminal.execute("BEGIN IMMEDIATE")
        writes.add_message(terminal, "one", replace(message("From the terminal"), parent=first.id), None)
        assert history.add_message("one", replace(message("From the window"), parent=first.id), None).exception()
        terminal.execute("COMMIT")
        eventually(lambda: not history.count_unsaved())
        texts = {each.text for each in history.load_conversation("one").messages}
        assert texts == {"First", "From the terminal", "From the window"}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("look", ["list", "load", "search"])
def test_what_is_saved_while_it_is_looked_for_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually, look: str
) -> None:
    file, read = tmp_path / "history.sqlite3", connections.ConnectionPool.read
    with ExitStack() as stack:
        history = stack.enter_context(closing(History(file)))
        history.ready.result()
        other = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
        other.execute("BEGIN IMMEDIATE")
        assert history.save_conversation(conversation("one", message("Needle"))).exception()

        def read_until_saved(pool: connections.ConnectionPool, work: Callable[[sqlite3.Connection], Any]) -> Any:
            found = read(pool, work)
            if other.in_transaction and threading.current_thread() is threading.main_thread():
                other.execute("COMMIT")
                eventually(lambda: not history.count_unsaved())
            return found

        monkeypatch.setattr(connections.ConnectionPool, "read", read_until_saved)
        found: dict[str, Callable[[], Sequence[object]]] = {
            "list": history.list_conversations,
            "load": lambda: history.load_conversation("one").messages,
            "search": lambda: history.search_conversations("needle"),
        }
        assert len(found[look]()) == 1


def test_what_the_file_lost_meanwhile_is_saved_from_memory(
    tmp_path: Path, disk: Callable[[int], None], eventually: Eventually
) -> None:
    """As a recovery may."""
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as history:
        told = [message(f"Needle {number}") for number in range(3)]
        history.save_conversation(conversation("one", *told)).result()
        disk(1)
        assert history.add_message("one", message("x" * 100_000), None).exception()
        disk(1_000_000)
        with closing(connections.connect(file)) as other:
            other.execute("DELETE FROM messages WHERE id = ?", (told[1].id,))
        eventually(lambda: not history.count_unsaved())
        assert len(history.load_conversation("one").messages) == 4


def test_two_programs_take_turns(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as one, closing(History(file)) as other:
        stored = [
            history.save_conversation(conversation(f"{number} {id(history)}"))
            for number in range(50)
            for history in (one, other)
        ]
        assert all(future.result() for future in stored)
        assert one.count_conversations() == other.count_conversations() == 100
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_two_programs_begin_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "history.sqlite3"
    others: list[History] = []
    found = migrations.version

    def interrupted(connection: sqlite3.Connection) -> int:
        version = found(connection)
        if migrations.version is interrupted:
            monkeypatch.undo()
            others.append(History(file))
            with suppress(TimeoutError):
                others[0].ready.result(0.3)
        return version

    monkeypatch.setattr(migrations, "version", interrupted)
    with closing(History(file)) as history:
        assert history.ready.result() == ""
        with closing(others[0]) as other:
            assert other.ready.result() == ""
            assert history.save_conversation(conversation("one")).result()
            assert other.count_conversations() == 1
    assert list(tmp_path.iterdir()) == [file]


HOLDER = """
import sys
from contextlib import closing
from pathlib import Path
from phichat.store.history import History
with closing(History(Path(sys.argv[1]), is_guest=True)) as history:
    print(history.count_conversations(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.usefixtures("soon")
@pytest.mark.skipif(os.name == "nt", reason="no open file is renamed there")
def test_a_damaged_file_is_not_replaced_while_another_program_has_it_open(
    whole: bytes, tmp_path: Path, eventually: Eventually
) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    with Popen([sys.executable, "-c", HOLDER, str(file)], stdin=PIPE, stdout=PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == f"{CONVERSATIONS}\n".encode()
        content = bytearray(whole)
        content[PAGE + 1 : 2 * PAGE] = os.urandom(PAGE - 1)  # conversations
        file.write_bytes(content)
        notices: list[str] = []
        with closing(History(file, notices.append)) as history:
            assert f"Another app is using {file}" in str(history.ready.exception())
            assert f"Another app is using {file}" in str(history.save_conversation(conversation("new")).exception())
            assert not list(tmp_path.glob("history.damaged-*"))
            holder.communicate()
            eventually(lambda: not history.count_unsaved())
            assert history.save_conversation(conversation("newer")).result()
            assert {"new", "newer"} <= {heading.id for heading in history.list_conversations()}
            assert "were recovered" in notices[0]
    assert len(list(tmp_path.glob("history.damaged-*.sqlite3"))) == 1


def test_two_programs_meet_a_damaged_file_at_once(whole: bytes, tmp_path: Path) -> None:
    content = bytearray(whole)
    content[PAGE + 1 : 2 * PAGE] = os.urandom(PAGE - 1)  # conversations
    for number in range(5):
        file = tmp_path / str(number) / "history.sqlite3"
        file.parent.mkdir()
        file.write_bytes(content)
        with closing(History(file)) as one, closing(History(file)) as other:
            notices = [one.ready.result(), other.ready.result()]
            assert one.count_conversations() == other.count_conversations() == CONVERSATIONS
            assert sorted("were recovered" in notice for notice in notices) == [False, True]
        assert len(list(file.parent.glob("history.damaged-*.sqlite3"))) == 1


@pytest.mark.usefixtures("soon")
@pytest.mark.skipif(os.name == "nt", reason="folders are not locked there")
def test_who_waits_in_vain_for_a_recovery_keeps_all_in_memory(
    whole: bytes, tmp_path: Path, eventually: Eventually
) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    with ExitStack() as stack:
        with lock_folder(tmp_path):
            history = stack.enter_context(closing(History(file)))
            held = (
                f"Another app is using {file}. New messages are only kept in memory until the file is available again."
            )
            assert str(history.save_conversation(conversation("new")).exception()) == held
        eventually(lambda: not history.count_unsaved())
        assert history.save_conversation(conversation("newer")).result()
        assert history.count_conversations() == CONVERSATIONS + 2


@pytest.mark.usefixtures("soon")
def test_damage_beyond_recovery_keeps_all_in_memory(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """What is only there is counted, so that quitting can ask, and stored once that is possible."""
    file, damage, commit = tmp_path / "history.sqlite3", [DatabaseDamaged()], database.Database._commit

    def commit_unless_damaged(self: database.Database, jobs: list[writer_thread.Job]) -> list[Any]:
        if damage:
            raise damage[0]
        return commit(self, jobs)

    file.write_bytes(whole)
    monkeypatch.setattr(database, "MAX_RECOVERIES", 0)
    monkeypatch.setattr(database.Database, "_commit", commit_unless_damaged)
    with closing(History(file)) as history:
        for _ in range(2):
            failure = history.add_message("conversation-3", message("More"), None).exception()
            assert "is damaged and couldn’t be recovered" in str(failure)
        assert history.count_unsaved() == 1
        assert len(history.load_conversation("conversation-3").messages) == MESSAGES + 2
        damage.clear()
        eventually(lambda: not history.count_unsaved())
        assert len(history.load_conversation("conversation-3").messages) == MESSAGES + 2


@pytest.mark.usefixtures("soon")
def test_who_reads_what_is_beyond_recovery_is_told_so(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    """Also while the writer tries in vain, time and again, to recover it."""
    file, tried = tmp_path / "history.sqlite3", list[str]()
    recover, commit = database.Database.recover, database.Database._commit

    def commit_what_changes_nothing(self: database.Database, jobs: list[writer_thread.Job]) -> list[Any]:
        if any(job.conversations or job.work == self.fallback.store for job in jobs):
            raise DatabaseDamaged
        return commit(self, jobs)

    def count_and_recover(self: database.Database) -> None:
        tried.append("again")
        recover(self)

    def fail_after_more_tries(*_: object) -> None:
        before = len(tried)
        eventually(lambda: len(tried) > before + 1)
        raise DatabaseDamaged

    file.write_bytes(whole)
    with closing(History(file)) as history:
        history.ready.result()
        monkeypatch.setattr(database, "MAX_RECOVERIES", 0)
        monkeypatch.setattr(database.Database, "_commit", commit_what_changes_nothing)
        monkeypatch.setattr(database.Database, "recover", count_and_recover)
        assert history.add_message("conversation-3", message("More"), None).exception()
        monkeypatch.setattr(connections.ConnectionPool, "read", fail_after_more_tries)
        with pytest.raises(StoreError, match="is damaged and couldn’t be recovered"):
            history.list_conversations()


def test_a_mistake_of_ours_is_told_and_no_more(tmp_path: Path) -> None:
    with closing(History(tmp_path / "history.sqlite3")) as history:
        history.ready.result()
        failed = history._writer.submit(writer_thread.Job(lambda connection: 1 / 0))
        assert str(failed.exception()) == "The history couldn’t be opened: division by zero. Restart Phichat."
        assert history.save_conversation(conversation("one")).result()


@pytest.mark.skipif(os.name == "nt", reason="has no pipes among files")
@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_in_the_place_of_a_file_is_refused(tmp_path: Path, ending: str, kind: str) -> None:
    file = tmp_path / "history.sqlite3"
    if ending:
        History(file).close()
    place = tmp_path / f"history.sqlite3{ending}"
    place.symlink_to("/dev/zero") if kind == "device" else os.mkfifo(place)
    with closing(History(file)) as history, pytest.raises(StoreError, match="can’t write to"):
        history.ready.result(20)


def test_no_room_for_the_index_of_the_log_is_a_full_disk(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert error_message(error, tmp_path / "history.sqlite3").startswith("The disk that contains ")
