"""What the window tells its user: failures, warnings, results and progress, and which of them is shown now."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from itertools import count

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.unicode import shortened, without_controls

LONGEST = 2_000  # characters: a sentence may quote a name of any length
SLOW_AFTER = 400  # milliseconds until quick work is called slow
LEAST_SHOWN, SHOWN_PER_LETTER = 5_000, 60  # milliseconds that a result is shown: time to look up, and to read it


class Kind(Enum):
    """Kinds of feedback, the gravest last: failures and warnings stay until dismissed, results fade, progress ends."""

    NOTE = auto()
    PROGRESS = auto()
    SUCCESS = auto()
    WARNING = auto()
    ERROR = auto()


STAYING = {Kind.WARNING, Kind.ERROR}


@dataclass(frozen=True)
class Feedback:
    """A sentence for the user.

    Attributes:
        fraction: how much of the work is done, from 0 to 1; None if that is unknown.
        has_place: whether the failure is shown, too, by what it belongs to.
        is_in_log: whether the log tells more about it.
    """

    text: str = ""
    kind: Kind = Kind.NOTE
    fraction: float | None = None
    has_place: bool = False
    is_in_log: bool = False


NOTHING = Feedback()
PASSING, STAYING_SOURCE, SAVING, ATTACHING = "passing", "staying", "saving", "attaching"  # sources
TRANSFER, READING, SETTINGS, CHOICE = "transfer", "reading", "settings", "choice"
_numbers = count()


@dataclass
class _Entry:
    """A piece of feedback, in the conversation it belongs to or in all; a background one gives way to others.

    `announcement` is what a screen reader is told of it; empty for its whole text.
    """

    feedback: Feedback
    scope: str | None
    source: str
    is_background: bool = False
    is_announced: bool = False
    announcement: str = ""
    number: int = field(default_factory=lambda: next(_numbers))


class FeedbackController(QObject):
    """Holds what is to be told, and chooses what is shown: the latest of the conversation that is shown or of all.

    What is said of the conversation that is shown stays with it. A failure replaces the one before in its
    conversation; a result hides it for some seconds only. Warnings that belong to no conversation are shown together.

    Signals:
        shown(Feedback): show this, `NOTHING` for nothing.
        announced(str): have a screen reader read this out, once.
        attaching_dismissed(str): why files could not be attached was read in the conversation of that id.
        log_requested: show the log.
    """

    shown = Signal(object)
    announced = Signal(str)
    attaching_dismissed = Signal(str)
    log_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current = ""
        self._entries: list[_Entry] = []
        self._last = NOTHING
        self._is_held = False
        self._begun: dict[str, str] = {}  # by source: work that is not slow yet
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._end_passing)

    def show_conversation(self, conversation: str) -> None:
        """Show what belongs to the conversation with the id `conversation`, and to all."""
        if conversation != self._current:
            self._current = conversation
            self._update()

    @Slot(str)
    def fail(self, text: str) -> None:
        """Show a failure in the present conversation."""
        self._stay(text, Kind.ERROR, self._current)

    @Slot(str)
    def fail_everywhere(self, text: str) -> None:
        """Show a failure that belongs to no conversation."""
        self._stay(text, Kind.ERROR, None)

    @Slot(str)
    def fail_saving(self, text: str) -> None:
        """Show that conversations can't be saved, above whatever else fails."""
        self._remove_passing()
        self._set(SAVING, Feedback(text, Kind.ERROR), None, is_new=True)

    @Slot(str)
    def end_saving(self, text: str) -> None:
        """Show no longer that conversations can't be saved, and for some seconds, unless it is empty, `text`."""
        self._entries = [entry for entry in self._entries if entry.source != SAVING]
        if text:
            self.succeed(text)
        else:
            self._update()

    @Slot()
    def end_settings(self) -> None:
        """Show no longer that settings can't be saved, as they are now."""
        self._set(SETTINGS, NOTHING, None)

    @Slot(str)
    def fail_settings(self, text: str) -> None:
        """Show that settings can't be saved, once nothing else is to be read: what was done by hand matters more."""
        self._set(SETTINGS, Feedback(text, Kind.ERROR), None, is_background=True, is_new=True)

    def fail_unexpectedly(self, text: str) -> None:
        """Show a failure that belongs to no conversation, and that the log tells more about."""
        self._stay(text, Kind.ERROR, None, is_in_log=True)

    @Slot(str)
    def warn_everywhere(self, text: str) -> None:
        """Show something that has to be read, and belongs to no conversation, with others that were not dismissed."""
        self._remove_passing()
        self._set(f"{STAYING_SOURCE}: {text}", Feedback(text, Kind.WARNING), None, is_new=True)

    @Slot(str, str)
    def fail_in(self, conversation: str, text: str) -> None:
        """Show a failure in the conversation with the id `conversation`."""
        self._stay(text, Kind.ERROR, conversation)

    def fail_attaching(self, conversation: str, text: str, news: str) -> None:
        """Show why files could not be attached in a conversation, also when it goes on without them.

        `news` is what was not said before of it. For an empty `text`, that is over.
        """
        if news:
            self._remove_passing()
        self._set(ATTACHING, Feedback(text, Kind.ERROR), conversation, is_new=bool(news), announcement=news)

    @Slot(str)
    def fail_transfer(self, text: str) -> None:
        """Show that an export or import failed, until the next one went well: `text` is empty then."""
        self._set(TRANSFER, Feedback(text, Kind.ERROR), None, is_new=True)

    @Slot(str)
    def fail_choosing(self, text: str) -> None:
        """Show that the model that was chosen last isn't used, until another is: `text` is empty then."""
        self._set(CHOICE, Feedback(text, Kind.ERROR), None, is_new=True)

    def fail_beside(self, conversation: str, text: str) -> None:
        """Show a failure in the conversation with the id `conversation` that is shown in its transcript, too."""
        self._stay(text, Kind.ERROR, conversation, has_place=True)

    @Slot(str, str)
    def warn_in(self, conversation: str, text: str) -> None:
        """Show something that has to be read in the conversation with the id `conversation`."""
        self._stay(text, Kind.WARNING, conversation)

    @Slot(str)
    def succeed(self, text: str) -> None:
        """Show for some seconds what was done."""
        self._pass(Feedback(text, Kind.SUCCESS), self._current)

    @Slot(str)
    def tell(self, text: str) -> None:
        """Show for some seconds what is neither a success nor a failure."""
        self._pass(Feedback(text, Kind.NOTE), self._current)

    @Slot(str, str)
    def tell_in(self, conversation: str, text: str) -> None:
        """Show for some seconds, in the conversation with the id `conversation`, what is no failure."""
        self._pass(Feedback(text, Kind.NOTE), conversation)

    def tell_attached(self, conversation: str, text: str) -> None:
        """Show for some seconds what was attached in a conversation, unless there is to read why others weren't."""
        is_unread = any((entry.scope, entry.source) == (conversation, ATTACHING) for entry in self._entries)
        self._pass(Feedback(text, Kind.NOTE), conversation, is_background=is_unread)

    @Slot(str)
    def mention(self, text: str) -> None:
        """Show for some seconds what happened by itself, unless there is something else to read."""
        if not any(entry.source == PASSING and not entry.is_background for entry in self._entries):
            self._pass(Feedback(text, Kind.SUCCESS), self._current, is_background=True)

    def note(self, source: str, text: str, *, is_error: bool = False, waits: bool = False) -> None:
        """Show a sentence in the present conversation until `source` sets another; empty for none.

        If it `waits`, other feedback goes before it.
        """
        feedback = Feedback(text, Kind.ERROR if is_error else Kind.NOTE)
        self._set(source, feedback, self._current, is_background=waits, is_new=True)

    def fail_reading(self, collection: str, text: str, conversation: str = "") -> None:
        """Show why documents of a collection could not be read, in `conversation` or the present one."""
        self._set(f"{READING} {collection}", Feedback(text, Kind.ERROR), conversation or self._current, is_new=True)

    def is_unread(self, collection: str) -> bool:
        """Return whether `fail_reading` told something that was neither dismissed nor replaced."""
        return any(entry.source == f"{READING} {collection}" for entry in self._entries)

    def progress(
        self,
        source: str,
        text: str,
        fraction: float | None = None,
        *,
        scope: str | None = None,
        waits: bool = False,
        is_silent: bool = False,
    ) -> None:
        """Show the progress of `source`, empty once it is over.

        If it `waits`, other feedback goes before it. A silent one is not announced, as it is told otherwise.
        """
        self._set(source, Feedback(text, Kind.PROGRESS, fraction), scope, is_background=waits, is_silent=is_silent)

    def progress_if_slow(self, source: str, text: str) -> None:
        """Show the progress of `source` once it takes a while; `text` is empty once it is over."""
        if not text:
            self._begun.pop(source, None)
            self._set(source, Feedback("", Kind.PROGRESS), None)
        elif source not in self._begun:
            self._begun[source] = text
            QTimer.singleShot(SLOW_AFTER, self, partial(self._show_slow, source, text))

    def _show_slow(self, source: str, text: str) -> None:
        if self._begun.get(source) is text:
            self.progress(source, text)

    @Slot()
    def dismiss(self) -> None:
        """Remove the failure or the warnings that are shown."""
        if (entry := self._chosen()) and entry.feedback.kind in STAYING:
            shown = self._shown_with(entry)
            self._entries = [each for each in self._entries if each not in shown]
            self._update()
            for each in shown:
                if each.source == ATTACHING:
                    self.attaching_dismissed.emit(each.scope)

    @Slot()
    def end_results(self) -> None:
        """Hide what was done, as it was undone."""
        self._remove_passing()
        self._update()

    def clear(self, conversation: str) -> None:
        """Remove what belongs to a conversation, as it goes on; and what was done. Why files are missing stays."""
        self._entries = [
            entry
            for entry in self._entries
            if entry.feedback.kind is Kind.PROGRESS
            or entry.source == ATTACHING
            or (entry.scope != conversation and entry.source != PASSING)
        ]
        self._update()

    def hold(self, *, is_held: bool) -> None:
        """Let no result fade while `is_held`, as the mouse is over it."""
        self._is_held = is_held

    def _stay(
        self, text: str, kind: Kind, scope: str | None, *, has_place: bool = False, is_in_log: bool = False
    ) -> None:
        self._remove_passing()
        feedback = Feedback(text, kind, has_place=has_place, is_in_log=is_in_log)
        self._set(STAYING_SOURCE, feedback, scope, is_new=True)

    def _pass(self, feedback: Feedback, scope: str, *, is_background: bool = False) -> None:
        self._remove_passing()
        self._timer.start(max(LEAST_SHOWN, SHOWN_PER_LETTER * len(feedback.text)))
        self._set(PASSING, feedback, scope, is_background=is_background, is_new=True)

    def _set(
        self,
        source: str,
        feedback: Feedback,
        scope: str | None,
        *,
        is_background: bool = False,
        is_new: bool = False,
        is_silent: bool = False,
        announcement: str = "",
    ) -> None:
        """Replace what `source` said: what it says next of the same work is not announced again."""
        feedback = replace(feedback, text=without_controls(shortened(feedback.text, LONGEST)))
        is_staying = feedback.kind in STAYING
        same = [entry for entry in self._entries if entry.source == source and (entry.scope == scope or not is_staying)]
        self._entries = [entry for entry in self._entries if entry not in same]
        if feedback.text and same and not is_new:
            self._entries.append(replace(same[0], feedback=feedback, scope=scope))
        elif feedback.text:
            announcement = announcement if same and same[0].is_announced else ""
            self._entries.append(_Entry(feedback, scope, source, is_background, is_silent, announcement))
        self._update()

    def _remove_passing(self) -> None:
        self._timer.stop()
        self._entries = [entry for entry in self._entries if entry.source != PASSING]

    @Slot()
    def _end_passing(self) -> None:
        if self._is_held:
            self._timer.start(LEAST_SHOWN)
        else:
            self._remove_passing()
            self._update()

    def _chosen(self) -> _Entry | None:
        here = [entry for entry in self._entries if entry.scope in {None, self._current}]
        return max(here, key=lambda entry: (not entry.is_background, entry.number), default=None)

    def _shown_with(self, entry: _Entry) -> list[_Entry]:
        """Return what is shown with `entry`, a failure or warning, and it: that nothing can be saved comes first.

        Warnings that belong to no conversation are shown together.
        """
        if entry.feedback.kind not in STAYING:
            return [entry]
        is_general = entry.scope is None and entry.feedback.kind is Kind.WARNING
        saving = [each for each in self._entries if each.source == SAVING]
        others = [
            each
            for each in self._entries
            if each is entry or (is_general and (each.scope, each.feedback.kind) == (None, Kind.WARNING))
        ]
        return [*saving, *(each for each in others if each.source != SAVING)]

    def _update(self) -> None:
        entry = self._chosen()
        feedback = _joined([each.feedback for each in self._shown_with(entry)]) if entry else NOTHING
        if feedback != self._last:
            self._last = feedback
            self.shown.emit(feedback)
        if entry and not entry.is_announced:
            entry.is_announced = True
            self.announced.emit(entry.announcement or entry.feedback.text)


def _joined(parts: Sequence[Feedback]) -> Feedback:
    """Return all `parts` as one, which looks like the gravest of them."""
    return Feedback(
        "\n".join(each.text for each in parts),
        max((each.kind for each in parts), key=lambda kind: kind.value),
        parts[-1].fraction,
        has_place=all(each.has_place for each in parts),
        is_in_log=any(each.is_in_log for each in parts),
    )
