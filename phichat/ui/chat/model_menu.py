"""The menu of the model button: models on this computer, and those on servers, each under its server."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from phichat.i18n import tr
from phichat.ui.controllers.servers import Servers
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import menu_text
from phichat.ui.widgets.foreign_text import tool_tip

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef
    from phichat.engine.remote.base import Server

MOST_IN_SECTION = 12  # models of a server; more are in a menu of their own


class ModelMenu(QMenu):
    """Filled from `models` and `servers` when it opens; the servers are asked then, and what they tell is shown.

    Signals:
        chosen(ModelRef): load this model.
        file_requested: open a model file.
        models_requested: show the models dialog.
    """

    chosen = Signal(object)
    file_requested = Signal()
    models_requested = Signal()

    def __init__(
        self, theme: Theme, models: "Callable[[], Sequence[ModelRef]]", servers: Servers, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._theme, self._models, self._servers = theme, models, servers
        self._current = ""  # the place of the model in use
        self._group = QActionGroup(self)
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._open)
        servers.changed.connect(self._refill)

    def set_current(self, model: "ModelRef | None") -> None:
        """Check `model`."""
        self._current = model.location if model else ""

    @Slot()
    def _open(self) -> None:
        self._servers.refresh()
        self._fill()

    @Slot()
    def _refill(self) -> None:
        """Show what a server told, with the same line under the mouse or the keys as before."""
        if not self.isVisible():
            return
        active = self.activeAction()
        kept = active.data() if active else None
        self._fill()
        self.adjustSize()
        found = next((each for each in self.actions() if kept is not None and each.data() == kept), None)
        if found:
            self.setActiveAction(found)

    def _fill(self) -> None:
        self.clear()
        for action in self._group.actions():
            self._group.removeAction(action)
        models = self._models()
        for model in models:
            if not model.is_remote:
                self._add_model(self, model)
        for server in self._servers.servers():
            self._add_server(server)
        self.addSeparator()
        self.addAction(self._theme.icon("model"), tr("Models…")).triggered.connect(self.models_requested)
        self.addAction(self._theme.icon("file"), tr("Open model file…")).triggered.connect(self.file_requested)
        to_servers = self.addAction(self._theme.icon("server"), tr("Servers…"))
        to_servers.triggered.connect(self._servers.page_requested)

    def _add_server(self, server: "Server") -> None:
        """Add the models of `server`, as it told last, and what is wrong with it."""
        self.addSeparator()
        # Qt draws sections as lines alone.
        heading = self.addAction(self._theme.icon("server"), menu_text(server.name))
        heading.setEnabled(False)
        heading.setToolTip(tool_tip(server.host))
        if problem := self._servers.problem(server):
            line = self.addAction(self._theme.icon("alert", is_alert=True), tr("Not available"))
            line.setToolTip(tool_tip(problem))
            line.setEnabled(False)
        elif not server.models:
            is_asked = self._servers.is_refreshing(server)
            self.addAction(tr("Getting the list of models…") if is_asked else tr("No models")).setEnabled(False)
        menu: QMenu = self
        if len(server.models) > MOST_IN_SECTION:
            menu = self.addMenu(tr("Models on {server}").format(server=menu_text(server.name)))
            menu.setToolTipsVisible(True)
        for name in server.models:
            self._add_model(menu, server.model(name))

    def _add_model(self, menu: QMenu, model: "ModelRef") -> None:
        action = menu.addAction(menu_text(model.title))
        action.setCheckable(True)
        action.setChecked(model.location == self._current)
        action.setData(model)
        action.setToolTip(tool_tip(model.location))
        action.triggered.connect(self._on_chosen)
        self._group.addAction(action)

    @Slot()
    def _on_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.chosen.emit(action.data())
