"""Starts Phichat: without a command the window, with one the command line."""

import sys
from pathlib import Path

from phichat import text


def main() -> int:
    """Run what the command line asks for; the exit status."""
    try:
        text.set_language()
        from phichat import cli  # noqa: PLC0415 - its words need the language

        return cli.run(sys.argv[1:], open_window)
    except KeyboardInterrupt:
        return 130


def open_window(screenshot: Path | None, quit_when_ready: bool, model: str | None) -> int:
    """See `app.run`."""
    from phichat import app  # noqa: PLC0415 - brings Qt, which the command line does without

    return app.run(screenshot, quit_when_ready, model)


if __name__ == "__main__":
    sys.exit(main())
