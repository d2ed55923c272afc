"""What a search on the Hub found: a list of repositories, and below it the files of the current one."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from phichat.i18n import format_number, format_size, format_speed, tr
from phichat.models.base import FoundRepository, Listing
from phichat.models.found import Fit, Group, fit_of, group_of, quantisation, recommended
from phichat.ui.theme.scaling import set_min_height
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip

FIT = 3  # the column with the pill
LOWEST = 48  # pixels of a list: its headings, and a row
PADDING = 8  # pixels left and right of a pill's text
FIT_ROLE = Qt.ItemDataRole.UserRole


class SearchResults(QWidget):
    """Shows repositories and files.

    Signals: `repository_chosen(FoundRepository)` when another one is current; `file_chosen` when another file is;
    `activated` for Enter or a double click on a file.
    """

    repository_chosen = Signal(object)
    file_chosen = Signal()
    activated = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._repositories: list[FoundRepository] = []
        self._listings: list[Listing] = []
        self.repositories = _tree(
            theme, "foundList", tr("Models found"), [tr("Model"), tr("Published by"), tr("Downloads"), tr("License")]
        )
        self.files = _tree(
            theme, "foundFiles", tr("Files"), [tr("Files"), tr("Quantization"), tr("Size"), tr("On this computer")]
        )
        self.files.setItemDelegateForColumn(FIT, PillDelegate(theme, self.files))
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.repositories, 5)
        layout.addWidget(self.files, 4)
        theme.changed.connect(self._show_problems)
        self.repositories.currentItemChanged.connect(self._on_repository)
        self.repositories.activated.connect(self._enter_files)
        self.files.currentItemChanged.connect(self.file_chosen)
        self.files.activated.connect(self.activated)

    def show_repositories(self, repositories: Sequence[FoundRepository]) -> None:
        """Show `repositories`, the first of them as the current one."""
        self._repositories = list(repositories)
        self.show_files(())
        _fill(self.repositories, [_repository_texts(repository) for repository in repositories])
        self._show_problems()
        _select(self.repositories, 0)

    @Slot()
    def _show_problems(self) -> None:
        """Show in muted letters what is nothing to chat with."""
        for row, repository in enumerate(self._repositories):
            item = self.repositories.topLevelItem(row)
            if item is None or not repository.problem:
                continue
            for column in range(item.columnCount()):
                item.setForeground(column, QBrush(QColor(self._theme.colors.muted)))
                item.setToolTip(column, tool_tip(repository.problem))

    def show_files(self, listings: Iterable[Listing]) -> None:
        """Show files, the smallest first; the one that suits this computer best is current."""
        self._listings = sorted(listings, key=lambda listing: listing.bytes or 0)
        parameters = self._repositories[self._row(self.repositories)].parameters if self._repositories else 0
        _fill(self.files, [_file_texts(listing, parameters) for listing in self._listings])
        for row, listing in enumerate(self._listings):
            if item := self.files.topLevelItem(row):
                item.setData(FIT, FIT_ROLE, fit_of(listing))
                item.setToolTip(FIT, tool_tip(_reason(listing)))
        best = recommended(self._listings)
        if best:
            _select(self.files, self._listings.index(best))

    def current_file(self) -> Listing | None:
        """Return the current file; None if there is none."""
        row = self.files.currentIndex().row()
        return self._listings[row] if 0 <= row < len(self._listings) else None

    def current_repository(self) -> FoundRepository | None:
        """Return the current repository; None if there is none."""
        row = self.repositories.currentIndex().row()
        return self._repositories[row] if 0 <= row < len(self._repositories) else None

    def enter(self) -> None:
        """Give the list of repositories the focus, or that of files where there is but one."""
        (self.files if len(self._repositories) == 1 and self._listings else self.repositories).setFocus()

    def _row(self, tree: QTreeWidget) -> int:
        return max(tree.currentIndex().row(), 0)

    @Slot()
    def _on_repository(self) -> None:
        if repository := self.current_repository():
            self.repository_chosen.emit(repository)

    @Slot()
    def _enter_files(self) -> None:
        self.files.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._column.activate()
        for tree in (self.repositories, self.files):
            tree.scrollTo(tree.currentIndex())


class PillDelegate(QStyledItemDelegate):
    """Draws a cell's text in a pill, whose colours tell how a model fits."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        self.initStyleOption(option, index)
        text, option.text = option.text, ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        if not text:
            return
        room = option.rect.adjusted(4, 3, -4, -3)
        width = min(option.fontMetrics.horizontalAdvance(text) + 2 * PADDING, room.width())
        place = QStyle.alignedRect(option.direction, Qt.AlignmentFlag.AlignLeft, QSize(width, room.height()), room)
        ground, ink = self._colours(index.data(FIT_ROLE))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(ink) if self._theme.colors.is_plain else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        radius = place.height() / 2
        painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        painter.setPen(QColor(ink))
        fitting = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width() - PADDING)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, fitting)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width() + 2 * PADDING + 8, max(size.height(), option.fontMetrics.height() + 10))

    def _colours(self, fit: Fit | None) -> tuple[str, str]:
        colors = self._theme.colors
        if fit is Fit.TOO_LARGE:
            return colors.faint_alert or colors.surface, colors.alert
        return (colors.faint_accent or colors.surface, colors.text) if fit is Fit.FITS else (colors.groove, colors.text)


def describe_fit(listing: Listing) -> str:
    """Return how a model would run on this computer, in a few words; empty as long as that is unknown."""
    fit = fit_of(listing)
    if fit is Fit.TOO_LARGE:
        return tr("Too large")
    if fit is None or listing.speed is None:
        return ""
    speed = format_speed(listing.speed)
    if fit is Fit.SLOW:
        return tr("Slow · about {speed} tokens/s").format(speed=speed)
    return tr("Fits · about {speed} tokens/s").format(speed=speed)


def _reason(listing: Listing) -> str:
    if not listing.fits:
        return tr("Needs {size} of memory, more than this computer has.").format(size=format_size(listing.memory or 0))
    if not listing.fits_now:
        return tr("Needs {size} of memory, more than is currently free. Close other apps, then search again.").format(
            size=format_size(listing.memory or 0)
        )
    return tr("Estimated from this computer’s memory speed and the speed of models you’ve used.")


def group_name(group: Group | None) -> str:
    """Return the name of a group of files."""
    match group:
        case Group.SMALL:
            return tr("Small")
        case Group.BALANCED:
            return tr("Balanced")
        case Group.LARGE:
            return tr("Large")
    return tr("Other")


def _repository_texts(repository: FoundRepository) -> list[str]:
    downloads = "–" if repository.downloads is None else format_number(repository.downloads)
    return [repository.name, repository.maker, downloads, repository.licence or "–"]


def _file_texts(listing: Listing, parameters: int) -> list[str]:
    file = listing.remote.file if listing.remote else listing.name
    size = format_size(listing.bytes) if listing.bytes is not None else "–"
    group = group_of(file, listing.bytes, parameters)
    return [group_name(group), quantisation(file) or listing.title, size, describe_fit(listing)]


def _tree(theme: Theme, name: str, label: str, headings: Sequence[str]) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setObjectName(name)
    tree.setAccessibleName(label)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setTextElideMode(Qt.TextElideMode.ElideRight)
    tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    tree.setHeaderLabels(list(headings))
    tree.header().setSectionsMovable(False)
    tree.header().setStretchLastSection(False)
    tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    tree.header().setSectionResizeMode(1 if name == "foundFiles" else 0, QHeaderView.ResizeMode.Stretch)
    set_min_height(tree, LOWEST)
    theme.apply_stylesheet(tree, "table")
    return tree


def _select(tree: QTreeWidget, row: int) -> None:
    tree.setCurrentIndex(tree.model().index(row, 0))


def _fill(tree: QTreeWidget, rows: Sequence[Sequence[str]]) -> None:
    """Show `rows`; a screen reader reads all of a row at its first cell."""
    tree.blockSignals(True)
    tree.clear()
    for row in rows:
        item = QTreeWidgetItem(list(row))
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, row)))
        for column, text in enumerate(row):
            item.setToolTip(column, tool_tip(text))
        tree.addTopLevelItem(item)
    tree.blockSignals(False)
