"""The second door: every command of the terminal. Never imports Qt: it is handed the window."""

import argparse
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from phichat import paths
from phichat.cli.console import Console, ReaderGone
from phichat.cli.parser import make_parser
from phichat.diagnostics import display, logs
from phichat.engine.base import Engine
from phichat.engines import make_engine
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.paths import Home

Window = Callable[[Path | None, bool, str | None, Path | None], int]
"""Opens the window: where to save a picture of it, whether to quit once it is ready, the model, and a file to open."""

WITHOUT_MODELS = {"history": ("history", "run"), "self-test": ("doctor", "run_self_test")}
"""Commands that look for no model of the person's, and the module and function that do each."""


def run(arguments: list[str], open_window: Window, make_engine: Callable[[Home], Engine] = make_engine) -> int:
    """Do what `arguments` ask for; the exit status. Nothing but a sentence comes of what goes wrong."""
    console = Console()
    logs.keep_quiet()
    try:
        options = _parsed(arguments, console)
        if options.command is None and _opens(options, console):
            return _window(options, open_window)
        return _perform(options, console, make_engine)
    except SystemExit as end:  # argparse's, after help or wrong usage
        return end.code if isinstance(end.code, int) else 2
    except ReaderGone:
        return 0
    except KeyboardInterrupt:
        console.tell(tr("Interrupted."))
        return 130
    except Exception as error:  # noqa: BLE001 - a traceback is for the log
        console.tell(str(error) if isinstance(error, PhichatError) else _bug(error, paths.home()))
        return 1
    finally:
        console.close()


def _parsed(arguments: list[str], console: Console) -> argparse.Namespace:
    try:
        return make_parser(arguments).parse_args(arguments)
    except SystemExit:
        console.flush()
        raise


def _perform(options: argparse.Namespace, console: Console, make_engine: Callable[[Home], Engine]) -> int:
    home = paths.home()
    if said := paths.repair_permissions(home):
        console.tell(said)
    if options.command in WITHOUT_MODELS:
        return _command(*WITHOUT_MODELS[options.command])(options, home, console)
    from phichat.models.library import Library  # noqa: PLC0415 - the window looks for models once it stands

    library = Library(home)
    match options.command:
        case "models":
            from phichat.models.manager import make_model_manager  # noqa: PLC0415 - as above

            return _command("models", "run")(options, library, make_model_manager(home, library), console)
        case "bench":
            return _command("bench", "run")(options, library, console)
    engine = make_engine(home)
    try:
        match options.command:
            case "ask":
                return _command("talk", "ask")(options, library, engine, console)
            case "chat":
                return _command("talk", "chat")(options, home, library, engine, console)
            case _:
                return _command("doctor", "run_doctor")(options, library, home, engine, console)
    finally:
        engine.close()


def _command(module: str, function: str) -> Callable[..., int]:
    """What does a command, imported when the command is given, so that none pays for the others."""
    found: Callable[..., int] = getattr(import_module(f"phichat.cli.{module}"), function)
    return found


def _opens(options: argparse.Namespace, console: Console) -> bool:
    """Whether a window can open here; if not, the command becomes a conversation, where there is someone to have it."""
    trouble = display.trouble()
    if not trouble:
        return True
    if options.screenshot or options.quit_when_ready:
        raise PhichatError(f"{trouble} " + tr("QT_QPA_PLATFORM=offscreen paints it without a display."))
    if not console.is_interactive:
        raise PhichatError(f"{trouble} " + tr('Ask here instead: `phichat ask "Your question"`.'))
    console.tell(trouble)
    options.command = "chat"
    options.model = str(options.files[0]) if options.files else options.model
    return False


def _window(options: argparse.Namespace, open_window: Window) -> int:
    opened = options.files[0].absolute() if options.files else None
    try:
        return open_window(options.screenshot, options.quit_when_ready, options.model, opened)
    except ImportError as error:
        raise PhichatError(
            tr("The window cannot open: {reason}. Install what is missing, or use `phichat chat`.").format(reason=error)
        ) from error


def _bug(error: Exception, home: Home) -> str:
    """One sentence for a mistake of ours; where it happened goes to the log, if that can be written."""
    what = f"{type(error).__name__}: {error}"
    logs.start(home.logs)
    logging.getLogger(__name__).error("a bug", exc_info=error)
    if home.logs.is_dir():
        return tr("Phichat has a bug ({what}). Please report it, with what is in {folder}.").format(
            what=what, folder=home.logs
        )
    return tr("Phichat has a bug ({what}). Please report it.").format(what=what)
