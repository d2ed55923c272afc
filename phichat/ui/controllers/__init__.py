"""Controllers: state and behaviour of the window, without widgets (QtCore only)."""
