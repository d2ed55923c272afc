"""Models in the window: first run, downloads, the dialog."""
