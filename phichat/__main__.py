"""Starts Phichat: without a command the window, with one the command line."""

import sys

from phichat import text


def main() -> int:
    """Run what the command line asks for; the exit status."""
    try:
        text.set_language()
        from phichat import cli  # noqa: PLC0415 - its words need the language

        return cli.run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
