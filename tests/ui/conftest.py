"""A real window around a scripted engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QObject, QPoint, QPointF, QSize, Qt, QTranslator, QUrl
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices, QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from phichat import app, i18n
from phichat.chat.session import Session
from phichat.store.history import History
from phichat.ui.controllers.autosave import AutoSave
from phichat.ui.controllers.conversation_model import ConversationListModel
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.application import install_translations
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.window.main_window import MainWindow
from tests.support.fakes import ScriptedEngine, ScriptedShelf
from tests.support.labels import unbroken


def unstored_conversation(parent: QObject) -> CurrentConversation:
    """Return a current conversation beside the window's own, of which nothing is stored."""

    def make() -> Session:
        session = Session()
        session.is_temporary = True
        return session

    def history() -> History:
        raise AssertionError

    tasks, autosave = BackgroundTasks("unstored", 1, parent), AutoSave(history, parent)
    return CurrentConversation(history, tasks, autosave, ConversationListModel(parent), make, parent)


def record_opened(monkeypatch: pytest.MonkeyPatch, *, works: bool = True) -> list[QUrl]:
    """Return the list of what is opened outside the window from now on; it is opened only if it `works`."""
    found: list[QUrl] = []

    def open_url(url: QUrl) -> bool:
        found.append(QUrl(url))
        return works

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    return found


class Person:
    """Does in the window what a person would, and reads what a person would."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window, self.qtbot = window, qtbot

    def find(self, name: str, kind: type[QWidget] = QWidget) -> Any:
        found = self.window.findChild(kind, name)
        assert found, f"there is no {name}"
        return found

    def type(self, text: str) -> None:
        QTest.keyClicks(self.find("composer"), text)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.find("composer"), key, modifier)

    def click(self, name: str) -> None:
        QTest.mouseClick(self.find(name), Qt.MouseButton.LeftButton)

    def ask(self, text: str) -> None:
        self.type(text)
        self.press(Qt.Key.Key_Return)

    def written(self) -> str:
        return str(self.find("composer").toPlainText())

    def message(self, number: int) -> str:
        return str(self.find(f"message-{number}").property("source"))

    def titles(self, name: str = "conversationList") -> list[str]:
        """What a list shows, without the names of its sections."""
        return [str(index.data()) for index in self._rows(name)]

    def row(self, title: str, name: str = "conversationList") -> QModelIndex:
        return next(index for index in self._rows(name) if index.data() == title)

    def open(self, title: str, name: str = "conversationList") -> None:
        """Click on the row that says so."""
        view = self.find(name)
        index = self.row(title, name)
        view.scrollTo(index)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())

    def _rows(self, name: str) -> list[QModelIndex]:
        model = self.find(name).model()
        indexes = [model.index(row, 0) for row in range(model.rowCount())]
        return [index for index in indexes if index.flags() & Qt.ItemFlag.ItemIsSelectable]

    def point_at(self, number: int) -> None:
        """Move the mouse over a message."""
        place = QPointF(5, 5)
        QApplication.sendEvent(self.find(f"message-{number}"), QEnterEvent(place, place, place))

    def button(self, number: int, label: str) -> Any:
        """What is called that in a message; None if it is not to be seen."""
        found = self.find(f"message-{number}").findChildren(QWidget)
        names = [(widget.accessibleName() or widget.property("text"), widget) for widget in found]
        return next((widget for name, widget in names if name == label and not widget.isHidden()), None)

    def press_in(self, number: int, label: str) -> None:
        """Click on what is called that in a message."""
        self.point_at(number)
        QTest.mouseClick(self.button(number, label), Qt.MouseButton.LeftButton)

    def choose_in(self, number: int, *labels: str) -> None:
        """Choose from a message's menu and the menus in it."""
        action = self.menu(number)
        for label in labels:
            action = next(one for one in action.menu().actions() if one.text() == label)
        assert action.isEnabled()
        action.trigger()
        self.close_menu()

    def entry(self, menu: str, name: str) -> QAction:
        """The entry of that name in a menu of the menu bar, which is opened."""
        found = next(
            action.menu() for action in self.window.menuBar().actions() if action.text().replace("&", "") == menu
        )
        assert isinstance(found, QMenu)
        found.aboutToShow.emit()
        return next(action for action in found.actions() if action.text() == name)

    def menu(self, number: int) -> Any:
        """A message's menu, opened by key."""
        message = self.find(f"message-{number}")
        event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(5, 5), message.mapToGlobal(QPoint(5, 5)))
        QApplication.sendEvent(message.findChild(QTextEdit), event)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        return menu.menuAction()

    def close_menu(self) -> None:
        while popup := QApplication.activePopupWidget():
            popup.close()

    def status(self) -> str:
        return unbroken(str(self.find("statusMessage").property("text")))

    def wait(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=20_000)

    def settle(self, *widgets: QWidget) -> None:
        """Wait until nothing moves or resizes them, shows or hides them."""
        seen: list[list[tuple[bool, QPoint, QSize]]] = []

        def is_still() -> bool:
            seen.append([(each.isVisible(), each.mapTo(each.window(), QPoint()), each.size()) for each in widgets])
            return len(seen) > 5 and all(each == seen[-1] for each in seen[-5:])

        self.wait(is_still)

    def wait_until_still(self) -> None:
        """Wait until all messages near those on the screen are there, with their height, and nothing moves them."""
        transcript, places = self.find("transcript"), list[tuple[int, int]]()
        bar = transcript.verticalScrollBar()

        def is_still() -> bool:
            places.append((bar.value(), bar.maximum()))
            return not transcript._filler._timer.isActive() and len(places) > 5 and len(set(places[-5:])) == 1

        self.wait(is_still)

    def wait_for(self, state: GenerationState) -> None:
        self.wait(lambda: self.window.generation.state is state)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def shelf() -> ScriptedShelf:
    """Nothing but what is on this disk, so that nothing is offered."""
    return ScriptedShelf()


@pytest.fixture
def open_window(
    qtbot: QtBot, engine: ScriptedEngine, shelf: ScriptedShelf, starter: object
) -> Iterator[Callable[..., Person]]:
    """Opens windows, one after the other, and closes what is left of them."""
    windows: list[MainWindow] = []

    def open_one(opened: Path | None = None) -> Person:
        window = app.create_window(make_engine=lambda: engine, make_shelf=shelf.over, opened=opened)
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        return Person(window, qtbot)

    yield open_one
    for window in windows:
        window.close()


@pytest.fixture(autouse=True)
def _speaks_english() -> Iterator[None]:
    """Leave no translation of Qt's own texts: the next test may begin without a window."""
    yield
    application = QApplication.instance()
    if isinstance(application, QApplication) and application.findChild(QTranslator):
        i18n.set_language("en")
        install_translations(application)


@pytest.fixture(autouse=True)
def _empty_clipboard() -> Iterator[None]:
    """Leave nothing of Python's on the clipboard, which Qt would free after Python has ended."""
    yield
    if isinstance(application := QApplication.instance(), QApplication):
        application.clipboard().clear()


@pytest.fixture
def person(open_window: Callable[[], Person]) -> Person:
    """In front of a window whose model is ready."""
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    return person
