"""The candidates of a word, beside it: what else the model could have written, token by token."""

from collections.abc import Sequence
from dataclasses import replace
from math import log2

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QEnterEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTabBar, QVBoxLayout, QWidget

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.weighed_reply import WeighedToken, WeighedWord
from phichat.i18n import format_number, format_percent, tr
from phichat.ui.lens.bars import CANDIDATE_ROLE, CandidateList, Index, visible_word
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import help_label
from phichat.ui.widgets.foreign_text import plain_label
from phichat.unicode import isolated

WIDTH, MARGIN = 300, 8  # pixels
LEAST_ROWS = 3  # of candidates, however low the window
QWIDGETSIZE_MAX = (1 << 24) - 1  # Qt's, for no limit
MOST_SPOKEN = 4  # candidates that a screen reader reads out with a word
LEAST_SHARE = 1e-12  # the surprise of what is less likely is not told more exactly

_Key = Qt.Key
_BACK = {_Key.Key_Escape, _Key.Key_Tab, _Key.Key_Backtab}
_SIDES = {_Key.Key_Left: -1, _Key.Key_Right: 1}


def surprise_bits(probability: float) -> float:
    """Return how surprising something of that probability is, in bits."""
    return -log2(max(probability, LEAST_SHARE))


def word_sentence(text: str, word: WeighedWord) -> str:
    """Return what the model weighed at a word of `text`, as a sentence for screen readers."""
    token = word.least_sure
    said = isolated(visible_word(text[word.start : word.end]))
    if token.choice is None:
        return tr("“{word}”: probability unknown").format(word=said)
    share = format_percent(word.probability or 0)
    others = [each for each in token.choice.candidates if each.token != token.token][:MOST_SPOKEN]
    if not others:
        return tr("“{word}”, {share}").format(word=said, share=share)
    listed = ", ".join(f"{isolated(visible_word(each.text))} {format_percent(each.before)}" for each in others)
    return tr("“{word}”, {share}; alternatives: {others}").format(word=said, share=share, others=listed)


def choice_sentence(said: str, choice: Choice) -> str:
    """Return how likely the chosen token was, and which place it had among all."""
    said, share = isolated(said), format_percent(choice.probability)
    if choice.rank == 1:
        return tr("“{word}”: {share}, the most likely word").format(word=said, share=share)
    return tr("“{word}”: {share}, ranked number {rank} by likelihood").format(
        word=said, share=share, rank=format_number(choice.rank)
    )


def _meaning(candidates: Sequence[Candidate]) -> str:
    """Return what the bars of `candidates` show."""
    bars = tr(
        "Percentages and outlined bars show the model’s own probabilities. Filled bars show the probabilities with "
        "your sampling settings, such as the temperature and the repeat penalty."
    )
    if any(each.cut_by for each in candidates):
        return f"{bars} {tr('Crossed-out words were ruled out by the setting shown next to them.')}"
    return bars


def _numbered(candidates: Sequence[Candidate], chosen: str) -> tuple[tuple[Candidate, ...], int]:
    """Return what a server told, with numbers as ids, which it has none of, and the number of `chosen`."""
    numbered = tuple(replace(each, token=number) for number, each in enumerate(candidates))
    return numbered, next((each.token for each in numbered if each.text == chosen), len(numbered))


class LensPopup(QFrame):
    """Shows the candidates of one word over the window that is its parent.

    Signals:
        chosen(WeighedToken, Candidate): a candidate was clicked, or Enter was pressed on it.
        left: it was closed by key, and the word is to have the focus again.
        entered, exited: the mouse came over it, or went.
    """

    chosen = Signal(object, object)
    left = Signal()
    entered = Signal()
    exited = Signal()

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("lensPopup")
        self.hide()
        self._tokens: tuple[WeighedToken, ...] = ()
        self._text, self._can_choose, self._is_of_server = "", False, False
        self._tabs = QTabBar()
        self._tabs.setObjectName("lensTokens")
        self._parts = help_label(tr("Parts of the word:"))
        self._tabs.setAccessibleName(tr("Parts of the word:"))
        self._tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tabs.setExpanding(False)
        self._tabs.setDrawBase(False)
        self._heading = plain_label()
        self._heading.setWordWrap(True)
        self._surprise = help_label("")
        self._bars = CandidateList(theme)
        self._bars.setObjectName("lensCandidates")
        self._bars.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._bars.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._meaning = help_label("")
        self._hint = help_label("")
        self._lay_out()
        self._bars.installEventFilter(self)
        self._bars.clicked.connect(self._choose)
        self._tabs.currentChanged.connect(self._show_token)
        theme.apply_stylesheet(self, "popup")

    def show_word(self, text: str, word: WeighedWord, *, can_choose: bool, tells_surprise: bool = False) -> None:
        """Show the candidates of a word of `text`, first those of its least likely token."""
        self._text, self._can_choose = text, can_choose
        self._tokens = tuple(token for token in word.tokens if token.choice) or word.tokens[:1]
        self._surprise.setVisible(tells_surprise)
        self._tabs.blockSignals(True)
        while self._tabs.count():
            self._tabs.removeTab(0)
        for token in self._tokens:
            self._tabs.addTab(self._said(token).replace("&", "&&"))
        first = self._tokens.index(word.least_sure) if word.least_sure in self._tokens else 0
        self._tabs.setCurrentIndex(first)
        self._tabs.blockSignals(False)
        for part in (self._parts, self._tabs):
            part.setVisible(len(self._tokens) > 1)
        self.setAccessibleName(word_sentence(text, word))
        self._show_token(first)

    def place_at(self, word: QRect) -> None:
        """Show this below `word`, a rectangle in the window, or above it where there is more room."""
        window = self.parentWidget()
        if window is None:
            return
        self.setFixedWidth(min(scaled(WIDTH), window.width() - 2 * MARGIN))
        below, above = window.height() - MARGIN - word.bottom() - 1, word.top() - MARGIN
        self._fit_height(window.height())
        is_below = self.height() <= below or below >= above
        self._fit_height(below if is_below else above)
        right = window.width() - self.width() - MARGIN
        x = word.right() - self.width() if self.isRightToLeft() else word.left()
        y = word.bottom() + 1 if is_below else word.top() - self.height()
        self.move(QPoint(max(MARGIN, min(x, right)), y))
        self.show()
        self.raise_()
        if not self._bars.hasFocus():
            self._bars.show_chosen()

    def _fit_height(self, most: int) -> None:
        """Make this as high as its parts, but at most so high: explanations go first, then the list scrolls."""
        candidates = self._bars.isVisibleTo(self)
        self._bars.setMaximumHeight(QWIDGETSIZE_MAX)
        self._meaning.setVisible(candidates and not self._is_of_server)
        self._hint.setVisible(candidates and bool(self._hint.text()))
        self._shrink()
        if self.height() > most:
            self._meaning.hide()
            self._hint.hide()
            self._shrink()
        if self.height() > most and candidates:
            row = self._bars.sizeHintForRow(0)
            self._bars.setMaximumHeight(max(self._bars.sizeHint().height() - (self.height() - most), LEAST_ROWS * row))
            self._shrink()

    def _shrink(self) -> None:
        """Make this as high as its parts need in its width; `adjustSize` would ask them for a width of their own."""
        if layout := self.layout():
            layout.invalidate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def take_focus(self) -> None:
        """Give the focus to the first candidate that is not the chosen one."""
        model = self._bars.model()
        token = self._token()
        indexes = [model.index(row, 0) for row in range(model.rowCount())]
        others = [index for index in indexes if token and index.data(CANDIDATE_ROLE).token != token.token]
        if others:
            self._bars.setCurrentIndex(others[0])
            self._bars.setFocus(Qt.FocusReason.OtherFocusReason)

    def has_focus(self) -> bool:
        """Return whether a candidate has the focus."""
        return self._bars.hasFocus()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(4)
        for part in (self._parts, self._tabs, self._heading, self._surprise, self._bars, self._meaning, self._hint):
            layout.addWidget(part)

    def _token(self) -> WeighedToken | None:
        at = self._tabs.currentIndex()
        return self._tokens[at] if 0 <= at < len(self._tokens) else None

    def _said(self, token: WeighedToken) -> str:
        text = self._text[token.start : token.end]
        known = token.choice.candidates if token.choice else ()
        spelled = next((each.text for each in known if each.token == token.token), "")
        return visible_word(text or spelled) or "…"

    @Slot(int)
    def _show_token(self, _: int) -> None:
        token = self._token()
        choice = token.choice if token else None
        candidates, chosen = choice.candidates if choice else (), token.token if token else -1
        self._is_of_server = chosen < 0
        if token and choice:
            said = self._said(token)
            self._heading.setText(choice_sentence(said, choice))
            bits = format_number(surprise_bits(choice.probability), 1)
            self._surprise.setText(tr("Surprise: {bits} bits").format(bits=bits))
            text = self._text[token.start : token.end]
            if chosen < 0:
                candidates, chosen = _numbered(candidates, text)
            if candidates and all(each.token != chosen for each in candidates):
                candidates = (*candidates, Candidate(chosen, text, choice.probability, choice.after))
        else:
            self._heading.setText(tr("Phichat doesn’t know how sure the model was of this word."))
            self._surprise.hide()
        self._bars.setVisible(bool(candidates))
        self._meaning.setVisible(bool(candidates) and not self._is_of_server)
        self._hint.setText(self._choosing())
        self._hint.setVisible(bool(candidates) and bool(self._hint.text()))
        self._meaning.setText(_meaning(candidates))
        self._bars.show_candidates(candidates, chosen)
        self._bars.setCurrentIndex(self._bars.model().index(-1, 0))
        if self.isVisible():
            self._shrink()

    def _choosing(self) -> str:
        """Return what choosing a word does, or why that is impossible; empty while the model is busy."""
        if self._is_of_server:
            return tr("You can’t choose a word here, because servers can’t continue an answer from a specific word.")
        if self._can_choose:
            return tr("Choose a word to get another version of the answer that continues with that word.")
        return ""

    @Slot(object)
    def _choose(self, index: Index) -> None:
        token, candidate = self._token(), index.data(CANDIDATE_ROLE)
        if token is None or self._is_of_server or not self._can_choose or not isinstance(candidate, Candidate):
            return
        if candidate.token != token.token:
            self.chosen.emit(token, candidate)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.type() is QEvent.Type.ShortcutOverride and event.key() == _Key.Key_Escape:
                event.accept()  # else Escape would stop the answer
                return True
            if event.type() is QEvent.Type.KeyPress:
                return self._handle_key(event.key())
        return super().eventFilter(watched, event)

    def _handle_key(self, key: int) -> bool:
        if key in _BACK:
            self.left.emit()
        elif key in {_Key.Key_Return, _Key.Key_Enter, _Key.Key_Space}:
            self._choose(self._bars.currentIndex())
        elif key in _SIDES:
            step = _SIDES[_Key(key)] * (-1 if self.isRightToLeft() else 1)
            self._tabs.setCurrentIndex(min(max(self._tabs.currentIndex() + step, 0), self._tabs.count() - 1))
            self.take_focus()
        else:
            return False
        return True

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.entered.emit()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.exited.emit()
