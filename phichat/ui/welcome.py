"""What an empty conversation shows: a greeting, four things to try, and what to know about the model."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from phichat.text import later, tr
from phichat.ui.theme import Theme, muted

IDEAS = (
    later("Write a haiku about ice hockey"),
    later("Explain to a child why the sky is blue"),
    later("Help me write a friendly note to a neighbour"),
    later("What can I cook with eggs, rice and spinach?"),
)


class Welcome(QWidget):
    """The empty state.

    Signals: `tried(str)` for an idea to ask; `file_wanted` where the person wants to open a model file.
    """

    tried = Signal(str)
    file_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self._hello = QLabel()
        font = self._hello.font()
        font.setPointSizeF(font.pointSizeF() * 2.2)
        font.setWeight(font.Weight.DemiBold)
        self._hello.setFont(font)
        self._note = muted(QLabel())
        for label in (self._hello, self._note):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._open = QPushButton(tr("Open a model file…"))
        self._open.clicked.connect(self.file_wanted)
        column = QWidget()
        column.setMaximumWidth(620)
        inside = QVBoxLayout(column)
        inside.setSpacing(16)
        inside.addWidget(self._hello)
        inside.addWidget(self._note)
        inside.addWidget(self._open, 0, Qt.AlignmentFlag.AlignHCenter)
        self._ideas = _ideas(self._try)
        inside.addWidget(self._ideas)
        theme.dress(column, "button")
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addWidget(column, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        column.setMinimumWidth(280)

    def show_model(self, title: str, *, is_toy: bool) -> None:
        """Greet in the name of the model `title`; an empty one means that there is none."""
        self._hello.setText(tr("What shall we talk about?") if title else tr("There is no model yet"))
        self._ideas.setVisible(bool(title))
        self._open.setVisible(not title or is_toy)
        self._note.setText(_note(title, is_toy=is_toy))

    @Slot()
    def _try(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self.tried.emit(button.text())


def _note(title: str, *, is_toy: bool) -> str:
    if not title:
        return tr("Phichat talks with models in GGUF files, above all with Phi-3. Open one, or drop it on this window.")
    if is_toy:
        return tr(
            "{model} is a toy: quick to try, but it makes many things up. "
            "Phi-3 is far better: open its file, or drop it on this window."
        ).format(model=title)
    return tr("{model} runs on this computer; nothing you write leaves it.").format(model=title)


def _ideas(slot: object) -> QWidget:
    ideas = QWidget()
    grid = QGridLayout(ideas)
    grid.setContentsMargins(0, 8, 0, 0)
    grid.setSpacing(10)
    for index, idea in enumerate(IDEAS):
        button = QPushButton(tr(idea))
        button.setMinimumHeight(44)
        button.clicked.connect(slot)
        grid.addWidget(button, index // 2, index % 2)
    return ideas
