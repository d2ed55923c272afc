"""Resumable, verified downloads from the Hub."""
