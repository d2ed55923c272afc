"""Phichat: talk with Microsoft Phi-3 on your own computer."""

__version__ = "0.1.0"

RELEASES = ""
"""Where the newest release is told, as GitHub's and Forgejo's API do; empty as long as Phichat has no public home."""
