"""There is one window for each home: whoever starts another one sees the first."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Message, Reply, Role
from phichat.errors import StoreError
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from phichat.ui.desktop import single_instance
from phichat.ui.desktop.single_instance import SingleInstance

UNDER_WAY = Message(Role.ASSISTANT, "So far", reply=Reply("starter", 1))
WINDOW = [sys.executable, "-m", "phichat"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "window.lock"


def started(home: Path, eventually: Callable[..., None]) -> "subprocess.Popen[bytes]":
    """A window in a process of its own, which can be called."""
    window = subprocess.Popen(WINDOW, stderr=subprocess.DEVNULL)
    lock = home / "window.lock"
    eventually(lambda: lock.exists() and lock.stat().st_size)
    return window


def test_the_first_is_the_only_one_until_it_closes(file: Path) -> None:
    first, second = SingleInstance(file), SingleInstance(file)
    assert first.try_lock()
    assert not second.try_lock()
    first.close()
    assert second.try_lock()
    second.close()


def test_a_second_start_shows_the_first_window_and_ends(
    home: Path, starter: object, eventually: Callable[..., None]
) -> None:
    first = started(home, eventually)
    try:
        second = subprocess.run([*WINDOW, "--model", "other"], check=False, timeout=60, capture_output=True, text=True)
        assert second.returncode == 0
        assert "already open, so --model other has no effect" in second.stderr
        assert first.poll() is None
    finally:
        first.terminate()
        first.wait()


def test_it_is_called_as_it_should_be(file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SingleInstance(file)
    assert first.try_lock()
    first.listen()
    called, given = QSignalSpy(first.called), QSignalSpy(first.file_given)
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(file), "/a b/café.gguf"],
        env={**os.environ, single_instance.TOKEN: "a-token"},
        stdout=subprocess.PIPE,
    )
    monkeypatch.delenv(single_instance.TOKEN, raising=False)
    qtbot.waitUntil(lambda: called.count() == 1, timeout=20_000)
    assert os.environ.pop(single_instance.TOKEN) == "a-token"
    qtbot.waitUntil(lambda: caller.poll() is not None, timeout=20_000)
    assert caller.communicate()[0].split() == [b"False"]
    assert given.at(0) == [str(Path("/a b/café.gguf"))]
    first.close()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_after_a_crash_the_next_start_is_the_first(
    home: Path, starter: object, eventually: Callable[..., None]
) -> None:
    first = started(home, eventually)
    stale = (home / "window.lock").read_text()
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = started(home, eventually)
    eventually(lambda: (home / "window.lock").read_text() not in {"", stale})
    assert not Path(stale).exists()
    again.terminate()
    assert again.wait() == 143


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_one_that_does_not_answer_is_said(
    home: Path, starter: object, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    first = started(home, eventually)
    first.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(single_instance, "PATIENCE", 0.2)
    monkeypatch.setattr(single_instance, "ANSWER", 100)
    try:
        second = SingleInstance(home / "window.lock")
        assert not second.try_lock()
        with pytest.raises(StoreError, match="isn’t responding"):
            second.call_first_or_lock()
    finally:
        first.kill()
        first.wait()


def test_one_that_is_just_ending_is_waited_for(file: Path, qtbot: QtBot) -> None:
    first, second = SingleInstance(file), SingleInstance(file)
    assert first.try_lock()
    assert not second.try_lock()
    first.close()
    assert second.call_first_or_lock()
    second.close()


def test_a_picture_can_be_taken_beside_an_open_window(
    home: Path, starter: object, eventually: Callable[..., None], tmp_path: Path
) -> None:
    first = started(home, eventually)
    picture = tmp_path / "window.png"
    eventually((home / "history.sqlite3").exists)
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        history.save_conversation(
            ConversationRecord(ConversationSummary("one", "One", 1.0, 2.0), messages=(UNDER_WAY,))
        ).result()
    try:
        assert subprocess.run([*WINDOW, "--screenshot", str(picture)], check=False, timeout=60).returncode == 0
        assert subprocess.run([*WINDOW, "--quit-when-ready"], check=False, timeout=60).returncode == 0
        assert picture.stat().st_size
        with closing(sqlite3.connect(home / "history.sqlite3")) as connection:
            assert connection.execute("SELECT ending FROM messages").fetchall() == [("answering",)]
            assert connection.execute("SELECT value FROM marks WHERE name = 'running'").fetchall() == [("yes",)]
    finally:
        first.terminate()
        first.wait()


def test_where_nothing_can_be_locked_nobody_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    one = SingleInstance(tmp_path / "file" / "window.lock")
    assert one.try_lock()
    one.listen()
    one.close()


CALLER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from phichat.ui.desktop.single_instance import SingleInstance

application = QCoreApplication([])
single = SingleInstance(Path(sys.argv[1]))
assert not single.try_lock()
print(single.call_first_or_lock(Path(sys.argv[2])))
"""
