"""The options of `phichat serve`, and what runs it where its packages are installed."""

import argparse

from phichat.cli import option_values
from phichat.cli.context import Context
from phichat.cli.option_values import whole_number
from phichat.errors import PhichatError
from phichat.i18n import tr

USUAL_PORT = 8080
MOST_SLOTS = 16


def add_server_options(command: argparse.ArgumentParser) -> None:
    """Add where the server listens, who may use it, and what else it offers."""
    command.add_argument(
        "--host", default="127.0.0.1", metavar="H", help=tr("address to listen on (default: this computer only)")
    )
    command.add_argument(
        "--port",
        type=whole_number(0, 65535),
        default=USUAL_PORT,
        metavar="P",
        help=tr("port (default: 8080; 0 picks a free one)"),
    )
    command.add_argument(
        "--key", default="", metavar="K", help=tr("key that apps must send (required for access from other computers)")
    )
    command.add_argument(
        "--slots",
        type=whole_number(1, MOST_SLOTS),
        default=4,
        metavar="N",
        help=tr("how many answers to write at the same time (default: 4)"),
    )
    for option, name, words in (
        ("--allow-origin", "ORIGIN", tr("let web pages from this origin use the server (can be used more than once)")),
        ("--allow-host", "NAME", tr("accept this host name in requests (can be used more than once)")),
    ):
        command.add_argument(option, action="append", default=[], metavar=name, help=words)
    command.add_argument(
        "--embedding-model",
        type=option_values.path,
        metavar="FILE",
        help=tr("embedding model to make available to other apps"),
    )


def run_serve(context: Context) -> int:
    """Run `phichat serve`. Raise PhichatError where packages of the extra `server` are missing."""
    try:
        from phichat.cli.serve import run  # noqa: PLC0415 - as every command; and these may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("phichat"):
            raise
        raise PhichatError(
            tr("The server needs two more packages. Run `python -m pip install starlette uvicorn` to install them.")
        ) from error
    return run(context)
