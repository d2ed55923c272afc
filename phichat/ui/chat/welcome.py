"""The page of an empty conversation: a greeting, four ideas to try, and a note about the model."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from phichat.i18n import N_, tr
from phichat.ui.theme.scaling import set_max_width
from phichat.ui.theme.theme import muted
from phichat.ui.widgets.column import BAR_WIDTH, keep_room_for_scroll_bar
from phichat.ui.widgets.controls import button_width, in_two_lines
from phichat.ui.widgets.foreign_text import plain_label

IDEAS = (
    N_("Write a haiku about ice hockey"),
    N_("Explain to a child why the sky is blue"),
    N_("Help me write a friendly note to a neighbor"),
    N_("What can I cook with eggs, rice, and spinach?"),
)
EDGES = 50  # pixels beside the ideas


class Welcome(QScrollArea):
    """The empty state of the chat page.

    Signals:
        tried(str): ask this idea.
        phi_3_requested: offer the download of Phi-3.
    """

    tried = Signal(str)
    phi_3_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        keep_room_for_scroll_bar(self)
        self.setViewportMargins(BAR_WIDTH, 0, 0, 0)  # so that the middle is that of the column below
        self._greeting = _centred()
        font = self._greeting.font()
        font.setPointSizeF(font.pointSizeF() * 2.2)
        font.setWeight(font.Weight.DemiBold)
        self._greeting.setFont(font)
        self._note = muted(_centred())
        self._get_button = QPushButton(tr("Get Phi-3…"))
        self._get_button.setObjectName("getPhi3Button")
        self._get_button.clicked.connect(self.phi_3_requested)
        self._ideas = QWidget()
        self._grid = QGridLayout(self._ideas)
        self._grid.setContentsMargins(0, 8, 0, 0)
        self._grid.setSpacing(10)
        self._buttons = [self._make_idea_button(tr(idea)) for idea in IDEAS]
        self._columns = 0
        self.setWidget(self._content())
        self._place_ideas(2)

    def show_model(
        self, title: str, *, is_toy: bool, is_missing: bool, has_others: bool = False, host: str = ""
    ) -> None:
        """Greet for the model `title`; empty while models are looked for, or if there are none or one `has_others`.

        `host` is where it runs; empty for this computer.
        """
        is_known = bool(title) or is_missing
        self._greeting.setVisible(is_known)  # with the rest, so that it does not move when that comes
        self._note.setVisible(is_known)
        missing = tr("No model chosen") if has_others else tr("No model yet")
        self._greeting.setText(missing if is_missing else tr("What would you like to talk about?"))
        self._ideas.setVisible(bool(title))
        self._get_button.setVisible(is_known and (is_toy or (is_missing and not has_others)))
        self._note.setText(_note(title, host, is_toy=is_toy, has_others=has_others) if is_known else "")
        self._lay_out_now()

    def set_can_ask(self, *, can_ask: bool) -> None:
        """Enable or disable the ideas."""
        self._ideas.setEnabled(can_ask)

    def _lay_out_now(self) -> None:
        """Give everything its place before it is painted: lines that wrap get their height in a second pass."""
        for widget in (self._greeting.parentWidget(), self.widget()):
            if widget and (layout := widget.layout()):
                layout.activate()

    def _content(self) -> QWidget:
        column = QWidget()
        set_max_width(column, 620)
        inside = QVBoxLayout(column)
        inside.setSpacing(16)
        inside.addWidget(self._greeting)
        inside.addWidget(self._note)
        inside.addWidget(self._get_button, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.addWidget(self._ideas)
        content = QWidget()
        across = QHBoxLayout()
        across.addWidget(column)
        layout = QVBoxLayout(content)
        layout.addStretch(2)
        layout.addLayout(across)
        layout.addStretch(3)
        return content

    def _make_idea_button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text)
        button.setMinimumHeight(44)
        button.clicked.connect(self._on_idea_clicked)
        return button

    def _place_ideas(self, columns: int) -> None:
        if columns != self._columns:
            self._columns = columns
            for index, button in enumerate(self._buttons):
                self._grid.addWidget(button, index // columns, index % columns)

    @Slot()
    def _on_idea_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self.tried.emit(button.accessibleName())

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = event.size().width() - EDGES
        widest = max(button_width(button, button.accessibleName()) for button in self._buttons)
        self._place_ideas(2 if 2 * widest + self._grid.horizontalSpacing() < width else 1)
        for button in self._buttons:
            button.setText(in_two_lines(button, button.accessibleName(), width if self._columns == 1 else widest))
        super().resizeEvent(event)


def _centred() -> QLabel:
    label = plain_label()
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return label


def _note(title: str, host: str, *, is_toy: bool, has_others: bool) -> str:
    if not title and has_others:
        return tr("Choose a model from the menu above.")
    if not title:
        return tr("Phichat runs models such as Phi-3 from GGUF files. Download Phi-3, or drop a model file here.")
    if host:
        return tr("{model} runs on a server. What you write is sent to {host}.").format(model=title, host=host)
    if is_toy:
        return tr(
            "{model} is a tiny starter model: it’s fast, but often wrong. Phi-3 is much better. Download "
            "Phi-3, or drop its file here."
        ).format(model=title)
    return tr("{model} runs on your computer. What you write never leaves it.").format(model=title)
