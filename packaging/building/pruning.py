"""What of the packages Phichat does not need and the bundle leaves out; its spec asks, so it knows no other module."""

import filecmp
import fnmatch
from collections.abc import Iterable
from pathlib import Path, PurePath

Entry = tuple[str, str, str]
"""As PyInstaller lists files: where it goes, where it comes from (or leads to), what it is."""

MODULES = (
    "IPython", "PIL", "_pytest", "distutils", "doctest", "ensurepip", "gguf", "idlelib", "lib2to3", "matplotlib",
    "numpy.distutils", "numpy.f2py", "numpy.fft", "numpy.polynomial", "numpy.random", "numpy.testing",
    "pandas", "pip", "pydoc", "pytest", "scipy", "setuptools",
    "test", "tkinter", "torch", "transformers", "turtle", "wheel",
    "fsspec", "huggingface_hub._buckets", "huggingface_hub._sandbox", "huggingface_hub._sandbox_cache",
    "huggingface_hub.cli", "huggingface_hub.hf_api", "huggingface_hub.hf_file_system", "huggingface_hub.hub_mixin",
    "huggingface_hub.inference", "huggingface_hub.serialization",
    "llama_cpp.server", "llama_cpp.mtmd_cpp", "llama_cpp.llava_cpp",
    "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtOpenGL", "PySide6.QtPrintSupport", "PySide6.QtTest",
)  # fmt: skip

RUNTIME_HOOKS = (
    "pyi_rth_inspect",
    "pyi_rth_multiprocessing",
    "pyi_rth_pkgutil",
    "pyi_rth_pyside6",
    "pyi_rth_setuptools",
)
"""Code that PyInstaller has run at every start. Qt's would be imported by the terminal's commands and by the model's
process, too; wheels of PySide6 find their own plugins."""

_QT = (
    "plugins/egldeviceintegrations/*", "plugins/generic/*", "plugins/networkinformation/*", "plugins/qmltooling/*",
    "plugins/platforms/*eglfs*", "plugins/platforms/*linuxfb*", "plugins/platforms/*vkkhrdisplay*",
    "plugins/platforms/*vnc*", "plugins/platforms/*minimal*", "plugins/platforms/*direct2d*",
    "plugins/imageformats/*qtga*", "plugins/imageformats/*qtiff*", "plugins/imageformats/*qwbmp*",
    "plugins/imageformats/*qicns*", "plugins/imageformats/*qwebp*", "plugins/imageformats/*qpdf*",
    "plugins/imageformats/*qjpeg*", "plugins/imageformats/*qgif*",
    "plugins/platformthemes/*gtk3*", "plugins/platforminputcontexts/*virtualkeyboard*",
    "plugins/wayland-shell-integration/*wl-shell*", "plugins/wayland-shell-integration/*ivi-shell*",
    "plugins/wayland-graphics-integration-server/*", "plugins/wayland-graphics-integration-client/*",
    "plugins/tls/*certonly*", "plugins/xcbglintegrations/*",
)  # fmt: skip
_QT_LIBRARIES = (
    "EglFS*", "EglFs*", "OpenGLWidgets*", "Pdf*", "Qml*", "Quick*", "Test*", "VirtualKeyboard*", "WlShell*",
)  # fmt: skip

# Of Qt's own words, those in the languages that the program speaks.
LANGUAGES = [file.stem for file in Path(__file__).parents[2].glob("resources/translations/*.po")]

# They come with the system's desktop, and have to fit the rest of that.
_SYSTEM = (
    "libstdc++.so*", "libgcc_s.so*", "libfontconfig.so*", "libfreetype.so*", "libexpat.so*", "libX11.so*",
    "libX11-xcb.so*", "libXau.so*", "libXdmcp.so*", "libgbm.so*", "libdbus-1.so*", "libglib-2.0.so*",
    "libgthread-2.0.so*",
    "libreadline.so*", "libtinfo.so*",  # who gives readline to others is bound by the GPL; the terminal does without
)  # fmt: skip


def kept(entries: Iterable[Entry]) -> list[Entry]:
    """Those of `entries` that are needed; copies of one library are links to one of them."""
    return _linked([entry for entry in entries if not is_left_out(entry[0])])


def is_left_out(place: str) -> bool:
    """Whether the file for that place in the bundle, or of that name, is not needed."""
    path = PurePath(place.replace("\\", "/"))
    if any(fnmatch.fnmatch(path.name, pattern) for pattern in _SYSTEM):
        return True
    if path.parts[:1] and path.parts[0].endswith(".dist-info"):
        if "sboms" in path.parts:
            return True
        return path.name in {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"} and "smollm2" not in path.parts[0]
    if any(fnmatch.fnmatch(str(path), f"*{pattern}") for pattern in _QT):
        return True
    if path.suffix == ".qm":
        return path.stem not in {f"qtbase_{code}" for code in LANGUAGES}
    is_extra = any(word in path.name for word in ("mtmd", "_multiarray_tests", "opengl32sw", "d3dcompiler"))
    return is_extra or any(_is_library(path, pattern) for pattern in _QT_LIBRARIES)


def _is_library(path: PurePath, pattern: str) -> bool:
    """Whether it is that one of Qt's libraries: a file on Linux and Windows, all of a framework's on macOS."""
    names = f"libQt6{pattern}.so*", f"Qt6{pattern}.dll", f"Qt{pattern}.framework", f"Qt{pattern}"
    parts = {path.name, *(part for part in path.parts if part.endswith(".framework"))}
    return any(fnmatch.fnmatchcase(part, name) for part in parts for name in names if "." in name or "." not in part)


def needed_hooks(scripts: Iterable[Entry]) -> list[Entry]:
    """The scripts without what PyInstaller would run before them in vain."""
    return [script for script in scripts if script[0] not in RUNTIME_HOOKS]


def _linked(entries: list[Entry]) -> list[Entry]:
    """Wheels cannot hold links, and bring libX.so, libX.so.0 and libX.so.0.1 instead of one with two names."""
    known: dict[PurePath, list[Entry]] = {}
    found = []
    for entry in sorted(entries, key=lambda entry: -len(entry[0])):
        place = PurePath(entry[0])
        others = known.setdefault(place.parent / place.name.partition(".")[0], [])
        same = next((other for other in others if _are_copies(entry, other)), None)
        found.append((entry[0], PurePath(same[0]).name, "SYMLINK") if same else entry)
        others.append(entry)
    return found


def _are_copies(one: Entry, other: Entry) -> bool:
    is_library = one[2] == other[2] == "BINARY" and ".so" in one[0]
    return is_library and filecmp.cmp(one[1], other[1], shallow=False)
