"""`phichat models`: what is on this disk, and what may be done with it."""

import argparse
from pathlib import Path
from typing import Any

from phichat.cli_console import Console
from phichat.errors import ModelMissing
from phichat.models.catalogue import CATALOGUE, KnownModel
from phichat.models.library import Library, ModelFile, Source
from phichat.paths import Home
from phichat.text import later, size, tr

_SOURCES = {
    Source.STARTER: later("comes with the app"),
    Source.OURS: later("fetched"),
    Source.HUB: later("in the Hub's cache"),
    Source.ADDED: later("added"),
}


def run(options: argparse.Namespace, library: Library, home: Home, console: Console) -> int:
    """Do `options.action`."""
    match options.action:
        case "list":
            _list(options, library, console)
        case "add":
            _added(options, library.add(Path(options.name)), console)
        case "remove":
            _removed(options, library.remove(options.name), console)
        case "verify":
            _verify(options, library, console)
        case _:
            raise ModelMissing(_cannot_download(options.name, home))
    return 0


def as_json(model: ModelFile) -> dict[str, Any]:
    """`model` as JSON prints it."""
    return {
        "name": model.name,
        "title": model.title,
        "path": str(model.path),
        "source": str(model.source),
        "bytes": model.bytes,
        "on_disk": True,
    }


def row(model: ModelFile) -> list[str]:
    """`model` as tables print it."""
    return ["*", model.name, size(model.bytes), model.title, tr(_SOURCES[model.source]), str(model.path)]


def columns(rows: list[list[str]]) -> list[str]:
    """Lines in which the cells of `rows` stand one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in rows]


def _list(options: argparse.Namespace, library: Library, console: Console) -> None:
    here = library.entries()
    absent = [known for known in CATALOGUE.values() if known.name not in {model.name for model in here}]
    if options.json:
        for line in [*map(as_json, here), *map(_absent_json, absent)]:
            console.json(line)
        return
    for text in columns([*map(row, here), *map(_absent_row, absent)]):
        console.line(text)
    if default := library.default():
        console.tell(tr("* is on this disk. {name} is used where no other is asked for.").format(name=default.name))


def _absent_row(known: KnownModel) -> list[str]:
    return ["", known.name, size(known.bytes) if known.bytes else "", known.title, tr("not on this disk"), known.repo]


def _absent_json(known: KnownModel) -> dict[str, Any]:
    return {
        "name": known.name,
        "title": known.title,
        "path": None,
        "source": None,
        "bytes": known.bytes,
        "on_disk": False,
    }


def _added(options: argparse.Namespace, model: ModelFile, console: Console) -> None:
    if options.json:
        console.json(as_json(model))
    else:
        console.line(tr("{name} may now be used; the file stays where it is.").format(name=model.name))


def _removed(options: argparse.Namespace, model: ModelFile, console: Console) -> None:
    if options.json:
        console.json(as_json(model) | {"on_disk": model.source is not Source.OURS})
    elif model.source is Source.OURS:
        console.line(tr("{name} is deleted.").format(name=model.name))
    else:
        console.line(tr("{name} is forgotten; the file stays where it is.").format(name=model.name))


def _verify(options: argparse.Namespace, library: Library, console: Console) -> None:
    def report(done: int, total: int) -> None:
        console.progress(tr("Read {done} of {total}").format(done=size(done), total=size(total)))

    verified = library.verify(options.name, report)
    name = verified.model.name
    if options.json:
        console.json(as_json(verified.model) | {"sha256": verified.sha256, "known": verified.known})
    elif verified.known:
        console.line(tr("{name} is the file that was published, whole and unchanged.").format(name=name))
    else:
        console.line(
            tr("{name} is whole as far as can be seen; no checksum was published here to compare with.").format(
                name=name
            )
        )
    if not options.json:
        console.line(f"SHA-256 {verified.sha256}")


def _cannot_download(name: str, home: Home) -> str:
    known = CATALOGUE.get(name)
    if known:
        return tr(
            "This version cannot download yet: fetch {file} from huggingface.co/{repo} and put it into {folder}."
        ).format(file=known.file, repo=known.repo, folder=home.models)
    return tr("This version cannot download yet: fetch the file yourself, then `phichat models add FILE`.")
