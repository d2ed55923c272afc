"""Says where a link leads before it opens."""

from PySide6.QtCore import QByteArray, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.plain_text import PlainTextEdit, plain_label

SIZE = 440, 74  # pixels of the address


class LinkDialog(QDialog):
    """Shows the whole address as the network sees it, so that no letter can look like another; opens it, or not."""

    def __init__(self, url: QUrl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("linkDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Open this link?"))
        self._url = url
        host = _letters(QUrl.toAce(url.host())) or url.host()
        self._address = PlainTextEdit(_letters(url.toEncoded()))
        self._address.setObjectName("linkAddress")
        self._address.setReadOnly(True)
        self._address.setTabChangesFocus(True)
        self._address.setAccessibleName(tr("Address"))
        self._address.setMinimumWidth(SIZE[0])
        self._address.setFixedHeight(SIZE[1])
        leads = plain_label(tr("It leads to {host}, outside of Phichat:").format(host=host))
        leads.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(leads)
        layout.addWidget(self._address)
        layout.addWidget(self._buttons())

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        for name, label, role, slot in (
            ("openLink", tr("Open"), QDialogButtonBox.ButtonRole.AcceptRole, self._on_open),
            ("copyLink", tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole, self._on_copy),
            ("cancelLink", tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole, self.reject),
        ):
            button = box.addButton(label, role)
            button.setObjectName(name)
            button.clicked.connect(slot)
            if role is QDialogButtonBox.ButtonRole.AcceptRole:
                button.setDefault(True)
                button.setFocus()
        return box

    @Slot()
    def _on_open(self) -> None:
        QDesktopServices.openUrl(self._url)
        self.accept()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._address.toPlainText())
        self.reject()


def _letters(ascii_bytes: QByteArray) -> str:
    return bytes(ascii_bytes.data()).decode("ascii", "replace")
