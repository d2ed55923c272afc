"""The theme: palette, style sheets and icons, as the system or the user wants them."""

from weakref import WeakKeyDictionary

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from shiboken6 import isValid

from phichat.i18n import resource
from phichat.ui.theme.palette import ACCENTS, SYSTEM, THEMES, Colors, colors_of
from phichat.ui.theme.scaling import scaled, set_text_size, text_scale
from phichat.ui.theme.stylesheets import PLAIN, STYLES

POINTING = {"next", "previous", "sidebar"}  # icons that point to a side, the other one where one reads from the right
USUAL, LARGE, HUGE = (16, 20, 40), 80, 160  # pixels; up to 40 are shown on a screen of scale 1


def tinted_icon(name: str, colour: str, faint: str = "") -> QIcon:
    """The icon `name` of `resources/icons` in `colour`, and in `faint`, if given, where it can do nothing."""
    # Not by an icon engine of our own: Python frees those a second time, with what else is in a circle.
    source = resource(f"icons/{name}.svg").read_text("utf-8")
    is_turned = name in POINTING and QGuiApplication.layoutDirection() is Qt.LayoutDirection.RightToLeft
    icon = QIcon()
    for shade, mode in ((colour, QIcon.Mode.Normal), *([(faint, QIcon.Mode.Disabled)] if faint else [])):
        renderer = QSvgRenderer(QByteArray(source.replace("#000", shade).encode()))
        for pixels in _sizes():
            icon.addPixmap(_picture(renderer, pixels, is_turned=is_turned), mode)
    return icon


def _sizes() -> list[int]:
    finest = max(_ratios(), default=1.0) * text_scale()
    return [*USUAL, *([LARGE] if finest > 1 else []), *([HUGE] if finest > 2 else [])]


def _ratios() -> list[float]:
    return [screen.devicePixelRatio() for screen in QGuiApplication.screens()]


def _picture(renderer: QSvgRenderer, pixels: int, *, is_turned: bool) -> QPixmap:
    pixmap = QPixmap(QSize(pixels, pixels))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    if is_turned:
        painter.translate(pixels, 0)
        painter.scale(-1, 1)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    return pixmap


class SystemTheme(QObject):
    """Asks Qt, which asks the system.

    Signals: `changed` when something may be another way now.
    """

    changed = Signal()

    def __init__(self, application: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._hints = application.styleHints()
        # Qt's before 6.10 do not know of contrast.
        self._access = self._hints.accessibility() if hasattr(self._hints, "accessibility") else None
        self._hints.colorSchemeChanged.connect(self._on_changed)
        application.paletteChanged.connect(self._on_changed)
        if self._access:
            self._access.contrastPreferenceChanged.connect(self._on_changed)

    @Slot()
    def _on_changed(self) -> None:
        self.changed.emit()

    def is_dark(self) -> bool:
        """Whether grounds are to be dark."""
        return self._hints.colorScheme() is Qt.ColorScheme.Dark

    def wants_contrast(self) -> bool:
        """Whether everything is to be told as clearly as can be."""
        access = self._access
        return access is not None and access.contrastPreference() is Qt.ContrastPreference.HighContrast

    def accent(self) -> str:
        """The accent colour, as long as the application's palette has none of its own."""
        return self._application.palette().color(QPalette.ColorRole.Accent).name()


ROUND = 34  # pixels: how large round buttons are


class Theme(QObject):
    """Gives the application its colours and letters, following the system unless told otherwise.

    Signals: `changed` after other colours or letters have come; icons are then to be asked for again.
    """

    changed = Signal()

    def __init__(self, application: QApplication, system: SystemTheme | None = None) -> None:
        super().__init__(application)
        self._application, self._system = application, system or SystemTheme(application, self)
        self._chosen, self._accent = SYSTEM, "teal"
        self._letters = (100, "")
        self._applied = self._hides_systems = False
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._dressed: WeakKeyDictionary[QWidget, str] = WeakKeyDictionary()
        self.colors = colors_of("light", self._accent)
        self._apply()
        self._system.changed.connect(self._apply)
        application.screenAdded.connect(self._draw_again)

    def choose(self, name: str, accent: str = "") -> None:
        """Use the theme `name`, or for any other word what the system uses; and `accent`, if one is named."""
        self._chosen = name
        if accent in ACCENTS or accent == SYSTEM:
            self._accent = accent
        self._apply()

    def set_font(self, percent: int, family: str = "") -> None:
        """Have letters of `percent` of the system's size, in `family` or, for none, in the system's."""
        if (percent, family) != self._letters:
            self._letters = percent, family
            set_text_size(self._application, percent, family)
            self._dress_all()
            self._draw_again()

    def apply_stylesheet(self, widget: QWidget, name: str) -> None:
        """Give `widget` and what is in it the style sheet called `name`, now and in other colours.

        Only what the palette cannot do has one: each widget below a style sheet takes its time to be looked at,
        which for the whole window was a quarter of its start (`phichat bench --parts window`).
        """
        self._dressed[widget] = name
        self._dress(widget, name)

    def icon(self, name: str, *, on_accent: bool = False) -> QIcon:
        """The icon `name` of `resources/icons`, in this theme's colours."""
        colour = self.colors.on_accent if on_accent else self.colors.text
        if (name, colour) not in self._icons:
            self._icons[name, colour] = tinted_icon(name, colour, self.colors.muted if on_accent else "")
        return self._icons[name, colour]

    @Slot()
    def _apply(self) -> None:
        tokens = colors_of(self._name(), self._colour())
        if tokens is self.colors and self._applied:
            return
        had_plain = self.colors.is_plain and self._applied
        self._applied = True
        self.colors = tokens
        self._hides_systems = self._accent != SYSTEM
        self._application.setPalette(_palette(tokens, has_accent=self._hides_systems))
        if tokens.is_plain or had_plain:  # for all windows only where need be, as that takes its time
            self._application.setStyleSheet(PLAIN.substitute(vars(tokens)) if tokens.is_plain else "")
        self._dress_all()
        self._draw_again()

    def _name(self) -> str:
        if self._chosen in THEMES:
            return self._chosen
        shade = "dark" if self._system.is_dark() else "light"
        return f"{shade}-contrast" if self._system.wants_contrast() else shade

    def _colour(self) -> str:
        """The accent; the system's is what the palette has as long as we give it none."""
        if self._accent != SYSTEM:
            return self._accent
        if self._hides_systems:
            self._hides_systems = False
            self._application.setPalette(_palette(self.colors, has_accent=False))
        return self._system.accent()

    @Slot()
    def _draw_again(self) -> None:
        """Icons in other colours, or for a finer screen."""
        self._icons.clear()
        self.changed.emit()

    def _dress_all(self) -> None:
        for widget, name in list(self._dressed.items()):
            if isValid(widget):
                self._dress(widget, name)

    def _dress(self, widget: QWidget, name: str) -> None:
        widget.setStyleSheet(STYLES[name].substitute(vars(self.colors), round=scaled(ROUND) // 2))


def muted(label: QLabel, *, alert: bool = False) -> QLabel:
    """`label` as something said in passing or, with `alert`, as something that went wrong."""
    label.setForegroundRole(QPalette.ColorRole.BrightText if alert else QPalette.ColorRole.PlaceholderText)
    return label


def _palette(tokens: Colors, *, has_accent: bool) -> QPalette:
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
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.Mid: tokens.line,
        role.Midlight: tokens.hover,
        role.Dark: tokens.line,
    }.items():
        palette.setColor(which, QColor(colour))
    if has_accent:
        palette.setColor(role.Accent, QColor(tokens.accent))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.muted))
    return palette
