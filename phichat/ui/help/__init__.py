"""The Help menu: shortcuts, logs, About, the update check."""
