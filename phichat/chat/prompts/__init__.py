"""Turns into prompts: formats by model, templates, tokens, and what is left out of a long conversation."""
