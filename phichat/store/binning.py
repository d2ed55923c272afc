"""The bin: what was deleted long enough ago is deleted for good, never too early even if the clock jumps."""

import time
from sqlite3 import Connection

from phichat.store import changes, opening

DATES = 7
"""On so many later dates the app has to have run before the clock is believed."""

DAY = 86400.0


def empty(connection: Connection, older_than_days: int) -> int:
    """Delete for good what was deleted so many days ago; how many conversations that were.

    A clock that jumps ahead adds one date, however far it jumps; and nothing was deleted in the future.
    """
    opening.note_day(connection)
    now = time.time()
    for table in ("conversations", "messages"):
        connection.execute(f"UPDATE {table} SET deleted = ? WHERE deleted > ?", (now, now))  # noqa: S608 - our own names
    due = (now - older_than_days * DAY, changes.last_day(connection) - min(older_than_days, DATES))
    where = "deleted <= ? AND binned_on <= ?"
    names = [row[0] for row in connection.execute(f"SELECT id FROM conversations WHERE {where}", due)]  # noqa: S608
    changes.purge(connection, names)
    hidden = f"SELECT number FROM messages WHERE {where}"  # noqa: S608
    connection.execute(f"DELETE FROM message_words WHERE rowid IN ({hidden})", due)  # noqa: S608
    connection.execute(f"DELETE FROM messages WHERE {where}", due)  # noqa: S608
    return len(names)
