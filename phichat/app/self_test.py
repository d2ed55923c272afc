"""The window's part of `phichat --self-test`, a program: asks the tiny model a question, and checks what is drawn.

It reads its parameters as JSON from standard input; the last line it writes is its result as JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from PySide6.QtCore import QByteArray, QEventLoop, QLocale, QTimer, QTranslator, qVersion
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QTextEdit, QWidget

from phichat import app, i18n
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.rendering.process import RenderProcess
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.application import load_qt_translation
from phichat.ui.window.main_window import MainWindow

STEP = 20  # milliseconds between two looks
PATIENCE = 20.0  # seconds to draw a formula or colour code

Part = TypeVar("Part", bound=QWidget)


def main() -> NoReturn:
    """Check everything, print the result, and exit."""
    order: dict[str, Any] = json.load(sys.stdin)
    i18n.set_language()
    QApplication([sys.argv[0], "-style", "fusion"])
    window = app.create_window(order["model"])
    window.show()
    reason = None
    try:
        _examine(window, order)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
        reason = str(error) if isinstance(error, PhichatError) else f"{type(error).__name__}: {error}"
    window.close()
    found = {"error": reason, "qt": qVersion(), "platform": QGuiApplication.platformName()}
    print(json.dumps(found), flush=True)
    os._exit(0)  # without destroying Qt, as the application ends


def _examine(window: MainWindow, order: dict[str, Any]) -> None:
    until = time.monotonic() + order["patience"]
    _wait(lambda: window.generation.state is GenerationState.IDLE, until)
    _part(window, QTextEdit, "composer").setPlainText(order["question"])
    _part(window, QAbstractButton, "sendButton").click()
    _wait(lambda: _answer(window) == order["answer"] and window.generation.state is GenerationState.IDLE, until)
    picture = window.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 5) for y in range(0, picture.height(), 5)}
    _expect(len(colours) > 2, tr("The window is blank. Reinstall Phichat."))
    _expect(_speaks_qt(order["language"]), tr("Qt’s translations are missing. Reinstall Phichat."))
    _expect(_is_drawn("icons/send.svg"), tr("Icons can’t be displayed. Reinstall Phichat."))
    process = RenderProcess()
    drawing = process.ask({"do": "formula", "latex": r"\frac{\alpha}{2}", "is_display": True}, PATIENCE)
    formula = QSvgRenderer(QByteArray(drawing["svg"].encode()))
    _expect(formula.isValid(), tr("Formulas can’t be displayed. Reinstall Phichat."))
    spans = process.ask({"do": "code", "code": "def f(): pass", "language": "python"}, PATIENCE)
    _expect(bool(spans), tr("Syntax highlighting doesn’t work. Reinstall Phichat."))
    process.close()


def _expect(is_so: bool, sentence: str) -> None:
    if not is_so:
        raise PhichatError(sentence)


def _wait(condition: Callable[[], bool], until: float) -> None:
    while not condition():
        _expect(time.monotonic() < until, tr("The window isn’t responding. Run `phichat doctor` to find out why."))
        pause = QEventLoop()
        QTimer.singleShot(STEP, pause.quit)
        pause.exec()


def _part(window: QWidget, kind: type[Part], name: str) -> Part:
    found = window.findChild(kind, name)
    assert found is not None  # noqa: S101 - the window has it
    return found


def _answer(window: QWidget) -> str:
    message = window.findChild(QWidget, "message-1")
    return str(message.property("source")) if message else ""


def _speaks_qt(code: str) -> bool:
    translator = QTranslator()
    return load_qt_translation(translator, QLocale(code)) and bool(translator.translate("QPlatformTheme", "Cancel"))


def _is_drawn(name: str) -> bool:
    picture = QIcon(str(i18n.resource(name))).pixmap(32, 32).toImage()
    return any(picture.pixelColor(x, y).alpha() for x in range(picture.width()) for y in range(picture.height()))


if __name__ == "__main__":
    main()
