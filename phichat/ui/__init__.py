"""The window. Receives everything as arguments."""
