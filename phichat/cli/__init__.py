"""The command line: runs a command, or opens the window, which it is handed. Never imports Qt."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from phichat import paths
from phichat.cli.console import Console, ReaderGone
from phichat.cli.context import Context
from phichat.cli.parser import parse, run_chat
from phichat.diagnostics import display, logs
from phichat.engine.base import Engine
from phichat.engines import make_engine
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.paths import Home

Window = Callable[[Path | None, bool, str | None, Path | None], int]
"""Opens the window: where to save a screenshot, whether to quit once it is ready, the model, and a file to open."""


def run(arguments: list[str], open_window: Window, make_engine: Callable[[Home], Engine] = make_engine) -> int:
    """Do what `arguments` ask for and return the exit status. An error is one line on stderr, never a traceback."""
    console, options = Console(), argparse.Namespace(json=False)
    logs.silence_logging()
    try:
        options = _parsed(arguments, console)
        if options.run is None and _can_open_window(options, console):
            return _open_window(options, open_window)
        home = paths.home()
        if notice := paths.repair_permissions(home):
            console.print_notice(notice)
        return int(options.run(Context(options, home, console, make_engine)))
    except SystemExit as end:  # argparse's, after help or wrong usage
        return end.code if isinstance(end.code, int) else 2
    except ReaderGone:
        return 0
    except KeyboardInterrupt:
        console.print_notice(tr("Interrupted."))
        return 130
    except Exception as error:  # noqa: BLE001 - a traceback is for the log
        sentence = str(error) if isinstance(error, PhichatError) else _bug(error, paths.home())
        if options.json and console.last_error != sentence:  # else it was written before the reply's end
            console.print_json_error(sentence)
        if isinstance(error, PhichatError):
            console.print_failure(error)
        else:
            console.print_notice(sentence)
        return 1
    finally:
        console.close()


def _parsed(arguments: list[str], console: Console) -> argparse.Namespace:
    try:
        return parse(arguments)
    except SystemExit:
        console.flush()
        raise


def _can_open_window(options: argparse.Namespace, console: Console) -> bool:
    """Return whether a window can open here; if not and somebody types, make the command `chat`. Raise PhichatError."""
    trouble = display.display_problem()
    if not trouble:
        return True
    if options.screenshot or options.quit_when_ready:
        raise PhichatError(f"{trouble} " + tr("Set QT_QPA_PLATFORM=offscreen to run Phichat without a display."))
    if not console.is_interactive:
        raise PhichatError(f"{trouble} " + tr('To use the terminal instead, run `phichat ask "Your message"`.'))
    console.print_notice(trouble)
    options.run = run_chat
    options.model = str(options.files[0]) if options.files else options.model
    return False


def _open_window(options: argparse.Namespace, open_window: Window) -> int:
    opened = options.files[0].absolute() if options.files else None
    try:
        return open_window(options.screenshot, options.quit_when_ready, options.model, opened)
    except ImportError as error:
        raise PhichatError(
            tr(
                "Phichat can’t open its window: {reason}. Install what’s missing, or run `phichat chat` to "
                "use the terminal instead."
            ).format(reason=error)
        ) from error


def _bug(error: Exception, home: Home) -> str:
    """Return one sentence for a bug; its traceback goes to the log, if that can be written."""
    what = f"{type(error).__name__}: {error}"
    logs.start_logging(home.logs)
    logging.getLogger(__name__).error("a bug", exc_info=error)
    if home.logs.is_dir():
        return tr("You found a bug in Phichat ({error}). Please report it and attach the files in {folder}.").format(
            error=what, folder=home.logs
        )
    return tr("You found a bug in Phichat ({error}). Please report it.").format(error=what)
