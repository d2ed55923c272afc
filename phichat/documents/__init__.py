"""Documents: reading files of many kinds, and finding passages in them."""
