"""What the pages for developers name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/architecture.md")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"[` ]((?:phichat|tests|packaging|resources)/[\w/.]*\w)/?[` ]", text)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [
        link for link in re.findall(r"\]\(([\w./-]+)\)", text) if not (ROOT / page).parent.joinpath(link).exists()
    ] == []


@pytest.mark.parametrize("page", PAGES[1:])
def test_names_that_can_be_searched_for_are_found(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    source = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "phichat").rglob("*.py")))
    classes = re.split(r"^(?=class )", source, flags=re.MULTILINE)[1:]
    for owner, member in re.findall(r"`([A-Z]\w+)(?:\.(\w+))?`", text):
        bodies = [body for body in classes if re.match(rf"class {owner}\b", body)]
        assert bodies or re.search(rf"\b{owner}\b", source), owner
        assert not member or any(f"    def {member}(" in body for body in bodies), f"{owner}.{member}"


def test_every_room_is_on_the_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = [folder.name for folder in (ROOT / "phichat").rglob("*") if (folder / "__init__.py").exists()]
    assert [name for name in rooms if f"{name}/" not in page] == []
