"""A release knows where the next one will be told; no other build does."""

from pathlib import Path

import pytest
from building import publishing
from building.project import ROOT, Trouble

import phichat

ADDRESS = "https://api.example/repos/phichat/phichat/releases/latest"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "__init__.py").write_bytes((ROOT / "phichat" / "__init__.py").read_bytes())
    return tmp_path


def known(package: Path) -> object:
    values: dict[str, object] = {}
    exec((package / "__init__.py").read_text("utf-8"), values)
    return values["RELEASES"]


def test_a_release_is_told_and_the_sources_are_not(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert phichat.RELEASES == ""
    monkeypatch.delenv("PHICHAT_RELEASES", raising=False)
    publishing.write_releases(package)
    assert known(package) == ""
    monkeypatch.setenv("PHICHAT_RELEASES", ADDRESS)
    publishing.write_releases(package)
    assert known(package) == ADDRESS


@pytest.mark.parametrize("address", ["http://api.example/latest", 'https://a.example/"+evil()+"', "latest"])
def test_an_address_that_is_none_is_refused(package: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PHICHAT_RELEASES", address)
    with pytest.raises(Trouble, match="no plain https address"):
        publishing.write_releases(package)
    assert known(package) == ""
