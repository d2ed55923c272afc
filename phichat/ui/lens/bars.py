"""The bars of the likeliest next words: each one's share before sampling and after it."""

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from phichat.chat.candidates import Candidate, named_end
from phichat.chat.sampling import SETTINGS
from phichat.i18n import format_percent, tr
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme

Index = QModelIndex | QPersistentModelIndex

CANDIDATE_ROLE = Qt.ItemDataRole.UserRole
SCALE_ROLE = CANDIDATE_ROLE + 1
CHOSEN_ROLE = CANDIDATE_ROLE + 2
LABELS_ROLE = CANDIDATE_ROLE + 3
BLANK, LINE_BREAK, TAB = "\N{OPEN BOX}", "\N{RETURN SYMBOL}", "\N{RIGHTWARDS ARROW TO BAR}"
WORD_WIDTH, BAR_HEIGHT = 84, 10  # pixels
CUTTING = ("top_k", "top_p", "min_p")
"""The settings that remove words most often; the column on the right always has room for their labels."""
LEAST = 0.0001  # a share that is written "<0.1%", the longest
MOST_SHARE = 0.42  # of a row, that the column on the right takes at most
SCALES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # shares that the longest possible bar stands for


def visible_word(text: str) -> str:
    """Return the text of a token without the blanks around it, or what it means or stands for if nobody would know."""
    text = named_end(text)
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
        return tr("{word}: {before}, ruled out by {setting}").format(
            word=word, before=before, setting=setting_label(candidate.cut_by)
        )
    return tr("{word}: {before}, {after} with your settings").format(
        word=word, before=before, after=format_percent(candidate.after)
    )


class CandidateModel(QAbstractListModel):
    """The candidates of one place, the likeliest first; with `follows_settings` as in CandidateList.

    What removed one of them once is remembered, so that bars don't change their width to and fro with a slider.
    """

    def __init__(self, parent: QWidget, *, follows_settings: bool) -> None:
        super().__init__(parent)
        self._follows_settings = follows_settings
        self._candidates: list[Candidate] = []
        self._chosen = -1
        self._cutting = set(CUTTING)

    def show_candidates(self, candidates: Sequence[Candidate], chosen: int = -1) -> None:
        """Show `candidates`; the same number keeps selection and focus. `chosen` is the token that came, if any."""
        self._chosen = chosen
        self._cutting |= {each.cut_by for each in candidates if each.cut_by}
        if self._follows_settings:
            candidates = sorted(candidates, key=lambda each: (-each.after, -each.before))
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
        if role == LABELS_ROLE:
            return [setting_label(name) for name in self._cutting]
        return {CANDIDATE_ROLE: candidate, SCALE_ROLE: self._scale(), CHOSEN_ROLE: is_chosen}.get(role)

    def _scale(self) -> float:
        """Return the share of the longest possible bar: all, if bars are to grow and shrink as a slider moves."""
        if self._follows_settings:
            return 1.0
        longest = max(max(each.before, each.after) for each in self._candidates)
        return next(scale for scale in SCALES if scale >= min(longest, 1))


class CandidateDelegate(QStyledItemDelegate):
    """Paints a candidate in one line: the word, its bar, and its share or what removed it."""

    def __init__(self, theme: Theme, parent: QWidget, *, follows_settings: bool) -> None:
        super().__init__(parent)
        self._theme, self._follows_settings = theme, follows_settings

    def sizeHint(self, option: QStyleOptionViewItem, _: Index) -> QSize:
        return QSize(0, option.fontMetrics.height() + scaled(8))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        candidate = index.data(CANDIDATE_ROLE)
        if not isinstance(candidate, Candidate):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, option)
        place = QRectF(option.rect).adjusted(6, 0, -6, 0)
        word, bar, share = columns(place, option.fontMetrics, index.data(LABELS_ROLE))
        self._paint_word(painter, option, word, candidate, is_chosen=bool(index.data(CHOSEN_ROLE)))
        self._paint_bar(painter, bar, candidate, float(index.data(SCALE_ROLE)))
        self._paint_share(painter, option, share, candidate)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        can_choose = not self._follows_settings
        if has_focus or (can_choose and option.state & QStyle.StateFlag.State_MouseOver):
            painter.setPen(QPen(QColor(self._theme.colors.accent)) if has_focus else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.colors.hover) if can_choose else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)

    def _paint_word(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRectF, candidate: Candidate, *, is_chosen: bool
    ) -> None:
        font = QFont(option.font)
        font.setStrikeOut(is_struck(candidate, is_chosen=is_chosen))
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
        share = candidate.after if self._follows_settings else candidate.before
        words = setting_label(candidate.cut_by) if candidate.cut_by else format_percent(share or candidate.before)
        text = option.fontMetrics.elidedText(words, Qt.TextElideMode.ElideRight, int(rect.width()))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _ink(self, candidate: Candidate) -> QColor:
        return QColor(self._theme.colors.muted if candidate.cut_by else self._theme.colors.text)


def is_struck(candidate: Candidate, *, is_chosen: bool) -> bool:
    """Return whether a line goes through the word: not if it was chosen, nor through signs, which it would hide."""
    return candidate.cut_by is not None and not is_chosen and any(map(str.isalnum, candidate.text))


def columns(rect: QRectF, metrics: QFontMetrics, labels: Iterable[str]) -> tuple[QRectF, QRectF, QRectF]:
    """Return the places of the word, the bar and the share, which has room for `labels`.

    The word is on the left in every language.
    """
    word, gap = scaled(WORD_WIDTH), scaled(6)
    needed = max(map(metrics.horizontalAdvance, (format_percent(1), format_percent(LEAST), *labels))) + 1
    share = min(needed, int(rect.width() * MOST_SHARE))
    bar = QRectF(rect.left() + word + gap, rect.top(), max(rect.width() - word - share - 2 * gap, 1), rect.height())
    return (
        QRectF(rect.left(), rect.top(), word, rect.height()),
        bar,
        QRectF(rect.right() - share, rect.top(), share, rect.height()),
    )


class CandidateList(QListView):
    """A list of candidates with bars, as high as its rows. Enter or a click on one emits `activated`.

    One that `follows_settings` shows the shares after sampling, sorted by them and all on one scale, and its rows are
    only read; any other shows the model's own.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, follows_settings: bool = False) -> None:
        super().__init__(parent)
        if follows_settings:
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setObjectName("lensBars")
        self.setAccessibleName(tr("Most likely next words"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self._model = CandidateModel(self, follows_settings=follows_settings)
        self.setModel(self._model)
        self.setItemDelegate(CandidateDelegate(theme, self, follows_settings=follows_settings))

    def show_candidates(self, candidates: Sequence[Candidate], chosen: int = -1) -> None:
        """Show `candidates`, the likeliest first, with that of the token `chosen` in bold."""
        is_resized = len(candidates) != self._model.rowCount()
        self._model.show_candidates(candidates, chosen)
        rows = [self._model.index(row, 0) for row in range(self._model.rowCount())]
        self.setAccessibleDescription(". ".join(spoken_candidate(row.data(CANDIDATE_ROLE)) for row in rows))
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
