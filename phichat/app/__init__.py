"""The application: creates all parts of the window and connects them."""

from phichat.app.wiring import create_window, run

__all__ = ["create_window", "run"]
