"""Import and export of conversations, and reading text files to attach."""
