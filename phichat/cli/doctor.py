"""`phichat doctor` and `phichat --self-test`: findings, as JSON or to be read."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from phichat.cli.console import Console
from phichat.diagnostics.doctor import examine, lines
from phichat.diagnostics.self_test import examine_installation
from phichat.engine.base import Engine
from phichat.i18n import tr
from phichat.models.library import Library
from phichat.paths import Home


def run_doctor(options: argparse.Namespace, library: Library, home: Home, engine: Engine, console: Console) -> int:
    """Print everything; a model that cannot be loaded is a finding, too."""
    facts = examine(library, home, engine, console.progress)
    if options.json:
        console.json(facts)
        return 0
    for text in lines(facts):
        console.line(text)
    return 0


def run_self_test(_options: argparse.Namespace, _home: Home, console: Console) -> int:
    """Try everything; the exit status."""
    with TemporaryDirectory(prefix="phichat-self-test-", ignore_cleanup_errors=True) as folder:
        facts = examine_installation(Path(folder))
    console.json(facts)
    if facts["error"]:
        console.tell(tr("This installation does not work as it should: {reason}").format(reason=facts["error"]))
    return 0 if facts["ok"] else 1
