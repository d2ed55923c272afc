"""What is asked of the package index for systems that are not this one."""

from pathlib import Path

import pytest
from smoke import other_systems


@pytest.mark.parametrize(
    ("requirement", "system", "asked"),
    [
        ("numpy>=2", "win_arm64", ["numpy>=2"]),
        ('colorama; sys_platform == "win32"', "win_amd64", ["colorama"]),
        ('colorama; sys_platform == "win32"', "macosx_14_0_arm64", []),
        ('jeepney; platform_system == "Linux"', "win_amd64", []),
        ('six; python_version < "3.12"', "win_amd64", []),
        ('socksio==1.*; extra == "socks"', "win_amd64", ["socksio==1.*"]),
        ('brotli; extra == "brotli"', "win_amd64", []),
    ],
)
def test_conditions_are_those_of_that_system(requirement: str, system: str, asked: list[str]) -> None:
    assert list(other_systems._wanted([requirement], system, {"", "socks"})) == asked


def test_what_has_no_wheel_is_named_and_the_rest_still_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def asked(requirements: list[str], system: str, folder: object) -> list[dict[str, object]] | None:
        if "source-only" in requirements:
            return None
        needs = {"first": ["second", "source-only"]}
        return [
            {"download_info": {"url": f"https://index/{name}.whl"}, "metadata": {"requires_dist": needs.get(name)}}
            for name in requirements
        ]

    monkeypatch.setattr(other_systems, "_asked", asked)
    found, lacking = other_systems._all("win_arm64", ["first"], tmp_path)
    assert (found, lacking) == ({"first.whl", "second.whl"}, ["source-only"])
