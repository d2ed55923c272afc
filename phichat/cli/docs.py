"""`phichat docs`: collections of documents, and what is found in them."""

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.cli.console import Console
from phichat.cli.context import Context
from phichat.cli.question_sources import (
    embedding_model,
    index,
    nothing_found,
    opened,
    passage_json,
    password_wanted,
)
from phichat.cli.signals import interrupting
from phichat.documents.library import USUAL_BUDGET, Collection, FileState, FileStatus
from phichat.documents.prompt import source_title
from phichat.documents.retrieval.local_library import LocalLibrary
from phichat.engine.process.encoder_process import EncoderProcess
from phichat.errors import PhichatError
from phichat.i18n import format_columns, format_number, tr, tr_count
from phichat.models.catalogue import EMBEDDINGS, embedding_facts
from phichat.store.preferences import PreferencesFile
from phichat.unicode import replace_surrogates


def run(context: Context) -> int:
    """Do `options.action` and return the exit status."""
    if context.options.action == "model":
        return _choose_model(context)
    with opened(context) as library:
        return _ACTIONS[context.options.action](context.options, library, context.console)


def _add(options: argparse.Namespace, library: LocalLibrary, console: Console) -> int:
    name, stop = options.collection, CancelToken()
    for path in options.paths:
        if not path.exists():
            raise PhichatError(tr("{file} doesn’t exist. Check its path.").format(file=replace_surrogates(str(path))))
    if not options.paths:
        _required(library, name)
    library.add(name, options.paths)
    with interrupting(stop):
        index(library, name, console, stop, retries=True)
    collection = _required(library, name)
    if options.json:
        console.print_json(_collection_json(collection))
    else:
        console.print_notice(_summary(collection))
    if stop.is_set():
        console.print_notice(tr("Stopped. Run `phichat docs add {name}` to continue.").format(name=name))
    return 130 if stop.is_set() else 0


def _list(options: argparse.Namespace, library: LocalLibrary, console: Console) -> int:
    collections = library.collections()
    if options.json:
        for collection in collections:
            console.print_json(_collection_json(collection))
    elif collections:
        for line in format_columns([[each.name, _summary(each)] for each in collections]):
            console.print_line(line)
    else:
        console.print_notice(tr("There are no collections yet. Create one with `phichat docs add NAME FILE`."))
    return 0


def _status(options: argparse.Namespace, library: LocalLibrary, console: Console) -> int:
    names = [options.collection] if options.collection else [each.name for each in library.collections()]
    indent = "" if options.collection else "  "
    for name in names:
        _required(library, name)
        if indent and not options.json:
            console.print_line(tr("{name}:").format(name=name))
        for status in library.files(name):
            if options.json:
                console.print_json(_status_json(name, status))
            else:
                console.print_line(f"{indent}{replace_surrogates(str(status.path))}  {_state(status)}")
                error = password_wanted(status.path, name) if status.is_locked else status.error
                for sentence in filter(None, (error, *status.notes)):
                    console.print_line(f"{indent}  {sentence}")
    return 0


def _remove(options: argparse.Namespace, library: LocalLibrary, console: Console) -> int:
    _required(library, options.collection)
    name = options.collection
    if not library.remove(name, options.paths):
        sentence = tr(
            "{name} doesn’t contain that file or folder. Run `phichat docs list --json` to see what it contains."
        )
        raise PhichatError(sentence.format(name=name))
    if options.json:
        console.print_json({"removed": name, "paths": [replace_surrogates(str(path)) for path in options.paths]})
    elif options.paths:
        console.print_notice(
            tr("The files were removed from {name}, but not deleted from your disk.").format(name=name)
        )
    else:
        console.print_notice(
            tr("The collection {name} was removed, but its files weren’t deleted from your disk.").format(name=name)
        )
    return 0


def _search(options: argparse.Namespace, library: LocalLibrary, console: Console) -> int:
    _required(library, options.collection)
    found = library.search([options.collection], " ".join(options.words), budget=USUAL_BUDGET)
    for number, passage in enumerate(found.passages, 1):
        if options.json:
            console.print_json(passage_json(number, passage))
        else:
            console.print_line(f"[{number}] {source_title(passage)}")
            console.print_piece(f"{passage.text}\n\n")
    if not found.passages:
        console.print_notice(tr("No results."))
    elif not found.fits:
        console.print_notice(nothing_found([options.collection]))
    return 0


def _choose_model(context: Context) -> int:
    """Show the embedding model, or choose another one and make its vectors of all collections."""
    options, console, stop = context.options, context.console, CancelToken()
    if options.model:
        path = None if options.model == "none" else _embeddings_file(context, options.model)
        if path:
            _require_embeddings(path)
        file = PreferencesFile(context.home.preferences)
        file.save_preferences(replace(file.load_preferences(), embedding_model=str(path) if path else ""))
        with opened(context) as library, interrupting(stop):
            for collection in library.collections():
                index(library, collection.name, console, stop)
    chosen = embedding_model(context)
    if options.json:
        console.print_json({"model": replace_surrogates(str(chosen)) if chosen else None})
    elif chosen:
        console.print_line(replace_surrogates(str(chosen)))
    else:
        console.print_notice(tr("Phichat is using its built-in embedding model to find passages."))
    if not options.json and not options.model:
        _print_known(console)
    return 130 if stop.is_set() else 0


def _print_known(console: Console) -> None:
    """Print the embedding models that are known, and how to get one."""
    console.print_notice(
        tr(
            "To find passages more accurately, download one of these embedding models with `phichat models "
            "download`, then choose it with `phichat docs model`:"
        )
    )
    for model in EMBEDDINGS:
        console.print_notice(f"{model.remote.name}  {embedding_facts(model)}")


def _embeddings_file(context: Context, name: str) -> Path:
    """Return the file of an embedding model: a path, or the name of one that is known. Raise ModelMissing."""
    known = next((each for each in EMBEDDINGS if name.lower() in {each.name, each.remote.name.lower()}), None)
    if known and not Path(name).exists():
        return context.library.find_model(known.remote.name).path
    return Path(name).absolute()


def _require_embeddings(path: Path) -> None:
    """Raise ModelError or EngineError if the file is no model that makes vectors."""
    gguf.check_embedding_model(path)
    with closing(EncoderProcess(path)) as process:
        process.embed("text")


def _required(library: LocalLibrary, name: str) -> Collection:
    """Return the collection called `name`. Raise PhichatError."""
    collection = library.collection(name)
    if collection is None:
        raise PhichatError(
            tr("There is no collection named {name}. Run `phichat docs list` to see your collections.").format(
                name=name
            )
        )
    return collection


def _summary(collection: Collection) -> str:
    parts = [
        tr_count("{count} file", "{count} files", collection.files),
        tr_count("{count} passage", "{count} passages", collection.passages),
    ]
    if collection.waiting:
        parts.append(tr("{number} waiting").format(number=format_number(collection.waiting)))
    if collection.failed:
        parts.append(tr("{number} unreadable").format(number=format_number(collection.failed)))
    if collection.missing:
        parts.append(tr("{number} missing").format(number=format_number(collection.missing)))
    return ", ".join(parts)


def _state(status: FileStatus) -> str:
    match status.state:
        case FileState.INDEXED:
            return tr_count("{count} passage", "{count} passages", status.passages)
        case FileState.WAITING:
            return tr("waiting")
        case FileState.FAILED:
            return tr("couldn’t be read")
        case FileState.MISSING:
            return tr("missing")


def _collection_json(collection: Collection) -> dict[str, Any]:
    return {
        "collection": collection.name,
        "paths": [replace_surrogates(str(path)) for path in collection.paths],
        "files": collection.files,
        "waiting": collection.waiting,
        "failed": collection.failed,
        "missing": collection.missing,
        "passages": collection.passages,
    }


def _status_json(name: str, status: FileStatus) -> dict[str, Any]:
    return {
        "collection": name,
        "file": replace_surrogates(str(status.path)),
        "state": status.state,
        "error": status.error,
        "notes": status.notes,
        "title": status.title,
        "pages": status.pages,
        "passages": status.passages,
    }


_ACTIONS: dict[str, Callable[[argparse.Namespace, LocalLibrary, Console], int]] = {
    "add": _add,
    "list": _list,
    "status": _status,
    "remove": _remove,
    "search": _search,
}
