"""Why files could not be attached: all sentences or, of many, each reason once with the names of its files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from phichat.i18n import format_list, tr, tr_count
from phichat.ui.feedback import FeedbackController
from phichat.unicode import short_title, shortened

MOST_SENTENCES = 5
MOST_NAMES, LONGEST_NAME = 20, 60  # with one reason
_FIGURES = re.compile(r"\d[\d.,\s]*")


class Refusals(QObject):
    """Tells in each conversation why files could not be attached, until that is dismissed or the same file could."""

    def __init__(self, feedback: FeedbackController, parent: QObject) -> None:
        super().__init__(parent)
        self._feedback = feedback
        self._sentences: dict[str, dict[Path, str]] = {}
        feedback.attaching_dismissed.connect(self._forget)

    def update(self, conversation: str, refused: Mapping[Path, str], attached: Iterable[Path] = ()) -> None:
        """Tell why files were `refused` just now, with what is unread of before, but for what is `attached` now."""
        known = self._sentences.get(conversation, {})
        unread = {file: sentence for file, sentence in known.items() if file not in {*refused, *attached}}
        self._sentences[conversation] = {**unread, **refused}
        text, news = explain_refusals({**unread, **refused}), explain_refusals(refused)
        self._feedback.fail_attaching(conversation, text, news)

    @Slot(str)
    def _forget(self, conversation: str) -> None:
        self._sentences.pop(conversation, None)


def explain_refusals(refused: Mapping[Path, str]) -> str:
    """Return why files could not be attached, in lines; `refused` has a sentence for each.

    If there are many, those that differ in the names and figures alone share a line.
    """
    if len(refused) <= MOST_SENTENCES:
        return "\n".join(refused.values())
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for file, sentence in refused.items():
        by_reason.setdefault(_reason(file.name, sentence), []).append((file.name, sentence))
    return "\n".join(map(_line, by_reason.values()))


def _reason(name: str, sentence: str) -> str:
    """Return `sentence` without what belongs to the file of that name alone."""
    for shown in (name, short_title(name), shortened(name, LONGEST_NAME)):
        sentence = sentence.replace(shown, "", 1)
    return _FIGURES.sub("0 ", sentence)


def _line(group: Sequence[tuple[str, str]]) -> str:
    (_, sentence), *others = group
    if not others:
        return sentence
    same = tr("The same goes for {names}.").format(names=_names([name for name, _ in others]))
    return f"{sentence} {same}"


def _names(names: Sequence[str]) -> str:
    """Return the first of `names`, each shortened, and how many more there are."""
    shown = [shortened(name, LONGEST_NAME) for name in names[:MOST_NAMES]]
    if more := len(names) - len(shown):
        shown.append(tr_count("{count} more file", "{count} more files", more))
    return format_list(shown)
