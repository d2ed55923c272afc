"""The functions of llama.cpp are there without what takes long to import, and beside it."""

import subprocess
import sys

import pytest

ALONE = """
import sys
from phichat.engine.llama.engine import LlamaEngine
print("numpy" in sys.modules, "diskcache" in sys.modules)
"""

BEFORE = """
import llama_cpp
from phichat.engine.llama.bindings import lib
print(lib.llama_max_devices is llama_cpp.llama_max_devices, llama_cpp.Llama.__name__)
"""

AFTER = """
from phichat.engine.llama.bindings import lib
import llama_cpp
print(lib.llama_max_devices is llama_cpp.llama_cpp.llama_max_devices, llama_cpp.Llama.__name__)
"""


@pytest.mark.parametrize(("program", "said"), [(ALONE, "False False"), (BEFORE, "True Llama"), (AFTER, "True Llama")])
def test_the_functions_are_the_same_with_and_without_all_of_the_package(program: str, said: str) -> None:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == said
