"""Another answer in which one thing is another: the seed, the preset or the model."""

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from phichat.chat.conversation import Message, Reply
from phichat.chat.sampling import Sampling, differences
from phichat.i18n import tr
from phichat.ui.message_context import MessageContext

if TYPE_CHECKING:
    from phichat.models.base import ModelFile


class AgainMenu(QMenu):
    """A submenu. What is not chosen in it stays as it was for `message`."""

    def __init__(self, message: Message, context: MessageContext, parent: QMenu) -> None:
        super().__init__(tr("Again with…"), parent)
        self._message, self._signals = message, context.signals
        reply = message.reply or Reply()
        known = Sampling().with_values({**reply.sampling, "seed": reply.seed})
        self._add(tr("Another seed"), replace(known, seed=None))
        self.addSection(tr("Preset"))
        for label, sampling in context.presets():
            same = bool(reply.sampling) and not differences(known, sampling)
            self._add(label.replace("&", "&&"), replace(sampling, seed=known.seed), can=not same)
        self.addSection(tr("Model"))
        for model in context.models():
            self._add(model.title.replace("&", "&&"), known, model, can=model.name != reply.model)

    def _add(self, text: str, sampling: Sampling, model: "ModelFile | None" = None, *, can: bool = True) -> None:
        action = self.addAction(text)
        action.setData((sampling, model))
        action.setEnabled(can)
        action.triggered.connect(self._choose)

    @Slot()
    def _choose(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._signals.varied.emit(self._message, *action.data())
