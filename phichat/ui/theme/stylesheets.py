"""Style sheet templates by name, over the fields of `Colors`, for what the palette cannot do."""

from string import Template

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
STYLES = {
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
QProgressBar { background: $groove; border: none; border-radius: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }""",
        "card": "QFrame[part=card] { background: $surface; border: 1px solid $line; border-radius: 14px; }",
        "strip": """
#downloadStrip, #readyNotice, #versionNotice, #undoBar, #temporaryNote { background: $faint_accent; }
#downloadStrip, #readyNotice, #versionNotice, #undoBar, #temporaryNote { border: 1px solid $edge; border-radius: 12px; }
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 4px 10px; }
QPushButton { background: transparent; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
#temporaryNote { padding: 8px 14px; color: $text; }
#switchButton { background: $accent; color: $on_accent; }
#switchButton:hover, #switchButton:focus { border-color: $text; }
#switchButton:disabled { background: transparent; color: $muted; }
QProgressBar { background: $groove; border: none; border-radius: 3px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }""",
        "message": """
#messageLine[kind="ERROR"] { background: $faint_alert; border: 1px solid $alert; border-radius: 12px; }
#messageLine[kind="WARNING"] { background: $faint_accent; border: 1px solid $accent; border-radius: 12px; }"""
        + _TOOLS,
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
#sendButton, #stopButton { border-radius: ${round}px; padding: 0; }
#sendButton { background: $accent; border: 2px solid $accent; }
#sendButton:focus, #stopButton:focus { border-color: $text; }
#sendButton:disabled { background: $hover; border-color: $hover; }
#stopButton { background: $faint_accent; border: 2px solid $faint_accent; }
#attachButton { background: transparent; border: 2px solid transparent; border-radius: ${round}px; padding: 0; }
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
        "bubble": "QFrame[part=bubble] { background: $bubble; border: 1px solid $edge; border-radius: 16px; }",
        "code": """
QFrame[part=code] { background: $surface; border: 1px solid $line; border-radius: 10px; }
QPlainTextEdit { background: transparent; border: none; }"""
        + _TOOLS
        + _BAR,
        "tools": _TOOLS,
        "tool": _TOOLS
        + """
QToolButton { padding: 4px; }
QToolButton[popupMode="2"] { padding-right: 16px; }
QToolButton::menu-indicator { subcontrol-position: right center; right: 4px; }""",
        "menuTool": _TOOLS + "QToolButton::menu-indicator { image: none; }",
        "bar": _BAR,
        "round": """
QToolButton { background: $surface; border: 1px solid $line; border-radius: ${round}px; }
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
QSlider::groove { height: 4px; border-radius: 2px; background: $groove; }
QSlider::sub-page { background: $accent; border-radius: 2px; }
QSlider[layoutDirection="RightToLeft"]::sub-page { background: $groove; }
QSlider[layoutDirection="RightToLeft"]::add-page { background: $accent; border-radius: 2px; }
QSlider::handle { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $accent; }
QSlider::handle:focus { border: 2px solid $text; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }""",
    }.items()
}
PLAIN = Template(
    """
QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QDialog QPushButton, #panelContent QPushButton {
    border: 1px solid $line; border-radius: 4px; padding: 3px 5px; background: $surface; color: $text;
}
QLineEdit, QPlainTextEdit { placeholder-text-color: $muted; }
QAbstractSpinBox:focus, QComboBox:focus, QDialog QPushButton:focus, #panelContent QPushButton:focus {
    border: 2px solid $accent; padding: 2px 4px;
}
QDialog QPushButton:hover, #panelContent QPushButton:hover { background: $hover; }
QCheckBox:focus { border: 2px solid $accent; }
QCheckBox::indicator { width: 12px; height: 12px; border: 2px solid $text; background: $surface; }
QCheckBox::indicator:checked { background: $accent; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; width: 16px; background: transparent; }
QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow, QComboBox::down-arrow {
    width: 0; height: 0; border-left: 4px solid $surface; border-right: 4px solid $surface;
}
QAbstractSpinBox::up-arrow { border-bottom: 5px solid $text; }
QAbstractSpinBox::down-arrow, QComboBox::down-arrow { border-top: 5px solid $text; }
QComboBox::drop-down { border: none; width: 18px; }
QMenu, QToolTip { border: 1px solid $line; background: $surface; color: $text; }
QMenu::item:selected { background: $accent; color: $on_accent; }"""
)
