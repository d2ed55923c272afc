"""The panel of generation settings."""
