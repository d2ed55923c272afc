"""A history of its own for each test, as in tests/store."""

from tests.store.conftest import file, history

__all__ = ["file", "history"]
