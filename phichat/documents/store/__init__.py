"""Documents in SQLite: collections, files, passages, and the full-text index."""
