"""Around the transcript: header, welcome, message field, status bar, and what they do."""
