"""llama.cpp's libraries are opened by path, and those for one kind of processor each by llama.cpp itself."""

from PyInstaller.utils.hooks import collect_dynamic_libs

binaries = collect_dynamic_libs("llama_cpp", search_patterns=["*.dll", "*.dylib", "*.so", "*.so.*"])
