"""What is installed is what is here."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_installed() -> None:
    """An editable install finds all of them, listed or not."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = [file.parent.relative_to(ROOT) for file in (ROOT / "phichat").rglob("__init__.py")]
    assert sorted(listed) == sorted([*(".".join(folder.parts) for folder in folders), "phichat.resources"])
