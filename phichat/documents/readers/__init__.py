"""Readers of documents: one for each kind of file. They run in the reading process alone."""
