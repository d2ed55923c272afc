"""Indexing collections, and finding passages in them."""
