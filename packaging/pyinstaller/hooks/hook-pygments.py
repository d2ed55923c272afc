"""Lexers are imported by the name of their language; how Pygments writes and colours by itself is not used."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = collect_submodules("pygments.lexers")
