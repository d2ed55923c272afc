"""How everything looks: design tokens for light and dark, the palette and style sheet made of them, and icons."""

from dataclasses import dataclass
from string import Template

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QStyleFactory

from phichat.text import resource


@dataclass(frozen=True)
class Tokens:
    """The colours of one theme. Every text on every ground it is used on has a contrast of 4.5:1 or more."""

    ground: str
    surface: str
    side: str
    bubble: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    faint_accent: str
    alert: str


LIGHT = Tokens(
    ground="#faf9f7", surface="#ffffff", side="#f1efeb", bubble="#e4efed", hover="#e6e3dd", line="#dedad3",
    text="#1f2326", muted="#5c6167", accent="#0f6e66", on_accent="#ffffff", faint_accent="#d3e6e3", alert="#a4331f",
)  # fmt: skip
DARK = Tokens(
    ground="#17191b", surface="#202326", side="#121415", bubble="#1f3634", hover="#2b2f32", line="#34383c",
    text="#e9e7e3", muted="#a3a8ad", accent="#58bdb2", on_accent="#07201d", faint_accent="#1f3b38", alert="#f0957f",
)  # fmt: skip


class Theme(QObject):
    """Applies light or dark to the application, following the system unless told otherwise.

    Signals: `changed` after other colours have been applied; icons are then to be asked for again.
    """

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._chosen = ""
        self.tokens = LIGHT
        application.setStyle(QStyleFactory.create("Fusion"))
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._apply)

    def choose(self, name: str) -> None:
        """Use `light`, `dark` or, for any other name, what the system uses."""
        self._chosen = name
        self._apply()

    def icon(self, name: str, *, on_accent: bool = False) -> QIcon:
        """The icon `name` of `resources/icons`, in this theme's colours."""
        icon = QIcon()
        ordinary = self.tokens.on_accent if on_accent else self.tokens.text
        for mode, colour in ((QIcon.Mode.Normal, ordinary), (QIcon.Mode.Disabled, self.tokens.muted)):
            icon.addPixmap(_drawn(name, colour), mode)
        return icon

    @Slot()
    def _apply(self) -> None:
        system_is_dark = self._application.styleHints().colorScheme() is Qt.ColorScheme.Dark
        is_dark = self._chosen == "dark" or (self._chosen != "light" and system_is_dark)
        tokens = DARK if is_dark else LIGHT
        if tokens is self.tokens and self._application.styleSheet():
            return
        self.tokens = tokens
        self._application.setPalette(_palette(self.tokens))
        self._application.setStyleSheet(_STYLE.substitute(vars(self.tokens)))
        self.changed.emit()


def _drawn(name: str, colour: str) -> QPixmap:
    source = resource(f"icons/{name}.svg").read_text("utf-8").replace("#000", colour)
    ratio = QGuiApplication.primaryScreen().devicePixelRatio() if QGuiApplication.primaryScreen() else 1.0
    pixmap = QPixmap(QSize(20, 20) * ratio * 2)  # twice as fine, for screens of another scale
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(source.encode())).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio * 2)
    return pixmap


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: tokens.ground,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.side,
        role.Button: tokens.surface,
        role.WindowText: tokens.text,
        role.Text: tokens.text,
        role.ButtonText: tokens.text,
        role.ToolTipBase: tokens.surface,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.Mid: tokens.line,
        role.Dark: tokens.line,
    }.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.muted))
    return palette


_STYLE = Template("""
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 6px; }
#sidebar, #settingsPanel, #panelContent { background: $side; border: none; }
#sidebar { border-right: 1px solid $line; }
#settingsPanel { border-left: 1px solid $line; }
#header { border-bottom: 1px solid $line; }
#transcript, #transcriptContent, #welcome { background: $ground; border: none; }
QLabel[part="title"] { font-weight: 600; }
QLabel[part="muted"], #statusSpeed, #statusContext, #statusMessage { color: $muted; }
QLabel[part="alert"], #statusMessage[alert="true"] { color: $alert; }
QLabel[part="hello"] { font-size: 22pt; font-weight: 600; }
QToolButton { border: 1px solid transparent; border-radius: 8px; padding: 5px; background: transparent; }
QToolButton:hover { background: $hover; }
QToolButton:focus { border-color: $accent; }
QToolButton::menu-indicator { image: none; }
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 6px 12px; background: $surface; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; }
#sendButton { background: $accent; color: $on_accent; border: 2px solid $accent; border-radius: 17px; padding: 0; }
#sendButton:focus, #stopButton:focus { border-color: $text; }
#sendButton:disabled { background: $hover; border-color: $hover; }
#stopButton { background: $faint_accent; border: 2px solid $faint_accent; border-radius: 17px; padding: 0; }
#composerBox { background: $surface; border: 1px solid $line; border-radius: 18px; }
#composerBox[focused="true"] { border-color: $accent; }
#composer { background: transparent; border: none; }
#searchField, #systemPrompt, QComboBox, QAbstractSpinBox { background: $surface; border: 1px solid $line;
  border-radius: 7px; padding: 3px 7px; selection-background-color: $accent; selection-color: $on_accent; }
#searchField:focus, #systemPrompt:focus, QComboBox:focus, QAbstractSpinBox:focus { border-color: $accent; }
#searchField { padding: 6px 8px; }
QAbstractSpinBox { padding-right: 2px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; border: none; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $line; selection-background-color: $faint_accent;
  selection-color: $text; }
#conversationList { background: transparent; border: none; outline: none; }
#conversationList::item { border-radius: 8px; padding: 8px 10px; margin: 1px 0; color: $text; }
#conversationList::item:hover { background: $hover; }
#conversationList::item:selected { background: $faint_accent; color: $text; }
#conversationList::item:selected:focus { border: 1px solid $accent; }
QFrame[part="bubble"] { background: $bubble; border-radius: 16px; }
QTextBrowser { background: transparent; border: none; selection-background-color: $accent;
  selection-color: $on_accent; }
QFrame[part="code"] { background: $surface; border: 1px solid $line; border-radius: 10px; }
QFrame[part="code"] QPlainTextEdit { background: transparent; border: none; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $line; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -6px 0; border-radius: 8px; background: $accent;
  border: 1px solid $side; }
QSlider::handle:horizontal:focus { border: 2px solid $text; }
QScrollBar:vertical { width: 10px; background: transparent; margin: 0; }
QScrollBar:horizontal { height: 10px; background: transparent; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none; height: 0;
  width: 0; }
QSplitter::handle { background: transparent; }
QMenu { background: $surface; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 24px; border-radius: 6px; }
QMenu::item:selected { background: $faint_accent; color: $text; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
#downButton { background: $surface; border: 1px solid $line; border-radius: 17px; }
""")
