"""Text that is not ours is shown letter by letter, wherever it comes from: no markup in it does anything."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QModelIndex, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QAccessible, QAction, QContextMenuEvent, QDrag, QHelpEvent, QImage, QMouseEvent, QTextDocument
from PySide6.QtGui import Qt as Gui
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QLabel,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QTextEdit,
    QToolTip,
    QTreeWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from phichat.errors import EngineError
from phichat.models.base import HubFile
from phichat.paths import Home
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.notifications import DesktopNotifications
from phichat.ui.help import update_check
from phichat.ui.widgets import dialogs, foreign_text
from phichat.ui.widgets.foreign_text import (
    PlainTextEdit,
    SealedDocument,
    notification,
    plain_label,
    set_tool_tip,
    tool_tip,
)
from phichat.unicode import utf16_length
from tests.support import stored_history
from tests.support.fakes import PHI_3, ScriptedEngine, ScriptedShelf
from tests.support.labels import unbroken
from tests.support.servers.releases import ReleasesServer
from tests.ui.chat.test_attachments import attach, drop
from tests.ui.conftest import Person
from tests.ui.help.test_update_check import notice, switch
from tests.ui.settings.test_preset_picker import _name as name_preset

PACKAGE = Path(__file__).parents[2] / "phichat"
WIDTH = 931  # pixels: no window of ours has anything so wide by itself

HOME_OF_TIPS = "phichat/ui/widgets/foreign_text.py"
MADE_THERE = {"QLabel", "QTextEdit", "QTextBrowser", "QPlainTextEdit", "QTextDocument"}
"""What takes any string for HTML, or loads what HTML names."""
SHOWS_HTML = {"setHtml", "insertHtml", "setMarkdown", "insertMarkdown", "setSearchPaths"}
OWN_HTML = {
    f"phichat/ui/{name}.py"
    for name in ("widgets/clipboard", "blocks/text_block", "blocks/table_selection", "theme/theme")
}
"""They put HTML on the clipboard, for other programs, or name the folder of our own icons, and show no HTML."""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture on the disk; where it is shown, something becomes that wide."""
    image = QImage(WIDTH, 700, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    file = tmp_path / "p.png"
    assert image.save(str(file))
    return file


@pytest.fixture
def evil(picture: Path) -> str:
    """A string that Qt takes for HTML, and that loads the picture where it does."""
    found = f"<img src='{picture}'><b>&amp;"
    assert Gui.mightBeRichText(found)
    return found


# What could hold such text


Calls = list[tuple[str, ast.Call]]


@pytest.fixture(scope="module")
def calls() -> Calls:
    """All calls in the window's code, each with the name of its file."""
    files = sorted([*(PACKAGE / "ui").rglob("*.py"), *PACKAGE.glob("app*.py")])
    nodes = ((file, node) for file in files for node in ast.walk(ast.parse(file.read_bytes())))
    return [(file.relative_to(PACKAGE.parent).as_posix(), node) for file, node in nodes if isinstance(node, ast.Call)]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_ours(argument: ast.expr) -> bool:
    """Whether the argument is a sentence as it stands, or was made for a tool tip."""
    if isinstance(argument, ast.Constant):
        return True
    return isinstance(argument, ast.Call) and (
        _called(argument) == "tool_tip" or (_called(argument) == "tr" and isinstance(argument.args[0], ast.Constant))
    )


LONG = f"/home/{'x' * 60}/pump.pdf\n\nThe pump is oiled."


@pytest.fixture
def label(qtbot: QtBot) -> QLabel:
    """One whose text can be selected, with places where a long word may be broken."""
    label = plain_label(LONG)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setFixedSize(900, 200)
    qtbot.addWidget(label)
    label.show()
    return label


@pytest.mark.parametrize("by_key", [True, False], ids=["key", "menu"])
def test_what_is_selected_in_a_label_is_copied_as_it_is(label: QLabel, *, by_key: bool) -> None:
    QApplication.clipboard().setText("before")
    label.setSelection(0, len(label.property("text")))
    if by_key:
        QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    else:
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(5, 5), label.mapToGlobal(QPoint(5, 5)))
        QApplication.sendEvent(label, event)
        next(action for action in label.findChildren(QAction) if action.objectName() == "edit-copy").trigger()
        label.findChildren(QMenu)[0].close()
    assert QApplication.clipboard().text() == LONG


THAI = "/home/ก\u200b" + "ข" * 60 + "\u200b\u200d/ปั๊ม 🧑\u200d🔧\u200b.pdf"


@pytest.mark.parametrize("is_path", [True, False])
def test_signs_without_width_that_are_in_a_name_are_copied_with_it(qtbot: QtBot, *, is_path: bool) -> None:
    """They were lost, as are those that let a long word be broken: no file was found by the path."""
    label = plain_label()
    qtbot.addWidget(label)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.show_path(Path(THAI)) if is_path else label.setText(THAI)
    label.setWordWrap(True)  # which may come before, too, as above
    label.show()
    laid_out = str(label.property("text"))
    assert laid_out.count("\u200b") > 5
    label.setSelection(0, utf16_length(laid_out))
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == THAI
    begin = utf16_length(laid_out[: laid_out.index("ปั๊ม")])
    label.setSelection(begin, utf16_length(laid_out) - begin)
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == THAI[THAI.index("ปั๊ม") :]


def test_what_is_selected_in_a_label_is_dragged_as_it_is(label: QLabel, monkeypatch: pytest.MonkeyPatch) -> None:
    dragged = list[str]()
    monkeypatch.setattr(QDrag, "exec", lambda drag, *_: dragged.append(drag.mimeData().text()))
    label.setSelection(0, len(label.property("text")))
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(20, 8))
    _move(label, QPoint(60, 8))
    QTest.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(60, 8))
    assert dragged == [LONG]


def test_a_middle_click_pastes_what_is_selected_in_a_label(label: QLabel, monkeypatch: pytest.MonkeyPatch) -> None:
    selections = list[str]()
    monkeypatch.setattr(foreign_text, "copy_to_selection", selections.append)  # which not every desktop has
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(1, 8))
    _move(label, QPoint(899, 199))
    QTest.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(899, 199))
    assert selections == [LONG]


def _move(widget: QWidget, to: QPoint) -> None:
    """Move the mouse over `widget` with its left button held."""
    button, none, at = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPointF(to)
    event = QMouseEvent(QEvent.Type.MouseMove, at, widget.mapToGlobal(at), button, button, none)
    QApplication.sendEvent(widget, event)


def test_every_tool_tip_is_made_by_the_helper_or_is_a_sentence_of_ours(calls: Calls) -> None:
    tips = [(name, call) for name, call in calls if _called(call) == "setToolTip" and name != HOME_OF_TIPS]
    assert len(tips) > 20
    assert [f"{name}:{call.lineno}" for name, call in tips if not _is_ours(call.args[-1])] == []


def test_labels_text_fields_and_documents_are_made_by_the_helpers(calls: Calls) -> None:
    found = [f"{name}:{call.lineno}" for name, call in calls if _called(call) in MADE_THERE and name != HOME_OF_TIPS]
    assert found == []


def test_classes_that_show_text_stand_on_a_sealed_document() -> None:
    kinds = [*_below(QTextEdit), *_below(QPlainTextEdit)]
    ours = [kind for kind in kinds if kind.__module__.startswith("phichat.ui")]
    assert {TextBlock, PlainTextEdit} <= set(ours)
    for file in sorted((PACKAGE / "ui").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & MADE_THERE:
                safe = "SealedDocument(" in ast.unparse(node) or "TextFormat.PlainText" in ast.unparse(node)
                assert safe or file.name == "plain_text.py", f"{file}: {node.name}"


def _below(kind: type) -> list[type]:
    kinds = list[type](kind.__subclasses__())
    return kinds + [one for below in kinds for one in _below(below)]


def test_message_boxes_and_rich_labels_are_where_they_were_looked_at(calls: Calls) -> None:
    boxes = {name for name, call in calls if _called(call) == "QMessageBox"}
    assert boxes == {"phichat/ui/widgets/dialogs.py"}
    names = {name for name, _ in calls if "RichText" in (PACKAGE.parent / name).read_text("utf-8")}
    said = ((name, ast.unparse(call)) for name, call in calls if name in names)
    rich = [name for name, text in said if "RichText" in text and "setTextFormat" in text]
    assert set(rich) == {"phichat/ui/help/about_dialog.py"}, "a link that is escaped, and nothing else"


def test_nothing_is_shown_as_html(calls: Calls) -> None:
    found = {name for name, call in calls if _called(call) in SHOWS_HTML}
    assert found <= OWN_HTML


def test_roles_of_items_go_through_the_helper() -> None:
    for file in sorted((PACKAGE / "ui").rglob("*.py")):
        source = file.read_text("utf-8")
        assert source.count("ToolTipRole") <= source.count("tool_tip("), file


# What the helpers do


@pytest.mark.parametrize(
    "text",
    [
        "<b>a</b>",
        "a & b",
        "a &lt; b",
        "1 < 2 > 0",
        "<img src='x'>\n  two  spaces",
        "<!DOCTYPE x>",
        "<?xml?><a/>",
        "",
    ],
)
def test_a_tool_tip_says_what_it_was_given(text: str) -> None:
    assert shown(tool_tip(text)) == text


def shown(tip: str) -> str:
    """What a person reads in a tool tip."""
    document = QTextDocument()
    if Gui.mightBeRichText(tip):
        document.setHtml(tip)
        return document.toPlainText()
    return tip


def test_a_sealed_document_loads_neither_files_nor_addresses(evil: str, qtbot: object) -> None:
    plain, sealed = QTextDocument(), SealedDocument()
    for document in (plain, sealed):
        document.setHtml(evil)
    assert plain.size().width() > WIDTH, "else this test finds nothing"
    assert sealed.size().width() < 100
    field, prose = PlainTextEdit(), TextBlock()
    for edit in (field, prose):
        assert isinstance(edit.document(), SealedDocument)


def test_the_question_whether_to_replace_a_file_shows_its_name(
    tmp_path: Path, picture: Path, evil: str, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt's own, where the system has no dialog for files."""
    monkeypatch.chdir(tmp_path)
    name = "<img src='p.png'><b>.json"
    (tmp_path / name).touch()
    owner = QWidget()
    qtbot.addWidget(owner)
    dialogs.choose_export_file(owner, name, ["JSON (*.json)"], lambda _: None)
    dialog = owner.findChild(QFileDialog, "exportDialog")
    assert dialog
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile(name)
    seen: list[tuple[Any, int, str]] = []

    def look() -> None:
        for box in dialog.findChildren(QMessageBox):
            seen.append((box.textFormat(), box.width(), box.text()))
            box.reject()

    QTimer.singleShot(300, look)
    dialog.accept()
    dialog.reject()
    [(form, width, said)] = seen
    assert form is Qt.TextFormat.PlainText
    assert width < WIDTH
    assert name in said


def test_a_tool_tip_that_is_plain_again_takes_its_description_along(evil: str, qtbot: Any) -> None:
    label = plain_label()
    qtbot.addWidget(label)
    for text in (evil, "<b>other", "plain"):
        set_tool_tip(label, text)
        assert label.accessibleDescription() in {text, ""}
    label.setAccessibleDescription("Ours")
    set_tool_tip(label, evil)
    assert label.accessibleDescription() == "Ours"


def test_a_screen_reader_hears_the_letters_not_the_escapes(evil: str, qtbot: Any) -> None:
    label = plain_label(evil)
    qtbot.addWidget(label)
    set_tool_tip(label, evil)
    assert label.accessibleDescription() == evil
    assert label.text() == evil


def test_notifications_hold_no_markup(evil: str, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<" not in notification(evil)
    assert notification("Phi-3 & more") == "Phi-3 & more"
    commands: list[list[str]] = []
    monkeypatch.setattr("phichat.ui.desktop.notifications.QSystemTrayIcon.isSystemTrayAvailable", lambda: False)
    monkeypatch.setattr("phichat.ui.desktop.notifications.shutil.which", lambda _: "notify-send")
    monkeypatch.setattr("phichat.ui.desktop.notifications.sys.platform", "linux")
    monkeypatch.setattr(
        "phichat.ui.desktop.notifications.QProcess.startDetached", lambda _, arguments: commands.append(list(arguments))
    )
    owner = QWidget()
    DesktopNotifications(owner.windowIcon(), owner).show(evil)
    assert not any("<img" in word for word in commands[0])


# What a person sees


def everything(person: Person) -> list[QWidget]:
    return [person.window, *person.window.findChildren(QWidget)]


def check(person: Person) -> None:
    """Whatever is there now shows letters: labels, tips of widgets, items and actions, and every document."""
    for widget in everything(person):
        assert shown_widely(widget) is None, f"{widget.objectName()} of {type(widget)} shows the picture"
        if isinstance(widget, QLabel) and not widget.objectName().startswith(("qt", "licencesLink")):
            assert widget.textFormat() is Qt.TextFormat.PlainText, f"{widget.objectName()}: {widget.text()}"
        if isinstance(widget, QMessageBox):
            assert widget.textFormat() is Qt.TextFormat.PlainText
        if isinstance(widget, QTextEdit | QPlainTextEdit):
            assert isinstance(widget.document(), SealedDocument), widget.objectName()
        assert "&lt;" not in widget.accessibleDescription()
        spoken = QAccessible.queryAccessibleInterface(widget)
        assert not spoken or "&lt;" not in spoken.text(QAccessible.Text.Description), widget.objectName()
    for tip in tips(person):
        assert not is_live(tip), tip


def is_live(tip: str) -> bool:
    """Whether Qt would find a picture or letters of another weight in it."""
    if not Gui.mightBeRichText(tip):
        return False
    document = SealedDocument()
    document.setHtml(tip)
    return "\ufffc" in document.toPlainText() or "<b>" not in document.toPlainText()


def shown_widely(widget: QWidget) -> int | None:
    """How wide its document is, if that is as wide as the picture."""
    if isinstance(widget, QTextEdit) and widget.isReadOnly():
        document = widget.document()
        return int(document.idealWidth()) if document.idealWidth() > WIDTH else None
    return None


def tips(person: Person) -> Iterator[str]:
    for widget in everything(person):
        yield widget.toolTip()
        if isinstance(widget, QAbstractItemView) and (model := widget.model()):
            for row in range(model.rowCount(QModelIndex())):
                for column in range(6):
                    index = model.index(row, column)
                    yield str(index.data(Qt.ItemDataRole.ToolTipRole) or "") if index.isValid() else ""
    for action in person.window.findChildren(QAction):
        yield action.toolTip() if action.toolTip() != action.text() else ""


def rest_on(widget: QWidget) -> str:
    """Rest the mouse on it; what the tip says that appears. Its size tells if it has the picture."""
    place = QPoint(4, 4)
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place)))
    tip = QToolTip.text()
    for window in QApplication.topLevelWidgets():
        if window.metaObject().className() == "QTipLabel":
            assert window.sizeHint().width() < WIDTH or not Gui.mightBeRichText(tip) or "&lt;img" in tip
            assert window.sizeHint().height() < 700
    QToolTip.hideText()
    return shown(tip)


def test_names_and_texts_of_attachments(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "<img src='p.png'><b>.txt"
    file.write_text("<img src='p.png'>")
    attach(person, file)
    chip = person.find("chipOpen")
    assert file.name in rest_on(chip)
    chip.click()
    check(person)
    assert person.find("attachmentWindow").windowTitle() == file.name
    person.find("attachmentWindow").close()
    binary = tmp_path / "<img src='p.png'><b>.bin"
    binary.write_bytes(bytes(range(256)) * 8)
    drop(person, binary)
    person.wait(lambda: binary.name in person.status())
    check(person)


def test_titles_questions_and_answers(
    home: Path, open_window: Callable[[], Person], engine: ScriptedEngine, evil: str
) -> None:
    stored_history.put(home, (evil, 1))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(person.titles)
    engine.enqueue(
        evil, f"\n\n![x]({evil})", "\n\n[a](https://example.org/<b>)\n\n| a |\n|-|\n| <b>x |\n\n```\n<b>\n```"
    )
    person.ask(evil)
    person.wait(lambda: person.window.generation.state is GenerationState.IDLE and "```" in person.message(1))
    check(person)
    person.find("searchField").setText("img")
    person.wait(lambda: person.find("searchResults").model().rowCount())
    check(person)
    person.find("searchField").clear()
    for label in ("Delete…", "Delete"):
        if person.button(0, label):
            person.press_in(0, label)
    check(person)


def test_names_of_models_and_what_a_hub_says_of_them(
    open_window: Callable[[], Person], shelf: ScriptedShelf, evil: str
) -> None:
    remote = HubFile(evil, f"{evil}.gguf", sha256=evil)
    shelf.rows["evil"] = replace(PHI_3, name="evil", title=evil, remote=remote, licence=evil)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    table = person.find("modelTable", QTreeWidget)
    person.wait(lambda: table.findItems(evil, Qt.MatchFlag.MatchStartsWith))
    table.setCurrentItem(table.findItems(evil, Qt.MatchFlag.MatchStartsWith)[0])
    check(person)
    for widget in person.find("modelsDialog").findChildren(QWidget):
        rest_on(widget)
    check(person)


def test_models_files_of_that_name(open_window: Callable[[], Person], home: Path, chatml_model: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "<img src='p.png'><b>.gguf").write_bytes(chatml_model.read_bytes())
    PreferencesFile(Home(home).preferences).save_preferences(Preferences(model="starter"))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    menu = person.find("modelButton").menu()
    menu.aboutToShow.emit()
    assert any("<img" in action.text() for action in menu.actions())
    check(person)
    next(action for action in person.window.actions() if action.text() == "Models…").trigger()
    table = person.find("modelTable", QTreeWidget)
    person.wait(lambda: table.findItems("<img", Qt.MatchFlag.MatchStartsWith))
    table.setCurrentItem(table.findItems("<img", Qt.MatchFlag.MatchStartsWith)[0])
    person.click("removeButton")
    check(person)
    [box] = person.window.findChildren(QMessageBox)
    assert "<img" in box.text()
    assert box.sizeHint().width() < WIDTH
    box.reject()


def test_errors_of_engines_and_presets(person: Person, engine: ScriptedEngine, evil: str) -> None:
    engine.enqueue(EngineError(evil))
    person.ask("Why?")
    person.wait(
        lambda: evil in person.status() or any(evil in unbroken(str(w.property("text"))) for w in everything(person))
    )
    check(person)


def test_presets_of_that_name(person: Person, evil: str) -> None:
    person.find("temperatureSpin").setValue(1.3)
    name_preset(person, "Save as preset…", evil)
    person.find("temperatureSpin").setValue(0.3)
    assert any(evil[:20] in shown(tip) for tip in tips(person)), "the way back names the preset"
    check(person)


def test_notes_of_releases(
    releases: ReleasesServer, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch, evil: str
) -> None:
    monkeypatch.setattr(update_check, "FIRST_CHECK", 20)
    releases.publish("9.1.0", f"{evil}\n\n![x]({evil})")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    switch(person, on=True)
    person.wait(lambda: notice(person))
    person.click("versionNotesButton")
    person.wait(lambda: person.find("versionDialog").findChildren(TextBlock))
    assert any("<img src=" in prose.toPlainText() for prose in person.find("versionDialog").findChildren(TextBlock))
    check(person)


def test_no_name_turns_the_sentence_around_it(person: Person) -> None:
    name = "a\u202egpj\0.\u2066exe"
    person.window.feedback.fail(f"{name} isn’t a text file.")
    assert person.status() == "agpj.exe isn’t a text file."
    label = plain_label(f"one\n{name}")
    assert label.text() == "one\nagpj.exe"
    set_tool_tip(label, name)
    assert (label.toolTip(), notification(name)) == ("agpj.exe", "agpj.exe")
