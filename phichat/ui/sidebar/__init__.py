"""The list of conversations, search, the trash, import and export."""
