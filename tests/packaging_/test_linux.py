"""What Linux desktops and Debian are told of Phichat is true, and is the same twice."""

import argparse
import configparser
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from building import debian, linux_tree
from building.icon_drawing import drawn, symbolic
from building.project import epoch, version
from PySide6.QtGui import QImage
from targets import deb

from phichat.cli.parser import make_parser

needs_debian = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="Debian's tools")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Stands in for PyInstaller's folder."""
    folder = tmp_path / "bundle"
    (folder / "_internal").mkdir(parents=True)
    shutil.copy(shutil.which("true") or sys.executable, folder / "phichat")
    (folder / "_internal" / "data.txt").write_text("data", "utf-8")
    (folder / "_internal" / "data.txt").chmod(0o600)
    (folder / "starter").mkdir()
    (folder / "starter" / "tiny.gguf").write_bytes(b"GGUF")
    return folder


def test_the_entry_in_menus_starts_the_program_with_the_files_it_takes() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(linux_tree.LINUX / "phichat.desktop", "utf-8")
    values = entry["Desktop Entry"]
    program, *arguments = values["Exec"].split()
    assert (program, arguments) == ("phichat", ["%F"])
    assert make_parser(["/a/b.gguf", "/c.gguf"]).parse_args(["/a/b.gguf", "/c.gguf"]).files == [
        Path("/a/b.gguf"),
        Path("/c.gguf"),
    ]
    types = ET.parse(linux_tree.LINUX / "phichat-mime.xml").getroot()
    assert [f"{kind.get('type')};" for kind in types] == [values["MimeType"]]


def test_the_metainfo_tells_this_version_and_of_pictures_as_large_as_they_are() -> None:
    info = ET.fromstring(linux_tree.filled("phichat.metainfo.xml.in"))
    assert [release.get("version") for release in info.iterfind("releases/release")] == [version()]
    pictures = {str(image.text).rpartition("/")[2]: image for image in info.iterfind("screenshots/screenshot/image")}
    for file in linux_tree.SCREENSHOTS.glob("*.png"):
        size = QImage(str(file)).size()
        told = pictures.pop(file.name)
        assert (told.get("width"), told.get("height")) == (str(size.width()), str(size.height()))
    assert not pictures
    assert info.findtext("provides/mediatype") == "application/x-gguf"


def test_the_icons_are_those_of_the_master(tmp_path: Path) -> None:
    assert (linux_tree.ICONS / "hicolor/symbolic/apps/phichat-symbolic.svg").read_text("utf-8") == symbolic()
    kept, now = QImage(str(linux_tree.ICONS / "hicolor/32x32/apps/phichat.png")), drawn(32)
    differences = [abs(one - other) for one, other in zip(_bytes(kept), _bytes(now), strict=True)]
    assert max(differences) < 24, "draw them again: python packaging/build.py icons"


@needs_debian
def test_a_package_says_what_it_needs_and_holds_what_the_desktop_looks_for(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, starter = _packages(bundle, tmp_path / "one", monkeypatch)
    assert _field(program, "Package", "Version") == ["phichat", version()]
    assert _field(program, "Depends") == ["libc6, ca-certificates"]
    assert _field(starter, "Architecture", "Depends") == ["all", "phichat"]
    held = subprocess.run(["dpkg-deb", "--contents", program], check=True, capture_output=True, text=True).stdout
    for line in (
        "-rw-r--r-- root/root         4 {} ./usr/lib/phichat/_internal/data.txt",
        "./usr/bin/phichat -> ../lib/phichat/phichat",
        "./usr/share/applications/phichat.desktop",
        "./usr/share/icons/hicolor/48x48/apps/phichat.png",
        "./usr/share/man/man1/phichat.1.gz",
    ):
        assert line.format(time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch()))) in held
    assert "starter" not in held


@needs_debian
def test_twice_gives_the_same_bytes(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _packages(bundle, tmp_path / "one", monkeypatch)
    shutil.copytree(bundle, tmp_path / "again")
    second = _packages(tmp_path / "again", tmp_path / "two", monkeypatch)
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def _packages(bundle: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(deb, "WORK", place / "work")
    monkeypatch.setattr(deb, "DIST", place)
    monkeypatch.setattr(debian, "dependencies", lambda folder: "libc6")
    place.mkdir()
    return deb.build(argparse.Namespace(bundle=bundle, fast=True))


def _field(package: Path, *names: str) -> list[str]:
    command = ["dpkg-deb", "--showformat", "".join(f"${{{name}}}\n" for name in names), "--show", str(package)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _bytes(image: QImage) -> bytes:
    return bytes(image.convertToFormat(QImage.Format.Format_ARGB32).constBits())
