"""The sources of an answer: chips below it, each of which opens a passage, and what was read."""

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from phichat.chat.conversation import Message
from phichat.chat.sources import Source, Sources
from phichat.documents.citations import CitedAnswer, cite
from phichat.i18n import format_number, tr, tr_count
from phichat.markdown.citations import UNSUPPORTED, citation
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import help_label, push_button
from phichat.ui.widgets.flow import FlowRow
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.unicode import short_title, shortened

LONGEST_TITLE = 60  # characters on a chip
LONGEST_TIP = 600  # characters of the passage in the tool tip


class AnswerSources(QWidget):
    """Shows where an answer comes from: implements `SourcesPart` of `phichat.ui.transcript.message_context`.

    Signals:
        opened(Sources, int): show the passage of that index. passages_requested(Message): show all that was read.
        arranged: other widgets take the focus now.
    """

    opened = Signal(object, int)
    passages_requested = Signal(object)
    arranged = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._sources = Sources()
        self._message: Message | None = None
        self._cited = CitedAnswer("")
        self._key: tuple[str, Sources] | None = None
        self._notice = muted(plain_label())
        self._notice.setObjectName("nothingFound")
        self._notice.setWordWrap(True)
        self._chips = FlowRow("sourceChips", tr("Sources"))
        self._legend = help_label("")
        self._legend.setObjectName("sourcesLegend")
        self._read = push_button("whatWasRead", "")
        self._read.clicked.connect(self._on_read)
        theme.apply_stylesheet(self._read, "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 2)
        column.setSpacing(5)
        column.addWidget(muted(plain_label(tr("Sources"))))
        column.addWidget(self._chips)
        row = QHBoxLayout()
        row.addWidget(self._read)
        row.addWidget(self._legend, 1)
        column.addLayout(row)
        self.setAccessibleName(tr("Sources"))

    def widget(self) -> QWidget:
        return self

    def notice(self) -> QWidget:
        return self._notice

    def set_index(self, index: int) -> None:
        self.setObjectName(f"sources-{index}" if index >= 0 else "")

    def show_answer(self, message: Message, sources: Sources, *, is_growing: bool) -> str:
        self._message = message
        notice = "" if is_growing and sources.passages else what_is_missing(sources)
        self._notice.setText(notice)
        self._notice.setVisible(bool(notice))
        if is_growing or not sources.passages or not message.text:
            self.hide()
            return message.text
        if self._key != (message.text, sources):
            self._key, self._sources = (message.text, sources), sources
            sign = "" if sources.is_attached else UNSUPPORTED  # much may be asked besides what is attached
            self._cited = cite(message.text, sources.passages, mark=citation, unsupported=sign)
            self._show()
        self.setVisible(bool(self._cited.numbers) or not sources.is_attached)
        return self._cited.text

    def titles(self) -> list[str]:
        return [source.title for source in self._sources.passages]

    def open_passage(self, number: int) -> None:
        if 0 < number <= len(self._sources.passages):
            self.opened.emit(self._sources, number - 1)

    def tab_stops(self) -> list[QWidget]:
        if self.isHidden():
            return []
        chips = [button for chip in self._chips.widgets() for button in chip.findChildren(QToolButton)]
        return [*chips, *([] if self._read.isHidden() else [self._read])]

    def _show(self) -> None:
        numbers = self._cited.numbers
        chips = [SourceChip(self._theme, number, self._sources.passages[number - 1]) for number in numbers]
        for number, chip in zip(numbers, chips, strict=True):
            chip.opened.connect(partial(self.opened.emit, self._sources, number - 1))
        self._chips.set_widgets(chips)
        count = tr_count("{count} passage read", "{count} passages read", len(self._sources.passages))
        self._read.setText(count)
        self._read.setAccessibleName(count)
        self._read.setHidden(self._sources.is_attached)
        self._legend.setText(self._explanation())
        self.arranged.emit()

    def _explanation(self) -> str:
        """Return what the signs in the answer mean, or why there are none."""
        if self._sources.is_attached:
            return ""
        if self._cited.has_unsupported and not self._cited.numbers:
            return tr("Nothing in this answer was found in the passages that the model read.")
        return tr("{sign} not in your documents").format(sign=UNSUPPORTED) if self._cited.has_unsupported else ""

    @Slot()
    def _on_read(self) -> None:
        self.passages_requested.emit(self._message)


class SourceChip(QFrame):
    """The number and the place of a passage, as a button that opens it.

    Signals: `opened`.
    """

    opened = Signal()

    def __init__(self, theme: Theme, number: int, source: Source) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("part", "chip")
        title = shortened(source.title, LONGEST_TITLE)
        self._button = QToolButton()
        self._button.setObjectName("sourceOpen")
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_icon_size(self._button, 15)
        self._button.setText(f" [{format_number(number)}] {title}".replace("&", "&&"))
        self._button.setAccessibleName(tr("Source {number}: {title}").format(number=format_number(number), title=title))
        self._button.setAccessibleDescription(tr("Opens the document at this passage."))
        self._button.setToolTip(tool_tip(f"{source.title}\n\n{shortened(source.text, LONGEST_TIP)}"))
        self._button.clicked.connect(self.opened)
        row = QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.addWidget(self._button)
        theme.apply_stylesheet(self, "chip")
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _show_icon(self) -> None:
        self._button.setIcon(self._theme.icon("file"))

    def sizeHint(self) -> QSize:
        return super().sizeHint()


def what_is_missing(sources: Sources) -> str:
    """Return the sentences for documents that seem to have nothing about a question, were not read, or are gone."""
    sentences = list(map(_gone, sources.missing))
    if sources.searched and not sources.passages:
        sentences.append(tr("Nothing relevant was found in {documents}.").format(documents=", ".join(sources.searched)))
    if sources.unreadable:
        sentence = tr(
            "This message was sent without {documents}, which couldn’t be read. Once that’s fixed, ask again."
        )
        sentences.append(sentence.format(documents=", ".join(sources.unreadable)))
    if sources.unfinished:
        sentence = tr(
            "Phichat hadn’t finished reading {documents} when it searched for passages. To search again, "
            "regenerate the answer."
        )
        sentences.append(sentence.format(documents=", ".join(sources.unfinished)))
    return " ".join(sentences)


def _gone(name: str) -> str:
    """Return a sentence on a collection that is gone; the conversation's own documents have no name."""
    if not name:
        return tr("This conversation’s documents are gone, so this message was sent without them. Attach them again.")
    text = tr("“{name}” no longer exists, so this message was sent without it. Choose another collection.")
    return text.format(name=short_title(name))
