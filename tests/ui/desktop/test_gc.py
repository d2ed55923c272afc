"""Garbage goes by itself, without a thread of the window's ever freeing what is Qt's."""

import gc
import threading
import weakref
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.documents.retrieval.local_library import LocalLibrary
from phichat.store.preferences import Preferences
from phichat.ui.controllers.documents import DocumentsController
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.desktop.application import OLD, MainThreadGC
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.transcript import Transcript


class Knot:
    """Garbage that only a collector frees; tells which thread it was."""

    freed_by: list[int]

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.freed_by.append(threading.get_ident())


def tie(count: int) -> list[int]:
    """So many knots, by another thread; the list that fills as they are freed."""
    Knot.freed_by = []
    thread = threading.Thread(target=lambda: [Knot() for _ in range(count)] and None)
    thread.start()
    thread.join()
    return Knot.freed_by


def test_garbage_of_any_thread_is_freed_by_the_main_thread(qtbot: QtBot) -> None:
    gc.enable()
    window = QObject()
    MainThreadGC(window, every=10)
    freed_by = tie(5000)
    assert not freed_by
    qtbot.waitUntil(lambda: len(freed_by) == 5000)
    assert set(freed_by) == {threading.get_ident()}
    window.deleteLater()
    qtbot.waitUntil(gc.isenabled)


def test_messages_that_go_leave_no_garbage(qtbot: QtBot, qapp: QApplication) -> None:
    transcript = Transcript(Theme(qapp))
    qtbot.addWidget(transcript)
    transcript.show()
    text = "# One\n- two\n\n| three |\n|---|\n| four |\n\n```python\nfive\n```\n\n$six$"
    reply = Reply("m", 7, (1,), Ending.LENGTH)
    transcript.show_path([Message(Role.USER, "Two?"), Message(Role.ASSISTANT, text, reply=reply)])
    views = [transcript.view(number) for number in (0, 1)]
    for view in views:
        assert view
        view.set_focused(is_focused=True)
    seen = [weakref.ref(view) for view in views]
    del view, views
    transcript.show_path([])
    qtbot.waitUntil(lambda: not any(each() for each in seen))
    transcript.context.render.close()


def test_the_controller_of_documents_leaves_no_garbage(qapp: QApplication, tmp_path: Path) -> None:
    preferences = PreferencesStore(Preferences(), lambda changed: changed)
    documents = DocumentsController(partial(LocalLibrary, tmp_path / "documents.sqlite3"), preferences, lambda: 2048)
    seen = weakref.ref(documents)
    del documents
    assert seen() is None


def test_what_is_old_is_looked_at_when_nothing_goes_on(qtbot: QtBot) -> None:
    window = QObject()
    tidying = MainThreadGC(window, every=10_000)
    gc.collect()
    freed_by: list[int] = []
    Knot.freed_by = freed_by
    knot = Knot()
    for _ in range(OLD):
        gc.collect(1)
    del knot
    tidying.collect_all()
    assert freed_by == [threading.get_ident()]
    tidying.collect_all()
    assert gc.get_count()[2] == 0, "there is nothing to do twice"
