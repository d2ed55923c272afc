"""Embeddings: texts as vectors, by which passages are found that say the same in other words."""
