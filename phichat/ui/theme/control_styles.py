"""The style sheet of the application: controls wherever they are, those of Qt's own dialogs and menus included.

Its rules name kinds of widgets alone, which Qt looks up in a table; what only one place needs is in `STYLES`.
"""

from functools import lru_cache
from string import Template

from phichat.ui.theme.palette import Colors, contrast
from phichat.ui.theme.scaling import scaled

ICON = 16  # pixels of an icon in a menu

CONTROLS = Template(
    """
QAbstractButton, QTabBar, QComboBox { outline: none; }
QPushButton {
    border: 1px solid $line; border-radius: 8px; padding: 6px 12px; background: $surface; color: $text;
}
QPushButton:hover, QPushButton:pressed { background: $hover; }
QPushButton:focus { border: $focus solid $accent; padding: $around 11px; }
QPushButton:disabled { border-color: $off; background: transparent; color: $faint; }
QPushButton::menu-indicator { image: url("icons:arrow-down-$arrow.svg"); width: 0.85em; height: 0.85em; right: 8px; }
QToolButton { border: 1px solid transparent; border-radius: 7px; padding: 3px; background: transparent; color: $text; }
QToolButton:hover, QToolButton:checked, QToolButton:open { background: $hover; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $faint; }
QToolButton::menu-indicator { image: none; }
#modelButton { padding-right: 22px; }
#modelButton::menu-indicator {
    image: url("icons:arrow-down-$arrow.svg"); width: 0.85em; height: 0.85em; right: 6px;
    subcontrol-origin: padding; subcontrol-position: right center;
}

QLineEdit, PlainTextEdit, QAbstractSpinBox, QComboBox {
    border: 1px solid $line; border-radius: 8px; padding: 5px 7px; background: $surface; color: $text;
    placeholder-text-color: $faint; selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QComboBox:on { border: $focus solid $accent; }
QLineEdit { lineedit-clear-button-icon: url("icons:clear-$arrow.svg"); }
QLineEdit:focus { padding: $inside 6px; }
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
QAbstractSpinBox::up-arrow { image: url("icons:arrow-up-$arrow.svg"); }
QAbstractSpinBox::down-arrow { image: url("icons:arrow-down-$arrow.svg"); }
QAbstractSpinBox::up-arrow:off, QAbstractSpinBox::down-arrow:off { image: none; }
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::down-arrow:disabled { image: none; }
QComboBox { combobox-popup: 0; }
QComboBox:hover { background: $hover; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("icons:arrow-down-$arrow.svg"); width: 0.85em; height: 0.85em; }
QComboBox::down-arrow:disabled { image: none; }

QCheckBox, QRadioButton {
    spacing: 8px; padding: 2px; border: 1px solid transparent; border-radius: 6px;
    background: transparent; color: $text;
}
QCheckBox:focus, QRadioButton:focus { border: $focus solid $accent; padding: 1px; }
QCheckBox:disabled, QRadioButton:disabled { color: $faint; }
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator, QGroupBox::indicator {
    width: 0.95em; height: 0.95em; border: 1px solid $muted; border-radius: 5px; background: $surface;
}
QCheckBox::indicator:hover, QRadioButton::indicator:hover { background: $hover; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QGroupBox::indicator:checked {
    border-color: $accent; background: $accent; image: url("icons:check-$check.svg");
}
QRadioButton::indicator { border-radius: 7px; }
QRadioButton::indicator:checked { border-color: $accent; background: $accent; image: url("icons:dot-$check.svg"); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $line; background: $hover; }

QSlider::groove { height: 4px; border-radius: 2px; background: $groove; }
QSlider::sub-page { background: $accent; border-radius: 2px; }
QSlider[layoutDirection="RightToLeft"]::sub-page { background: $groove; }
QSlider[layoutDirection="RightToLeft"]::add-page { background: $accent; border-radius: 2px; }
QSlider::handle { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $accent; }
QSlider::handle:focus { border: 2px solid $text; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }
QSlider::sub-page:disabled { background: $groove; }
QSlider[layoutDirection="RightToLeft"]::add-page:disabled { background: $groove; }
QSlider::handle:disabled { background: $thumb; }
QProgressBar { background: $groove; color: $text; border: none; border-radius: 3px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QScrollBar { background: transparent; border: none; margin: 0; width: 10px; height: 10px; }
QScrollBar::handle { background: $thumb; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
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
QMenuBar::item:selected, QMenuBar::item:pressed { background: $chosen; color: $on_chosen; }
QMenu { background: $surface; color: $text; border: 1px solid $line; padding: 4px; icon-size: ${icon}px; }
QMenu::item { padding: 5px 22px 5px 10px; border-radius: 6px; }
QMenu::item:selected { background: $chosen; color: $on_chosen; }
QMenu::item:disabled { background: transparent; color: $faint; }
QMenu::icon { padding-left: 6px; }
QMenu::separator { height: 1px; background: $line; margin: 4px 6px; }
QMenu::right-arrow { image: url("icons:arrow-right-$arrow.svg"); width: 0.85em; height: 0.85em; }
QMenu::right-arrow:selected { image: url("icons:arrow-right-$chosen_arrow.svg"); }
QToolTip { background: $surface; color: $text; border: 1px solid $line; padding: 4px 7px; }"""
)


def control_style(colors: Colors) -> str:
    """Return the style sheet of all controls in `colors`."""
    return _control_style(colors, scaled(ICON))


@lru_cache(maxsize=2)  # while a window is built, the same one is asked for before and after
def _control_style(colors: Colors, icon: int) -> str:
    on_light, on_dark = "dark", "light"  # shades of the images
    shades = (on_dark, on_light) if colors.is_dark else (on_light, on_dark)
    return CONTROLS.substitute(
        vars(colors),
        icon=icon,
        focus="2px" if colors.is_plain else "1px",
        around="5px" if colors.is_plain else "6px",
        inside="4px" if colors.is_plain else "5px",
        thumb=colors.muted if colors.is_plain else colors.line,
        chosen=colors.accent if colors.is_plain else colors.hover,
        on_chosen=colors.on_accent if colors.is_plain else colors.text,
        arrow=shades[0],
        chosen_arrow=shades[1] if colors.is_plain else shades[0],
        check=on_dark if contrast(colors.on_accent, "#000000") > contrast(colors.on_accent, "#ffffff") else on_light,
    )
