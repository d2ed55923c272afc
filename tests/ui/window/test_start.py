"""What the window imports before its first frame: nothing that only a conversation, a dialog or a model needs."""

import subprocess
import sys

import pytest

LATER = (
    "markdown_it",
    "phichat.markdown",
    "phichat.ui.blocks.block_list",
    "phichat.ui.transcript.message_view",
    "phichat.ui.transcript.answer_columns",
    "phichat.ui.documents.answer_sources",
    "phichat.ui.preferences.dialog",
    "phichat.ui.preferences.server_page",
    "phichat.documents.library",
    "phichat.gguf",
    "phichat.models.base",
    "phichat.models.catalogue",
    "phichat.exchange.html",
    "llama_cpp",
    "numpy",
    "psutil",
    "sqlite3",
)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return the modules that are imported when the window takes input, and whether a hook watches later imports."""
    code = (
        "import os, sys, logging, builtins\n"
        "from phichat import __main__ as program\n"
        "from phichat.app import wiring\n"
        "wiring.AFTER_PAINT = 60_000\n"  # on a busy computer, the window would close after that
        "def end(): print(*sys.modules, builtins.__import__.__name__, flush=True)\n"
        "logging.shutdown = end\n"
        "sys.argv[1:] = ['--quit-when-ready']\n"
        "program.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {*done.stdout.split()}


@pytest.mark.parametrize("module", LATER)
def test_the_first_frame_waits_for_nothing_that_is_needed_later(imported: set[str], module: str) -> None:
    assert "phichat.ui.window.main_window" in imported
    assert module not in imported


def test_no_hook_reads_the_source_of_what_is_imported(imported: set[str]) -> None:
    assert "__feature_import__" not in imported
