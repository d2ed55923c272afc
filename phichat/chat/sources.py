"""Passages of documents that go with a question: numbered, each with its place, as plain text in the user's turn.

Nothing of a file can become a turn or an order from us: each passage is within a fence that its text can't close, and
special tokens that it spells stay text, as in any message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any

from phichat.chat.attachments import LONGEST_NAME, fenced
from phichat.chat.sampling import Setting
from phichat.i18n import N_, format_number, tr
from phichat.unicode import replace_surrogates, shortened, without_controls

USUAL_TOKENS = 800
PASSAGE_TOKENS = Setting(
    "passage_tokens",
    N_("Tokens from documents"),
    N_(
        "How much text from long documents the model reads with each message. Higher values may improve "
        "answers but take longer."
    ),
    low=200, high=4000, step=50, off=None, most=4000,
)  # fmt: skip
"""What the passages of a question take at most; USUAL_TOKENS unless it is changed."""


def passage_tokens(wanted: int, context: int) -> int:
    """Return how many tokens of passages go with a question, which are at most a third of the context."""
    return min(wanted, context // 3)


@dataclass(frozen=True)
class Source:
    """A passage as the model reads it.

    Attributes:
        file: the path of the document.
        page: where the passage begins, from 1; `line` likewise; None for what a kind of document has not.
        heading: the headings it stands under, the outermost first.
        score: from 0 to 1, how well it fits; only of use beside those of other passages.
    """

    file: str
    text: str
    page: int | None = None
    line: int | None = None
    heading: tuple[str, ...] = ()
    score: float = 0.0

    @property
    def title(self) -> str:
        """Where it is, on one line: "manual.pdf, p. 12"."""
        return tr("{file}, {place}").format(file=self.name, place=self.place) if self.place else self.name

    @property
    def name(self) -> str:
        """The name of the document on one line, without its folder."""
        return " ".join(without_controls(shortened(PurePath(self.file).name, LONGEST_NAME)).split())

    @property
    def place(self) -> str:
        """Where it is in the document as people write it: its page, else its last heading, else its line, else ""."""
        if self.page is not None:
            return tr("p. {page}").format(page=format_number(self.page))
        if self.heading:
            return shortened(" ".join(without_controls(self.heading[-1]).split()), LONGEST_NAME)
        if self.line is not None:
            return tr("line {line}").format(line=format_number(self.line))
        return ""


@dataclass(frozen=True)
class Sources:
    """What was found in documents for a question.

    Attributes:
        searched: the names of the collections and documents that were searched.
        passages: what goes into the prompt; none if nothing there seems to be about the question.
        is_whole: whether the passages are all there is. Later questions about the same don't repeat them, then.
        is_attached: whether they are pages of attachments, which the model reads with the message they are attached to.
        unfinished: the names of those that had not been read to the end then.
        missing: the names of collections that no longer existed; "" for the conversation's own documents.
        unreadable: the names of documents of which no text could be read; some have none.
    """

    searched: tuple[str, ...] = ()
    passages: tuple[Source, ...] = ()
    is_whole: bool = False
    is_attached: bool = False
    unfinished: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether another search may find more, as documents were not read to the end or not there."""
        return bool(self.unfinished or self.missing)


_LACKS = ("unfinished", "missing", "unreadable")


def with_sources(question: str, sources: Sources) -> str:
    """Return a message as the model reads it: passages first, then what to do with them, and the question.

    The question itself without any passage. Passages of a whole document are one text.
    """
    if not sources.passages:
        return question
    blocks = [f"[{number}] {title}:\n{fenced(text)}" for number, (title, text) in enumerate(read_texts(sources), 1)]
    request = tr(
        "The numbered passages above are from documents. Use them to answer the following, and say so if "
        "they don’t contain the answer:"
    )
    return "\n\n".join([*blocks, request, question])


def read_texts(sources: Sources) -> list[tuple[str, str]]:
    """Return the title and the text of each passage, or of each document if they are whole."""
    if sources.is_whole:
        return _documents(sources.passages)
    return [(each.title, each.text) for each in sources.passages]


def _documents(passages: Sequence[Source]) -> list[tuple[str, str]]:
    """Return the name and the text of each document."""
    runs = ([*run] for _, run in groupby(passages, key=lambda source: source.file))
    return [(run[0].name, "\n\n".join(source.text for source in run)) for run in runs]


def sources_json(sources: Sources) -> dict[str, Any]:
    """Return sources as JSON types."""
    passages = [{**asdict(each), "heading": list(each.heading)} for each in sources.passages]
    for passage in passages:
        passage.update(file=replace_surrogates(passage["file"]), text=replace_surrogates(passage["text"]))
    searched = list(map(replace_surrogates, sources.searched))
    lacks = {key: getattr(sources, key) for key in _LACKS}
    rare = {key: list(map(replace_surrogates, names)) for key, names in lacks.items() if names}
    return {"searched": searched, "passages": passages, "whole": sources.is_whole, **rare}


def sources_from_json(values: Mapping[str, Any]) -> Sources:
    """Return the sources that JSON types describe. Raise KeyError, TypeError or ValueError if they are malformed."""
    passages = tuple(_source(each) for each in values["passages"])
    searched = tuple(map(str, values["searched"]))
    unfinished, missing, unreadable = (tuple(map(str, values.get(key, ()))) for key in _LACKS)
    return Sources(
        searched,
        passages,
        bool(values.get("whole")),
        unfinished=unfinished,
        missing=missing,
        unreadable=unreadable,
    )


def _source(values: Mapping[str, Any]) -> Source:
    page, line = (None if values[key] is None else int(values[key]) for key in ("page", "line"))
    score = float(values["score"])
    if not 0 <= score <= 1:
        raise ValueError("no score")
    heading = tuple(replace_surrogates(str(each)) for each in values["heading"])
    file, text = (replace_surrogates(str(values[key])) for key in ("file", "text"))
    return Source(file, text, page, line, heading, score)
