"""The page of the preferences with the servers: adding, testing, renaming and removing them, and their keys."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from phichat.engine.remote.base import LONGEST_NAME, Server, valid_name
from phichat.errors import ServerError
from phichat.i18n import format_number, tr, tr_count
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.servers import Addition, Servers
from phichat.ui.preferences.key_dialog import KeyDialog
from phichat.ui.theme.scaling import set_fixed_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import help_label, push_button
from phichat.ui.widgets.dialogs import NameDialog, ask_question
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.message_line import AlertLabel
from phichat.ui.widgets.text_input import LineEdit

if TYPE_CHECKING:
    from phichat.cancellation import CancelToken
    from phichat.engine.remote.check import Checked

LIST_HEIGHT = 118  # pixels: two servers, and a half, so that more are not overlooked


class ServersPage(QWidget):
    """Shows `servers`, and has them changed. One thing is done at a time, and can be canceled while it waits."""

    def __init__(self, theme: Theme, servers: Servers) -> None:
        super().__init__()
        self.setObjectName("serversPage")
        self.setAccessibleName(tr("Servers"))
        self._theme, self._servers = theme, servers
        self._waiting: CancelToken | None = None
        self._count = 0  # of what was begun or canceled: an error that comes late belongs to nothing
        self._away = ""  # the address at which nothing answered
        self._list = QListWidget()
        self._list.setObjectName("serverList")
        self._list.setAccessibleName(tr("Servers"))
        set_fixed_size(self._list, 0, LIST_HEIGHT)
        theme.apply_stylesheet(self._list, "servers")
        self._empty = help_label(tr("No servers yet. Add one below."))
        self._empty.setObjectName("noServers")
        self._test = self._button("serverTest", tr("Test"), self._on_test)
        self._rename = self._button("serverRename", tr("Rename…"), self._on_rename)
        self._key_button = self._button("serverSetKey", tr("Set key…"), self._on_key)
        self._remove = self._button("serverRemove", tr("Remove…"), self._on_remove)
        self._status = AlertLabel(theme)
        self._status.setObjectName("serversStatus")
        self._cancel = self._button("serverCancel", tr("Cancel"), self._on_cancel)
        self._address = _Field("serverAddressField", tr("Address"), tr("For example, gaming-pc:8080"))
        self._name = _Field("serverNameField", tr("Name"), tr("Optional"))
        self._name.setMaxLength(LONGEST_NAME)
        self._key = _Field("serverKeyField", tr("Key"), tr("Only if the server asks for one"))
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._add = self._button("serverAdd", tr("Add"), self._on_add)
        self._pressed: QPushButton | None = None
        """What was pressed, and has the focus again once the wait is over."""
        self._lay_out()
        for field in (self._address, self._name, self._key):
            field.textChanged.connect(self._show_state)
            field.entered.connect(self._on_add)
        self._list.currentRowChanged.connect(self._show_state)
        self._list.itemActivated.connect(self._on_test)
        servers.changed.connect(self._show_servers)
        servers.tried.connect(self._on_tried)
        self._show_servers()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        text = tr(
            "Use models that run on another computer with llama.cpp, Ollama, LM Studio, vLLM, or any other "
            "app with an OpenAI-compatible API. What you write to these models is sent to that computer."
        )
        layout.addWidget(help_label(text))
        layout.addWidget(self._list)
        layout.addWidget(self._empty)
        actions = QHBoxLayout()
        for button in (self._test, self._rename, self._key_button, self._remove):
            actions.addWidget(button)
        actions.addStretch()
        layout.addLayout(actions)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(8)
        for field in (self._address, self._name, self._key):
            label = plain_label(field.accessibleName())
            label.setBuddy(field)
            form.addRow(label, field)
        layout.addSpacing(4)
        layout.addLayout(form)
        last = QHBoxLayout()
        last.addWidget(self._status, 1, Qt.AlignmentFlag.AlignTop)
        for button in (self._cancel, self._add):
            last.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(last)
        layout.addStretch()

    def _button(self, name: str, text: str, slot: Callable[[], object]) -> QPushButton:
        button = push_button(name, text)
        button.clicked.connect(slot)
        self._theme.apply_stylesheet(button, "small")
        return button

    def focus_first(self) -> None:
        """Focus the list of servers or, if there are none, the field for an address."""
        (self._list if self._list.count() else self._address).setFocus()

    @Slot()
    def _show_servers(self) -> None:
        """Show the servers as they are; the current one stays."""
        current, servers = self._current(), self._servers.servers()
        self._list.blockSignals(True)  # else its buttons would be disabled for a moment, and lose the focus
        self._list.clear()
        for server in servers:
            item = QListWidgetItem(_line(server, has_key=self._servers.has_key(server)))
            item.setData(Qt.ItemDataRole.UserRole, server)
            self._list.addItem(item)
        urls = [server.url for server in servers]
        if servers:
            self._list.setCurrentRow(urls.index(current.url) if current and current.url in urls else len(urls) - 1)
        self._list.blockSignals(False)
        self._list.setVisible(bool(servers))
        self._empty.setVisible(not servers)
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        """Enable what can be done now."""
        is_free, is_chosen = self._waiting is None, self._current() is not None
        for button in (self._test, self._rename, self._key_button, self._remove):
            button.setEnabled(is_free and is_chosen)
        address = self._address.text().strip()
        self._add.setEnabled(is_free and bool(address))
        self._add.setText(tr("Add anyway") if address and address == self._away else tr("Add"))
        self._add.setAccessibleName(self._add.text())
        self._cancel.setVisible(not is_free)

    def _current(self) -> Server | None:
        item = self._list.currentItem()
        return item.data(Qt.ItemDataRole.UserRole) if item else None

    def _wait(self, text: str, token: "CancelToken") -> None:
        self._waiting = token
        self._tell(text)
        self._pressed = next((button for button in (self._test, self._add) if button.hasFocus()), None)
        self._show_state()
        if self._pressed:
            self._cancel.setFocus()

    def _tell(self, text: str, *, is_alert: bool = False, is_news: bool = False) -> None:
        self._status.set_alert(is_alert=is_alert)
        self._status.setText(text)
        self._status.setAccessibleDescription(text)
        if is_news or is_alert:
            announce(self._status, text)

    def _finish(self, text: str, *, is_alert: bool = False) -> None:
        self._waiting = None
        self._tell(text, is_alert=is_alert, is_news=True)
        pressed = self._pressed if self._cancel.hasFocus() else None
        self._show_state()
        if pressed:
            (pressed if pressed.isEnabled() else self._address).setFocus()

    def _fail(self, sentence: str) -> None:
        self._finish(sentence, is_alert=True)

    def _failing(self) -> Callable[[str], None]:
        """Return what shows why the thing failed that is about to begin, unless it is canceled."""
        self._count += 1
        return partial(self._fail_if_current, self._count)

    def _fail_if_current(self, number: int, sentence: str) -> None:
        if number == self._count:
            self._fail(sentence)

    @Slot()
    def _on_cancel(self) -> None:
        if self._waiting:
            self._waiting.set()
            self._count += 1
            self._finish(tr("Canceled."))
            self._address.setFocus()

    @Slot()
    def _on_add(self) -> None:
        if not self._add.isEnabled():
            return
        address = self._address.text().strip()
        token = self._servers.add(
            address,
            self._name.text(),
            self._key.text(),
            partial(self._on_added, address),
            self._failing(),
            self,
            even_if_away=address == self._away,
        )
        self._wait(tr("Looking for a server at {address}…").format(address=address), token)

    @Slot(str)
    def _on_tried(self, host: str) -> None:
        if self._waiting and not self._waiting.is_set():
            self._tell(tr("Trying {host}…").format(host=host))

    def _on_added(self, address: str, addition: Addition) -> None:
        server = addition.server
        if server is None:
            self._away = address
            self._finish(addition.problem, is_alert=True)
            return
        has_key = bool(self._key.text().strip())
        self._away = ""
        for field in (self._address, self._name, self._key):
            field.clear()
        models = tr_count("{count} model", "{count} models", len(server.models))
        text = tr("{name} was added ({kind}, {models}).")
        added = text.format(name=server.name, kind=server.kind.label, models=models)
        self._show_servers()
        self._list.setCurrentRow(self._list.count() - 1)
        self._finish(" ".join([added, *_key_remarks(server, has_key=has_key, is_kept=addition.is_key_kept)]))

    @Slot()
    def _on_test(self) -> None:
        server = self._current()
        if server and self._waiting is None:
            token = self._servers.check(server, partial(self._on_tested, server), self._failing(), self)
            self._wait(tr("Trying {host}…").format(host=server.host), token)

    def _on_tested(self, server: Server, checked: "Checked") -> None:
        models = tr_count("{count} model", "{count} models", len(checked.models))
        seconds = format_number(checked.seconds, 2)
        text = tr("{name} is working ({kind}, {models}). It answered in {seconds} s.")
        found = text.format(name=server.name, kind=checked.kind.label, models=models, seconds=seconds)
        if checked.model:
            begun = tr("{model} started answering after {seconds} s.")
            title = server.model(checked.model).title
            found += " " + begun.format(model=title, seconds=format_number(checked.first_token_seconds, 2))
        self._finish(found)

    @Slot()
    def _on_rename(self) -> None:
        if server := self._current():
            dialog = NameDialog(self, tr("Rename server"), server.name, LONGEST_NAME, _name_objection)
            dialog.setObjectName("renameServerDialog")
            dialog.named.connect(partial(self._rename_to, server))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    def _rename_to(self, server: Server, name: str) -> None:
        self._servers.rename(server, name, self._on_renamed, self._fail, self)

    def _on_renamed(self, server: Server) -> None:
        self._finish(tr("The server was renamed to {name}.").format(name=server.name))

    @Slot()
    def _on_key(self) -> None:
        if server := self._current():
            dialog = KeyDialog(self, server, has_key=self._servers.has_key(server))
            dialog.entered.connect(partial(self._save_key, server))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    def _save_key(self, server: Server, key: str) -> None:
        self._servers.set_key(server, key, partial(self._on_key_saved, server, key), self._fail, self)

    def _on_key_saved(self, server: Server, key: str, is_kept: bool) -> None:
        remarks = _key_remarks(server, has_key=bool(key), is_kept=is_kept)
        done = tr("The key was saved.") if key and is_kept else "" if key else tr("The key was deleted.")
        self._finish(" ".join(filter(None, [done, *remarks])))

    @Slot()
    def _on_remove(self) -> None:
        if server := self._current():
            question = tr("Remove {name} and its key from Phichat? Your conversations will be kept.").format(
                name=server.name
            )
            agreed = partial(self._servers.remove, server, self._on_removed, self._fail, self)
            ask_question(self._theme, self, "removeServerQuestion", question, tr("Remove"), tr("Cancel"), agreed)

    def _on_removed(self, server: Server) -> None:
        self._show_servers()
        self._finish(tr("{name} was removed.").format(name=server.name))


class _Field(LineEdit):
    """A field with a name and a hint. Signals: `entered` when Enter is pressed, which closes no dialog."""

    entered = Signal()

    def __init__(self, name: str, label: str, hint: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setPlaceholderText(hint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.entered.emit()
            event.accept()
        else:
            super().keyPressEvent(event)


def _line(server: Server, *, has_key: bool) -> str:
    """Return the two lines of a server in the list."""
    models = tr_count("{count} model", "{count} models", len(server.models))
    parts = [server.kind.label, server.host, models, *([tr("with a key")] if has_key else [])]
    return server.name + "\n" + "\N{NO-BREAK SPACE}· ".join(parts)


def _key_remarks(server: Server, *, has_key: bool, is_kept: bool) -> list[str]:
    """Return sentences about a key that was entered."""
    if not has_key:
        return []
    no_keyring = tr("This computer has no keyring, so Phichat keeps the key only until you quit.")
    open_line = tr("The connection to {host} isn’t encrypted: others on the network could read your key and messages.")
    remarks = [] if is_kept else [no_keyring]
    return remarks if server.is_encrypted else [*remarks, open_line.format(host=server.host)]


def _name_objection(name: str) -> str:
    try:
        valid_name(name)
    except ServerError as error:
        return str(error)
    return ""
