"""The sources of answers as footnotes: numbers after the sentences that a passage supports, and their places below."""

from collections.abc import Callable, Sequence

from phichat.chat.attached_pages import attached_sources
from phichat.chat.conversation import Message, Role
from phichat.chat.sources import Source
from phichat.documents.citations import cite


def footnoted(
    answer: str, passages: Sequence[Source], mark: Callable[[int], str] = "[{}]".format
) -> tuple[str, list[tuple[str, str]]]:
    """Return the Markdown of an answer with a mark after each sentence that a passage supports, and its footnotes.

    A footnote is a mark and the place of the passage, such as "manual.pdf, p. 12".
    """
    cited = cite(answer, passages, mark=mark)
    return cited.text, [(mark(number), passages[number - 1].title) for number in cited.numbers]


def passages_of(path: Sequence[Message], at: int) -> Sequence[Source]:
    """Return the passages that the model read for the answer at that index of a path; none for other messages."""
    question = path[at - 1] if at else None
    is_answer = path[at].role is Role.ASSISTANT and question is not None and question.id == path[at].parent
    if not is_answer or question is None:
        return ()
    sources = question.sources or attached_sources(path[:at])
    return sources.passages if sources else ()


def with_footnotes(answer: str, passages: Sequence[Source]) -> str:
    """Return the Markdown of an answer with its footnotes as lines below it; the answer itself without passages."""
    text, notes = footnoted(answer, passages) if passages else (answer, [])
    return "\n\n".join([text.rstrip(), *(f"{mark} {title}" for mark, title in notes)]) if notes else answer
