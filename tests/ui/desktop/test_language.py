"""The window in other languages: numbers, Qt's own words, and the side from which one reads."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polib
import pytest
from PySide6.QtCore import QCoreApplication, QLocale, Qt
from PySide6.QtGui import QImage, QTextCursor
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPlainTextEdit, QTextBrowser, QTreeView
from pytestqt.qtbot import QtBot

from phichat import i18n
from phichat.ui.blocks.table_block import TableBlock
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.application import install_translations
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

ARABIC = {
    "thousands=,": "thousands=٬",
    "decimal=.": "decimal=٫",
    "digits=0123456789": "digits=٠١٢٣٤٥٦٧٨٩",
    "Temperature": "الحرارة",
}


@pytest.fixture(autouse=True)
def _english_again(qapp: QApplication) -> Iterator[None]:
    yield
    i18n.set_language("en")
    install_translations(qapp)


@pytest.fixture
def arabic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language is one file more."""
    folder = tmp_path / "resources"
    shutil.copytree(Path(str(i18n.resource("icons"))).parent, folder)
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=1; plural=0;"}
    catalogue.extend(polib.POEntry(msgid=words, msgstr=translated) for words, translated in ARABIC.items())
    catalogue.save(str(folder / "translations" / "ar.po"))
    monkeypatch.setattr(i18n, "_resources", lambda: folder)
    assert "ar" in i18n.available_languages()
    assert i18n.set_language("ar_EG.UTF-8") == "ar"


def test_french_numbers_and_qts_own_words(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    person = open_window()
    assert person.find("temperatureSpin").text() == i18n.format_number(0.7, 2) == "0,70"
    person.find("temperatureSpin").lineEdit().setText("1,25")
    assert person.find("temperatureSpin").value() == pytest.approx(1.25)
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Annuler"
    assert QLocale().standaloneMonthName(8) == "août"


def test_qts_file_dialog_is_in_french(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    i18n.set_language("fr")
    install_translations(qapp)
    (tmp_path / "Recettes").mkdir()
    dialog = QFileDialog(None, "Ouvrir", str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.setViewMode(QFileDialog.ViewMode.Detail)
    dialog.show()
    files: Any = dialog.findChild(QTreeView)
    qtbot.waitUntil(lambda: files.model().rowCount(files.rootIndex()) == 1)
    words = [label.text() for label in dialog.findChildren(QLabel)]
    words += [str(files.model().index(0, column, files.rootIndex()).data()) for column in (0, 2)]
    assert "Voir dans" in " ".join(words)
    assert "Dossier" in words
    assert not [word for word in words if re.search("Look|Files of|Folder", word)]


def test_english_is_english_whatever_the_system_speaks(open_window: Callable[[], Person]) -> None:
    QLocale.setDefault(QLocale("de"))
    assert open_window().find("temperatureSpin").text() == "0.70"


@pytest.mark.usefixtures("arabic")
def test_from_the_right(open_window: Callable[[], Person], engine: ScriptedEngine) -> None:
    person = open_window()
    person.window.resize(1200, 760)
    person.wait(lambda: person.find("sidebar").x() > person.find("settingsPanel").x())
    assert person.find("temperatureSpin").text() == i18n.format_number(0.7, 2) == "٠٫٧٠"
    assert person.find("temperatureSlider").accessibleName() == "الحرارة"
    engine.enqueue("العبّارة قارب.\n\nIn English.\n\n```python\nprint(12)\n```")
    person.wait_for(GenerationState.IDLE)
    person.window.submit("ما هي العبّارة؟")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    question, answer = (person.find(f"message-{number}").findChild(QTextBrowser) for number in range(2))
    person.wait(lambda: begins_right(question, 0) and begins_right(answer, 0))
    assert not begins_right(answer, 1)
    assert not begins_right(person.find("message-1").findChild(QPlainTextEdit), 0)
    assert person.find("message-0").mapTo(person.window, question.pos()).x() < person.window.width() / 2


@pytest.mark.parametrize(("one", "two"), [("الاسم", "العدد"), ("Name", "Number")])
def test_a_table_begins_at_the_side_its_words_do(person: Person, engine: ScriptedEngine, one: str, two: str) -> None:
    engine.enqueue(f"| {one} | {two} |\n|---|---|\n| 1 | 2 |")
    person.ask("A table")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    table = person.find("message-1").findChild(TableBlock)

    def across(words: str) -> Any:
        return table.cursorRect(table.document().find(words)).x()

    person.wait(lambda: across(one) != across(two))  # it is laid out
    is_turned = one != "Name"
    assert (across(one) > across(two)) is is_turned
    assert (across(one) > table.width() / 2) is is_turned


def begins_right(field: QTextBrowser | QPlainTextEdit, number: int) -> bool:
    """Whether that paragraph begins at the right."""
    return field.cursorRect(QTextCursor(field.document().findBlockByNumber(number))).x() > field.width() / 2


@pytest.mark.usefixtures("arabic")
def test_icons_that_point_to_a_side_point_to_the_other(open_window: Callable[[], Person], qapp: QApplication) -> None:
    theme = open_window().window._theme
    turned = {name: theme.icon(name).pixmap(40).toImage() for name in ("next", "previous", "sidebar", "send")}
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    theme._icons.clear()
    for name, there in turned.items():
        here = theme.icon(name).pixmap(40).toImage()
        assert differ(there, here) is (name != "send")
        assert not differ(there, here.flipped(Qt.Orientation.Horizontal))


def differ(one: QImage, other: QImage) -> bool:
    """Whether they look different, not only at the edges of strokes."""
    inks = [np.frombuffer(image.constBits(), np.uint8)[3::4].astype(int) for image in (one, other)]
    return bool((abs(inks[0] - inks[1]) > 128).sum() > 20)
