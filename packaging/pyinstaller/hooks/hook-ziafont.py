"""ziafont reads its fonts from its folder."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("ziafont")
