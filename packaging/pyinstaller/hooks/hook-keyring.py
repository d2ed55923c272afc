"""Which keyrings there are, keyring reads in its own metadata, and imports them by name."""

from PyInstaller.utils.hooks import collect_submodules, copy_metadata

hiddenimports = collect_submodules("keyring.backends")
datas = copy_metadata("keyring")
