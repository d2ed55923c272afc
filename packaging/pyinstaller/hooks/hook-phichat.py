"""Phichat imports the modules of its commands by name, and reads its resources and its own metadata."""

from importlib.util import find_spec

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

hiddenimports = collect_submodules("phichat")
datas = collect_data_files("phichat", excludes=["**/*.po~", "py.typed"]) + copy_metadata("phichat", recursive=True)
datas += copy_metadata("socksio")  # an extra, which that does not see
# Its vectors are read from the files; its modules, and what they import, stay out.
if find_spec("wordllama"):  # not on Windows on ARM
    datas += collect_data_files("wordllama", includes=["weights/*.safetensors", "tokenizers/*.json"])
