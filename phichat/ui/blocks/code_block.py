"""A block of code in a reply: its language, buttons to wrap, save and copy it, and the code."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakMethod

from PySide6.QtCore import QEvent, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from phichat.files import open_private
from phichat.i18n import format_reason, saving_advice, tr
from phichat.markdown.document import Block, Code
from phichat.markdown.serializer import code_to_markdown
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.theme.scaling import fixed_font, set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import CopyButton, IconButton
from phichat.ui.widgets.foreign_text import ElidedLabel, PlainTextEdit, keep_boxes_plain
from phichat.ui.widgets.message_line import FailureRow

if TYPE_CHECKING:
    from phichat.ui.blocks.syntax import SyntaxHighlighter

MAX_LINES = 40  # beyond which the field scrolls
INDENT = 12  # pixels
ICON_SIZE = 16  # pixels

CHUNK = 12_000  # characters that are laid out before the event loop runs again
MAX_LINE_LENGTH = 4_000  # characters; longer lines are split, as Qt lays out a line in one go


class CodeBlock(BlockWidget, QFrame):
    """Shows code, with long lines scrolled or, on demand, wrapped."""

    _highlighter: "SyntaxHighlighter | None" = None  # Qt sends palette changes before the constructor is done, too

    def __init__(self, theme: Theme, context: RenderContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("part", "code")
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # in every language
        self._theme, self._context = theme, context
        self._code = self._wanted = self._language_name = ""
        self._shown = 0  # characters of `_wanted` in the document
        self._language_label = muted(ElidedLabel())
        self._failure: FailureRow | None = None
        self._wrap = IconButton(theme, "wrap", tr("Wrap long lines"))
        self._wrap.setCheckable(True)
        self._wrap.clicked.connect(self._on_wrap)
        self._save = IconButton(theme, "save", tr("Save code to file"))
        self._save.clicked.connect(self._on_save)
        self._copy = CopyButton(theme, tr("Copy code"), WeakMethod(self.code))
        for button in (self._wrap, self._save, self._copy):
            set_icon_size(button, ICON_SIZE)
        self._text = self._make_field()
        self._timer = QTimer(self, interval=0, singleShot=True)
        self._timer.timeout.connect(self._append_chunk)
        self._lay_out()
        self._text.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        self._fit_height()
        theme.apply_stylesheet(self, "code")

        theme.changed.connect(self._fit_height)

    def code(self) -> str:
        """Return the code."""
        return self._code

    def show_block(self, block: Block) -> None:
        self.block = block
        (code,) = block.items
        if isinstance(code, Code):
            self.show_code(code.text, code.language)

    def show_code(self, code: str, language: str) -> None:
        """Show `code`; if it only grew, only what is new is laid out."""
        if (code, language) == (self._code, self._language_name):
            return
        self._code, self._language_name = code, language
        self._language_label.setText(language)
        self._text.setAccessibleName(tr("{language} code").format(language=language) if language else tr("Code"))
        wanted = code if len(code) <= MAX_LINE_LENGTH else _split_long_lines(code)
        if not wanted.startswith(self._wanted[: self._shown]):
            self._text.clear()
            self._shown = 0
        self._wanted = wanted
        self._append_chunk()

    def is_laid_out(self) -> bool:
        return self._shown >= len(self._wanted)

    def lay_out(self, seconds: float) -> None:
        until = perf_counter() + seconds
        while not self.is_laid_out():
            self._append_chunk()
            if perf_counter() > until:
                return
        self._timer.stop()  # nothing is left for it

    def markdown(self) -> str:
        return code_to_markdown(self._code, self._language_name)

    def selected_text(self) -> str:
        """Return the selected text with its long lines whole."""
        lines = super().selected_text().split("\n")
        if len(self._code) <= MAX_LINE_LENGTH or len(lines) == 1:
            return "\n".join(lines)
        first = self._text.document().findBlock(self._text.textCursor().selectionStart()).blockNumber()
        starts = _starts_of_lines(self._code, first + len(lines))
        return lines[0] + "".join(
            ("\n" if number in starts else "") + line for number, line in enumerate(lines[1:], first + 1)
        )

    def selected_markdown(self, *, is_escaped: bool = False) -> str:  # noqa: ARG002
        return code_to_markdown(self.selected_text())

    def text_edit(self) -> QPlainTextEdit:
        return self._text

    def scroll_to_match(self, index: int) -> None:
        if self.highlights:
            block = self._text.document().findBlock(self.highlights.ranges[index][0]).blockNumber()
            bar = self._text.verticalScrollBar()
            if not bar.value() <= block < bar.value() + MAX_LINES:
                bar.setValue(block - MAX_LINES // 2)
            area = self.highlights.rect_of(index)
            bar, width = self._text.horizontalScrollBar(), self._text.viewport().width()
            if area.left() < 0 or area.right() > width:
                bar.setValue(bar.value() + area.left() - width // 3)

    def buttons(self) -> list[QWidget]:
        return [self._wrap, self._save, self._copy, *([self._failure.dismiss] if self._failure else [])]

    def _make_field(self) -> QPlainTextEdit:
        field = PlainTextEdit()
        field.setReadOnly(True)
        field.setUndoRedoEnabled(False)
        field.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the message has one
        field.setAccessibleName(tr("Code"))
        field.setFont(fixed_font())
        field.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        field.setTabChangesFocus(True)
        field.document().setDocumentMargin(INDENT)
        field.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        return field

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(INDENT, 2, 4, 0)
        header.setSpacing(2)
        header.addWidget(self._language_label, 1)
        for button in (self._wrap, self._save, self._copy):
            header.addWidget(button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 2, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(header)
        self._column.addWidget(self._text)

    @Slot()
    def _append_chunk(self) -> None:
        """Append the next chunk of the code to the document."""
        more = self._wanted[self._shown : self._shown + CHUNK]
        cursor = QTextCursor(self._text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(more)
        self._shown += len(more)
        self._fit_height()
        self.refresh_highlights()
        if self._shown < len(self._wanted):
            self._timer.start()
        elif self._language_name and self._wanted is self._code:
            self._highlight_syntax()

    def _highlight_syntax(self) -> None:
        if self._highlighter is None:
            from phichat.ui.blocks.syntax import SyntaxHighlighter  # noqa: PLC0415 - with the first code

            self._highlighter = SyntaxHighlighter(self._text.document(), self._context)
            self._highlighter.set_colors(self.palette())
        self._highlighter.highlight(self._code, self._language_name)

    @Slot()
    def _on_wrap(self) -> None:
        is_wrapped = self._wrap.isChecked()
        self._text.setLineWrapMode(
            QPlainTextEdit.LineWrapMode.WidgetWidth if is_wrapped else QPlainTextEdit.LineWrapMode.NoWrap
        )
        mode = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere if is_wrapped else QTextOption.WrapMode.NoWrap
        self._text.setWordWrapMode(mode)
        self._fit_height()

    @Slot()
    def _on_save(self) -> None:
        from phichat.rendering.colors import file_suffix  # noqa: PLC0415 - Pygments takes its time
        from phichat.ui.widgets.dialogs import remember_folder, start_folder  # noqa: PLC0415 - takes 10 ms

        dialog = QFileDialog(self, tr("Save code to file"), start_folder())
        keep_boxes_plain(dialog)
        dialog.setObjectName("saveCode")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(tr("code") + file_suffix(self._language_name))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(remember_folder)
        dialog.fileSelected.connect(self.save)
        dialog.open()

    @Slot(str)
    def save(self, file: str) -> None:
        """Write the code to `file`, or show the error."""
        try:
            with open_private(Path(file), shares=True, encoding="utf-8", newline="\n") as stream:
                stream.write(self._code + "\n")
        except OSError as error:
            sentence = tr("{file} couldn’t be saved: {reason}. {advice}").format(
                file=file, reason=format_reason(error), advice=saving_advice(error, is_chosen=True)
            )
            self._show_failure(sentence)
            return
        if self._failure:
            self._failure.hide()
        self._save.confirm()

    def _show_failure(self, sentence: str) -> None:
        """Show `sentence` above the code until it is dismissed or the code is saved."""
        if self._failure is None:
            self._failure = FailureRow(self._theme)
            self._column.insertWidget(1, self._failure)
        self._failure.show_sentence(sentence)

    @Slot()
    def _fit_height(self) -> None:
        lines = self._text.blockCount()
        if self._wrap.isChecked():
            lines = self._wrapped_lines()
        scroll_bar = self._text.horizontalScrollBar()
        margins = 2 * INDENT + 2 + (scroll_bar.sizeHint().height() if scroll_bar.maximum() else 0)
        is_cut = lines > MAX_LINES
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if is_cut else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self._text.setVerticalScrollBarPolicy(policy)
        shown = min(max(lines, 1), MAX_LINES)
        self._text.setFixedHeight(shown * self._text.fontMetrics().lineSpacing() + margins)

    def _wrapped_lines(self) -> int:
        """Return the number of lines on the screen, counted up to just over `MAX_LINES`."""
        count = 0
        block = self._text.document().begin()
        layout = self._text.document().documentLayout()
        while block.isValid() and count <= MAX_LINES:
            layout.blockBoundingRect(block)  # lays the block out
            count += max(block.layout().lineCount(), 1)
            block = block.next()
        return count

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self._highlighter:
            self._highlighter.set_colors(self.palette())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._wrap.isChecked():
            self._fit_height()


def _starts_of_lines(code: str, end: int) -> set[int]:
    """Return the numbers, up to `end`, of the lines on the screen that begin a line of `code`."""
    found, number = set(), 0
    for line in code.split("\n"):
        if number >= end:
            break
        found.add(number)
        number += max(1, -(-len(line) // MAX_LINE_LENGTH))
    return found


def _split_long_lines(code: str) -> str:
    lines = []
    for line in code.split("\n"):
        lines += [line[at : at + MAX_LINE_LENGTH] for at in range(0, len(line) or 1, MAX_LINE_LENGTH)]
    return "\n".join(lines)
