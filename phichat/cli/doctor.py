"""`phichat doctor` and `phichat --self-test`: print the findings, as JSON or as text."""

from pathlib import Path
from tempfile import TemporaryDirectory

from phichat.cli.context import Context
from phichat.diagnostics.doctor import examine, report_lines
from phichat.diagnostics.self_test import examine_installation
from phichat.i18n import tr


def run_doctor(context: Context) -> int:
    """Print all findings; a model that cannot be loaded is one of them. Return the exit status."""
    console = context.console
    with context.engine() as engine:
        facts = examine(context.library, context.home, engine, console.show_progress)
    if context.options.json:
        console.print_json(facts)
        return 0
    for text in report_lines(facts):
        console.print_line(text)
    return 0


def run_self_test(context: Context) -> int:
    """Try every part of the installation, print one line of JSON, and return the exit status."""
    with TemporaryDirectory(prefix="phichat-self-test-", ignore_cleanup_errors=True) as folder:
        facts = examine_installation(Path(folder))
    context.console.print_json(facts)
    if facts["error"]:
        context.console.print_notice(
            tr("This installation isn’t working properly: {reason}").format(reason=facts["error"])
        )
    return 0 if facts["ok"] else 1
