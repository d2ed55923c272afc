"""What this computer offers, what the app does on it, and whether it works."""
