"""Which room of the window may import what, imports inside functions and for annotations included."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "phichat"

GROUND = ("a11y", "actions", "controllers", "feedback", "theme", "threads", "undo", "widgets")
SIBLINGS = ("sidebar", "settings", "models", "preferences", "help", "desktop")
"""The rooms beside the conversation, which never import one another."""

TRANSCRIPT = ("a11y", "attachments", "blocks", "controllers", "feedback", "theme", "threads", "transcript", "widgets")

ROOMS = {
    "theme": (),
    "threads": (),
    "undo": (),
    "feedback": (),
    "actions": ("theme", "undo"),
    "widgets": ("a11y", "feedback", "theme", "undo"),
    "controllers": ("threads", "undo"),
    "a11y": ("controllers", "theme"),
    "blocks": ("theme", "threads", "widgets"),
    "attachments": ("theme", "widgets"),
    "transcript": TRANSCRIPT,  # threads, to have messages ready when nothing else is to be done
    **dict.fromkeys(SIBLINGS, GROUND),
    "help": (*GROUND, "blocks"),
    "sidebar": (*GROUND, "attachments"),  # whose viewer shows what is in the trash
    "chat": TRANSCRIPT,  # threads, in which attached files are read
    "documents": ("a11y", "controllers", "feedback", "theme", "threads", "widgets"),
    "lens": ("a11y", "blocks", "controllers", "feedback", "theme", "threads", "widgets"),
}
"""Room of phichat.ui, and which others it may import; whoever is not here, as the window, may import all."""

DATA = ("chat", "engine.base", "engine.model_ref", "engine.remote.base", "models.base", "models.found", "store.base")
DOCUMENTS = ("documents.base", "documents.citations", "documents.library")
OUTSIDE = {
    "theme": (),
    "threads": ("engine.base",),
    "undo": (),
    "feedback": (),
    "actions": (),
    "widgets": (),
    "controllers": (*DATA, "store.preferences.Preferences", "documents.library", "documents.prompt"),
    "a11y": ("chat", "markdown"),
    "blocks": ("markdown", "rendering"),
    "attachments": ("chat.attachments",),
    "transcript": ("chat", "markdown", "exchange.footnotes", "exchange.html", "exchange.markdown", "models.base"),
    "sidebar": (*DATA, "exchange.export"),
    "settings": ("chat", "engine.model_ref"),
    "models": ("models.base", "models.found"),
    "preferences": ("chat", "engine.remote.base", "models.base", "store.preferences.Preferences"),
    "help": (),
    "desktop": ("chat",),
    "chat": DATA,
    "documents": ("chat", "markdown.citations", *DOCUMENTS),
    "lens": ("chat", "engine.base", "markdown"),
    "window": (*DATA, *DOCUMENTS),
}
"""What each may import of the rooms outside the window, besides the files that belong to no room."""

TO_COME: set[str] = set()
"""Rooms whose place is kept, before anybody builds there."""

TYPES = ("engine", "exchange", "models", "net", "store")
"""What any of them may name in annotations besides."""


def test_rooms_of_the_window_import_only_what_the_table_allows() -> None:
    assert not [f"{name} imports {imported}" for name, imported, _ in _imports() if not _is_allowed(name, imported)]


def test_what_is_imported_from_outside_the_window_is_data() -> None:
    trespasses = [
        f"{name} imports {imported}"
        for name, imported, is_type in _imports()
        if not _may_import(name, imported, OUTSIDE[_room(name)] + (TYPES if is_type else ()))
    ]
    assert not trespasses


def test_controllers_know_no_widgets() -> None:
    allowed = "PySide6.QtCore."
    qt = [(name, imported) for name, imported, _ in _imports() if imported.startswith(("PySide6", "shiboken6"))]
    of_controllers = [pair for pair in qt if _room(pair[0]) == "controllers"]
    assert of_controllers
    assert not [pair for pair in of_controllers if not pair[1].startswith(allowed)]


@pytest.mark.parametrize("room", SIBLINGS)
def test_rooms_beside_the_conversation_do_not_know_each_other(room: str) -> None:
    assert not {*ROOMS[room]} & {*SIBLINGS, "chat", "transcript", "window"}


def test_there_is_no_circle_of_rooms() -> None:
    TopologicalSorter({room: {*others} - {room} for room, others in ROOMS.items()}).prepare()


def test_there_is_no_circle_of_files() -> None:
    graph: dict[str, set[str]] = {}
    for name, imported, _ in _imports():
        graph.setdefault(name, set()).update(_modules(imported) - {name})
    TopologicalSorter(graph).prepare()


def test_every_room_has_its_row() -> None:
    rooms = {_room(name) for name in _names()} - {""}
    assert rooms | TO_COME == {*ROOMS, "window"} == {*OUTSIDE}


def _is_allowed(name: str, imported: str) -> bool:
    room, other = _room(name), _room(imported) if _within(imported, "phichat.ui") else ""
    return other in {"", room} or room not in ROOMS or other in ROOMS[room]


def _may_import(name: str, imported: str, outside: tuple[str, ...]) -> bool:
    is_ours = _within(imported, "phichat") and not _within(imported, "phichat.ui")
    if not is_ours or (PACKAGE / f"{imported.split('.')[1]}.py").exists():
        return True
    return any(_within(imported, f"phichat.{allowed}") for allowed in outside)


def _room(name: str) -> str:
    return name.removeprefix("phichat.ui").removeprefix(".").partition(".")[0]


def _within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def _modules(imported: str) -> set[str]:
    """Return the module of the window that an import names, or that has the name it imports; none for others."""
    return {name for name in (imported, imported.rpartition(".")[0]) if name in _names()}


@cache
def _names() -> Mapping[str, Path]:
    files = (PACKAGE / "ui").rglob("*.py")
    return {_name(file): file for file in files if file.name != "__init__.py"}


def _name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


@cache
def _imports() -> list[tuple[str, str, bool]]:
    """Return each module's name with each name it imports, and whether that is for annotations alone."""
    found = [(name, *pair) for name, file in _names().items() for pair in _imported(ast.parse(file.read_bytes()))]
    assert found
    return found


def _imported(tree: ast.AST, *, is_type: bool = False) -> Iterator[tuple[str, bool]]:
    is_type = is_type or (isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING")
    if isinstance(tree, ast.Import):
        yield from ((alias.name, is_type) for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        assert not tree.level, "imports are absolute"
        yield from ((f"{tree.module}.{alias.name}", is_type) for alias in tree.names)
    for child in ast.iter_child_nodes(tree):
        yield from _imported(child, is_type=is_type)
