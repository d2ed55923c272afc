"""The theme: palette, style sheets and icons, as the system or the user wants them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from weakref import WeakKeyDictionary

from PySide6.QtCore import QByteArray, QDir, QObject, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from shiboken6 import isValid

from phichat.i18n import resource
from phichat.ui.theme.control_styles import control_style
from phichat.ui.theme.palette import ACCENTS, SYSTEM, THEMES, Colors, colors_of
from phichat.ui.theme.scaling import scaled, set_text_size, text_scale
from phichat.ui.theme.stylesheets import STYLES

MIRRORED_ICONS = {"next", "previous", "sidebar"}  # they point to a side: the other one in right-to-left languages
ICON_SIZES, LARGE, HUGE = (16, 20, 40), 80, 160  # pixels; up to 40 are shown on a screen of scale 1


def tinted_icon(name: str, colour: str, faint: str = "") -> QIcon:
    """Return the icon `name` of `resources/icons` in `colour`; disabled in `faint`, if that is given."""
    # Not a QIconEngine in Python: the garbage collector frees one in a reference cycle a second time, after Qt.
    is_mirrored = name in MIRRORED_ICONS and QGuiApplication.layoutDirection() is Qt.LayoutDirection.RightToLeft
    icon = QIcon()
    for shade, mode in ((colour, QIcon.Mode.Normal), *([(faint, QIcon.Mode.Disabled)] if faint else [])):
        for image in _images(name, shade, tuple(_icon_sizes()), is_mirrored=is_mirrored):
            icon.addPixmap(QPixmap.fromImage(image), mode)
    return icon


def _icon_sizes() -> list[int]:
    """Return the sizes in pixels that icons need on the screens there are, at the present text size."""
    finest = max(_ratios(), default=1.0) * text_scale()
    return [*ICON_SIZES, *([LARGE] if finest > 1 else []), *([HUGE] if finest > 2 else [])]


def _ratios() -> list[float]:
    return [screen.devicePixelRatio() for screen in QGuiApplication.screens()]


@lru_cache(maxsize=100)  # of 10 kB, or 140 where the screen is fine
def _images(name: str, shade: str, sizes: tuple[int, ...], *, is_mirrored: bool) -> list[QImage]:
    """Return the icon in these sizes; not as pixmaps, which may not be kept longer than the application."""
    source = resource(f"icons/{name}.svg").read_text("utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("#000", shade).encode()))
    return [_render(renderer, pixels, is_mirrored=is_mirrored) for pixels in sizes]


def _render(renderer: QSvgRenderer, pixels: int, *, is_mirrored: bool) -> QImage:
    image = QImage(QSize(pixels, pixels), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    if is_mirrored:
        painter.translate(pixels, 0)
        painter.scale(-1, 1)
    renderer.render(painter, QRectF(image.rect()))
    painter.end()
    return image


class SystemTheme(QObject):
    """What the desktop prefers: dark or light, contrast, and its accent colour.

    Signals: `changed` when any of it may have changed.
    """

    changed = Signal()

    def __init__(self, application: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._hints = application.styleHints()
        # Qt before 6.10 does not report the contrast preference.
        self._access = self._hints.accessibility() if hasattr(self._hints, "accessibility") else None
        self._hints.colorSchemeChanged.connect(self._on_changed)
        application.paletteChanged.connect(self._on_changed)
        if self._access:
            self._access.contrastPreferenceChanged.connect(self._on_changed)

    @Slot()
    def _on_changed(self) -> None:
        self.changed.emit()

    def is_dark(self) -> bool:
        """Return whether the desktop is dark."""
        return self._hints.colorScheme() is Qt.ColorScheme.Dark

    def wants_contrast(self) -> bool:
        """Return whether the desktop asks for high contrast."""
        access = self._access
        return access is not None and access.contrastPreference() is Qt.ContrastPreference.HighContrast

    def accent(self) -> str:
        """Return the accent colour of the application's palette: the desktop's, unless we have set our own."""
        return self._application.palette().color(QPalette.ColorRole.Accent).name()


ROUND_BUTTON, SMALL_ROUND_BUTTON = 34, 26  # pixels, the diameters


class Theme(QObject):
    """Sets the application's palette, style sheets and font, following the desktop unless told otherwise.

    Attributes:
        colors: the colours in use.

    Signals: `changed` after colours or sizes have changed; icon() then returns other icons.
    """

    changed = Signal()

    def __init__(self, application: QApplication, system: SystemTheme | None = None) -> None:
        super().__init__(application)
        self._application, self._system = application, system or SystemTheme(application, self)
        self._chosen, self._accent = SYSTEM, "teal"
        self._font = (100, "")
        self._is_applied = self._hides_system_accent = self._is_building = False
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._stylesheets: WeakKeyDictionary[QWidget, str] = WeakKeyDictionary()
        self.colors = colors_of("light", self._accent)
        QDir.setSearchPaths("icons", [str(resource("icons"))])
        self._apply()
        self._system.changed.connect(self._apply)
        application.screenAdded.connect(self._redraw_icons)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Apply all style sheets after a window is built, not meanwhile.

        Qt styles a widget and all in it again whenever it is put into another one, which took a third of the time to
        build the window.
        """
        self._is_building = True
        self._style_controls()
        try:
            yield
        finally:
            self._is_building = False
            self._style_controls()
            self._update_stylesheets()

    def set_theme(self, name: str, accent: str = "") -> None:
        """Use the theme `name`, or the desktop's if there is none of that name; and `accent`, if there is one."""
        self._chosen = name
        if accent in ACCENTS or accent == SYSTEM:
            self._accent = accent
        self._apply()

    def set_font(self, percent: int, family: str = "") -> None:
        """Use a font of `percent` of the desktop's size, in `family`, or in the desktop's family if that is empty."""
        if (percent, family) != self._font:
            self._font = percent, family
            set_text_size(self._application, percent, family)
            self._style_controls()
            self._update_stylesheets()
            self._redraw_icons()

    def apply_stylesheet(self, widget: QWidget, name: str) -> None:
        """Set the style sheet `name` of `STYLES` on `widget`, now and whenever the colours change.

        Only for what the palette cannot do: Qt matches each widget below a style sheet against its rules, which for
        the whole window was a quarter of its start (`phichat bench --parts window`).
        """
        self._stylesheets[widget] = name
        if not self._is_building:
            self._set_stylesheet(widget, name)

    def icon(self, name: str, *, on_accent: bool = False, is_alert: bool = False) -> QIcon:
        """Return the icon `name` of `resources/icons` in this theme's colours."""
        plain = self.colors.alert if is_alert else self.colors.text
        colour = self.colors.on_accent if on_accent else plain
        if (name, colour) not in self._icons:
            self._icons[name, colour] = tinted_icon(name, colour, self.colors.muted if on_accent else "")
        return self._icons[name, colour]

    @Slot()
    def _apply(self) -> None:
        colors = colors_of(self._theme_name(), self._accent_colour())
        if colors is self.colors and self._is_applied:
            return
        self._is_applied = True
        self.colors = colors
        self._hides_system_accent = self._accent != SYSTEM
        self._application.setPalette(_palette(colors, has_accent=self._hides_system_accent))
        self._style_controls()
        self._update_stylesheets()
        self._redraw_icons()

    def _style_controls(self) -> None:
        style_sheet = "" if self._is_building else control_style(self.colors)
        if style_sheet != self._application.styleSheet():  # Qt styles all widgets again, even for the same one
            self._application.setStyleSheet(style_sheet)

    def _theme_name(self) -> str:
        if self._chosen in THEMES:
            return self._chosen
        shade = "dark" if self._system.is_dark() else "light"
        return f"{shade}-contrast" if self._system.wants_contrast() else shade

    def _accent_colour(self) -> str:
        """Return the accent; to read the desktop's, take our own out of the palette first."""
        if self._accent != SYSTEM:
            return self._accent
        if self._hides_system_accent:
            self._hides_system_accent = False
            self._application.setPalette(_palette(self.colors, has_accent=False))
        return self._system.accent()

    @Slot()
    def _redraw_icons(self) -> None:
        """Render icons again: in other colours, or for a screen of another scale."""
        self._icons.clear()
        self.changed.emit()

    def _update_stylesheets(self) -> None:
        for widget, name in list(self._stylesheets.items()):
            if isValid(widget):
                self._set_stylesheet(widget, name)

    def _set_stylesheet(self, widget: QWidget, name: str) -> None:
        style_sheet = STYLES[name].substitute(
            vars(self.colors), round=scaled(ROUND_BUTTON) // 2, small_round=scaled(SMALL_ROUND_BUTTON) // 2
        )
        if style_sheet != widget.styleSheet():
            widget.setStyleSheet(style_sheet)


def muted(label: QLabel, *, alert: bool = False) -> QLabel:
    """Give `label` the colour of secondary text or, with `alert`, of an error; return it."""
    label.setForegroundRole(QPalette.ColorRole.BrightText if alert else QPalette.ColorRole.PlaceholderText)
    return label


def _palette(colors: Colors, *, has_accent: bool) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: colors.ground,
        role.Base: colors.surface,
        role.AlternateBase: colors.side,
        role.Button: colors.surface,
        role.WindowText: colors.text,
        role.Text: colors.text,
        role.ButtonText: colors.text,
        role.ToolTipBase: colors.surface,
        role.ToolTipText: colors.text,
        role.PlaceholderText: colors.muted,
        role.BrightText: colors.alert,
        role.Highlight: colors.accent,
        role.HighlightedText: colors.on_accent,
        role.Link: colors.accent,
        role.LinkVisited: colors.accent,
        role.Mid: colors.line,
        role.Midlight: colors.hover,
        role.Dark: colors.line,
    }.items():
        palette.setColor(which, QColor(colour))
    if has_accent:
        palette.setColor(role.Accent, QColor(colors.accent))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(colors.muted))
    return palette
