"""Which proxy leads to a server: the environment's, else the system's."""

import shutil
import subprocess
import sys
from ast import literal_eval
from typing import Any
from urllib.request import getproxies, proxy_bypass

from phichat.text import tr

_GNOME = "org.gnome.system.proxy"
_PATIENCE = 2.0  # seconds for the desktop to tell


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy's address, with name and password if they are known; None to go there directly."""
    if _is_local(host) or _bypasses(host):
        return None
    named = getproxies() or _desktop(host)  # on Windows and macOS, the first knows the system's, too
    found = named.get(scheme) or named.get("all")
    return found if not found or "://" in found else f"http://{found}"


def shown(proxy: str) -> str:
    """The proxy's name, without what is secret."""
    return tr("the proxy {address}").format(address=proxy.rpartition("@")[2].removeprefix("http://"))


def _is_local(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"} and not getproxies()


def _bypasses(host: str) -> bool:
    try:
        return bool(proxy_bypass(host))
    except (OSError, ValueError):
        return False


def _desktop(host: str) -> dict[str, str]:
    """What GNOME, and the desktops that keep their settings as it does, were told."""
    if sys.platform != "linux" or not shutil.which("gsettings") or _setting("", "mode") != "manual":
        return {}
    if host in (_setting("", "ignore-hosts") or ()):
        return {}
    found = {}
    for scheme, form in (("http", "http"), ("https", "http"), ("socks", "socks5")):
        name, port = _setting(f".{scheme}", "host"), _setting(f".{scheme}", "port")
        if name and port:
            found["all" if scheme == "socks" else scheme] = f"{form}://{name}:{port}"
    return found


def _setting(part: str, key: str) -> Any:
    try:
        told = subprocess.run(
            ["gsettings", "get", _GNOME + part, key], capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
        return literal_eval(told.stdout.strip().removeprefix("@as "))
    except (OSError, ValueError, SyntaxError, subprocess.SubprocessError):
        return None
