"""Phichat: talk with Microsoft Phi-3 on your own computer."""

__version__ = "0.1.0"
