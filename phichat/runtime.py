"""How our programs start: with Python in a checkout, as the program itself where it is frozen into one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

BESIDE = "starter"
PART = "--part"  # before the module that is to run; for ourselves alone

_LOADER = "_PYI_"  # how the names of variables begin that the frozen program's loader sets for itself
_LIBRARIES = "LD_LIBRARY_PATH"


def is_frozen() -> bool:
    """Whether Python and all packages are inside the program."""
    return bool(getattr(sys, "frozen", False))


def process_command(module: str = "phichat") -> list[str]:
    """What starts `module` in a process of its own."""
    if not is_frozen():
        return [sys.executable, "-m", module]
    return [sys.executable] if module == "phichat" else [sys.executable, PART, module]


def module_argument(arguments: Sequence[str]) -> str:
    """The module that a frozen program is asked to be, in place of the whole; empty as a rule."""
    asked = arguments[2] if is_frozen() and arguments[1:2] == [PART] and len(arguments) == 3 else ""
    return asked if asked.startswith("phichat.") else ""


def run_module(module: str) -> None:
    """Be that module, as `python -m` would have it."""
    import runpy  # noqa: PLC0415 - rarely needed, and the window's start would pay for it

    sys.argv[1:] = []
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def give_back_environment() -> None:
    """Undo what the loader changed for this process: a browser that is started from here is to find its own libraries.

    The system has read those variables by now, and what else we start sets them for itself.
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
    """Have a frozen program find the starter's package in the folder `starter` beside it, where that was put."""
    if not is_frozen():
        return
    program = Path(sys.executable).resolve()
    bundle = next((folder for folder in program.parents if folder.suffix == ".app"), program)  # must not be added to
    beside = bundle.parent / BESIDE
    if beside.is_dir():
        sys.path.append(str(beside))
