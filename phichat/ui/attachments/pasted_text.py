"""Text too long for a text field, as an attached file."""

from collections.abc import Sequence
from itertools import chain, count

from phichat.chat.attachments import Attachment
from phichat.i18n import tr
from phichat.unicode import replace_surrogates


def text_attachment(text: str, others: Sequence[Attachment]) -> Attachment:
    """Return `text` as an attachment with a name that none of `others` has."""
    taken = {file.name for file in others}
    names = chain([tr("Pasted text.txt")], (tr("Pasted text {number}.txt").format(number=at) for at in count(2)))
    name = next(name for name in names if name not in taken)
    return Attachment(name, replace_surrogates(text).replace("\r\n", "\n").replace("\r", "\n"))
