"""The preferences dialog, and what it changes."""
