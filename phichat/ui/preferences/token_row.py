"""The row of the preferences in which the access token for the Hub is entered."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.models.base import TokenState
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import help_label, push_button


class TokenRow(QWidget):
    """Takes a token, which is never shown, and says what becomes of it.

    Signals: `entered(str)` with a new token; `removed` to forget the one that was entered.
    """

    entered = Signal(str)
    removed = Signal()

    def __init__(self, theme: Theme, host: str) -> None:
        super().__init__()
        self.field = _TokenField()
        self.field.setObjectName("hubTokenField")
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setAccessibleName(tr("Access token for {host}").format(host=host))
        self._save = push_button("hubTokenSave", tr("Save"))
        self._remove = push_button("hubTokenRemove", tr("Delete"))
        self._state = help_label("")
        self._state.setObjectName("hubTokenState")
        self._state.setMinimumHeight(2 * self._state.fontMetrics().lineSpacing())  # so that nothing jumps
        self._state.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._save.setEnabled(False)
        self._remove.hide()
        row = QHBoxLayout()
        for button in (self._save, self._remove):
            button.setAutoDefault(False)
            theme.apply_stylesheet(button, "small")
            row.addWidget(button)
        row.insertWidget(0, self.field, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._state)
        self.field.textChanged.connect(self._on_text)
        self.field.returnPressed.connect(self._on_save)
        self._save.clicked.connect(self._on_save)
        self._remove.clicked.connect(self.removed)

    def show_state(self, state: TokenState) -> None:
        """Show which tokens there are."""
        self._remove.setVisible(state.is_entered)
        muted(self._state)
        self._state.setText(_describe(state))

    def show_saved(self, state: TokenState) -> None:
        """Show what became of a token that was entered, or removed, and announce it."""
        self.field.clear()
        self.show_state(state)
        announce(self._state, self._state.text())

    def show_error(self, sentence: str) -> None:
        """Show and announce why a token was not taken."""
        self._on_text(self.field.text())
        muted(self._state, alert=True)
        self._state.setText(sentence)
        announce(self._state, sentence)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self._save.setEnabled(bool(text.strip()))

    @Slot()
    def _on_save(self) -> None:
        if self._save.isEnabled():
            self._save.setEnabled(False)  # the keyring may take a while, and ask for its password
            self.entered.emit(self.field.text())


class _TokenField(QLineEdit):
    """A field in which Enter does not press the dialog's button."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            event.accept()


def _describe(state: TokenState) -> str:
    if state.is_variable:
        return tr("Phichat uses the access token in the HF_TOKEN environment variable.")
    if state.is_kept:
        return tr("Your access token is saved in this computer’s keyring.")
    if state.is_entered:
        return tr("This computer has no keyring, so Phichat keeps your access token only until you quit.")
    if state.is_from_login:
        return tr("Phichat uses the access token that a Hugging Face tool saved on this computer.")
    return tr(
        "You need an access token only for private models and for models whose terms you must accept. "
        "Phichat sends it only to {host}."
    ).format(host=state.host)
