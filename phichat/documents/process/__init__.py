"""The process that reads documents, and its client."""
