"""What the window does, without widgets: QtCore only."""
