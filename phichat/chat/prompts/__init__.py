"""Prompts: formats by model, chat templates, tokenising, and trimming to the context."""
