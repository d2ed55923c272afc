"""Creates message widgets in and near the viewport, a few milliseconds at a time, and deletes those far from it."""

from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QScrollArea

from phichat.ui.transcript.scroll_anchor import ScrollAnchor
from phichat.ui.transcript.visible_messages import VisibleMessages

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView

MIN_AT_ONCE, MAX_AT_ONCE = 4, 12  # widgets created before a conversation is shown; the others follow when idle
SLICE = 0.006  # seconds of creating widgets before the event loop runs again
ALWAYS_KEPT = 30  # widgets that exist whatever their height
MAX_KEPT = 100  # widgets; beyond that, those farther than `FAR` are deleted
NEAR, FAR = 1500, 4000  # pixels above and below the viewport: nearer widgets exist, farther ones may be deleted


class ViewportFiller(QObject):
    """Decides which messages of `area` exist as widgets; `visible` creates and deletes them."""

    def __init__(self, area: QScrollArea, visible: VisibleMessages, anchor: ScrollAnchor) -> None:
        super().__init__(area)
        self._area, self._visible, self._anchor = area, visible, anchor
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._fill)

    def schedule(self) -> None:
        """Create what is missing when the event loop is idle."""
        if not self._timer.isActive():
            self._timer.start()

    def create_view(self, index: int) -> "MessageView | None":
        """Return the widget of the message at `index`, created now if need be; None if there is no such message."""
        if not 0 <= index < len(self._visible.path):
            return None
        if self._visible.view(index) is None:
            self._visible.restart(index)
            self.create_around(index)
            for view in self._visible.views:
                view.show_now()
        return self._visible.view(index)

    def create_around(self, index: int) -> None:
        """Create the message at `index` and as many beside it as there is time for; schedule the rest."""
        visible, count, until = self._visible, len(self._visible.path), perf_counter() + 2 * SLICE
        if not visible.views or not visible.first <= index <= visible.end + MAX_AT_ONCE:
            visible.restart(max(index, 0))

        def has_time(created: int) -> bool:
            return created < MIN_AT_ONCE // 2 or (created < MAX_AT_ONCE // 2 and perf_counter() < until)

        while visible.end < count and (visible.end <= index or has_time(visible.end - index - 1)):
            visible.append_view()
        while visible.first > 0 and (len(visible.views) < MIN_AT_ONCE or has_time(index - visible.first)):
            visible.prepend_view()
        visible.refresh_views()
        self.schedule()

    @Slot()
    def _fill(self) -> None:
        until = perf_counter() + SLICE
        while self._visible.highlight_next():
            if perf_counter() > until:
                return
        if not self._create_one():
            self._timer.stop()
            self._delete_far_views()

    def _create_one(self) -> bool:
        """Create one more widget near the viewport. Return False if none is missing."""
        visible, bar = self._visible, self._area.verticalScrollBar()
        if not visible.views or not self._area.isVisible() or len(visible.views) > 2 * MAX_KEPT:
            return False
        is_short = len(visible.views) < ALWAYS_KEPT
        if visible.first > 0 and (is_short or bar.value() < NEAR):
            visible.prepend_view()
        elif visible.end < len(visible.path) and (is_short or bar.maximum() - bar.value() < NEAR):
            visible.append_view()
        else:
            return False
        return True

    def _delete_far_views(self) -> None:
        visible, height = self._visible, self._area.viewport().height()
        if len(visible.views) <= MAX_KEPT:
            return
        near = [
            index
            for index, view in enumerate(visible.views, visible.first)
            if self._anchor.offset(view, by_end=True) > -FAR and self._anchor.offset(view) < height + FAR
        ]
        if near:
            visible.remove_views(near[-1] + 1, visible.end)
            visible.remove_views(visible.first, near[0])
