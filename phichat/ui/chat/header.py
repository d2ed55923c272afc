"""The bar above the conversation: buttons for the side columns, the model button, and where messages go."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from phichat.i18n import tr
from phichat.ui.chat.model_menu import ModelMenu
from phichat.ui.controllers.servers import Servers
from phichat.ui.theme.scaling import scaled, set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import heading_label
from phichat.ui.widgets.foreign_text import set_tool_tip, tool_tip

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


BADGE_WIDTH = 170  # pixels, at most, of the host; its tool tip has all of it


class Header(QWidget):
    """Buttons that fold the columns, the model button, and a badge with the host that messages go to.

    Signals:
        model_chosen(ModelRef): load this model.
        file_requested: open a model file.
        models_requested: show the models dialog.
    """

    model_chosen = Signal(object)
    file_requested = Signal()
    models_requested = Signal()

    def __init__(
        self,
        theme: Theme,
        models: "Callable[[], Sequence[ModelRef]]",
        servers: Servers,
        sidebar: QAction,
        panel: QAction,
    ) -> None:
        super().__init__()
        self.setObjectName("header")
        self._theme = theme
        self._sidebar = _button(sidebar)
        self._panel = _button(panel)
        self._model = QToolButton()
        set_icon_size(self._model, 18)
        self._model.setAutoRaise(True)
        self._model.setObjectName("modelButton")
        self._model.setToolTip(tr("Choose a model"))
        self._model.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._model.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._title = heading_label("")
        self._title.setObjectName("conversationTitle")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title.setMinimumWidth(1)  # a long title is cut off instead of widening the window
        self._full_title = ""
        self._menu = ModelMenu(theme, models, servers, self._model)
        self._menu.chosen.connect(self.model_chosen)
        self._menu.file_requested.connect(self.file_requested)
        self._menu.models_requested.connect(self.models_requested)
        self._model.setMenu(self._menu)
        self._badge = PrivacyBadge(theme)
        self._badge.clicked.connect(servers.page_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(self._sidebar)
        layout.addWidget(self._model)
        layout.addWidget(self._badge)
        layout.addWidget(self._title, 1)
        layout.addWidget(self._panel)
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._title.installEventFilter(self)
        self.show_model(None, tr("No model"))

    def show_model(self, model: "ModelRef | None", text: str) -> None:
        """Show `text` on the button, check `model` in the menu, and show the host that messages to it go to."""
        self._menu.set_current(model)
        self._badge.show_host(model.host if model else "")
        self._model.setText(" " + text.replace("&", "&&"))
        self._model.setAccessibleName(tr("Model: {name}").format(name=text))

    def show_title(self, title: str) -> None:
        """Show the title of the conversation; empty for none."""
        self._full_title = title
        self._title.setAccessibleName(title)
        self._fit_title()

    def _fit_title(self) -> None:
        """Cut the title off where it has no room; put it in the middle of the bar if there is room for that."""
        place = self._title.geometry()
        before, after = place.left(), self.width() - place.right()
        aside = abs(before - after) if place.width() - abs(before - after) > self._full_width() else 0
        self._title.setContentsMargins(*((0, 0, aside, 0) if before > after else (aside, 0, 0, 0)))
        room = self._title.contentsRect().width()
        shown = self._title.fontMetrics().elidedText(self._full_title, Qt.TextElideMode.ElideRight, room)
        if shown != self._title.text():
            self._title.setText(shown)
        set_tool_tip(self._title, self._full_title if shown != self._full_title else "")

    def _full_width(self) -> int:
        return self._title.fontMetrics().horizontalAdvance(self._full_title)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QResizeEvent):
            self._fit_title()
        return super().eventFilter(watched, event)

    @Slot()
    def _show_icons(self) -> None:
        self._sidebar.defaultAction().setIcon(self._theme.icon("sidebar"))
        self._panel.defaultAction().setIcon(self._theme.icon("settings"))
        self._model.setIcon(self._theme.icon("model"))


class PrivacyBadge(QToolButton):
    """Shows the host that messages go to; hidden while they stay on this computer. A click leads to the servers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("privacyBadge")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_icon_size(self, 15)
        theme.apply_stylesheet(self, "badge")
        theme.changed.connect(self._show_icon)
        self._show_icon()
        self.hide()

    def show_host(self, host: str) -> None:
        """Show `host`; empty for this computer."""
        shown = self.fontMetrics().elidedText(host, Qt.TextElideMode.ElideMiddle, scaled(BADGE_WIDTH))
        self.setText(shown.replace("&", "&&"))
        self.setAccessibleName(tr("Messages go to {host}").format(host=host))
        self.setToolTip(tool_tip(tr("This model runs on a server. Messages go to {host}.").format(host=host)))
        self.setVisible(bool(host))

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("server"))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAccessibleName(action.text())
    set_icon_size(button, 20)
    return button
