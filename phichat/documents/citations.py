"""Citations: the numbers of the passages that support an answer, put after its sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from phichat.chat.sources import Source
from phichat.documents.grounding import ground


@dataclass(frozen=True)
class CitedAnswer:
    """An answer with its citations.

    Attributes:
        text: the Markdown of the answer with a mark after each sentence.
        numbers: of the passages that are cited, in order.
        has_unsupported: whether there is a sentence that no passage supports.
    """

    text: str
    numbers: tuple[int, ...] = ()
    has_unsupported: bool = False


def cite(
    answer: str,
    passages: Sequence[Source],
    *,
    mark: Callable[[int], str] = "[{}]".format,
    unsupported: str = "",
) -> CitedAnswer:
    """Return `answer` with the numbers of the passages, from 1, that support its sentences, each as `mark` makes it.

    After other sentences comes the sign `unsupported`.
    """
    supports = ground(answer, [passage.text for passage in passages])
    parts, at = [], 0
    for support in supports:
        if is_in_table(answer, support.start):  # where a mark would be one more cell
            continue
        sign = mark(support.passage) if support.passage else unsupported
        parts.append("\N{NO-BREAK SPACE}".join(filter(None, [answer[at : support.end], sign])))
        at = support.end
    numbers = {support.passage for support in supports if support.passage}
    has_unsupported = any(support.passage is None for support in supports)
    return CitedAnswer("".join([*parts, answer[at:]]), tuple(sorted(numbers)), has_unsupported)


def is_in_table(answer: str, at: int) -> bool:
    """Return whether a sentence that begins there is in a row of a table."""
    return answer[answer.rfind("\n", 0, at) + 1 :].lstrip().startswith("|")
