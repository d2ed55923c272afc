"""The section "Next word" of the settings: what the sliders do to the likeliest words of one place in an answer."""

import json
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from phichat.chat.candidates import Candidate
from phichat.chat.sampling import Sampling
from phichat.engine.base import Undecided
from phichat.i18n import resource, tr
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import FoldButton, help_label
from phichat.unicode import continued

COUNT = 10  # candidates
MOST_BEFORE = 40  # characters of the text before the place


class NextWord(QWidget):
    """A button, and below it the likeliest words of one place, which are built when it is first clicked.

    Signals:
        toggled(bool): the user opens or folds it.
        reading_requested: have the model reread the last answer.
        reading_cancelled: cancel that.
    """

    toggled = Signal(bool)
    reading_requested = Signal()
    reading_cancelled = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._sampling = Sampling()
        self._place: Undecided | None = None
        self._refusal = ""
        self._is_readable = False
        self._share: float | None = None
        self._content: QWidget | None = None
        self._button = FoldButton("lensBarsButton", tr("See how your settings change each word’s probability."))
        self._button.setText(tr("Next word"))
        self._button.setAccessibleName(self._button.text())
        self._button.toggled.connect(self._on_toggled)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 10, 0, 0)
        self._layout.setSpacing(6)
        self._layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)

    def is_open(self) -> bool:
        """Whether the words are shown."""
        return self._button.isChecked()

    def show_sampling(self, sampling: Sampling) -> None:
        """Show what `sampling` does to the words."""
        self._sampling = sampling
        if self.is_open():
            self._show_candidates()

    def show_place(self, place: Undecided | None, *, is_readable: bool = False) -> None:
        """Show the words of `place`; those of an example if it is None.

        `is_readable` says whether the model can reread the last answer to find it.
        """
        self._place, self._is_readable = place, is_readable and place is None
        if self.is_open():
            self._show()

    def show_reading(self, share: float | None) -> None:
        """Show which part of the last answer the model has reread, from 0 to 1; None if it isn't reading."""
        self._share = share
        if self.is_open():
            self._reading.show_reading(share)

    def show_refusal(self, sentence: str) -> None:
        """Show why no answer, or not the last one, can be shown here, beside the example; empty if one can."""
        self._refusal = sentence
        if self.is_open():
            self._show()

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        if is_open and self._content is None:
            self._build()
        if self._content:
            self._content.setVisible(is_open)
        if is_open:
            self._show()
        self.toggled.emit(is_open)

    def _build(self) -> None:
        from phichat.ui.lens.bars import CandidateList  # noqa: PLC0415 - takes 7 ms, which the start need not wait for
        from phichat.ui.lens.reading_bar import ReadingBar  # noqa: PLC0415 - with it

        self._content = QWidget()
        self._where = help_label("")
        self._where.setObjectName("lensBarsPlace")
        self._bars = CandidateList(self._theme, follows_settings=True)
        self._bars.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._reading = ReadingBar(self._theme, "nextWord")
        self._reading.requested.connect(self.reading_requested)
        self._reading.cancelled.connect(self.reading_cancelled)
        self._example = _read_example()
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._where)
        layout.addWidget(self._reading)
        layout.addWidget(self._bars)
        self._meaning = help_label("")
        self._meaning.setObjectName("lensBarsMeaning")
        layout.addWidget(self._meaning)
        self._layout.addWidget(self._content)

    def _show(self) -> None:
        self._where.setText(_description(self._place) if self._place else self._example_description())
        self._meaning.setText(_meaning(has_chosen=self._place is not None))
        self._reading.show_reading(self._share)
        self._reading.setVisible(self._is_readable)
        self._show_candidates()

    def _example_description(self) -> str:
        text = last_words(self._example.before)
        if self._refusal:
            return tr("For example: “{text}…”").format(text=text) + " " + self._refusal
        if self._is_readable:
            sentence = tr(
                "For example: “{text}…” Once the model has reread the last answer, the point where it was least "
                "sure will be shown here instead."
            )
        else:
            sentence = tr(
                "For example: “{text}…” After the next answer, the point where the model was least sure will be "
                "shown here instead."
            )
        return sentence.format(text=text)

    def _show_candidates(self) -> None:
        place = self._place or self._example
        chosen = self._place.token if self._place else -1
        count = len(place.distribution.tokens) if chosen >= 0 else COUNT
        candidates = place.distribution.candidates(self._sampling, count, place.before)
        self._bars.show_candidates(_with_chosen(candidates, chosen), chosen)


def _meaning(*, has_chosen: bool) -> str:
    """Return what the bars show: all of it at any time, so that nothing moves with a slider."""
    bars = tr(
        "Percentages and filled bars show the probabilities with your settings; outlined bars show the "
        "model’s own probabilities. Crossed-out words were ruled out by the setting shown next to them. "
        "Some entries are only the beginning of a word."
    )
    return f"{bars} {tr('The word in bold is the one the model chose.')}" if has_chosen else bars


def _with_chosen(candidates: Sequence[Candidate], chosen: int) -> list[Candidate]:
    """Return the likeliest of `candidates`, and the one that was chosen if it is farther down."""
    return [each for at, each in enumerate(candidates) if at < COUNT or each.token == chosen]


def _description(place: Undecided) -> str:
    if text := last_words(place.before):
        return tr("Where the model was least sure: “{text}”").format(text=continued(text))
    return tr("Where the model was least sure: the first word")


def last_words(text: str) -> str:
    """Return the last words of `text` in one line, with "…" for those before them."""
    words = " ".join(text[-4 * MOST_BEFORE :].split())
    if len(words) <= MOST_BEFORE and len(text) <= 4 * MOST_BEFORE:
        return words
    first, _, rest = words[-MOST_BEFORE:].partition(" ")
    return f"…\N{NO-BREAK SPACE}{rest or first}"


def _read_example() -> Undecided:
    """Return what `packaging/targets/next_word_example.py` made."""
    from phichat.chat.distribution import Distribution  # noqa: PLC0415 - as above, 3 ms

    values = json.loads(resource("next-word.json").read_text("utf-8"))
    return Undecided(
        Distribution.of_json(values["distribution"]), str(values["before"]), float(values["probability"]), -1
    )
