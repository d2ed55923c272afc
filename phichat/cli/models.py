"""`phichat models`: what is on this disk and on the Hub, and what may be done with it."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.console import Console
from phichat.cli.download import download, reading
from phichat.errors import ModelMissing
from phichat.i18n import N_, format_columns, format_number, format_size, tr
from phichat.models.base import Listing, ModelFile, PartialDownload, Presence, Source, model_as_json
from phichat.models.hub_address import parse_hub_address
from phichat.models.library import Library
from phichat.models.manager import HubModelManager

_SOURCES = {
    Source.STARTER: N_("comes with the app"),
    Source.OURS: N_("fetched"),
    Source.HUB: N_("in the Hub's cache"),
    Source.ADDED: N_("added"),
}


def run(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> int:
    """Do `options.action`; the exit status."""
    match options.action:
        case "list":
            _list(options, library, shelf, console)
        case "files":
            _files(options, library, shelf, console)
        case "download":
            return download(options, library, shelf, console)
        case "add":
            _added(options, library.add_file(Path(options.name)), console)
        case "remove":
            _remove(options, library, shelf, console)
        case _:
            _verify(options, library, shelf, console)
    return 0


def _list(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> None:
    if options.online:
        for listing in shelf.confirm_catalogue(CancelToken()):
            console.progress(tr("Asking the Hub: {name}").format(name=listing.name))
    listings = shelf.list_with_speeds()
    _show(options, listings, library, console)
    if options.json:
        return
    for listing in listings:
        if listing.note:
            console.tell(f"{listing.name}: {listing.note}")
    if default := library.default_model():
        console.tell(tr("* is on this disk. {name} is used where no other is asked for.").format(name=default.name))


def _files(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> None:
    shelf.list_with_speeds()
    listings = shelf.list_repository(options.name, CancelToken())
    _show(options, listings, library, console)
    if not options.json:
        console.tell(tr("`phichat models download {name}` fetches one.").format(name=listings[0].name))


def _show(options: argparse.Namespace, listings: list[Listing], library: Library, console: Console) -> None:
    if options.json:
        for listing in listings:
            console.json(_listing_json(listing, library))
        return
    heading = ["", tr("name"), tr("size"), tr("state"), tr("licence"), tr("memory"), tr("speed"), ""]
    for text in format_columns([heading, *map(_row, listings)]):
        console.line(text)


def _row(listing: Listing) -> list[str]:
    mark = {Presence.ON_DISK: "*", Presence.PARTIAL: "…", Presence.ABSENT: ""}[listing.presence]
    return [
        mark, listing.name, _size(listing), _state(listing), listing.licence, _memory(listing),
        _speed(listing), _place(listing),
    ]  # fmt: skip


def _place(listing: Listing) -> str:
    if listing.model:
        return str(listing.model.path)
    if listing.remote is None:
        return ""
    repo = listing.remote.repo
    return repo if listing.is_official else tr("{repo} (by the community)").format(repo=repo)


def _size(listing: Listing) -> str:
    if listing.bytes is None:
        return ""
    return (
        tr("about {size}").format(size=format_size(listing.bytes))
        if listing.is_size_approximate
        else format_size(listing.bytes)
    )


def _memory(listing: Listing) -> str:
    if listing.memory is None:
        return ""
    text = format_size(listing.memory)
    return text if listing.fits else tr("{size}, more than there is").format(size=text)


def _speed(listing: Listing) -> str:
    if not listing.speed:
        return ""
    return tr("about {speed} tokens/s").format(speed=format_number(listing.speed, 1 if listing.speed < 2 else 0))


def _state(listing: Listing) -> str:
    if model := listing.model:
        if model.source is Source.OURS and listing.remote is None:
            return tr("in models/")
        return tr(_SOURCES[model.source])
    if listing.presence is Presence.PARTIAL:
        share = 100 * listing.bytes_on_disk // max(listing.bytes or 0, listing.bytes_on_disk)
        return tr("partly here, {share} %").format(share=share)
    return tr("unknown to the Hub") if listing.exists_on_hub is False else tr("not on this disk")


def _listing_json(listing: Listing, library: Library) -> dict[str, Any]:
    model, remote = listing.model, listing.remote
    return {
        "name": listing.name,
        "title": listing.title,
        "path": str(model.path) if model else None,
        "source": str(model.source) if model else None,
        "bytes": listing.bytes,
        "on_disk": model is not None,
        "repo": remote.repo if remote else None,
        "file": remote.file if remote else None,
        "licence": listing.licence or None,
        "official": listing.is_official,
        "bytes_exact": not listing.is_size_approximate,
        "bytes_here": listing.bytes_on_disk,
        "memory_bytes": listing.memory,
        "tokens_per_second_estimate": round(listing.speed, 2) if listing.speed else None,
        "sha256": library.known_sha256(model) if model else None,
        "published_sha256": remote.sha256 if remote else None,
        "confirmed": listing.exists_on_hub,
        "note": listing.note or None,
    }


def _added(options: argparse.Namespace, model: ModelFile, console: Console) -> None:
    if options.json:
        console.json(model_as_json(model))
    else:
        console.line(tr("{name} may now be used; the file stays where it is.").format(name=model.name))


def _name_here(name: str, library: Library, shelf: HubModelManager) -> str:
    """What the library calls the model called `name` in any way that `download` knows. Raises ModelMissing."""
    with suppress(ModelMissing):
        library.find_model(name)
        return name
    address = parse_hub_address(name)
    if address is None or not address.file:
        return name
    if model := shelf.find_listing(name).model:
        return model.name
    if shelf.find_unfinished(name):
        return name
    raise ModelMissing(tr("{name} is not on this disk: `phichat models download {name}` fetches it.").format(name=name))


def _remove(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> None:
    model, begun, name = None, shelf.find_unfinished(options.name), _name_here(options.name, library, shelf)
    with suppress(ModelMissing):
        model = library.find_model(name)
    freed = model.bytes if model and model.source is Source.OURS else begun.bytes if begun and not model else 0
    if freed and not _agreed(options, freed, console):
        console.tell(tr("Nothing was deleted."))
    elif begun and not model:
        _discard(options, begun, shelf, console)
    else:
        _removed(options, library.remove_model(name), freed, console)


def _agreed(options: argparse.Namespace, freed: int, console: Console) -> bool:
    if options.yes or options.json or not console.is_interactive:
        return True
    question = tr("Delete {name}, which frees {size}? (yes or no)").format(name=options.name, size=format_size(freed))
    answer = (console.ask(f"{question} ") or "").strip().lower()
    return answer in {"y", "yes", tr("yes"), tr("yes")[0]}


def _discard(options: argparse.Namespace, begun: PartialDownload, shelf: HubModelManager, console: Console) -> None:
    shelf.discard_download(options.name)
    if options.json:
        console.json({"name": options.name, "path": str(begun.path), "on_disk": False, "freed_bytes": begun.bytes})
    else:
        text = tr("What was here of {name} is deleted, which frees {size}.")
        console.line(text.format(name=options.name, size=format_size(begun.bytes)))


def _removed(options: argparse.Namespace, model: ModelFile, freed: int, console: Console) -> None:
    if options.json:
        facts = {"bytes": freed or model.bytes, "on_disk": model.source is not Source.OURS, "freed_bytes": freed}
        console.json(model_as_json(model) | facts)
    elif model.source is Source.OURS:
        console.line(tr("{name} is deleted, which frees {size}.").format(name=model.name, size=format_size(freed)))
    else:
        console.line(tr("{name} is forgotten; the file stays where it is.").format(name=model.name))


def _verify(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> None:
    verified = library.verify_model(_name_here(options.name, library, shelf), reading(console))
    name = verified.model.name
    if options.json:
        console.json(model_as_json(verified.model) | {"sha256": verified.sha256, "known": verified.known})
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
