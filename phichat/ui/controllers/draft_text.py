"""The text of a draft: what is in the message field, and the edits of earlier messages that are not sent."""

from collections.abc import Sequence

from phichat.i18n import tr

GAP = "\n\n"  # between the texts of a draft


def draft_with_edits(draft: str, texts: Sequence[str]) -> str:
    """Return a draft with changed messages at its end; if there are several texts, each of these has a heading."""
    texts = [text for text in texts if text]
    if not draft and len(texts) == 1:
        return texts[0]
    return GAP.join(filter(None, [draft, *map(_with_heading, texts)]))


def draft_without_edits(draft: str, texts: Sequence[str]) -> str:
    """Return the draft that `draft_with_edits` made `draft` of."""
    if draft == draft_with_edits("", texts):
        return ""
    return draft.removesuffix(GAP + GAP.join(_with_heading(text) for text in texts if text))


def _with_heading(text: str) -> str:
    return tr("[Unsent change to an earlier message:]") + "\n" + text
