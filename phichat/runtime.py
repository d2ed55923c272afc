"""Starting our own processes, from Python or from the frozen program."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

BESIDE = "starter"
PART = "--part"  # the internal option before the module to run

_LOADER = "_PYI_"  # the prefix of the variables that PyInstaller's loader sets for itself
_LIBRARIES = "LD_LIBRARY_PATH"


def is_frozen() -> bool:
    """Return whether this is the program that PyInstaller made, with Python inside."""
    return bool(getattr(sys, "frozen", False))


def process_command(module: str = "phichat") -> list[str]:
    """Return the command line that runs `module` in a new process."""
    if not is_frozen():
        return [sys.executable, "-m", module]
    return [sys.executable] if module == "phichat" else [sys.executable, PART, module]


def module_argument(arguments: Sequence[str]) -> str:
    """Return the module that a frozen program is to run instead of the whole app; empty for none."""
    asked = arguments[2] if is_frozen() and arguments[1:2] == [PART] and len(arguments) == 3 else ""
    return asked if asked.startswith("phichat.") else ""


def run_module(module: str) -> None:
    """Run `module` as `python -m` would."""
    import runpy  # noqa: PLC0415 - only child processes of the frozen program need it

    sys.argv[1:] = []
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def give_back_environment() -> None:
    """Undo what PyInstaller's loader changed in the environment, so that a browser we start finds its own libraries.

    The dynamic linker has read these variables by now, and our child processes set them for themselves.
    """
    if not is_frozen():
        return
    for name in [name for name in os.environ if name.startswith(_LOADER)]:
        del os.environ[name]
    if sys.platform == "linux":
        os.environ.pop(_LIBRARIES, None)
        if (original := os.environ.pop(f"{_LIBRARIES}_ORIG", None)) is not None:
            os.environ[_LIBRARIES] = original


def add_bundled_starter() -> None:
    """Add the folder `starter` beside a frozen program to `sys.path`: it may hold the starter's package."""
    if not is_frozen():
        return
    program = Path(sys.executable).resolve()
    bundle = next((folder for folder in program.parents if folder.suffix == ".app"), program)  # must not be added to
    beside = bundle.parent / BESIDE
    if beside.is_dir():
        sys.path.append(str(beside))
