"""Engines on other computers, over the HTTP interface that OpenAI's has become the name of."""
