"""The bar above the conversation: buttons for the side columns, and the model button."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import heading_label
from phichat.ui.widgets.foreign_text import set_tool_tip, tool_tip

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


class Header(QWidget):
    """Buttons that fold the columns, and the model button, whose menu is filled from `models` when it opens.

    Signals:
        model_chosen(ModelRef): load this model.
        file_requested: open a model file.
        models_requested: show the models dialog.
    """

    model_chosen = Signal(object)
    file_requested = Signal()
    models_requested = Signal()

    def __init__(
        self, theme: Theme, models: "Callable[[], Sequence[ModelRef]]", sidebar: QAction, panel: QAction
    ) -> None:
        super().__init__()
        self.setObjectName("header")
        self._theme, self._models = theme, models
        self._current = ""
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
        self._menu = QMenu(self._model)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._model.setMenu(self._menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(self._sidebar)
        layout.addWidget(self._model)
        layout.addWidget(self._title, 1)
        layout.addWidget(self._panel)
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._title.installEventFilter(self)
        self.show_model("", tr("No model"))

    def show_model(self, name: str, text: str) -> None:
        """Show `text` on the button, and check the model called `name` in the menu."""
        self._current = name
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
        if event.type() is QEvent.Type.Resize:
            self._fit_title()
        return super().eventFilter(watched, event)

    @Slot()
    def _fill_menu(self) -> None:
        self._menu.clear()
        group = QActionGroup(self._menu)
        for model in self._models():
            action = self._menu.addAction(model.title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(model.name == self._current)
            action.setData(model)
            action.setToolTip(tool_tip(model.location))
            action.triggered.connect(self._on_chosen)
            group.addAction(action)
        self._menu.addSeparator()
        self._menu.addAction(self._theme.icon("model"), tr("Models…")).triggered.connect(self.models_requested)
        self._menu.addAction(self._theme.icon("file"), tr("Open model file…")).triggered.connect(self.file_requested)

    @Slot()
    def _on_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.model_chosen.emit(action.data())

    @Slot()
    def _show_icons(self) -> None:
        self._sidebar.defaultAction().setIcon(self._theme.icon("sidebar"))
        self._panel.defaultAction().setIcon(self._theme.icon("settings"))
        self._model.setIcon(self._theme.icon("model"))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAccessibleName(action.text())
    set_icon_size(button, 20)
    return button
