"""Whether a window can open here, which must be known before: without a display, Qt aborts the process."""

import os
import sys
from contextlib import closing

from phichat.i18n import tr

PATIENCE = 2.0  # seconds for a Wayland display to answer

# Libraries that Qt's xcb plugin needs and minimal systems lack.
_X11_LIBRARIES = (
    "libxcb.so.1", "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0", "libxcb-keysyms.so.1",
    "libxcb-render-util.so.0", "libxcb-shape.so.0", "libxcb-xkb.so.1", "libxkbcommon-x11.so.0",
)  # fmt: skip


def display_problem() -> str:
    """Return a sentence on why no window can open here; empty if nothing speaks against it."""
    if sys.platform in {"win32", "darwin", "android", "ios"}:
        return ""
    wanted = os.environ.get("QT_QPA_PLATFORM", "").partition(";")[0].partition(":")[0]
    if wanted and not wanted.startswith(("xcb", "wayland")):
        return ""
    if not wanted.startswith("xcb") and _wayland_answers():
        return ""
    if wanted.startswith("wayland") or not _x11_answers():
        return _no_display()
    if missing := [name for name in _X11_LIBRARIES if not _is_installed(name)]:
        return tr(
            "Phichat can’t open its window because system libraries are missing: {names}. Install them, then try again."
        ).format(names=", ".join(missing))
    return ""


def _no_display() -> str:
    name = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if name:
        return tr("The display {name} isn’t responding, so the window can’t open.").format(name=name)
    return tr("There is no display, so the window can’t open.")


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY", "")
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(name and (folder or name.startswith("/"))) and _answers(os.path.join(folder, name))  # noqa: PTH118


def _x11_answers() -> bool:
    """Return whether libxcb, which Qt uses, can connect to the display; its cookies matter too."""
    if not os.environ.get("DISPLAY"):
        return False
    import ctypes  # noqa: PLC0415 - only on X11

    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # unknown; the caller reports that it is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not failed


def _answers(place: str) -> bool:
    """Return whether a process listens on the Unix socket at `place`."""
    import socket  # noqa: PLC0415 - only on Wayland

    try:
        with closing(socket.socket(socket.AF_UNIX)) as caller:
            caller.settimeout(PATIENCE)
            caller.connect(place)
    except (OSError, ValueError):
        return False
    return True


def _is_installed(library: str) -> bool:
    import ctypes  # noqa: PLC0415 - only on X11

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
