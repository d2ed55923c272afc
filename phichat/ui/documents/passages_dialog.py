"""What was read: the passages that the model saw with a question, of which some may be left out."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from phichat.chat.sources import Source, Sources
from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import resize_window
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import help_label, push_button
from phichat.ui.widgets.foreign_text import plain_label, tool_tip

WIDTH, HEIGHT = 640, 560  # pixels


class PassagesDialog(QDialog):
    """Lists the passages as the model read them, with how well each fits.

    Signals: `opened(int)`: show the passage of that index in its document. `asked(Sources)`: ask with these again.
    """

    opened = Signal(int)
    asked = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget, sources: Sources, *, can_ask: bool) -> None:
        super().__init__(parent)
        self.setObjectName("passagesDialog")
        self.setWindowTitle(tr("Passages the model read"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._sources = sources
        self._rows = [PassageRow(theme, at, source) for at, source in enumerate(sources.passages)]
        self._ask = push_button("askAgain", tr("Ask again with selected passages"))
        self._ask.clicked.connect(self._on_ask)
        self._can_ask = can_ask
        self._lay_out()
        for row in self._rows:
            row.opened.connect(self.opened)
            row.check.toggled.connect(self._on_toggled)
        self._on_toggled()
        resize_window(self, WIDTH, HEIGHT)

    def _lay_out(self) -> None:
        inner = QWidget()
        rows = QVBoxLayout(inner)
        for row in self._rows:
            rows.addWidget(row)
        rows.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        box = QDialogButtonBox()
        box.addButton(self._ask, QDialogButtonBox.ButtonRole.ActionRole)
        close = push_button("closeButton", tr("Close"))
        box.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        box.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(
            help_label(tr("Along with your message, the model read only these passages from your documents."))
        )
        column.addWidget(area, 1)
        column.addWidget(box)

    @Slot()
    def _on_toggled(self) -> None:
        kept = [row for row in self._rows if row.check.isChecked()]
        self._ask.setEnabled(self._can_ask and 0 < len(kept) < len(self._rows))

    @Slot()
    def _on_ask(self) -> None:
        kept: Sequence[Source] = [row.source for row in self._rows if row.check.isChecked()]
        self.accept()
        self.asked.emit(Sources(self._sources.searched, tuple(kept)))


class PassageRow(QWidget):
    """A passage: a check box with its place, its score, a button that opens it, and its text.

    Signals: `opened(int)`.
    """

    opened = Signal(int)

    def __init__(self, theme: Theme, at: int, source: Source) -> None:
        super().__init__()
        self.source, self._at = source, at
        title = f"[{format_number(at + 1)}] {source.title}"
        self.check = TitleCheckBox(title)
        self.check.setObjectName(f"passage-{at + 1}")
        self.check.setChecked(True)
        score = tr("{percent}% match").format(percent=format_number(100 * source.score))
        self.check.setAccessibleName(f"{title}, {score}")
        self.check.setAccessibleDescription(source.text)
        show = push_button("showPassage", tr("Show"))
        show.setAccessibleDescription(title)
        show.clicked.connect(self._on_show)
        theme.apply_stylesheet(show, "small")
        text = plain_label(source.text)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top = QHBoxLayout()
        top.addWidget(self.check, 1)
        top.addWidget(muted(plain_label(score)))
        top.addWidget(show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.addLayout(top)
        column.addWidget(text)

    @Slot()
    def _on_show(self) -> None:
        self.opened.emit(self._at)


class TitleCheckBox(QCheckBox):
    """A check box as wide as there is room, without the middle of its title if that is longer."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        shown = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, room)
        self.setText(shown.replace("&", "&&"))
        self.setToolTip(tool_tip(self._title if shown != self._title else ""))
