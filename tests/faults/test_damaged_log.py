"""Damage in what a crash left, the write-ahead log and the file's header: it is told, and what is there is saved."""

import errno
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest

from phichat.store.base import ConversationRecord
from phichat.store.history import History
from phichat.store.migrations import LATEST
from phichat.store.write_ahead_log import has_lost_commits
from tests.support.history_child import history_file, imported

CONVERSATIONS, MESSAGES = 9, 8
PAGE, FRAME, HEADER = 4096, 4120, 32

CRASH = """
import os, signal, sys
from contextlib import closing
from pathlib import Path
from phichat.store.history import History
from tests.support.history_child import imported
file, first, last = Path(sys.argv[1]), 3, 9
with closing(History(file)) as history:
    for number in range(first):
        history.save_conversation(imported(f"conversation-{number}", 8)).result()
history = History(file)
for number in range(first, last):
    history.save_conversation(imported(f"conversation-{number}", 8)).result()
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a history whose last six conversations are in the log alone."""
    folder = tmp_path_factory.mktemp("crashed")
    subprocess.run([sys.executable, "-c", CRASH, str(folder / "history.sqlite3")], check=False)
    assert (folder / "history.sqlite3-wal").stat().st_size > 20 * FRAME
    return folder


def flip_a_bit(log: bytearray, chance: random.Random) -> None:
    log[chance.randrange(len(log))] ^= 1 << chance.randrange(8)


def flip_in_header(log: bytearray, chance: random.Random) -> None:
    log[chance.randrange(HEADER)] ^= 1 << chance.randrange(8)


def flip_in_frame_header(log: bytearray, chance: random.Random) -> None:
    frame = chance.randrange(len(log) // FRAME)
    log[HEADER + frame * FRAME + chance.randrange(24)] ^= 1 << chance.randrange(8)


def write_noise(log: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(log) - 100)
    log[start : start + 100] = chance.randbytes(100)


def write_zeros(log: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(log) // PAGE) * PAGE
    log[start : start + PAGE] = bytes(len(log[start : start + PAGE]))


def change_bytes_everywhere(log: bytearray, chance: random.Random) -> None:
    for _ in range(20):
        log[chance.randrange(len(log))] = chance.randrange(256)


def cut_off(log: bytearray, chance: random.Random) -> None:
    del log[chance.randrange(len(log)) :]


def opened(file: Path) -> tuple[str, list[ConversationRecord]]:
    """The notice, and all conversations that are there."""
    notices: list[str] = []
    with closing(History(file, notices.append)) as history:
        notices.append(history.ready.result())
        records = list(history.iter_conversations())
        history.search_conversations("imported")
        assert history.save_conversation(imported("new", 3)).result()
    return " ".join(notices).strip(), records


def messages(records: list[ConversationRecord]) -> int:
    return sum(len(record.messages) for record in records)


DAMAGE = [
    flip_a_bit,
    flip_in_header,
    flip_in_frame_header,
    write_noise,
    write_zeros,
    change_bytes_everywhere,
    cut_off,
]


@pytest.mark.parametrize(
    ("damage", "has_index"),
    [*((damage, True) for damage in DAMAGE), *((damage, False) for damage in DAMAGE if damage is not cut_off)],
)
def test_damage_in_the_log_is_told(
    crashed: Path, tmp_path: Path, damage: Callable[[bytearray, random.Random], None], has_index: bool
) -> None:
    """The index outlives a crash, and is not there after a power cut; then nothing says that the log was longer."""
    for seed in range(3):
        folder = tmp_path / str(seed)
        shutil.copytree(crashed, folder)
        log = folder / "history.sqlite3-wal"
        content = bytearray(log.read_bytes())
        damage(content, random.Random(seed))
        log.write_bytes(content)
        if not has_index:
            (folder / "history.sqlite3-shm").unlink()
        notice, records = opened(folder / "history.sqlite3")
        assert "The history was damaged. " in notice or messages(records) == CONVERSATIONS * MESSAGES, seed
        assert damage is cut_off or messages(records) > CONVERSATIONS * MESSAGES * 0.9, seed
        kept = {path.name[-4:] for path in folder.glob("history.damaged-*")}
        assert not notice or {"ite3", "-wal"} <= kept
        assert opened(folder / "history.sqlite3")[0] == ""  # told once


def test_a_log_that_cannot_be_read_for_a_while_is_not_lost(
    crashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a program that looks for viruses has it on Windows."""
    folder = tmp_path / "history"
    open_file: Callable[..., IO[Any]] = Path.open
    shutil.copytree(crashed, folder)

    def refuse_or_open(path: Path, *arguments: Any, **options: Any) -> IO[Any]:
        if path.name.endswith("-wal"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_file(path, *arguments, **options)

    with monkeypatch.context() as moment:
        moment.setattr(Path, "open", refuse_or_open)
        with closing(History(folder / "history.sqlite3")) as history:
            assert "only kept in memory" in str(history.ready.exception())
    notice, records = opened(folder / "history.sqlite3")
    assert (notice, messages(records)) == ("", CONVERSATIONS * MESSAGES)
    assert not list(folder.glob("history.damaged-*"))


def test_a_log_that_is_gone_is_told(crashed: Path, tmp_path: Path) -> None:
    removals: list[Callable[[Path], object]] = [Path.unlink, lambda log: log.write_bytes(b"")]
    for number, remove in enumerate(removals):
        folder = tmp_path / str(number)
        shutil.copytree(crashed, folder)
        remove(folder / "history.sqlite3-wal")
        notice, records = opened(folder / "history.sqlite3")
        assert "The history was damaged. 3 conversations were recovered" in notice
        assert messages(records) == 3 * MESSAGES


def test_a_whole_log_is_no_damage(crashed: Path, tmp_path: Path) -> None:
    for has_index in (True, False):
        folder = tmp_path / str(has_index)
        shutil.copytree(crashed, folder)
        if not has_index:
            (folder / "history.sqlite3-shm").unlink()
        assert opened(folder / "history.sqlite3")[0] == ""


def test_a_torn_transaction_is_no_damage(crashed: Path, tmp_path: Path) -> None:
    """A power cut in the middle of a commit: the change was never reported to be stored."""
    for cut in (1, FRAME - 1, FRAME, FRAME + 20):
        folder = tmp_path / str(cut)
        shutil.copytree(crashed, folder)
        (folder / "history.sqlite3-shm").unlink()
        log = folder / "history.sqlite3-wal"
        log.write_bytes(log.read_bytes()[:-cut])
        notice, records = opened(folder / "history.sqlite3")
        assert notice == ""
        assert messages(records) >= (CONVERSATIONS - 1) * MESSAGES


def test_a_history_in_use_is_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    with closing(History(file)) as history:
        for number in range(20):
            stored = history.save_conversation(imported(f"conversation-{number}", 2))
            if number % 4 == 3:
                assert not has_lost_commits(file)
        stored.result()
        assert not has_lost_commits(file)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return history_file(tmp_path_factory.mktemp("whole"), CONVERSATIONS, MESSAGES)


def test_a_damaged_header_costs_nothing(whole: bytes, tmp_path: Path) -> None:
    for at in range(100):
        for value in (whole[at] ^ 1, 255) if at in {18, 19, 47, 59, 62, 63} else (whole[at] ^ 1,):
            file = tmp_path / f"{at}-{value}" / "history.sqlite3"
            file.parent.mkdir()
            content = bytearray(whole)
            content[at] = value
            file.write_bytes(content)
            notice, records = opened(file)
            assert notice == "" or f"The history was damaged. {CONVERSATIONS} conversations were recovered" in notice, (
                at
            )
            assert messages(records) == CONVERSATIONS * MESSAGES, (at, value)


def test_a_history_of_a_later_version_is_left_alone(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE messages ADD COLUMN later TEXT")
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    with closing(History(file)) as history:
        assert "was made by a newer version of Phichat" in str(history.ready.exception())
    assert not list(tmp_path.glob("history.damaged-*"))


def _notices(file: Path) -> list[str]:
    notices: list[str] = []
    with closing(History(file, notices.append)) as history:
        notices.append(history.ready.result())
        history.list_conversations()
    return [*filter(None, notices)]


def test_a_file_without_a_byte_is_not_taken_for_new(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite3"
    assert _notices(file) == []
    file.write_bytes(b"")
    (notice,) = _notices(file)
    assert "is empty" in notice
    assert str(file) in notice
    assert _notices(file) == []
    file.write_bytes(b"")
    backup = tmp_path / "history.sqlite3.v1.bak"
    backup.write_bytes(b"x")
    (notice,) = _notices(file)
    assert f"rename {backup} to history.sqlite3" in notice


def test_of_a_file_without_a_byte_the_log_is_saved(crashed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(crashed, tmp_path / "copy")
    (folder / "history.sqlite3").write_bytes(b"")
    (notice,) = _notices(folder / "history.sqlite3")
    assert "The history was damaged. 9 conversations were recovered" in notice
