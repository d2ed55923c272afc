"""Passages in a prompt: numbered, each with its place, as plain text in the user's turn.

Nothing of a file can become a turn or an order from us: each passage is within a fence that its text can't close, and
special tokens that it spells stay text, as in any message.
"""

from collections.abc import Sequence

from phichat.chat.attachments import LONGEST_NAME, fenced
from phichat.documents.base import Place
from phichat.documents.library import FoundPassage
from phichat.i18n import format_number, tr
from phichat.unicode import shortened, without_controls


def source_title(passage: FoundPassage) -> str:
    """Return where a passage is, on one line: "manual.pdf, p. 12"."""
    name = " ".join(without_controls(shortened(passage.path.name, LONGEST_NAME)).split())
    where = place_title(passage.place)
    return tr("{file}, {place}").format(file=name, place=where) if where else name


def place_title(place: Place) -> str:
    """Return a place in a document as people write it: its page, else its last heading, else its line, else nothing."""
    if place.page is not None:
        return tr("p. {page}").format(page=format_number(place.page))
    if place.heading:
        return shortened(" ".join(without_controls(place.heading[-1]).split()), LONGEST_NAME)
    if place.line is not None:
        return tr("line {line}").format(line=format_number(place.line))
    return ""


def with_passages(question: str, passages: Sequence[FoundPassage]) -> str:
    """Return a message as the model reads it: passages first, then what to do with them, and the question.

    The question itself without any passage.
    """
    if not passages:
        return question
    blocks = [
        f"[{number}] {source_title(passage)}:\n{fenced(passage.text)}" for number, passage in enumerate(passages, 1)
    ]
    request = tr(
        "The numbered texts above come from documents. Use them to answer this, and say so if they don’t contain the "
        "answer:"
    )
    return "\n\n".join([*blocks, request, question])
