"""The Help menu: shortcuts, logs, About, news of newer versions."""
