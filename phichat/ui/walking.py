"""From message to message, and from one end of the conversation to the other."""

from PySide6.QtCore import QObject, Signal, Slot

from phichat.ui.transcript import Transcript


class Walking(QObject):
    """Moves the focus in `transcript`.

    Signals: `left` where one goes on after the last message.
    """

    left = Signal()

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript

    def walk(self, step: int) -> None:
        """Focus the message so many further or, from elsewhere, the one at that end of what is seen."""
        self._transcript.selection.end()
        number, count = self._next(step), len(self._transcript.path())
        if 0 <= number < count:
            self._transcript.focus(number)
        elif count and number >= count:
            self.left.emit()

    def extend(self, step: int) -> None:
        """Select whole messages, from the one with the focus to the one so many further."""
        path, selection = self._transcript.path(), self._transcript.selection
        if not path:
            return
        focused, last = self._transcript.focused(), selection.last()
        if focused >= 0:
            selection.begin_at(path[focused])
        number = min(max(last + step if last >= 0 else self._next(step), 0), len(path) - 1)
        selection.extend_to(number)
        self._transcript.focus(number)

    @Slot()
    def go_to_start(self) -> None:
        """Go to the first message; the focus, too, if a message had it."""
        had_focus = self._transcript.focused() >= 0
        self._transcript.show_start()
        if had_focus:
            self._transcript.focus(0)

    @Slot()
    def go_to_end(self) -> None:
        """Go to the end and stay there; the focus, too, if a message had it."""
        had_focus = self._transcript.focused() >= 0
        self._transcript.follow()
        if had_focus:
            self._transcript.focus(len(self._transcript.path()) - 1)
            self._transcript.follow()

    def _next(self, step: int) -> int:
        focused = self._transcript.focused()
        if focused >= 0:
            return focused + step
        return self._transcript.first_seen() if step > 0 else self._transcript.last_seen()
