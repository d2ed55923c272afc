"""Whole messages that are selected, one after the other, whether or not they are there as widgets."""

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from phichat.chat.conversation import Message
from phichat.i18n import tr_count
from phichat.ui.live import Live
from phichat.ui.theme.theme import Theme

BESIDE, ABOVE = 12, 7  # pixels that the band behind them is larger


class MessageSelection(QObject):
    """Goes from where one began to where it was extended to; a band behind them shows it.

    Signals: `told(str)` with a sentence about what is selected, or was copied.
    """

    told = Signal(str)

    def __init__(self, live: Live, content: QWidget, theme: Theme) -> None:
        super().__init__(content)
        self._live, self._content, self._theme = live, content, theme
        self._from = self._to = ""  # ids; it ends where `_to` is, and is none where that is empty
        self._band: QFrame | None = None
        self._settling = QTimer(self, interval=0, singleShot=True)
        self._settling.timeout.connect(self._settle)
        live.changed.connect(self._check)

    @property
    def is_there(self) -> bool:
        """Whether there is one."""
        return bool(self._to)

    def begin_at(self, message: Message) -> None:
        """One is extended from here, unless there is one."""
        if not self._to:
            self._from = message.id

    def extend_to(self, number: int) -> None:
        """Select all from where it began to the message of that number."""
        name = self._live.path[number].id
        if self._live.number(self._from) < 0:
            self._from = name
        if name == self._to:
            return
        if not self._to:
            self._content.installEventFilter(self)
        self._to = name
        self._settle()
        self.told.emit(tr_count("{count} message selected", "{count} messages selected", len(self.numbers())))

    def select_all(self) -> None:
        """Select all there are."""
        if self._live.path:
            self._from = self._live.path[0].id
            self.extend_to(len(self._live.path) - 1)

    def end(self) -> None:
        """Select none."""
        if self._to:
            self._to = ""
            self._content.removeEventFilter(self)
            self._settle()
            self.told.emit("")

    def numbers(self) -> range:
        """Which are selected."""
        if not self._to:
            return range(0)
        ends = sorted((self._live.number(self._from), self._live.number(self._to)))
        return range(ends[0], ends[1] + 1)

    def last(self) -> int:
        """The number of the one it was extended to; -1 if there is none."""
        return self._live.number(self._to) if self._to else -1

    def messages(self) -> list[Message]:
        """Those that are selected, oldest first."""
        numbers = self.numbers()
        return self._live.path[numbers.start : numbers.stop]

    def copy(self) -> None:
        """Put them on the clipboard."""
        from phichat.ui.copying import messages_data  # noqa: PLC0415 - once something is copied
        from phichat.ui.widgets.clipboard import copy_to_clipboard  # noqa: PLC0415

        messages = self.messages()
        copy_to_clipboard(messages_data(messages))
        self.told.emit(tr_count("{count} message copied.", "{count} messages copied.", len(messages)))

    @Slot()
    def _check(self) -> None:
        """There is none any more if an end of it is no longer shown."""
        if self._to and min(self._live.number(self._from), self._live.number(self._to)) < 0:
            self.end()
        elif self._to:
            self._settling.start()

    @Slot()
    def _settle(self) -> None:
        """Have the band where those of them are that are there."""
        numbers, live = self.numbers(), self._live
        first, last = max(numbers.start, live.first), min(numbers.stop, live.end) - 1
        if self._band is None and first <= last:
            self._band = self._make_band()
        if self._band is None:
            return
        self._band.setVisible(first <= last)
        if first <= last:
            top, end = self._area(live.views[first - live.first]), self._area(live.views[last - live.first])
            self._band.setGeometry(top.united(end).adjusted(-BESIDE, -ABOVE, BESIDE, ABOVE))

    def _area(self, view: QWidget) -> QRect:
        return QRect(view.mapTo(self._content, QPoint()), view.size())

    def _make_band(self) -> QFrame:
        band = QFrame(self._content)
        band.setObjectName("selectionBand")
        band.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme.dress(band, "chosen")
        band.lower()
        return band

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: ARG002 - Qt's
        if event.type() in {QEvent.Type.LayoutRequest, QEvent.Type.Resize}:
            self._settling.start()  # after the layout itself
        return False
