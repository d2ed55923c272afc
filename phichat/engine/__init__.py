"""Prompts in, tokens out. No Qt."""
