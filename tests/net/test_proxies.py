"""Through which proxy a server is reached, as the environment and the desktop were told."""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat.net import proxies
from phichat.net.proxies import proxy_for

PROXY = "http://proxy.example:3128"

Desktop = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_proxies(no_proxies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda _: None)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """What `gsettings` says from now on."""
    if os.name == "nt":
        pytest.skip("a shell script")

    def tell(mode: str = "manual", exceptions: str = "[]") -> None:
        settings = tmp_path / "gsettings"
        settings.write_text(
            f"""#!/bin/sh
case "$2 $3" in
  "org.gnome.system.proxy mode") echo "'{mode}'" ;;
  "org.gnome.system.proxy ignore-hosts") echo "{exceptions}" ;;
  "org.gnome.system.proxy.https host") echo "'proxy.example'" ;;
  "org.gnome.system.proxy.https port") echo 3128 ;;
  *) echo "''" ;;
esac
"""
        )
        settings.chmod(settings.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr("shutil.which", lambda _: str(settings))
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return tell


@pytest.mark.parametrize(
    ("said", "proxy"),
    [
        ("proxy.example:3128", PROXY),
        (PROXY, PROXY),
        ("https://anna:s3cret@proxy.example", "https://anna:s3cret@proxy.example"),
        ("socks://proxy.example:1080/", "socks5://proxy.example:1080/"),
        ("socks5h://proxy.example:1080", "socks5h://proxy.example:1080"),
    ],
)
def test_a_proxy_for_all(monkeypatch: pytest.MonkeyPatch, said: str, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", said)
    assert proxy_for("https", "hub.example") == proxy


@pytest.mark.parametrize(
    ("rules", "host", "port"),
    [
        ("*", "hub.example", None),
        ("near.example, *", "hub.example", None),
        ("hub.example", "HUB.example", None),
        ("example", "hub.example", None),
        (".example", "hub.example", None),
        ("*.example", "deep.hub.example", None),
        ("*.hub.example", "hub.example", None),
        ("hub.example:8443", "hub.example", 8443),
        ("hub.example:443", "hub.example", None),
        (".example:443", "hub.example", None),
        ("near.example,10.0.0.0/8", "10.200.3.4", None),
        ("10.1.2.3/8", "10.200.3.4", None),
        ("10.*", "10.200.3.4", None),
        ("10.200.3.4:8443", "10.200.3.4", 8443),
        ("[::1]", "::1", None),
        ("::1", "::1", None),
        ("[::1]:8443", "::1", 8443),
        ("fd00::/8", "fd12::3", None),
    ],
)
def test_exceptions(monkeypatch: pytest.MonkeyPatch, rules: str, host: str, port: int | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", rules)
    assert proxy_for("https", host, port) is None


@pytest.mark.parametrize(
    ("rules", "host", "port"),
    [
        ("", "hub.example", None),
        (" , .,*.", "hub.example", None),
        ("hub.example:8443", "hub.example", None),
        ("hub.example:8443", "hub.example", 18443),
        ("hub.example", "myhub.example", None),
        ("*.example", "hub.examples", None),
        ("10.0.0.0/8", "11.0.0.1", None),
        ("10.0.0.0/8", "hub.example", None),
        ("10.0.0.0/99", "10.0.0.1", None),
        ("[::1]:8443", "::1", None),
        ("::1", "::2", None),
        ("0.0.0.0/0", "::1", None),
    ],
)
def test_what_is_no_exception(monkeypatch: pytest.MonkeyPatch, rules: str, host: str, port: int | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", rules)
    assert proxy_for("https", host, port) == PROXY


def test_exceptions_alone_do_not_hide_the_desktops_proxy(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop()
    monkeypatch.setenv("NO_PROXY", "near.example")
    assert proxy_for("https", "far.example") == PROXY
    assert proxy_for("https", "near.example") is None
    assert proxy_for("https", "localhost") is None


def test_the_desktop_has_exceptions_of_the_same_kinds(desktop: Desktop) -> None:
    desktop(exceptions="['localhost', '*.corp.example', '10.0.0.0/8']")
    assert proxy_for("https", "hub.corp.example") is None
    assert proxy_for("https", "10.1.2.3") is None
    assert proxy_for("https", "hub.example") == PROXY


def test_a_proxy_found_by_a_script_is_not_used_but_noted(desktop: Desktop, caplog: pytest.LogCaptureFixture) -> None:
    desktop(mode="auto")
    proxies._log_pac_ignored.cache_clear()
    with caplog.at_level(logging.INFO):
        assert proxy_for("https", "hub.example") is None
        assert proxy_for("https", "hub.example") is None
    assert [record.message.count("PAC") for record in caplog.records] == [1]


@pytest.mark.parametrize(("platform", "name"), [("win32", "registry"), ("darwin", "macosx_sysconf")])
def test_windows_and_macos_are_asked_too(monkeypatch: pytest.MonkeyPatch, platform: str, name: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(f"urllib.request.getproxies_{name}", lambda: {"https": PROXY}, raising=False)
    monkeypatch.setattr(f"urllib.request.proxy_bypass_{name}", lambda host: host == "near.example", raising=False)
    monkeypatch.setenv("NO_PROXY", "other.example")
    assert proxy_for("https", "far.example") == PROXY
    assert proxy_for("https", "near.example") is None
    assert proxy_for("https", "other.example") is None
