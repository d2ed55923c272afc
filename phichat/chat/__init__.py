"""Conversations, sampling settings and prompts. Pure Python, without Qt and without I/O."""
