"""With another theme, what is in sight changes at once, and the rest when nobody waits."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QComboBox, QMainWindow, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.ui.blocks.code_block import CodeBlock
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.transcript import Transcript

CODE = "\n\n".join(f"```python\nx = {number}\n```" for number in range(60))


class Stylings(QObject):
    """Counts how often a widget is styled again."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's
        self.count += event.type() is QEvent.Type.StyleChange
        return False


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp)
    theme.set_theme("light", "teal")
    yield theme
    theme.set_theme("light", "teal")


@pytest.fixture
def blocks(theme: Theme, qtbot: QtBot) -> Iterator[list[CodeBlock]]:
    """The blocks of code of a long answer, of which the last are in sight."""
    window, transcript = QMainWindow(), Transcript(theme)
    qtbot.addWidget(window)
    window.setCentralWidget(transcript)
    window.resize(700, 500)
    window.show()
    transcript.show_path([Message(Role.ASSISTANT, CODE, reply=Reply(ending=Ending.STOP), id="answer")])
    qtbot.waitUntil(lambda: len(transcript.findChildren(CodeBlock)) == 60)
    qtbot.waitUntil(transcript._anchor.is_at_end)
    qtbot.wait(20)
    yield transcript.findChildren(CodeBlock)
    transcript.context.render.close()


def ground(widget: QWidget) -> QColor:
    """Return the colour near its upper edge, inside its frame."""
    return widget.grab().toImage().pixelColor(widget.width() // 2, 3)


def test_code_in_sight_has_the_new_colours_at_once_and_each_block_is_styled_once(
    theme: Theme, blocks: list[CodeBlock], qtbot: QtBot
) -> None:
    first, last = (Stylings(block.text_edit()) for block in (blocks[0], blocks[-1]))
    theme.set_theme("dark")
    assert ground(blocks[-1]) == QColor(theme.colors.surface)
    assert (first.count, last.count) == (0, 1)
    qtbot.waitUntil(lambda: first.count > 0)
    qtbot.waitUntil(lambda: ground(blocks[0]) == QColor(theme.colors.surface))
    assert (first.count, last.count) == (1, 1)


def test_what_goes_away_meanwhile_is_left_alone(theme: Theme, blocks: list[CodeBlock], qtbot: QtBot) -> None:
    theme.set_theme("dark")
    for block in blocks[:30]:
        block.deleteLater()
    theme.set_theme("light-contrast")
    qtbot.waitUntil(lambda: ground(blocks[30]) == QColor(theme.colors.surface))


def test_a_window_that_is_hidden_has_the_colours_when_it_is_opened_again(theme: Theme, qtbot: QtBot) -> None:
    window, button = QMainWindow(), QPushButton("Do it")
    qtbot.addWidget(window)
    window.setCentralWidget(button)
    window.show()
    window.hide()
    theme.set_theme("dark")
    qtbot.waitUntil(lambda: ground(button) == QColor(theme.colors.surface))
    window.show()
    assert ground(button) == QColor(theme.colors.surface)


@pytest.mark.parametrize(("name", "is_light"), [("dark", True), ("light", False), ("dark-contrast", True)])
def test_arrows_stand_out_from_their_ground(name: str, is_light: bool, theme: Theme, qtbot: QtBot) -> None:
    window, box = QMainWindow(), QComboBox()
    qtbot.addWidget(window)
    window.setCentralWidget(box)
    window.show()
    theme.set_theme("light" if is_light else "dark")
    theme.set_theme(name)
    image = box.grab().toImage()
    places = [(x, y) for x in range(box.width() - 20, box.width() - 6) for y in range(3, box.height() - 3)]
    shades = [image.pixelColor(*place).lightness() for place in places]
    assert (max(shades) > 150) if is_light else (min(shades) < 100)
