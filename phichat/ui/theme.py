"""How everything looks: design tokens for light and dark, the palette and style sheet made of them, and icons."""

from dataclasses import dataclass
from string import Template
from weakref import WeakKeyDictionary

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from shiboken6 import isValid

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
    mark: str
    strong_mark: str
    on_strong_mark: str


LIGHT = Tokens(
    ground="#faf9f7", surface="#ffffff", side="#f1efeb", bubble="#e4efed", hover="#e6e3dd", line="#dedad3",
    text="#1f2326", muted="#5c6167", accent="#0f6e66", on_accent="#ffffff", faint_accent="#d3e6e3", alert="#a4331f",
    mark="#f6e6a4", strong_mark="#f0a93a", on_strong_mark="#1f2326",
)  # fmt: skip
DARK = Tokens(
    ground="#17191b", surface="#202326", side="#121415", bubble="#1f3634", hover="#2b2f32", line="#34383c",
    text="#e9e7e3", muted="#a3a8ad", accent="#58bdb2", on_accent="#07201d", faint_accent="#1f3b38", alert="#f0957f",
    mark="#55481a", strong_mark="#e5a93c", on_strong_mark="#17191b",
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
        self._applied = False
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._dressed: WeakKeyDictionary[QWidget, str] = WeakKeyDictionary()
        self.tokens = LIGHT
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._apply)

    def choose(self, name: str) -> None:
        """Use `light`, `dark` or, for any other name, what the system uses."""
        self._chosen = name
        self._apply()

    def dress(self, widget: QWidget, name: str) -> None:
        """Give `widget` and what is in it the style sheet called `name`, now and in other colours.

        Only what the palette cannot do has one: each widget below a style sheet takes its time to be looked at,
        which for the whole window was a quarter of its start (`phichat bench --parts window`).
        """
        self._dressed[widget] = name
        self._dress(widget, name)

    def icon(self, name: str, *, on_accent: bool = False) -> QIcon:
        """The icon `name` of `resources/icons`, in this theme's colours."""
        colour = self.tokens.on_accent if on_accent else self.tokens.text
        if (name, colour) not in self._icons:
            self._icons[name, colour] = QIcon(_drawn(name, colour))
        return self._icons[name, colour]

    @Slot()
    def _apply(self) -> None:
        system_is_dark = self._application.styleHints().colorScheme() is Qt.ColorScheme.Dark
        is_dark = self._chosen == "dark" or (self._chosen != "light" and system_is_dark)
        tokens = DARK if is_dark else LIGHT
        if tokens is self.tokens and self._applied:
            return
        self._applied = True
        self.tokens = tokens
        self._application.setPalette(_palette(self.tokens))
        for widget, name in list(self._dressed.items()):
            if isValid(widget):
                self._dress(widget, name)
        self.changed.emit()

    def _dress(self, widget: QWidget, name: str) -> None:
        widget.setStyleSheet(_STYLES[name].substitute(vars(self.tokens)))


def muted(label: QLabel, *, alert: bool = False) -> QLabel:
    """`label` as something said in passing or, with `alert`, as something that went wrong."""
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setForegroundRole(QPalette.ColorRole.BrightText if alert else QPalette.ColorRole.PlaceholderText)
    return label


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
        role.BrightText: tokens.alert,
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


_BAR = """
QScrollBar { background: transparent; width: 10px; height: 10px; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }"""
_TOOLS = """
QToolButton { border: 1px solid transparent; border-radius: 7px; background: transparent; }
QToolButton:hover, QToolButton:checked { background: $hover; }
QToolButton:focus { border-color: $accent; }"""
_STYLES = {
    name: Template(rules)
    for name, rules in {
        "list": "QListView { background: transparent; border: none; outline: none; }" + _BAR,
        "quiet": """
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 5px 8px; text-align: left; }
QPushButton { background: transparent; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; }""",
        "field": """
QLineEdit, QPlainTextEdit { background: $surface; border: 1px solid $line; border-radius: 8px; padding: 5px 7px; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: $accent; }""",
        "button": """
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 7px 12px; background: $surface; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; }""",
        "primary": """
QPushButton { border: 2px solid $accent; border-radius: 10px; padding: 8px 18px; }
QPushButton { background: $accent; color: $on_accent; }
QPushButton:hover, QPushButton:focus { border-color: $text; }
QPushButton:disabled { background: $hover; border-color: $hover; color: $muted; }""",
        "link": """
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 6px 10px; }
QPushButton { background: transparent; color: $accent; }
QPushButton:hover { background: $hover; color: $text; }
QPushButton:focus { border-color: $accent; }
QPushButton::menu-indicator { image: none; }""",
        "progress": """
QProgressBar { background: $line; border: none; border-radius: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }""",
        "card": "QFrame[part=card] { background: $surface; border: 1px solid $line; border-radius: 14px; }",
        "strip": """
#downloadStrip, #readyNotice, #undoBar, #temporaryNote { background: $faint_accent; border: none; border-radius: 12px; }
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 4px 10px; }
QPushButton { background: transparent; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
#temporaryNote { padding: 8px 14px; color: $text; }
#switchButton { background: $accent; color: $on_accent; }
#switchButton:hover, #switchButton:focus { border-color: $text; }
#switchButton:disabled { background: transparent; color: $muted; }
QProgressBar { background: $line; border: none; border-radius: 3px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }""",
        "table": """
QTreeView { background: $surface; border: 1px solid $line; border-radius: 10px; outline: none; padding: 4px; }
QTreeView { selection-background-color: $faint_accent; selection-color: $text; show-decoration-selected: 1; }
QTreeView:focus { border-color: $accent; }
QTreeView::item { padding: 6px 8px; border: none; }
QTreeView::item:hover { background: $hover; }
QTreeView::item:selected { background: $faint_accent; color: $text; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; padding: 6px 8px; }"""
        + _BAR,
        "composer": """
#composerBox { background: $surface; border: 1px solid $line; border-radius: 18px; }
#composerBox[focused="true"] { border-color: $accent; }
#composer { background: transparent; border: none; }
#sendButton, #stopButton { border-radius: 17px; padding: 0; }
#sendButton { background: $accent; border: 2px solid $accent; }
#sendButton:focus, #stopButton:focus { border-color: $text; }
#sendButton:disabled { background: $hover; border-color: $hover; }
#stopButton { background: $faint_accent; border: 2px solid $faint_accent; }
#attachButton { background: transparent; border: 2px solid transparent; border-radius: 17px; padding: 0; }
#attachButton:hover { background: $hover; border-color: $hover; }
#attachButton:focus { border-color: $accent; }""",
        "chip": """
QFrame[part=chip] { background: $ground; border: 1px solid $line; border-radius: 9px; }
QFrame[part=chip][found="true"] { border-color: $strong_mark; background: $mark; }
QToolButton { border: 1px solid transparent; border-radius: 8px; padding: 3px 5px; }
QToolButton { background: transparent; color: $text; }
QToolButton:hover { background: $hover; }
QToolButton:focus { border-color: $accent; }""",
        "chosen": """
QFrame { background: $faint_accent; border: none; border-left: 3px solid $accent; border-radius: 8px; }""",
        "bubble": "QFrame[part=bubble] { background: $bubble; border-radius: 16px; }",
        "code": """
QFrame[part=code] { background: $surface; border: 1px solid $line; border-radius: 10px; }
QPlainTextEdit { background: transparent; border: none; }"""
        + _TOOLS
        + _BAR,
        "tools": _TOOLS,
        "bar": _BAR,
        "round": """
QToolButton { background: $surface; border: 1px solid $line; border-radius: 17px; }
QToolButton:focus { border-color: $accent; }""",
        "floating": """
#findBar { background: $surface; border: 1px solid $line; border-radius: 12px; }
#findBar QLineEdit { background: transparent; border: none; padding: 3px 4px; }
QLabel { background: transparent; }"""
        + _TOOLS,
        "small": """
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 3px 10px; }
QPushButton { background: transparent; color: $accent; }
QPushButton:hover { background: $hover; color: $text; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; }""",
        "edit": """
#editBox { background: $surface; border: 1px solid $accent; border-radius: 16px; }
#editField { background: transparent; border: none; }
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 4px 12px; background: $surface; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
#editSend { background: $accent; border-color: $accent; color: $on_accent; }
#editSend:focus, #editSend:hover { border-color: $text; }
#editSend:disabled { background: $hover; border-color: $hover; color: $muted; }""",
        "slider": """
QSlider::groove { height: 4px; border-radius: 2px; background: $line; }
QSlider::sub-page { background: $accent; border-radius: 2px; }
QSlider::handle { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $accent; }
QSlider::handle:focus { border: 2px solid $text; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }""",
    }.items()
}
