"""Threads: background work, and the engine's thread."""
