"""Style sheet templates by name, over the fields of `Colors`, for single places; all share `control_styles`."""

from string import Template

STYLES = {
    name: Template(rules)
    for name, rules in {
        "list": "QListView { background: transparent; border: none; border-radius: 0; }",
        "quiet": """
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 5px 8px; text-align: left; }
QPushButton { background: transparent; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $faint; }""",
        "thinking": """
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 2px 6px 2px 2px; text-align: left; }
QPushButton { background: transparent; color: $muted; }
QPushButton:checked { background: transparent; }
QPushButton:hover { background: $hover; color: $text; }
QPushButton:focus { border-color: $accent; }""",
        "thought": """
QPlainTextEdit { background: transparent; color: $muted; border: none; border-left: 2px solid $line; border-radius: 0; }
QPlainTextEdit { padding: 2px 0 2px 8px; margin-left: 8px; }""",
        "destructive": """
QPushButton { color: $alert; }
QPushButton:focus { border-color: $alert; }""",
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
        "card": "QFrame[part=card] { background: $surface; border: 1px solid $line; border-radius: 14px; }",
        "strip": """
#downloadStrip, #readyNotice, #makersNotice, #versionNotice, #undoBar, #trashedNotice, #temporaryNote {
    background: $faint_accent; border: 1px solid $edge; border-radius: 12px;
}
QPushButton { border: 1px solid transparent; border-radius: 8px; padding: 4px 10px; }
QPushButton { background: transparent; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
QProgressBar { background: $surface; border: 1px solid $accent; }
#temporaryNote { padding: 8px 14px; color: $text; }
#switchButton { background: $accent; color: $on_accent; }
#switchButton:hover, #switchButton:focus { border-color: $text; }
#switchButton:disabled { background: transparent; color: $muted; }""",
        "message": """
#messageLine[framed="true"] { background: $faint_accent; border: 1px solid $accent; border-radius: 12px; }
#messageLine[framed="true"][kind="ERROR"] { background: $faint_alert; border-color: $alert; }""",
        "table": """
QTreeView { border-radius: 10px; padding: 4px; show-decoration-selected: 1; }
QTreeView:focus { border-color: $accent; }
QTreeView::item { padding: 6px 8px; border: none; }
QTreeView::item:hover { background: $hover; }
QTreeView::item:selected { background: $faint_accent; color: $text; }""",
        "composer": """
#composerBox { background: $surface; border: 1px solid $line; border-radius: 18px; }
#composerBox:focus { border-color: $accent; }
#composer { background: transparent; border: none; }
#sendButton, #stopButton { border-radius: ${round}px; padding: 0; }
#sendButton { background: $accent; border: 2px solid $accent; }
#sendButton:focus, #stopButton:focus { border-color: $text; }
#sendButton:disabled { background: $hover; border-color: $hover; }
#stopButton { background: $faint_accent; border: 2px solid $faint_accent; }
#attachButton, #documentsButton { background: transparent; border: 2px solid transparent; padding: 0; }
#attachButton, #documentsButton { border-radius: ${round}px; }
#attachButton:hover, #documentsButton:hover { background: $hover; border-color: $hover; }
#attachButton:focus, #documentsButton:focus { border-color: $accent; }""",
        "chip": """
QFrame[part=chip] { background: $ground; border: 1px solid $line; border-radius: 9px; }
QFrame[part=chip][found="true"] { border-color: $strong_mark; background: $mark; }
QFrame[part=chip][current="true"] { border: 2px solid $strong_mark; }
QToolButton { padding: 3px 5px; }""",
        "servers": """
QListWidget::item { padding: 5px 8px; border: none; border-radius: 8px; }
QListWidget::item:hover { background: $hover; }
QListWidget::item:selected { background: $faint_accent; color: $text; }""",
        "badge": """
QToolButton { background: $faint_accent; color: $text; border: 1px solid $edge; border-radius: 9px; padding: 2px 7px; }
QToolButton:hover, QToolButton:focus { border-color: $accent; }""",
        "answer": """
QFrame[part=answer] { background: $surface; border: 1px solid $line; border-radius: 12px; }
QFrame[part=answer]:focus, QFrame[part=answer][framed="true"] { border: 2px solid $accent; }
#answerScroll, #answerText { background: transparent; border: none; }""",
        "chosen": """
QFrame { background: $faint_accent; border: none; border-left: 3px solid $accent; border-radius: 8px; }""",
        "bubble": "QFrame[part=bubble] { background: $bubble; border: 1px solid $edge; border-radius: 16px; }",
        "code": """
QFrame[part=code] { background: $surface; border: 1px solid $line; border-radius: 10px; }
QPlainTextEdit { background: transparent; border: none; border-radius: 0; padding: 0; }""",
        "round": """
QToolButton { background: $surface; border: 1px solid $line; border-radius: ${small_round}px; padding: 0; }
QToolButton:hover { background: $hover; }
QToolButton:focus { border-color: $accent; }""",
        "popup": """
#lensPopup { background: $surface; border: 1px solid $muted; border-radius: 10px; }
#lensPopup QListView { background: transparent; border: none; border-radius: 0; }""",
        "floating": """
#findBar { background: $surface; border: 1px solid $line; border-radius: 12px; }
#findBar QLineEdit { background: transparent; border: none; padding: 3px 4px; }
QLabel { background: transparent; }""",
        "small": """
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 3px 10px; }
QPushButton { background: transparent; color: $accent; }
QPushButton:hover { background: $hover; color: $text; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { border-color: $off; color: $faint; }""",
        "edit": """
#editBox { background: $surface; border: 1px solid $accent; border-radius: 16px; }
#editField { background: transparent; border: none; }
QPushButton { border: 1px solid $line; border-radius: 8px; padding: 4px 12px; background: $surface; color: $text; }
QPushButton:hover { background: $hover; }
QPushButton:focus { border-color: $accent; }
#editSend { background: $accent; border-color: $accent; color: $on_accent; }
#editSend:focus, #editSend:hover { border-color: $text; }
#editSend:disabled { background: $hover; border-color: $hover; color: $muted; }""",
    }.items()
}
