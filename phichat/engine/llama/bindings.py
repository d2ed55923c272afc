"""llama.cpp's functions as llama-cpp-python declares them, without the rest of that package.

Its own classes bring numpy and more, which takes longer to import than a small model to load, and nothing here uses
them. `phichat bench` does, by importing `llama_cpp` itself, before or after this.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["lib"]

PACKAGE = "llama_cpp"


def _import_functions() -> ModuleType:
    """Import the one module with the functions as part of a package whose own code has not run. Raise ImportError."""
    if PACKAGE in sys.modules:
        return import_module(f"{PACKAGE}.{PACKAGE}")
    spec = find_spec(PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    sys.modules[PACKAGE] = module_from_spec(spec)
    try:
        return import_module(f"{PACKAGE}.{PACKAGE}")
    finally:
        del sys.modules[PACKAGE]  # whoever needs all of it imports it as usual, around the same functions


if TYPE_CHECKING:
    import llama_cpp.llama_cpp as lib
else:
    lib = _import_functions()
