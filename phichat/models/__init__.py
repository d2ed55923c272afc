"""Model files: which there are, where they lie. No Qt."""
