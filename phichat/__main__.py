"""The entry point: opens the window, runs a command, or becomes one of our own child processes."""

import sys

try:
    import gc
    import logging
    import os
    from contextlib import suppress
    from pathlib import Path
    from typing import NoReturn

    from phichat import i18n, paths, runtime
except KeyboardInterrupt:  # importing takes long enough for Ctrl+C
    sys.exit(130)


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    try:
        runtime.give_back_environment()
        runtime.add_bundled_starter()
        if module := runtime.module_argument(sys.argv):
            runtime.run_module(module)
            return 0
        i18n.set_language(preferred=paths.preferred_language())
        gc.disable()  # what is imported is no garbage
        from phichat import cli  # noqa: PLC0415 - its texts need the language

        gc.enable()
        return cli.run(sys.argv[1:], open_window)
    except KeyboardInterrupt:
        return 130


def open_window(screenshot: Path | None, quit_when_ready: bool, model: str | None, opened: Path | None) -> NoReturn:
    """Run the window as `app.run` does, then end the process without the interpreter's shutdown.

    By then every thread and process has ended and everything is written. Destroying Python's and Qt's objects one by
    one would only take time, and is where PySide programs crash.
    """
    gc.disable()  # as above; the window collects its own: see MainThreadGC
    from phichat.ui.desktop.application import remove_import_hook  # noqa: PLC0415 - brings Qt, as the next one does

    remove_import_hook()
    from phichat import app  # noqa: PLC0415 - the command line does without

    gc.freeze()
    status = app.run(screenshot, quit_when_ready, model, opened)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError, ValueError):  # closed, or None without a console
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
