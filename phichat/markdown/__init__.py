"""Markdown into a document as it arrives, and the document into HTML, speech and Markdown again."""
