"""Conversations in and out of files, and text files into conversations."""
