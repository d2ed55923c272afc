"""latex2mathml reads its table of symbols from its folder."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("latex2mathml")
