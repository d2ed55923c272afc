"""The context menu of a message."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from phichat.chat.conversation import Message, Reply, Role
from phichat.chat.sampling import PRESETS, SEVERAL, Sampling, changed_settings, repeated, temperatures_around
from phichat.chat.session import sampling_of
from phichat.i18n import format_number, tr, tr_count
from phichat.ui.transcript.copying import Selection, message_data, messages_data, selection_data
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.controls import add_heading

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


class MessageMenu(QMenu):
    """The menu of `message`; its actions emit the signals of `context`.

    `selected` is the selected text of the message; `link` and `table` are the URL and the Markdown of the table under
    the mouse.

    Signals: `edit_requested`: open the editor.
    """

    edit_requested = Signal()

    def __init__(
        self,
        message: Message,
        context: MessageContext,
        selected: Selection | None,
        link: str,
        table: str,
        parent: QWidget,
        *,
        can_continue: bool,
    ) -> None:
        super().__init__(parent)
        self._message, self._context = message, context
        self._selected, self._link, self._table = selected, link, table
        self._signals, state = context.signals, context.state
        self._several = context.selection()
        if message in self._several:
            count = len(self._several)
            self._add(tr_count("Copy {count} message", "Copy {count} messages", count), "Ctrl+C", self._copy_several)
        self._add_copy_actions()
        self._add(tr("Quote in message"), "Ctrl+Shift+R", self._quote, is_enabled=bool(message.text))
        pin = tr("Unpin") if message.is_pinned else tr("Pin")
        self._add(pin, "Ctrl+Shift+P", self._pin, is_enabled=bool(message.text))
        self.addSeparator()
        if message.role is Role.USER:
            self._add(tr("Edit"), "Ctrl+E", self.edit_requested)
        else:
            self._add_reply_actions(can_continue=can_continue)
        self._add(tr("Score this text…"), "", self._score, is_enabled=bool(message.text))
        self.addSeparator()
        self._add(tr("Delete this and later messages"), "", self._delete, is_enabled=not state.is_answering)

    def _add_copy_actions(self) -> None:
        whole = tr("Copy")
        if self._selected:
            self._add(tr("Copy"), "" if self._several else "Ctrl+C", self._copy_selected)
            whole = tr("Copy message") if self._message.role is Role.USER else tr("Copy answer")
        if self._link:
            self._add(tr("Copy link"), "", self._copy_link)
        if self._table:
            self._add(tr("Copy table"), "", self._copy_table)
        self._add(whole, "", self._copy, is_enabled=bool(self._message.text))

    def _add_reply_actions(self, *, can_continue: bool) -> None:
        can_ask = self._context.state.can_ask
        reply = self._message.reply
        if can_continue:
            can_go_on = can_ask and not self._context.continue_objection(self._message)
            self._add(tr("Continue"), "Ctrl+Shift+Return", self._continue, is_enabled=can_go_on)
        self._add(tr("Regenerate"), "Ctrl+R", self._retry, is_enabled=can_ask)
        has_seed = bool(reply and reply.seed is not None)
        self._add(tr("Regenerate with the same seed"), "", self._repeat, is_enabled=can_ask and has_seed)
        for menu in (RegenerateMenu, SideBySideMenu):
            self.addMenu(menu(self._message, self._context, self)).setEnabled(can_ask)

    def _add(self, text: str, keys: str, slot: Any, *, is_enabled: bool = True) -> None:
        action = self.addAction(text)
        action.setShortcut(QKeySequence(keys))  # only shown; the window's action handles the keys
        action.setShortcutVisibleInContextMenu(True)
        action.setEnabled(is_enabled)
        action.triggered.connect(slot)

    @Slot()
    def _copy(self) -> None:
        copy_to_clipboard(message_data(self._message, self._context.find_sources))

    @Slot()
    def _copy_several(self) -> None:
        copy_to_clipboard(messages_data(self._several, self._context.find_sources))

    @Slot()
    def _copy_selected(self) -> None:
        if self._selected:
            copy_to_clipboard(selection_data(self._selected))

    @Slot()
    def _copy_link(self) -> None:
        copy_to_clipboard(QUrl(self._link).toString())

    @Slot()
    def _copy_table(self) -> None:
        copy_to_clipboard(selection_data(Selection(self._table, self._table)))

    @Slot()
    def _quote(self) -> None:
        self._signals.quote_requested.emit(self._selected.text if self._selected else self._message.text)

    @Slot()
    def _score(self) -> None:
        self._signals.score_requested.emit(self._selected.text if self._selected else self._message.text)

    @Slot()
    def _pin(self) -> None:
        self._signals.pin_requested.emit(self._message)

    @Slot()
    def _retry(self) -> None:
        self._signals.retry_requested.emit(self._message)

    @Slot()
    def _repeat(self) -> None:
        self._signals.repeat_requested.emit(self._message)

    @Slot()
    def _continue(self) -> None:
        self._signals.continue_requested.emit(self._message)

    @Slot()
    def _delete(self) -> None:
        self._signals.delete_requested.emit(self._message)


class RegenerateMenu(QMenu):
    """The submenu that asks again with another seed, preset or model; all else is as it was for `message`."""

    def __init__(self, message: Message, context: MessageContext, parent: QMenu) -> None:
        super().__init__(tr("Regenerate with"), parent)
        self._message, self._signals = message, context.signals
        reply = message.reply or Reply()
        known = sampling_of(message)
        self._add(tr("Another seed"), replace(known, seed=None))
        add_heading(self, tr("Preset"))
        for label, sampling in context.presets():
            same = bool(reply.sampling) and not changed_settings(known, sampling)
            self._add(label.replace("&", "&&"), replace(sampling, seed=known.seed), is_enabled=not same)
        add_heading(self, tr("Model"))
        for model in context.models():
            title = model.name if model.is_remote else model.title
            self._add(title.replace("&", "&&"), known, model, is_enabled=model.name != reply.model)

    def _add(self, text: str, sampling: Sampling, model: "ModelRef | None" = None, *, is_enabled: bool = True) -> None:
        action = self.addAction(text)
        action.setData((sampling, model))
        action.setEnabled(is_enabled)
        action.triggered.connect(self._choose)

    @Slot()
    def _choose(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._signals.regenerate_requested.emit(self._message, *action.data())


class SideBySideMenu(QMenu):
    """The submenu that has several answers written side by side; at temperature 0 those with one setting are the same.

    Of the presets, those of one's own come before ours.
    """

    def __init__(self, message: Message, context: MessageContext, parent: QMenu) -> None:
        super().__init__(tr("Generate answers side by side"), parent)
        self._message, self._signals = message, context.signals
        known, presets = sampling_of(message), context.presets()
        spread = temperatures_around(known.with_seed())
        values = " · ".join(format_number(each.temperature, 2) for each in spread)
        compared, seed = _compared(presets), known.with_seed().seed
        names = " · ".join(label for label, _ in compared).replace("&", "&&")
        for text, samplings, is_enabled in (
            (tr("Generate three answers"), repeated(known), known.temperature > 0),
            (tr("Generate an answer at each temperature ({values})").format(values=values), spread, True),
            (
                tr("Generate an answer with each preset ({names})").format(names=names),
                [replace(sampling, seed=seed) for _, sampling in compared],
                len(compared) > 1,
            ),
        ):
            action = self.addAction(text)
            action.setData(samplings)
            action.setEnabled(is_enabled)
            action.triggered.connect(self._choose)

    @Slot()
    def _choose(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._signals.several_requested.emit(self._message, action.data())


def _compared(presets: Sequence[tuple[str, Sampling]]) -> Sequence[tuple[str, Sampling]]:
    """Return the presets that are compared: the last that people made, and ours in their order."""
    own, ours = presets[len(PRESETS) :], presets[: len(PRESETS)]
    return [*own[-SEVERAL:], *ours][:SEVERAL]
