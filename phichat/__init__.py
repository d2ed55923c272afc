"""Phichat: talk with Microsoft Phi-3 on your own computer."""

__version__ = "0.1.0"

RELEASES = ""
"""The address of the newest release in GitHub's or Forgejo's API; empty as long as Phichat has no public home."""
