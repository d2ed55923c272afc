"""Models: the first-run page, downloads, the models dialog."""
