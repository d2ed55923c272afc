"""What screen readers hear, and where the keyboard is."""
