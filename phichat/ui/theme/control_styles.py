"""The style sheet of the application: controls wherever they are, those of Qt's own dialogs and menus included.

Its rules name kinds of widgets alone, which Qt looks up in a table; what only one place needs is in `STYLES`.

It is the same in all themes: to set another one takes Qt a third of a millisecond for each widget there is, all in one
go. Colours are roles of the palette, and what else themes differ in depends on properties of the main window.
"""

from string import Template

from phichat.ui.theme.scaling import scaled

ICON = 16  # pixels of an icon in a menu
DARK, PLAIN = "isDark", "isPlain"  # properties of main windows, as those of `Colors`

ROLES = {
    "ground": "window",
    "surface": "base",
    "hover": "midlight",
    "line": "mid",
    "groove": "dark",
    "off": "dark",  # in each theme the same as `groove`
    "text": "text",
    "muted": "placeholder-text",
    "faint": "shadow",
    "accent": "highlight",
    "on_accent": "highlighted-text",
    "faint_accent": "link-visited",  # Qt doesn't know which links were visited
}
"""The roles of the palette, as style sheets call them, that have these of the `Colors`."""

CONTROLS = Template(
    """
QAbstractButton, QTabBar, QComboBox { outline: none; }
QPushButton {
    border: 1px solid $line; border-radius: 8px; padding: 6px 12px; background: $surface; color: $text;
}
QPushButton:hover, QPushButton:pressed { background: $hover; }
QPushButton:focus { border: 1px solid $accent; padding: 6px 11px; }
QPushButton:disabled { border-color: $off; background: transparent; color: $faint; }
QPushButton::menu-indicator { image: url("icons:arrow-down-dark.svg"); width: 0.85em; height: 0.85em; right: 8px; }
QToolButton { border: 1px solid transparent; border-radius: 7px; padding: 3px; background: transparent; color: $text; }
QToolButton:hover, QToolButton:checked, QToolButton:open { background: $hover; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $faint; }
QToolButton::menu-indicator { image: none; }
#modelButton { padding-right: 22px; }
#modelButton::menu-indicator {
    image: url("icons:arrow-down-dark.svg"); width: 0.85em; height: 0.85em; right: 6px;
    subcontrol-origin: padding; subcontrol-position: right center;
}

QLineEdit, PlainTextEdit, QAbstractSpinBox, QComboBox {
    border: 1px solid $line; border-radius: 8px; padding: 5px 7px; background: $surface; color: $text;
    placeholder-text-color: $faint; selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QComboBox:on { border: 1px solid $accent; }
QLineEdit { lineedit-clear-button-icon: url("icons:clear-dark.svg"); }
QLineEdit:focus { padding: 5px 6px; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { background: transparent; color: $faint; }
PlainTextEdit { padding: 2px 3px; }
PlainTextEdit:focus { border-color: $accent; }
QAbstractSpinBox { padding: 4px 20px 4px 0; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
    subcontrol-origin: border; width: 18px; border: none; border-radius: 4px; background: transparent;
}
QAbstractSpinBox::up-button { subcontrol-position: top right; margin: 2px 2px 0 0; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; margin: 0 2px 2px 0; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $hover; }
QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow { width: 0.62em; height: 0.62em; }
QAbstractSpinBox::up-arrow { image: url("icons:arrow-up-dark.svg"); }
QAbstractSpinBox::down-arrow { image: url("icons:arrow-down-dark.svg"); }
QAbstractSpinBox::up-arrow:off, QAbstractSpinBox::down-arrow:off { image: none; }
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::down-arrow:disabled { image: none; }
QComboBox { combobox-popup: 0; }
QComboBox:hover { background: $hover; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("icons:arrow-down-dark.svg"); width: 0.85em; height: 0.85em; }
QComboBox::down-arrow:disabled { image: none; }

QCheckBox, QRadioButton {
    spacing: 8px; padding: 2px; border: 1px solid transparent; border-radius: 6px;
    background: transparent; color: $text;
}
QCheckBox:focus, QRadioButton:focus { border: 1px solid $accent; padding: 1px; }
QCheckBox:disabled, QRadioButton:disabled { color: $faint; }
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator, QGroupBox::indicator {
    width: 0.95em; height: 0.95em; border: 1px solid $muted; border-radius: 5px; background: $surface;
}
QCheckBox::indicator:hover, QRadioButton::indicator:hover { background: $hover; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QGroupBox::indicator:checked {
    border-color: $accent; background: $accent; image: url("icons:check-light.svg");
}
QRadioButton::indicator { border-radius: 7px; }
QRadioButton::indicator:checked { border-color: $accent; background: $accent; image: url("icons:dot-light.svg"); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $line; background: $hover; }

QSlider::groove { height: 4px; border-radius: 2px; background: $groove; }
QSlider::sub-page { background: $accent; border-radius: 2px; }
QSlider[layoutDirection="RightToLeft"]::sub-page { background: $groove; }
QSlider[layoutDirection="RightToLeft"]::add-page { background: $accent; border-radius: 2px; }
QSlider::handle { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $accent; }
QSlider::handle:focus { border: 2px solid $text; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }
QSlider::sub-page:disabled { background: $groove; }
QSlider[layoutDirection="RightToLeft"]::add-page:disabled { background: $groove; }
QSlider::handle:disabled { background: $line; }
QProgressBar { background: $groove; color: $text; border: none; border-radius: 3px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QScrollBar { background: transparent; border: none; margin: 0; width: 10px; height: 10px; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $muted; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; background: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }
QAbstractScrollArea::corner { background: transparent; border: none; }

QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar::tab {
    border: 1px solid transparent; border-bottom: 2px solid transparent; border-top-left-radius: 7px;
    border-top-right-radius: 7px; padding: 7px 12px; margin-right: 2px; background: transparent; color: $muted;
}
QTabBar::tab:hover { background: $hover; color: $text; }
QTabBar::tab:selected { border-bottom-color: $accent; color: $text; }
QTabBar::tab:focus { border-color: $accent; }

QTreeView, QListView, QTableView {
    border: 1px solid $line; border-radius: 8px; background: $surface; color: $text; outline: none;
    selection-background-color: $faint_accent; selection-color: $text;
}
QTreeView:focus, QListView:focus, QTableView:focus { border-color: $accent; }
QComboBox QAbstractItemView { border: 1px solid $line; border-radius: 0; padding: 3px; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; padding: 6px 8px; }

QMenuBar { background: $ground; color: $text; border: none; }
QMenuBar::item { padding: 3px 8px; border-radius: 6px; background: transparent; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $hover; color: $text; }
QMenu { background: $surface; color: $text; border: 1px solid $line; padding: 4px; icon-size: ${icon}px; }
QMenu::item { padding: 5px 22px 5px 10px; border-radius: 6px; }
QMenu::item:selected { background: $hover; color: $text; }
QMenu::item:disabled { background: transparent; color: $faint; }
QMenu::icon { padding-left: 6px; }
QMenu::separator { height: 1px; background: $line; margin: 4px 6px; }
QMenu::right-arrow { image: url("icons:arrow-right-dark.svg"); width: 0.85em; height: 0.85em; }
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 4px 7px; }

$dark QPushButton::menu-indicator, $dark #modelButton::menu-indicator, $dark QComboBox::down-arrow:enabled,
$dark QAbstractSpinBox::down-arrow:enabled:!off { image: url("icons:arrow-down-light.svg"); }
$dark QAbstractSpinBox::up-arrow:enabled:!off { image: url("icons:arrow-up-light.svg"); }
$dark QMenu::right-arrow { image: url("icons:arrow-right-light.svg"); }
$dark QLineEdit { lineedit-clear-button-icon: url("icons:clear-light.svg"); }
$dark QCheckBox::indicator:checked, $dark QAbstractItemView::indicator:checked, $dark QGroupBox::indicator:checked {
    image: url("icons:check-dark.svg");
}
$dark QRadioButton::indicator:checked { image: url("icons:dot-dark.svg"); }

$plain QPushButton:focus { border: 2px solid $accent; padding: 5px 11px; }
$plain QLineEdit:focus, $plain QAbstractSpinBox:focus, $plain QComboBox:focus, $plain QComboBox:on {
    border: 2px solid $accent;
}
$plain QLineEdit:focus { padding: 4px 6px; }
$plain QCheckBox:focus, $plain QRadioButton:focus { border: 2px solid $accent; }
$plain QScrollBar::handle:enabled, $plain QSlider::handle:disabled { background: $muted; }
$plain QMenuBar::item:selected, $plain QMenuBar::item:pressed, $plain QMenu::item:selected:enabled {
    background: $accent; color: $on_accent;
}
$plain QMenu::right-arrow:selected { image: url("icons:arrow-right-light.svg"); }
$plain$is_dark QMenu::right-arrow:selected { image: url("icons:arrow-right-dark.svg"); }"""
)


def control_style() -> str:
    """Return the style sheet of all controls, at the present text size."""
    is_dark, is_plain = f'[{DARK}="true"]', f'[{PLAIN}="true"]'
    return CONTROLS.substitute(
        {name: f"palette({role})" for name, role in ROLES.items()},
        icon=scaled(ICON),
        dark=f"QMainWindow{is_dark}",
        plain=f"QMainWindow{is_plain}",
        is_dark=is_dark,
    )
