"""Markdown: an incremental parser, its document, and HTML, speech and Markdown from it."""
