"""Find the proxy for a server: from the environment's variables, else from the system's settings."""

import logging
import shutil
import subprocess
import sys
import urllib.request
from ast import literal_eval
from collections.abc import Callable, Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.request import getproxies_environment

from phichat.i18n import tr

_GNOME = "org.gnome.system.proxy"
_GSETTINGS_TIMEOUT = 2.0  # seconds
_PORTS = {"http": 80, "https": 443}


def proxy_for(scheme: str, host: str, port: int | None = None) -> str | None:
    """Return the URL of the proxy for a server, with its user name and password if set; None to connect directly."""
    named, port = getproxies_environment(), port or _PORTS.get(scheme, 0)
    if _is_bypassed(host, port, named.pop("no", "").split(",")):
        return None
    named = named or _system_proxies(host, port)
    found = named.get(scheme) or named.get("all")
    return _with_scheme(found) if found else None


def display_name(proxy: str) -> str:
    """Return the proxy's host and port, without user name and password."""
    return tr("the proxy {address}").format(address=proxy.rpartition("@")[2].removeprefix("http://"))


def _with_scheme(proxy: str) -> str:
    """Add http:// where no scheme is given. GNOME exports socks:// and means SOCKS 5."""
    scheme, separator, address = proxy.rpartition("://")
    if not separator:
        return f"http://{proxy}"
    return f"{'socks5' if scheme.lower() == 'socks' else scheme}://{address}"


def _is_bypassed(host: str, port: int, rules: Iterable[str]) -> bool:
    return any(_rule_matches(rule.strip().lower(), host.lower().rstrip("."), port) for rule in rules)


def _rule_matches(rule: str, host: str, port: int) -> bool:
    """Return whether a NO_PROXY rule matches: an IP address, a network, or a domain, which includes its subdomains.

    A domain may begin with `.` or `*.`; any rule may end with a port.
    """
    with suppress(ValueError):
        return ip_address(host) in ip_network(rule.strip("[]"), strict=False)
    name, _, wanted = rule.rpartition(":")
    if name and (":" not in name or name.endswith("]")):
        return wanted == str(port) and _rule_matches(name, host, port)
    domain = rule.removeprefix("*.").strip(".")
    return bool(domain) and (fnmatchcase(host, domain) or fnmatchcase(host, f"*.{domain}"))


def _system_proxies(host: str, port: int) -> dict[str, str]:
    if host in {"localhost", "127.0.0.1", "::1"}:
        return {}
    if _call_urllib("proxy_bypass_registry", host) or _call_urllib("proxy_bypass_macosx_sysconf", host):
        return {}
    return (
        _call_urllib("getproxies_registry") or _call_urllib("getproxies_macosx_sysconf") or _gnome_proxies(host, port)
    )


def _call_urllib(name: str, *arguments: str) -> Any:
    """Call a function that urllib has on Windows (registry) or macOS (system settings) only; None elsewhere.

    `urllib.request.getproxies` would ask neither where the environment sets no more than NO_PROXY.
    """
    function: Callable[..., Any] | None = getattr(urllib.request, name, None)
    with suppress(OSError, ValueError):
        return function(*arguments) if function else None
    return None


def _gnome_proxies(host: str, port: int) -> dict[str, str]:
    """Return the proxies by scheme from gsettings, which GNOME and related desktops use."""
    mode = None if sys.platform != "linux" or not shutil.which("gsettings") else _read_gsetting("", "mode")
    if mode == "auto":
        _log_pac_ignored()
    if mode != "manual" or _is_bypassed(host, port, _read_gsetting("", "ignore-hosts") or ()):
        return {}
    found = {}
    for kind, scheme in (("http", "http"), ("https", "http"), ("socks", "socks5")):
        name, number = _read_gsetting(f".{kind}", "host"), _read_gsetting(f".{kind}", "port")
        if name and number:
            found["all" if kind == "socks" else kind] = f"{scheme}://{name}:{number}"
    return found


@cache
def _log_pac_ignored() -> None:
    logging.getLogger(__name__).info(
        "the desktop finds its proxies by a script (PAC), which is not run here: none is used"
    )


def _read_gsetting(part: str, key: str) -> Any:
    try:
        done = subprocess.run(
            ["gsettings", "get", _GNOME + part, key],
            capture_output=True,
            text=True,
            timeout=_GSETTINGS_TIMEOUT,
            check=True,
        )
        return literal_eval(done.stdout.strip().removeprefix("@as "))
    except (OSError, ValueError, SyntaxError, subprocess.SubprocessError):
        return None
