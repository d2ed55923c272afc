"""The application: builds every part and connects them."""

from phichat.app.wiring import create_window, run

__all__ = ["create_window", "run"]
