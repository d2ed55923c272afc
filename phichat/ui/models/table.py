"""The models table: size, memory, speed, licence and state of each model."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from phichat.i18n import format_size, format_speed, tr
from phichat.models.base import Listing
from phichat.ui.controllers.downloads import DownloadManager
from phichat.ui.models.formatting import describe_presence
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip

TITLE, SIZE, MEMORY, SPEED, LICENCE, STATE = range(6)
FIRST_HIDDEN = LICENCE, SPEED, MEMORY  # where names would be cut off; the details show these as well
LONGEST_NAME = 240  # pixels; a longer one is cut off rather than that columns are hidden


class ModelTable(QTreeWidget):
    """A row for each listing.

    Signals: `chosen` when the current row changes; besides Qt's own `activated`, for Enter or a double click.
    """

    chosen = Signal()

    def __init__(self, theme: Theme, downloads: DownloadManager) -> None:
        super().__init__()
        self.setObjectName("modelTable")
        self.setAccessibleName(tr("Models"))
        self._theme, self._downloads = theme, downloads
        self._listings: list[Listing] = []
        self._in_use = self._wanted = ""
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHeaderLabels([tr("Model"), tr("Size"), tr("Memory"), tr("Speed"), tr("License"), tr("Status")])
        self.header().setSectionsMovable(False)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        self.header().setMinimumSectionSize(50)
        theme.apply_stylesheet(self, "table")
        theme.changed.connect(self._show_all)
        downloads.changed.connect(self._on_changed)
        self.currentItemChanged.connect(self.chosen)

    def show_listings(self, listings: Sequence[Listing], in_use: str) -> None:
        """Show `listings`; the current model stays current."""
        wanted, current = self._wanted, self.current_listing()
        same = [listing.name for listing in listings] == [listing.name for listing in self._listings]
        self._listings, self._in_use = list(listings), in_use
        if not same:
            self._fill(wanted or (current.name if current else ""))
        self._show_all()

    def current_listing(self) -> Listing | None:
        """Return the listing in the current row, or None."""
        row = self.currentIndex().row()
        return self._listings[row] if 0 <= row < len(self._listings) else None

    def select_model(self, name: str) -> None:
        """Make the row of the model `name` current, now or when it comes."""
        self._wanted = name
        for row, listing in enumerate(self._listings):
            if listing.name == name:
                self._wanted = ""
                self._select_row(row)

    def _select_row(self, row: int) -> None:
        self.setCurrentIndex(self.model().index(row, TITLE))

    def _fill(self, current: str) -> None:
        scrolled = self.verticalScrollBar().value()
        self.blockSignals(True)
        self.clear()
        self.addTopLevelItems([QTreeWidgetItem() for _ in self._listings])
        self.blockSignals(False)
        if self._listings:
            self._select_row(0)
        self.select_model(current)
        self.verticalScrollBar().setValue(scrolled)
        self.scrollTo(self.currentIndex())

    @Slot(str)
    def _on_changed(self, name: str) -> None:
        for row, listing in enumerate(self._listings):
            if listing.name == name:
                self._show(row, listing)
        self._fit_columns()

    @Slot()
    def _show_all(self) -> None:
        for row, listing in enumerate(self._listings):
            self._show(row, listing)
        self._fit_columns()

    def _show(self, row: int, listing: Listing) -> None:
        item = self.topLevelItem(row)
        if item is None:
            return
        colors = self._theme.colors
        colours = [colors.text, *[colors.muted] * 5]
        if not listing.fits:
            colours[MEMORY] = colors.alert
        if listing.unusable or (listing.exists_on_hub is False and not listing.model):
            colours[STATE] = colors.alert
        for column, text in enumerate(self._texts(listing)):
            item.setText(column, text)
            item.setToolTip(column, tool_tip(text))
            item.setForeground(column, QBrush(QColor(colours[column])))

    def _texts(self, listing: Listing) -> list[str]:
        is_in_use = bool(listing.model) and listing.name == self._in_use
        is_by_others = listing.remote is not None and not listing.is_official
        title = tr("{model} (community)").format(model=listing.title) if is_by_others else listing.title
        return [
            title,
            _rough_size(listing),
            format_size(listing.memory) if listing.memory else "–",
            tr("~{speed} tokens/s").format(speed=format_speed(listing.speed)) if listing.speed else "–",
            listing.licence or "–",
            tr("In use") if is_in_use else describe_presence(listing, self._downloads.state(listing.name)),
        ]

    def _fit_columns(self) -> None:
        """Hide columns, the least important first, until the longest name has room, up to LONGEST_NAME."""
        header = self.header()
        metrics, labels = header.fontMetrics(), [self.headerItem().text(column) for column in range(self.columnCount())]
        padding = header.sectionSizeHint(TITLE) - metrics.horizontalAdvance(labels[TITLE])
        widths = [  # also of hidden columns, for which the header has no size hint
            max(self.sizeHintForColumn(column), metrics.horizontalAdvance(label) + padding)
            for column, label in enumerate(labels)
        ]
        widths[TITLE] = min(widths[TITLE], scaled(LONGEST_NAME))
        missing = sum(widths) - self.viewport().width()
        for column in FIRST_HIDDEN:
            self.setColumnHidden(column, missing > 0)
            missing -= widths[column]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()


def _rough_size(listing: Listing) -> str:
    if listing.bytes is None:
        return "–"
    return (
        tr("~{size}").format(size=format_size(listing.bytes))
        if listing.is_size_approximate
        else format_size(listing.bytes)
    )
