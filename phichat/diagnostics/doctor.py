"""The findings of `phichat doctor` and the Help menu: what this computer offers, and what the app chose."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from phichat import __version__, gguf
from phichat.engine import hardware
from phichat.engine.base import CancelToken, Engine, Event, Loaded, Loading, Notice
from phichat.engine.prompt_cache import PromptCache
from phichat.engine.remote.servers import make_server_list
from phichat.engine.settings import TuningStore, processor, suggested, threads
from phichat.errors import ModelError, PhichatError
from phichat.files import is_private
from phichat.i18n import format_columns, format_number, format_size, tr
from phichat.json_file import JsonFile
from phichat.models import base
from phichat.models.base import ModelFile
from phichat.models.discovery import hub_cache_folder
from phichat.models.library import Library
from phichat.paths import Home
from phichat.store.preferences import PreferencesFile

PACKAGES = ("llama-cpp-python", "PySide6-Essentials", "PySide6", "huggingface_hub", "hf-xet")

Facts = dict[str, Any]
Rows = list[list[str]]


def report_lines(facts: Facts) -> Iterator[str]:
    """Yield the findings as lines of text."""
    for heading, rows in _sections(facts):
        yield heading
        yield from (f"  {text}" for text in (format_columns(rows) if rows else []))


def examine(
    library: Library, home: Home, engine: Engine, report: Callable[[str], None], stop: CancelToken | None = None
) -> Facts:
    """Return all findings. Load the default model for that, in a process of its own."""
    model = library.default_model()
    return _findings(library, home, model, _try_engine(model, engine, report, stop or CancelToken()))


def examine_loaded(library: Library, home: Home, loaded: Loaded | None, pid: int | None) -> Facts:
    """Return all findings about the model the window has, as a second one might not fit; None while it loads."""
    model, found = None, _no_engine_facts()
    try:
        if loaded is None:
            raise ModelError(tr("The model is still loading."))
        if loaded.model.is_remote:  # which says nothing of this computer
            return _findings(library, home, None, found | {"model": loaded.model.name, "library": loaded.library})
        model = library.find_model(loaded.model.location)
        found |= {"model": model.name} | _engine_facts(loaded, pid)
    except PhichatError as error:
        found["error"] = str(error)
    return _findings(library, home, model, found)


def diagnose(
    library: Library,
    home: Home,
    running: tuple[bool, Loaded | None, int | None],
    make_engine: Callable[[], Engine],
    stop: CancelToken,
) -> str:
    """Return the report for the open window; blocks while a model is loaded, until `stop` is set.

    `running` is whether the window has a model, the engine's Loaded event if it is loaded, and the process it is in.
    Only a window without a model has one loaded for the report.
    """
    has_model, loaded, pid = running
    if has_model:
        facts = examine_loaded(library, home, loaded, pid)
    else:
        with closing(make_engine()) as engine:
            facts = examine(library, home, engine, lambda _: None, stop)
    return "\n".join(report_lines(facts)) + "\n"


def _findings(library: Library, home: Home, model: ModelFile | None, tried: Facts) -> Facts:
    fastest = TuningStore(home.engine).fastest(model.path) if model else None
    tried["fastest"] = fastest or None  # None: not measured yet
    return {
        "versions": versions(),
        "system": platform.platform(),
        "cpu": {**_cpu_facts(), "features": tried.pop("cpu")},
        "memory": {
            "total_bytes": int(psutil.virtual_memory().total),
            "usable_bytes": hardware.installed_memory(),
            "free_bytes": hardware.available_memory(),
        },
        "gpu": {"offload": tried.pop("gpu")},
        "engine": tried,
        "remembered": JsonFile(home.engine).read_value() or {},
        "states": _prompt_cache_facts(home),
        "disk": _disk_facts(home.root),
        "paths": _path_facts(home),
        "models": [base.model_as_json(model) for model in library.list_models()],
        "servers": _server_facts(home),
    }


def _try_engine(model: ModelFile | None, engine: Engine, report: Callable[[str], None], stop: CancelToken) -> Facts:
    """Load `model` and return what the engine reports; native code runs in the engine's process alone."""
    found = _no_engine_facts()
    notices: list[str] = found["notices"]

    def on_event(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.text)
        elif isinstance(event, Loading):
            report(tr("Loading the model: {share}%").format(share=int(event.fraction * 100)))

    if model is None:
        return found | {"error": tr("There is no model to test the engine with. Download one, or add a model file.")}
    found["model"] = model.name
    try:
        loaded = engine.load(model.ref, suggested(), stop, on_event)
        return found | _engine_facts(loaded, getattr(engine, "pid", None))
    except PhichatError as error:
        return found | {"error": str(error)}


def _no_engine_facts() -> Facts:
    missing = ("error", "process_bytes", "needed_bytes", "repacked_bytes", "cpu", "gpu")
    found: Facts = {"model": None, "library": None, "settings": suggested().as_json(), "notices": []}
    return found | {"lacks_memory": False, **dict.fromkeys(missing)}


def _prompt_cache_facts(home: Home) -> Facts:
    """Return the size of the prompt cache on the disk."""
    budget = PreferencesFile(home.preferences).load_preferences().states_gb * 10**9
    files, count = PromptCache(home.states, budget).usage()
    return {"folder": str(home.states), "files": files, "bytes": count, "budget_bytes": budget}


def _engine_facts(loaded: Loaded, pid: int | None) -> Facts:
    settings = loaded.settings
    head, resident = gguf.read_head(loaded.model.path), _resident_bytes(pid)
    needed, repacked = (
        hardware.memory_needed(head, settings.context, repacking=each) for each in (settings.repacking, True)
    )
    return {
        "library": loaded.library,
        "settings": settings.as_json(),
        "cpu": loaded.cpu,
        "gpu": loaded.gpu,
        "process_bytes": resident,
        "needed_bytes": needed,
        "repacked_bytes": repacked,
        "lacks_memory": repacked > hardware.available_memory() + (resident or 0),  # to repack weights
    }


def _resident_bytes(pid: int | None) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else None
    except psutil.Error:
        return None


def versions() -> dict[str, str | None]:
    """Return the versions of Phichat, Python and the main packages; None for one that is not installed."""
    found: dict[str, str | None] = {"phichat": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _cpu_facts() -> Facts:
    return {
        "name": processor(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(logical=False),
        "threads": os.cpu_count(),
        "usable_cores": threads(),
    }


def _disk_facts(folder: Path) -> Facts:
    """Return facts about the disk that `folder` is on, or will be."""
    place = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
    try:
        free: int | None = shutil.disk_usage(place).free
    except OSError:
        free = None
    return {
        "folder": str(folder),
        "free_bytes": free,
        "writable": place.is_dir() and os.access(place, os.W_OK),
        "private": is_private(folder),
    }


def _server_facts(home: Home) -> list[dict[str, Any]]:
    """Return the servers, none of which is asked, and for which there is a key."""
    known = make_server_list(home)
    return [{**each.as_json(), "has_key": known.has_key(each)} for each in known.servers()]


def _path_facts(home: Home) -> dict[str, str]:
    return {
        "home": str(home.root),
        "models": str(home.models),
        "history": str(home.history),
        "preferences": str(home.preferences),
        "engine": str(home.engine),
        "logs": str(home.logs),
        "hub_cache": str(hub_cache_folder()),
        "python": sys.executable,
    }


def _sections(facts: Facts) -> list[tuple[str, Rows]]:
    """Return the findings as sections: a heading, and rows of cells."""
    return [
        (tr("Versions"), [*map(_cells, facts["versions"].items()), [tr("system"), facts["system"]]]),
        (tr("Computer"), _computer_rows(facts)),
        (tr("Engine"), [*_engine_rows(facts["engine"]), _prompt_cache_row(facts["states"])]),
        (
            tr("Fallback settings"),
            list(map(_cells, facts["remembered"].items())),
        ),
        (tr("Folders"), list(map(_cells, facts["paths"].items()))),
        (tr("Models"), [[model["name"], format_size(model["bytes"]), model["path"]] for model in facts["models"]]),
        (tr("Servers"), [_server_row(server) for server in facts["servers"]]),
    ]


def _server_row(server: Facts) -> list[str]:
    return [server["name"], server["kind"], server["url"], tr("with a key") if server["has_key"] else ""]


def _computer_rows(facts: Facts) -> Rows:
    cpu, disk, space = facts["cpu"], facts["disk"], facts["memory"]
    cores = tr("{cores} ({usable} available)").format(cores=cpu["cores"] or "?", usable=cpu["usable_cores"])
    free = format_size(disk["free_bytes"]) if disk["free_bytes"] is not None else "?"
    gpu = {None: "?", True: tr("supported"), False: tr("not supported by this build of llama.cpp")}[
        facts["gpu"]["offload"]
    ]
    privacy = tr("only you can read your data")
    if not disk["private"]:
        privacy = tr("other users of this computer may be able to read {folder}").format(folder=disk["folder"])
    return [
        [tr("processor"), f"{cpu['name']} ({cpu['machine']})"],
        [tr("cores"), cores],
        [tr("processor features used"), cpu["features"] or "?"],
        [tr("graphics card"), gpu],
        [
            tr("memory"),
            tr("{free} of {total} free").format(
                free=format_size(space["free_bytes"]), total=format_size(space["usable_bytes"])
            ),
        ],
        [tr("disk"), free if disk["writable"] else tr("{free}, not writable").format(free=free)],
        [tr("privacy"), privacy],
    ]


def _engine_rows(engine: Facts) -> Rows:
    rows = [[tr("model tested"), engine["model"] or "-"]]
    if engine["error"]:
        rows.append([tr("error"), engine["error"]])
    rows += [[tr("note"), text] for text in engine["notices"]]
    rows += list(map(_cells, engine["settings"].items()))
    rows.append([tr("speed"), _speed(engine["fastest"])])
    if _lacks_memory(engine):
        need = format_size(engine["repacked_bytes"])
        rows.append([tr("repacked weights"), tr("not enough memory to use them ({size} needed)").format(size=need)])
    if engine["process_bytes"]:
        rows.append(
            [tr("memory used"), f"{format_size(engine['process_bytes'])} / {format_size(engine['needed_bytes'])}"]
        )
    return rows


def _lacks_memory(engine: Facts) -> bool:
    """Return whether weights are not repacked for lack of memory, now or when they were to be measured."""
    if engine["settings"]["repacking"] or engine["repacked_bytes"] is None:
        return False
    fastest = engine["fastest"] or {"repacking": suggested().repacking}
    return fastest.get("lacked_memory") is True or (fastest.get("repacking") is True and engine["lacks_memory"])


def _speed(fastest: Facts | None) -> str:
    if not fastest:
        return tr("not measured yet; run `phichat tune`, or leave Phichat open and idle for a while")
    reads, writes = (format_number(fastest.get(name, 0), 1) for name in ("reads", "writes"))
    return tr("fastest settings: {reads} tokens/s for prompts, {writes} tokens/s for answers").format(
        reads=reads, writes=writes
    )


def _prompt_cache_row(states: Facts) -> list[str]:
    figures = {"used": format_size(states["bytes"]), "limit": format_size(states["budget_bytes"])}
    return [tr("prompt cache"), tr("{used} of {limit} used").format(**figures)]


def _cells(pair: tuple[str, Any]) -> list[str]:
    name, value = pair
    if isinstance(value, bool):
        return [name, tr("yes") if value else tr("no")]
    if isinstance(value, dict):
        return [name, ", ".join(f"{key} {item}" for key, item in value.items() if not isinstance(item, dict))]
    return [
        name,
        "-" if value is None or value == "" else format_number(value) if isinstance(value, int) else str(value),
    ]
