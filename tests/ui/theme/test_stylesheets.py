"""The style sheets and who uses them."""

import ast
from pathlib import Path

import pytest

from phichat.ui.theme.palette import THEMES, colors_of
from phichat.ui.theme.stylesheets import STYLES

PACKAGE = Path(__file__).parents[3] / "phichat"


def used_names() -> set[str]:
    """Return the names in all calls of `apply_stylesheet(widget, name)`."""
    sources = (file.read_bytes() for file in PACKAGE.rglob("*.py"))
    calls = [
        node
        for source in sources
        if b"apply_stylesheet" in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("apply_stylesheet")
    ]
    names = [call.args[1] for call in calls]
    assert all(isinstance(name, ast.Constant) for name in names)
    return {str(name.value) for name in names if isinstance(name, ast.Constant)}


def test_every_style_sheet_is_used_and_none_is_missing() -> None:
    assert used_names() == set(STYLES)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", STYLES)
def test_a_style_sheet_names_only_colours_that_there_are(name: str, theme: str) -> None:
    assert "$" not in STYLES[name].substitute(vars(colors_of(theme, "teal")), round=17, small_round=13)
