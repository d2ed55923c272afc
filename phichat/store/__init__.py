"""The conversation history in SQLite, and the preferences file: what must not be lost. No Qt."""
