"""What a recovered history has lost: messages that the damaged file still lists, counted by conversation."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from sqlite3 import Connection

from phichat.i18n import tr, tr_count
from phichat.store.rows import fetch_value
from phichat.unicode import shortened, without_controls

LONGEST_TITLE = 60  # characters


@dataclass
class Losses:
    """What is known of the damaged file.

    Attributes:
        listed: how many messages its index lists, by the number of their conversation.
        is_listed: whether that index was read to its end.
        is_complete: whether all tables were.
    """

    listed: Counter[int] = field(default_factory=Counter)
    is_listed: bool = False
    is_complete: bool = False

    def read_index(self, source: Connection) -> None:
        """Count the messages that the index of the damaged file lists, which lies on other pages than they do.

        Only numbers are compared, as a damaged entry of the index may name a row that never was.
        """
        self.listed.clear()
        self.is_listed = False
        try:
            for (conversation,) in source.execute(
                "SELECT conversation FROM messages INDEXED BY messages_of_conversation"
            ):
                self.listed[conversation] += 1
        except (sqlite3.Error, UnicodeError, TypeError):
            return
        self.is_listed = True

    def sentence(self, recovered: Connection) -> str:
        """Return what is missing in the database `recovered`, as sentences for the user; "" if nothing is."""
        if self.is_complete:
            return ""
        missing = self._missing(recovered)
        parts = []
        if missing:
            parts.append(_describe(missing, recovered))
        if not self.is_listed:
            parts.append(tr("More messages may be missing.") if missing else tr("Messages may be missing."))
        return " ".join(parts)

    def _missing(self, recovered: Connection) -> dict[int, int]:
        """Return how many messages each conversation that was recovered lacks, by its number, if any."""
        there = dict(recovered.execute("SELECT conversation, count(*) FROM messages GROUP BY conversation"))
        known = [number for (number,) in recovered.execute("SELECT number FROM conversations ORDER BY number")]
        lacking = {number: self.listed[number] - there.get(number, 0) for number in known}
        return {number: count for number, count in lacking.items() if count > 0}


def _describe(missing: dict[int, int], recovered: Connection) -> str:
    count = sum(missing.values())
    lost = tr_count("{count} message was lost", "{count} messages were lost", count)
    if len(missing) > 1:
        conversations = tr_count("{count} conversation", "{count} conversations", len(missing))
        return tr("{lost} in {conversations}.").format(lost=lost, conversations=conversations)
    title = fetch_value(recovered, "SELECT title FROM conversations WHERE number = ?", *missing)
    return tr("{lost} from “{title}”.").format(lost=lost, title=without_controls(shortened(title, LONGEST_TITLE)))
