"""What is known of a crash stays on this computer, and is in the log."""

import logging
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engine.process.engine_process import EngineProcess
from phichat.errors import EngineDied

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals end processes differently there")

CRASHING_WINDOW = """
import faulthandler, sys
from pathlib import Path
from phichat.diagnostics import logs
def in_native_code(): faulthandler._sigsegv()
assert not logs.enable_crash_log(Path(sys.argv[1]))
in_native_code()
"""
CRASHING_CHILD = """
import faulthandler
from phichat.engine.process import worker
def in_native_code(_): faulthandler._sigsegv()
worker._make_llama = in_native_code
worker.main()
"""


NEXT_WINDOW = """
import sys
from pathlib import Path
from phichat.diagnostics import logs, logs
folder = Path(sys.argv[1])
logs.start_logging(folder)
print(logs.enable_crash_log(folder))
logs.disable_crash_log()
"""


def run(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code, str(folder)], check=False, capture_output=True, text=True)


def test_the_next_start_tells_of_a_crash_once(tmp_path: Path) -> None:
    assert run(CRASHING_WINDOW, tmp_path).returncode < 0
    assert run(NEXT_WINDOW, tmp_path).stdout == "True\n"
    assert "in_native_code" in (tmp_path / "phichat.log").read_text("utf-8")
    assert not list(tmp_path.glob("crash*"))
    assert run(NEXT_WINDOW, tmp_path).stdout == "False\n"


def test_where_the_models_process_crashed_is_logged(phi3_model: Path) -> None:
    heard = StringIO()
    handler = logging.StreamHandler(heard)
    logger = logging.getLogger("phichat.engine.process.engine_process")
    logger.addHandler(handler)
    engine = EngineProcess(command=[sys.executable, "-c", CRASHING_CHILD])
    try:
        with pytest.raises(EngineDied):
            engine.load(ModelRef.of_file(phi3_model), EngineSettings(), CancelToken(), lambda _: None)
    finally:
        logger.removeHandler(handler)
    assert "SIGSEGV" in heard.getvalue()
    assert "in_native_code" in heard.getvalue()
