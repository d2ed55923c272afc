"""Every earlier version becomes the latest one, with a backup; a later one is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.errors import StoreError
from phichat.store import connections, migrations
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

VERSION_1 = """
CREATE TABLE conversations (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL DEFAULT '',
    is_own_title INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, changed REAL NOT NULL,
    is_pinned INTEGER NOT NULL DEFAULT 0, deleted REAL, tip TEXT, model TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL DEFAULT '', sampling TEXT NOT NULL DEFAULT '{}', system TEXT NOT NULL DEFAULT '',
    draft TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    parent TEXT, role TEXT NOT NULL, created REAL NOT NULL, deleted REAL, ending TEXT, model TEXT, model_sha256 TEXT,
    seed INTEGER, sampling TEXT, engine TEXT, statistics TEXT, tokens BLOB, text TEXT NOT NULL
) STRICT;
CREATE INDEX messages_of_conversation ON messages (conversation);
CREATE VIRTUAL TABLE message_words USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0);
CREATE VIRTUAL TABLE title_words USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0);
INSERT INTO conversations VALUES (7, 'one', 'Title', 1, 1.0, 2.0, 1, NULL, 'b', 'phi', '', '{"top_k":3}', 'Be', 'Dr');
INSERT INTO messages VALUES
    (1000, 'a', 7, NULL, 'user', 1.0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'Why?'),
    (2000, 'b', 7, 'a', 'assistant', 2.0, NULL, 'answering', 'phi', NULL, 5, '{}', '{}', '{}', x'01000000', 'Bec');
INSERT INTO message_words (rowid, text) VALUES (1000, 'why?');
INSERT INTO title_words (rowid, text) VALUES (7, 'title');
PRAGMA user_version = 1;
"""
"""What the first version made, and held."""

HELD = ConversationRecord(
    ConversationSummary("one", "Title", 1.0, 2.0, is_pinned=True), "b", "Be", {"top_k": 3}, "phi", "Dr", "",
    (
        Message(Role.USER, "Why?", None, "a", None, 1.0),
        Message(
            Role.ASSISTANT, "Bec", "a", "b", Reply("phi", 5, (1,), Ending.CANCELLED, {"interrupted": True}), 2.0
        ),
    ),
)  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A history of the first version."""
    file = tmp_path / "history.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(VERSION_1)
    return file


def test_the_first_version_becomes_the_latest(old: Path) -> None:
    before = old.read_bytes()
    with closing(History(old)) as history:
        assert history.ready.result() == ""
        assert history.load_conversation("one") == HELD
        assert [hit.message for hit in history.search_conversations("why")] == ["a"]
        assert [hit.message for hit in history.search_conversations("bec")] == ["b"]
        history.delete_branch("b").result()
    backup = old.with_name("history.sqlite3.v1.bak")
    assert sorted(path.name for path in old.parent.iterdir()) == [old.name, backup.name]
    assert len(backup.read_bytes()) == len(before)
    with closing(sqlite3.connect(backup)) as connection:
        assert migrations.version(connection) == 1
        assert connection.execute("SELECT text FROM messages").fetchall() == [("Why?",), ("Bec",)]


def test_who_comes_second_to_a_migration_leaves_the_backup_alone(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(History(old)) as history:
        history.ready.result()
    monkeypatch.setattr(migrations, "read_version", lambda connection: (1, True))  # before the other was done
    with closing(History(old)) as history:
        assert history.ready.result() == ""
        assert history.load_conversation("one") == HELD
    with closing(sqlite3.connect(old.with_name("history.sqlite3.v1.bak"))) as connection:
        assert migrations.version(connection) == 1


def test_in_the_second_version_no_message_is_pinned_yet(old: Path) -> None:
    with closing(connections.connect(old)) as connection:
        migrations.migrate(connection, 2)
        columns = [row[1] for row in connection.execute("PRAGMA table_info (messages)")]
    assert columns[-2:] == ["text", "binned_on"]
    with closing(History(old)) as history:
        assert history.ready.result() == ""
        assert history.load_conversation("one") == HELD
        history.pin_message("b", is_pinned=True).result()
    with closing(History(old)) as history:
        assert [message.is_pinned for message in history.load_conversation("one").messages] == [False, True]
        assert [hit.message for hit in history.search_conversations("bec")] == ["b"]
    assert old.with_name("history.sqlite3.v2.bak").exists()


def test_in_the_third_version_no_question_has_files_yet(old: Path) -> None:
    with closing(connections.connect(old)) as connection:
        migrations.migrate(connection, 3)
    with closing(History(old)) as history:
        assert history.ready.result() == ""
        assert history.load_conversation("one") == HELD
        history.set_attached("one", (Attachment("a.txt", "Text"),)).result()
    with closing(History(old)) as history:
        assert history.load_conversation("one").attached == (Attachment("a.txt", "Text"),)
    assert old.with_name("history.sqlite3.v3.bak").exists()


@pytest.mark.parametrize("version", range(migrations.LATEST))
def test_every_version_leads_to_the_same_tables(tmp_path: Path, version: int) -> None:
    made = []
    for name, steps in (("blank", [migrations.LATEST]), ("stepwise", [version, migrations.LATEST])):
        with closing(connections.connect(tmp_path / name)) as connection:
            for step in steps:
                migrations.migrate(connection, step)
            assert migrations.version(connection) == migrations.LATEST
            made.append(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall())
    assert made[0] == made[1]


def test_the_first_migration_is_never_changed(old: Path, tmp_path: Path) -> None:
    with closing(connections.connect(tmp_path / "new")) as new, closing(connections.connect(old)) as connection:
        migrations.migrate(new, 1)
        for table in ("conversations", "messages", "message_words_content"):
            query = f"PRAGMA table_info ({table})"
            assert new.execute(query).fetchall() == connection.execute(query).fetchall()


def test_a_migration_is_made_whole_or_not_at_all(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        migrations.m002_trash_and_interrupted_replies(connection)
        connection.execute("CREATE TABLE conversations (number)")

    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations.MIGRATIONS[0], broken))
    with closing(History(old)) as history, pytest.raises(StoreError):
        history.ready.result()
    with closing(sqlite3.connect(old)) as connection:
        assert migrations.version(connection) == 1
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'days'").fetchall()


def test_a_later_version_is_not_touched(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    before = old.read_bytes()
    with closing(History(old)) as history:
        with pytest.raises(StoreError, match="was made by a newer version of Phichat, so this version can’t open it"):
            history.ready.result()
        assert isinstance(history.save_conversation(HELD).exception(), StoreError)
        assert history.load_conversation("one").summary == HELD.summary
        assert history.count_conversations() == 1
    assert old.read_bytes() == before
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_a_damaged_one_is_recovered_instead_of_migrated(old: Path) -> None:
    data = bytearray(old.read_bytes())
    root = 3 * 4096  # of `messages`
    data[root : root + 8] = b"\xff" * 8
    old.write_bytes(data)
    with closing(History(old)) as history:
        assert "1 conversation was recovered" in history.ready.result()
        assert history.list_conversations() == [HELD.summary]


@pytest.mark.parametrize("made", ["CREATE TABLE other (x)", "PRAGMA user_version = 99999"])
def test_a_database_of_something_else_is_kept(tmp_path: Path, made: str) -> None:
    file = tmp_path / "history.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(made)
    with closing(History(file)) as history:
        assert "The damaged file was kept as history.damaged-" in history.ready.result()
    assert len(list(tmp_path.iterdir())) == 2
