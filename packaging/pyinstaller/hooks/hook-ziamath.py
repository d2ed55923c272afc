"""ziamath reads its fonts and its table of operators from its folder."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("ziamath")
