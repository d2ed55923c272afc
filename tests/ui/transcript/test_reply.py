"""What an answer is shown as: words, code, tables and formulas that can be read, found, copied, saved and followed."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QDialog, QLabel, QPlainTextEdit, QWidget

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.errors import EngineError
from phichat.ui.blocks import block_list
from phichat.ui.blocks.code_block import CodeBlock
from phichat.ui.blocks.syntax import ON_DARK, ON_LIGHT
from phichat.ui.blocks.table_block import TableBlock
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.theme.palette import colors_of
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import put
from tests.ui.conftest import Person, record_opened

WIDE = "| a | b | c |\n|---|---|---|\n" + "| {0} | {0} | {0} |\n".format("words that go on and on " * 4) * 3


def answer(person: Person, engine: ScriptedEngine, *pieces: str) -> QWidget:
    """What shows the answer that consists of `pieces`."""
    engine.enqueue(*pieces)
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    view: QWidget = person.find(f"message-{len(person.window.session.conversation.path()) - 1}")
    person.wait(lambda: view.isVisible() and view.findChildren(QAbstractScrollArea))
    return view


def prose(view: QWidget) -> TextBlock:
    found = view.findChild(TextBlock)
    assert isinstance(found, TextBlock)
    return found


def code(view: QWidget) -> CodeBlock:
    found = view.findChild(CodeBlock)
    assert isinstance(found, CodeBlock)
    return found


def test_words_are_shown_as_they_are_meant_and_no_picture_is_fetched(person: Person, engine: ScriptedEngine) -> None:
    view = answer(
        person, engine, "# Title\n\nSome **bold** `code`.\n\n2. Two\n   - [x] done\n\n> <b>quote</b>\n\n---\nend"
    )
    assert prose(view).toPlainText() == "Title\nSome bold code.\n2.\tTwo\n☑\tdone\n<b>quote</b>\n\nend"
    assert prose(view).document().begin().blockFormat().headingLevel() == 1
    view = answer(person, engine, "![a cat](http://127.0.0.1:9/cat.png) <img src='http://127.0.0.1:9/x.png'>")
    assert prose(view).toPlainText() == "a cat <img src='http://127.0.0.1:9/x.png'>"
    assert prose(view).document().begin().begin().fragment().charFormat().anchorHref() == "http://127.0.0.1:9/cat.png"
    field = prose(answer(person, engine, "- שלום עולם\n- hello"))
    directions = [field.document().findBlockByNumber(number).textDirection() for number in (0, 1)]
    assert directions == [Qt.LayoutDirection.RightToLeft, Qt.LayoutDirection.LeftToRight]
    assert not field.horizontalScrollBar().isVisible()
    field = prose(answer(person, engine, "[here](https://one.example/)"))
    person.wait(lambda: field.link_at(QPoint(6, 6)) == "https://one.example/")
    view = answer(person, engine, "- a needle\n\n| needle |\n|---|\n| x |\n\n```\nneedle\n```\n\n**need**le")
    person.find("transcript").highlight(_needle("needle"))
    person.wait(lambda: view.match_count() == 4)  # type: ignore[attr-defined]


def test_what_is_marked_stays_marked_while_the_answer_grows(person: Person, engine: ScriptedEngine) -> None:
    shown = prose(answer(person, engine, "One two"))
    block = person.window.session.conversation.path()[-1]
    cursor = shown.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(7, QTextCursor.MoveMode.KeepAnchor)
    shown.setTextCursor(cursor)
    view = person.find("message-1")
    for text in ("One two three", "One two three **four**\n\n- five", "One two three **four**\n\n- five\n\n# six"):
        view.show_message(type(block)(block.role, text, id=block.id, reply=block.reply))
        assert shown.selected_text() == "two"
    person.wait(lambda: shown.toPlainText() == "One two three four\n•\tfive\nsix")


def test_a_link_shows_where_it_leads_before_it_opens_or_is_copied(
    person: Person, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = record_opened(monkeypatch)
    view = answer(
        person, engine, "A [harmless page](https://bank.example@еvil.example/a?b=c) and [no](file:///etc/passwd)"
    )
    field = prose(view)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Tab)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert person.find("linkAddress").toPlainText() == "https://bank.example@xn--vil-qdd.example/a?b=c"
    assert not opened
    person.click("copyLink")
    assert "xn--vil" in QGuiApplication.clipboard().text()
    person.wait(lambda: not person.window.findChild(QDialog, "linkDialog"))
    field.anchorClicked.emit(QUrl("https://one.example/"))
    assert not opened
    person.click("openLink")
    assert opened == [QUrl("https://one.example/")]
    field.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert len(opened) == 1
    assert not any(dialog.isVisible() for dialog in person.window.findChildren(QDialog, "linkDialog"))
    person.wait(lambda: not person.window.findChild(QDialog, "linkDialog"))
    record_opened(monkeypatch, works=False)
    prose(answer(person, engine, "[A page](https://one.example/)")).anchorClicked.emit(QUrl("https://one.example/"))
    person.click("openLink")
    dialog = person.find("linkDialog")
    assert dialog.isVisible()
    sentences = [label.text() for label in dialog.findChildren(QLabel)]
    assert sentences == ["Phichat couldn’t open a browser. Copy the address instead:"]
    person.click("copyLink")
    assert QGuiApplication.clipboard().text() == "https://one.example/"


def test_a_formula_is_drawn_in_the_colour_of_the_text_read_where_it_is_selected_and_copied_as_latex(
    person: Person, engine: ScriptedEngine
) -> None:
    view = answer(person, engine, "So $\\frac{a}{b}$ is.\n\n$$x^2$$\n\nBut $\\frac{$ is not.")
    field = prose(view)
    person.wait(lambda: field.toPlainText().startswith("So \ufffc is.\n\ufffc"))
    field.selectAll()
    assert field.selected_text() == "So $\\frac{a}{b}$ is.\n$$x^2$$\nBut $\\frac{$ is not."
    dragged = field.createMimeDataFromSelection()
    assert dragged.text() == field.selected_text()
    assert "So $\\frac{a}{b}$ is." in dragged.html()
    assert "$$x^2$$" in dragged.html()
    assert field.accessibleDescription() == field.selected_text()
    field = prose(answer(person, engine, "$$x^2 + y^2 = z^2$$"))
    person.wait(lambda: field.toPlainText() == "\ufffc")
    for theme in ("dark", "light"):
        person.window._theme.set_theme(theme)
        colour = QColor(colors_of(theme, "teal").text)
        person.wait(partial(_has, field, colour))
    field = prose(answer(person, engine, "$$x_1^2 + y_j = z$$"))
    person.wait(lambda: field.toPlainText() == "\ufffc")
    for theme in ("dark", "light"):
        person.window._theme.set_theme(theme)
        field.selectAll()
        person.wait(partial(_is_readable, field))


def _is_readable(field: TextBlock) -> bool:
    """Whether there are letters in their full colour on what is selected, and none beside it."""
    picture, colors = field.grab().toImage(), field.palette()
    lights = [[picture.pixelColor(x, y).lightness() for x in range(picture.width())] for y in range(picture.height())]
    ground, letters = (color.color().lightness() for color in (colors.highlight(), colors.highlightedText()))
    places = [(x, y) for y, row in enumerate(lights) for x, light in enumerate(row) if abs(light - ground) < 5]
    if not places:
        return False
    (left, *_, right), (top, *_, bottom) = (sorted(values) for values in zip(*places, strict=True))
    inside = [light for row in lights[top : bottom + 1] for light in row[left : right + 1]]
    return any(abs(light - letters) < 30 for light in inside) and bottom - top >= picture.height() - 2


def _has(widget: QWidget, colour: QColor) -> bool:
    """Whether there is about that colour in what is painted: lines are smoothed."""
    picture = widget.grab().toImage()
    pixels = (picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height()))
    return any(abs(pixel.lightness() - colour.lightness()) < 30 for pixel in pixels)


def test_code_is_coloured_wrapped_copied_and_saved_under_a_name_of_its_language(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    view = answer(person, engine, "```python\n", "def f():\n", "    return '" + "word " * 60 + "'\n```")
    block = code(view)
    field = block.findChild(QPlainTextEdit)
    assert field
    person.wait(lambda: field.document().firstBlock().layout().formats())
    assert field.horizontalScrollBar().maximum() > 0
    height = field.height()
    person.press_in(1, "Wrap long lines")
    assert field.horizontalScrollBar().maximum() == 0
    assert field.height() > height
    person.press_in(1, "Copy code")
    assert QGuiApplication.clipboard().text() == "def f():\n    return '" + "word " * 60 + "'"
    person.click("newConversationButton")
    view = answer(person, engine, "```rust\nfn main() {}\n```")
    person.press_in(1, "Save code to file")
    dialog = person.find("saveCode")
    assert Path(dialog.selectedFiles()[0]).name == "code.rs"
    dialog.fileSelected.emit(str(tmp_path / "main.rs"))
    dialog.close()
    assert (tmp_path / "main.rs").read_text("utf-8") == "fn main() {}\n"
    code(view).save(str(tmp_path / "nowhere" / "main.rs"))
    assert "couldn’t be saved" in " ".join(str(label.property("text")) for label in code(view).findChildren(QWidget))


def test_colours_of_code_and_words_follow_the_theme(person: Person, engine: ScriptedEngine) -> None:
    for theme, colours in (("dark", ON_DARK), ("light", ON_LIGHT)):
        _follow_theme(person, engine, theme, colours)


def _follow_theme(person: Person, engine: ScriptedEngine, theme: str, colours: dict[str, str]) -> None:
    field = code(answer(person, engine, "```python\ndef f(): ...\n```")).text_edit()
    person.window._theme.set_theme("light" if theme == "dark" else "dark")
    person.wait(lambda: field.document().firstBlock().layout().formats())
    person.window._theme.set_theme(theme)
    person.wait(lambda: colours["keyword"] in _colours_of_first_line(field))
    words = prose(answer(person, engine, "Words and [a link](https://one.example/)"))
    person.window._theme.set_theme("light" if theme == "dark" else "dark")
    person.window._theme.set_theme(theme)
    wanted = QColor(colors_of(theme, "teal").text)
    person.wait(lambda: words.document().begin().begin().fragment().charFormat().foreground().color() == wanted)
    assert words.toPlainText() == "Words and a link"


def _colours_of_first_line(field: QPlainTextEdit) -> list[str]:
    spans = field.document().firstBlock().layout().formats()
    return [span.format.foreground().color().name() for span in spans]


def test_no_long_word_beside_an_answer_widens_the_conversation(person: Person, engine: ScriptedEngine) -> None:
    view = answer(person, engine, f"```{'language' * 40}\nfn main() {{}}\n```")
    engine.enqueue(EngineError("failed" * 100))
    person.ask("Again")
    person.wait_for(GenerationState.IDLE)
    code(view).save(f"/nowhere/{'folder' * 50}/main.rs")
    person.wait_until_still()
    assert person.find("transcriptContent").width() <= person.find("transcript").viewport().width()


@pytest.mark.parametrize(
    ("colours", "ground"),
    [(ON_LIGHT, colors_of("light", "teal").surface), (ON_DARK, colors_of("dark", "teal").surface)],
)
def test_colours_of_code_can_be_read(colours: dict[str, str], ground: str) -> None:
    assert all(_contrast(colour, ground) >= 4.5 for colour in colours.values())


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    exact = QColor(colour)
    parts = exact.redF(), exact.greenF(), exact.blueF()
    red, green, blue = (part / 12.92 if part <= 0.04045 else pow((part + 0.055) / 1.055, 2.4) for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_wide_table_is_scrolled_sideways_and_a_long_one_looks_like_one(
    person: Person, engine: ScriptedEngine
) -> None:
    view = answer(person, engine, "Before\n\n", *WIDE.splitlines(keepends=True), "\nAfter")
    table = view.findChild(TableBlock)
    assert isinstance(table, TableBlock)
    assert table.accessibleName() == "Table"
    person.wait(lambda: table.horizontalScrollBar().maximum() > 0)
    assert table.horizontalScrollBar().value() == 0
    assert view.width() <= person.find("transcript").width()
    assert [part.toPlainText() for part in view.findChildren(TextBlock) if part is not table] == ["Before", "After"]
    rows = "".join(f"| {n} | {'wide ' * (n % 7)} |\n" for n in range(90))
    long = answer(person, engine, "| a | b |\n|---|---|\n" + rows).findChild(TableBlock)
    assert isinstance(long, TableBlock)
    frames = long.document().rootFrame().childFrames()
    layout = long.document().documentLayout()
    areas = [layout.frameBoundingRect(frame) for frame in frames]
    assert len(areas) > 1, "it is laid out in parts"
    assert len({area.width() for area in areas}) == 1
    assert all(below.top() - above.bottom() < 2 for above, below in pairwise(areas))
    assert long.toPlainText().split() == ["a", "b", *" ".join(f"{n} {'wide ' * (n % 7)}" for n in range(90)).split()]


def test_a_very_long_answer_is_shown_a_part_at_a_time(person: Person) -> None:
    long = Message(Role.ASSISTANT, ("some words " * 50 + "\n\n") * 200, reply=Reply(ending=Ending.STOP))
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    person.find("transcript").show_path([Message(Role.USER, "Question"), long])
    person.wait(lambda: person.button(1, "Show more"))
    view = person.find("message-1")
    count = len(view.findChildren(TextBlock))
    assert 35_000 < sum(len(part.toPlainText()) for part in view.findChildren(TextBlock)) < 50_000
    person.press_in(1, "Show more")
    person.wait(lambda: len(view.findChildren(TextBlock)) > 1.5 * count)
    person.press_in(1, "Show more")
    person.wait(lambda: person.button(1, "Show more") is None)
    assert view.property("source").count("some words") == 10_000
    person.wait(lambda: sum(part.toPlainText().count("some words") for part in view.findChildren(TextBlock)) == 10_000)


def test_an_answer_of_very_many_code_blocks_is_shown_in_pages(
    home: Path, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The widgets of 2,000 took more than eight seconds, one of which showed at a time."""
    put(home, ("Codes", 1), answer="".join(f"```\nx = {number}\n```\n\n" for number in range(70)))
    monkeypatch.setattr(block_list, "PAGE_BLOCKS", 40)
    person = open_window()
    person.wait(lambda: person.titles() == ["Codes"])
    person.open("Codes")
    person.wait(lambda: person.window.findChild(QWidget, "message-1") is not None)
    person.wait(lambda: person.button(1, "Show more"))
    view = person.find("message-1")
    assert len(view.findChildren(CodeBlock)) == 40
    person.press_in(1, "Show more")
    person.wait(lambda: len(view.findChildren(CodeBlock)) == 70 and person.button(1, "Show more") is None)


def _needle(word: str) -> object:
    from phichat.ui.widgets.highlights import SearchTerms

    return SearchTerms(word)
