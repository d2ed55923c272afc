"""Finds words in the conversation that is shown, the messages that are far from the reader included."""

from collections.abc import Iterator
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.chat.conversation import Message, Role
from phichat.markdown.document import plain
from phichat.markdown.streaming import blocks_of
from phichat.ui.transcript import Transcript
from phichat.ui.widgets.highlights import SearchTerms

SLICE = 0.008  # seconds of counting, between which the window does other things
AFTER_CHANGE = 200  # milliseconds: while an answer comes, it is counted again this often


class Finding(QObject):
    """Goes from one place to the next, and counts them all.

    Signals: `counted(int, int, bool)`: which place is shown, from 1, or 0; of how many; whether that is all.
    """

    counted = Signal(int, int, bool)

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript
        self._needle = SearchTerms()
        self._counts: dict[str, tuple[str, int]] = {}  # for a message's id, its text and how often it is in there
        self._at: tuple[str, int] | None = None  # a message's id, and which of the places in it
        self._origin = 0
        self._work: Iterator[None] | None = None
        self._working = QTimer(self, interval=0)
        self._working.timeout.connect(self._go_on)
        self._later = QTimer(self, interval=AFTER_CHANGE, singleShot=True)
        self._later.timeout.connect(self._count_again)
        transcript.changed.connect(self._on_changed)

    def begin(self) -> None:
        """What is looked for is looked for from here on."""
        self._origin, self._at = self._transcript.first_seen(), None

    def look_for(self, words: str) -> None:
        """Mark `words`, and go to the first place from where the looking began."""
        self._needle = SearchTerms(words)
        self._counts.clear()
        self._at = None
        self._transcript.look_for(self._needle)
        if self._needle:
            self._start(self._seek(1))
        else:
            self._start(None)
            self.counted.emit(0, 0, True)

    def end(self) -> None:
        """Look for nothing any more."""
        self.look_for("")

    @Slot()
    def show_again(self) -> None:
        """The marks are to look otherwise."""
        if self._needle:
            self._transcript.look_for(self._needle)

    @Slot()
    def next(self) -> None:
        """Go to the place after this one."""
        self._start(self._seek(1) if self._needle else None)

    @Slot()
    def previous(self) -> None:
        """Go to the place before this one."""
        self._start(self._seek(-1) if self._needle else None)

    def _start(self, work: Iterator[None] | None) -> None:
        self._work = work
        if work:
            self._go_on()

    @Slot()
    def _go_on(self) -> None:
        """Work for a moment."""
        until = perf_counter() + SLICE
        while self._work and perf_counter() < until:
            if next(self._work, self) is self:
                self._work = None
        if self._work:
            self._working.start()
        else:
            self._working.stop()
        if self._needle:
            self._tell()

    def _seek(self, direction: int) -> Iterator[None]:
        """Go to the next place in that direction, past the end from the beginning on; then count the others."""
        path = self._transcript.path()
        name, here = self._at or ("", -1 if direction > 0 else 0)
        start = next((at for at, message in enumerate(path) if message.id == name), min(self._origin, len(path)))
        for distance in range(len(path) + 1):
            yield
            index = (start + direction * distance) % len(path)
            places = range(self._count(path[index], index))[::direction]
            if distance == 0:
                places = range(here + 1, len(places)) if direction > 0 else range(min(here, len(places)))[::-1]
            if places:
                self._at = path[index].id, places[0]
                self._transcript.bring(index, places[0])
                break
        yield from self._count_all()

    def _count_all(self) -> Iterator[None]:
        for index, message in enumerate(self._transcript.path()[:]):
            yield
            self._count(message, index)

    def _count(self, message: Message, index: int) -> int:
        text, count = self._counts.get(message.id, ("", -1))
        if count < 0 or text is not message.text:
            view = self._transcript.view(index)
            is_marked = view is not None and view.message is message and view.needle is self._needle
            count = view.count() if view and is_marked else self._count_unseen(message)
            self._counts[message.id] = message.text, count
        return count

    def _count_unseen(self, message: Message) -> int:
        if not self._needle.may_be_in(message.text):
            return 0
        if message.role is Role.USER:
            return len(self._needle.places(message.text))
        return sum(len(self._needle.places(plain(block))) for block in blocks_of(message.text))

    def _tell(self) -> None:
        total = at = 0
        for message in self._transcript.path():
            if self._at and message.id == self._at[0]:
                at = total + self._at[1] + 1
            total += self._counts.get(message.id, ("", 0))[1]
        self.counted.emit(at, total, self._work is None)

    @Slot()
    def _on_changed(self) -> None:
        if self._needle and not self._later.isActive():
            self._later.start()

    @Slot()
    def _count_again(self) -> None:
        if self._work:
            self._later.start()
        elif self._needle:
            self._start(self._count_all())
