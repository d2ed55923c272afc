"""The bars of the likeliest next words: each one's share before sampling and after it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from phichat.chat.candidates import Candidate
from phichat.chat.sampling import SETTINGS
from phichat.i18n import format_percent, tr
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme

Index = QModelIndex | QPersistentModelIndex

CANDIDATE_ROLE = Qt.ItemDataRole.UserRole
SCALE_ROLE = CANDIDATE_ROLE + 1
CHOSEN_ROLE = CANDIDATE_ROLE + 2
BLANK, LINE_BREAK, TAB = "\N{OPEN BOX}", "\N{RETURN SYMBOL}", "\N{RIGHTWARDS ARROW TO BAR}"
WORD_WIDTH, SHARE_WIDTH, BAR_HEIGHT = 84, 70, 10  # pixels
SCALES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # shares that the longest possible bar stands for


def visible_word(text: str) -> str:
    """Return the text of a token without the blanks around it, or signs for what would not be seen."""
    return (text.strip(" ") or BLANK * len(text)).replace("\n", LINE_BREAK).replace("\t", TAB)


def setting_label(name: str) -> str:
    """Return the translated label of a sampling setting."""
    labels = {setting.name: tr(setting.label) for setting in SETTINGS}
    return labels.get(name, tr("Never say"))


def spoken_candidate(candidate: Candidate) -> str:
    """Return what the bar of `candidate` shows, as a sentence for screen readers."""
    word, before = visible_word(candidate.text), format_percent(candidate.before)
    if not candidate.cut_by and not candidate.after:  # a server does not tell what the settings did
        return tr("{word}: {before}").format(word=word, before=before)
    if candidate.cut_by:
        return tr("{word}: {before}, removed by {setting}").format(
            word=word, before=before, setting=setting_label(candidate.cut_by)
        )
    return tr("{word}: {before}, {after} after sampling").format(
        word=word, before=before, after=format_percent(candidate.after)
    )


class CandidateModel(QAbstractListModel):
    """The candidates of one place, the likeliest first."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._candidates: list[Candidate] = []
        self._chosen = -1

    def show_candidates(self, candidates: Sequence[Candidate], chosen: int = -1) -> None:
        """Show `candidates`; the same number keeps selection and focus. `chosen` is the token that came, if any."""
        self._chosen = chosen
        if len(candidates) == len(self._candidates):
            self._candidates = list(candidates)
            self.dataChanged.emit(self.index(0), self.index(len(candidates) - 1))
            return
        self.beginResetModel()
        self._candidates = list(candidates)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._candidates)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        candidate = self._candidates[index.row()]
        is_chosen = candidate.token == self._chosen
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            spoken = spoken_candidate(candidate)
            return tr("{candidate} (chosen)").format(candidate=spoken) if is_chosen else spoken
        return {CANDIDATE_ROLE: candidate, SCALE_ROLE: self._scale(), CHOSEN_ROLE: is_chosen}.get(role)

    def _scale(self) -> float:
        """Return the share of the longest bar, in steps, so that bars grow and shrink as a slider moves."""
        longest = max(max(each.before, each.after) for each in self._candidates)
        return next(scale for scale in SCALES if scale >= min(longest, 1))


class CandidateDelegate(QStyledItemDelegate):
    """Paints a candidate in one line: the word, its bar, and its share or what removed it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, _: Index) -> QSize:
        return QSize(0, option.fontMetrics.height() + scaled(8))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        candidate = index.data(CANDIDATE_ROLE)
        if not isinstance(candidate, Candidate):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, option)
        word, bar, share = _columns(QRectF(option.rect).adjusted(6, 0, -6, 0))
        self._paint_word(painter, option, word, candidate, is_chosen=bool(index.data(CHOSEN_ROLE)))
        self._paint_bar(painter, bar, candidate, float(index.data(SCALE_ROLE)))
        self._paint_share(painter, option, share, candidate)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if has_focus or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(QColor(self._theme.colors.accent)) if has_focus else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.colors.hover))
            painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)

    def _paint_word(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRectF, candidate: Candidate, *, is_chosen: bool
    ) -> None:
        font = QFont(option.font)
        font.setStrikeOut(candidate.cut_by is not None)
        font.setBold(is_chosen)
        painter.setFont(font)
        painter.setPen(self._ink(candidate))
        word = QFontMetrics(font).elidedText(
            visible_word(candidate.text), Qt.TextElideMode.ElideRight, int(rect.width())
        )
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, word)

    def _paint_bar(self, painter: QPainter, rect: QRectF, candidate: Candidate, scale: float) -> None:
        """Paint the share before sampling as an outline, and the one after it filled."""
        height = scaled(BAR_HEIGHT)
        top = rect.center().y() - height / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colors.accent))
        painter.drawRoundedRect(QRectF(rect.left(), top, rect.width() * candidate.after / scale, height), 2, 2)
        painter.setPen(QPen(self._ink(candidate), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        outline = QRectF(rect.left() + 0.5, top + 0.5, max(rect.width() * candidate.before / scale - 1, 1), height - 1)
        painter.drawRoundedRect(outline, 2, 2)

    def _paint_share(self, painter: QPainter, option: QStyleOptionViewItem, rect: QRectF, candidate: Candidate) -> None:
        painter.setFont(option.font)
        painter.setPen(self._ink(candidate))
        words = (
            setting_label(candidate.cut_by) if candidate.cut_by else format_percent(candidate.after or candidate.before)
        )
        text = option.fontMetrics.elidedText(words, Qt.TextElideMode.ElideRight, int(rect.width()))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _ink(self, candidate: Candidate) -> QColor:
        return QColor(self._theme.colors.muted if candidate.cut_by else self._theme.colors.text)


def _columns(rect: QRectF) -> tuple[QRectF, QRectF, QRectF]:
    """Return the places of the word, the bar and the share; the word is on the left in every language."""
    word, share, gap = scaled(WORD_WIDTH), scaled(SHARE_WIDTH), scaled(6)
    share = min(share, int(rect.width() / 3))
    bar = QRectF(rect.left() + word + gap, rect.top(), max(rect.width() - word - share - 2 * gap, 1), rect.height())
    return (
        QRectF(rect.left(), rect.top(), word, rect.height()),
        bar,
        QRectF(rect.right() - share, rect.top(), share, rect.height()),
    )


class CandidateList(QListView):
    """A list of candidates with bars, as high as its rows. Enter or a click on one emits `activated`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lensBars")
        self.setAccessibleName(tr("Most likely next words"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self._model = CandidateModel(self)
        self.setModel(self._model)
        self.setItemDelegate(CandidateDelegate(theme, self))

    def show_candidates(self, candidates: Sequence[Candidate], chosen: int = -1) -> None:
        """Show `candidates`, the likeliest first; that of the token `chosen` in bold."""
        is_resized = len(candidates) != self._model.rowCount()
        self._model.show_candidates(candidates, chosen)
        self.setAccessibleDescription(". ".join(map(spoken_candidate, candidates)))
        if is_resized:
            self.updateGeometry()

    def show_chosen(self) -> None:
        """Scroll to the candidate that was chosen, if there is one and not all of them have room."""
        rows = [self._model.index(row, 0) for row in range(self._model.rowCount())]
        chosen = next((row for row in rows if row.data(CHOSEN_ROLE)), rows[0] if rows else None)
        if chosen is not None:
            self.scrollTo(chosen)

    def sizeHint(self) -> QSize:
        rows = self._model.rowCount()
        return QSize(scaled(220), sum(self.sizeHintForRow(row) for row in range(rows)) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(scaled(160), self.sizeHint().height())
