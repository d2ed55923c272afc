"""`phichat models`: list, search, download, add, remove and verify model files."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.context import Context
from phichat.cli.download import download, report_reading
from phichat.cli.search import search
from phichat.engine.base import ModelRef
from phichat.errors import ModelMissing, PhichatError, ServerError
from phichat.i18n import N_, format_columns, format_size, format_speed, tr
from phichat.models.base import Listing, ModelFile, PartialDownload, Presence, Source, model_as_json
from phichat.models.hub_address import parse_hub_address
from phichat.models.library import Library
from phichat.store.preferences import PreferencesFile

_SOURCES = {
    Source.STARTER: N_("included"),
    Source.OURS: N_("downloaded"),
    Source.HUB: N_("in the Hugging Face cache"),
    Source.ADDED: N_("added by you"),
}


def run(context: Context) -> int:
    """Do `options.action` and return the exit status."""
    match context.options.action:
        case "list":
            _list(context)
        case "search":
            return search(context)
        case "files":
            _list_files(context)
        case "download":
            with _naming_new_default(context):
                return download(context)
        case "add":
            with _naming_new_default(context):
                _add(context)
        case "remove":
            with _naming_new_default(context):
                _remove(context)
        case "default":
            _choose_default(context)
        case _:
            _verify(context)
    return 0


@contextmanager
def _naming_new_default(context: Context) -> Iterator[None]:
    """Say so if the block gives `ask` and `chat` another default model."""
    before = None if _default_on_server(context) else context.library.default_model()
    yield
    default = context.library.default_model()
    if before and default and default.path != before.path:  # the only model needs no word
        context.console.print_notice(
            tr("The default model is now {name}. To change it, run `phichat models default NAME`.").format(
                name=default.name
            )
        )


def _list(context: Context) -> None:
    console = context.console
    if context.options.online:
        for listing in context.manager.confirm_catalogue(CancelToken()):
            console.show_progress(tr("Looking up {name} on the Hub…").format(name=listing.name))
    listings = context.manager.list_with_speeds()
    _print_listings(context, listings)
    if context.options.json:
        return
    for listing in listings:
        if note := listing.problem or listing.note:
            console.print_notice(f"{listing.name}: {note}")
    remote, default = _default_on_server(context), context.library.default_model()
    if found := remote or default:
        console.print_notice(tr("* = on this computer. The default model is {name}.").format(name=found.name))


def _list_files(context: Context) -> None:
    context.manager.list_with_speeds()
    listings = context.manager.list_repository(context.options.name, CancelToken())
    _print_listings(context, listings)
    if not context.options.json:
        context.console.print_notice(
            tr("To download a model, run a command such as `phichat models download {name}`.").format(
                name=listings[0].name
            )
        )


def _print_listings(context: Context, listings: list[Listing]) -> None:
    if context.options.json:
        for listing in listings:
            context.console.print_json(_listing_json(listing, context.library))
        return
    heading = ["", tr("name"), tr("size"), tr("status"), tr("license"), tr("memory"), tr("speed"), ""]
    for text in format_columns([heading, *map(_row, listings)]):
        context.console.print_line(text)


def _row(listing: Listing) -> list[str]:
    mark = {Presence.ON_DISK: "*", Presence.UNUSABLE: "!", Presence.PARTIAL: "…", Presence.ABSENT: ""}[listing.presence]
    return [
        mark, listing.name, _size(listing), _state(listing), listing.licence, _memory(listing),
        _speed(listing), _place(listing),
    ]  # fmt: skip


def _place(listing: Listing) -> str:
    if model := listing.model or listing.unusable:
        return str(model.path)
    if listing.remote is None:
        return ""
    repo = listing.remote.repo
    return repo if listing.is_official else tr("{repo} (community)").format(repo=repo)


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
    return text if listing.fits else tr("{size} (not enough memory)").format(size=text)


def _speed(listing: Listing) -> str:
    if not listing.speed:
        return ""
    return tr("about {speed} tokens/s").format(speed=format_speed(listing.speed))


def _state(listing: Listing) -> str:
    if model := listing.model:
        if model.source is Source.OURS and listing.remote is None:
            return tr("in the models folder")
        return tr(_SOURCES[model.source])
    if listing.unusable:
        return listing.problem_label
    if listing.presence is Presence.PARTIAL:
        share = 100 * listing.bytes_on_disk // max(listing.bytes or 0, listing.bytes_on_disk)
        return tr("{share}% downloaded").format(share=share)
    return tr("not on the Hub") if listing.exists_on_hub is False else tr("not downloaded")


def _listing_json(listing: Listing, library: Library) -> dict[str, Any]:
    model, remote = listing.model or listing.unusable, listing.remote
    return {
        "name": listing.name,
        "title": listing.title,
        "path": str(model.path) if model else None,
        "source": str(model.source) if model else None,
        "bytes": listing.bytes,
        "on_disk": listing.model is not None,
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
        "note": listing.problem or listing.note or None,
    }


def _add(context: Context) -> None:
    model = context.library.add_file(Path(context.options.name))
    if context.options.json:
        context.console.print_json(model_as_json(model))
    else:
        context.console.print_line(tr("{name} was added. The file stays where it is.").format(name=model.name))


def _name_here(context: Context) -> str:
    """Return the library's name for the model that is named in any way `download` knows. Raise ModelMissing."""
    name: str = context.options.name
    with suppress(ModelMissing):
        here = context.library.find_model(name)
        return here.name if here in context.library.list_models() else name  # a file that was never added
    if context.home.servers.exists():
        from phichat.cli.server_models import refuse_server_model  # noqa: PLC0415 - only for servers

        refuse_server_model(name, context.servers)
    address = parse_hub_address(name)
    if address is None:
        return name
    if not address.file:
        return name
    if model := context.manager.find_listing(name).model:
        return model.name
    if context.manager.find_unfinished(name):
        return name
    raise ModelMissing(tr("{name} isn’t downloaded. Run `phichat models download {name}` first.").format(name=name))


def _choose_default(context: Context) -> None:
    """Store the model to use where none is named. A file comes before a model on a server of the same name."""
    file, remote = PreferencesFile(context.home.preferences), None
    try:
        model = context.library.find_model(_name_here(context))
        chosen, as_json = model.ref, model_as_json(model)
    except (ModelMissing, ServerError):
        if (remote := _find_on_server(context)) is None:
            raise
        chosen, as_json = remote, {"name": remote.name, "title": remote.title, "location": remote.location}
    file.save_preferences(replace(file.load_preferences(), default_model=chosen.location))
    if context.options.json:
        context.console.print_json(as_json)
        return
    context.console.print_line(tr("{name} is now the default model.").format(name=chosen.name))
    if remote:
        text = tr("Your messages will now be sent to {host} unless you specify another model.")
        context.console.print_notice(text.format(host=remote.host))


def _find_on_server(context: Context) -> ModelRef | None:
    """Return the model that is named as `SERVER/MODEL`; None if there is no such server. Raise ModelMissing."""
    if not context.home.servers.exists():
        return None
    from phichat.cli.server_models import known_on_server  # noqa: PLC0415 - only for servers

    return known_on_server(context.options.name, context.servers)


def _default_on_server(context: Context) -> ModelRef | None:
    if not context.home.servers.exists():
        return None
    from phichat.cli.server_models import default_on_server  # noqa: PLC0415 - only for servers

    return default_on_server(context.home, context.servers)


def _remove(context: Context) -> None:
    model, begun, name = None, context.manager.find_unfinished(context.options.name), _name_here(context)
    with suppress(ModelMissing):
        model = context.library.find_model(name)
    freed = model.bytes if model and model.source is Source.OURS else begun.bytes if begun and not model else 0
    if freed and not _is_agreed(context, freed):
        _print_kept(context)
    elif begun and not model:
        _discard(context, begun)
    else:
        _print_removed(context, context.library.remove_model(name), freed)


def _is_agreed(context: Context, freed: int) -> bool:
    """Return whether the user, or what is piped in, agrees to a deletion. Raise PhichatError if nobody answers."""
    options, console = context.options, context.console
    if options.yes:
        return True
    question = tr("Delete {name} and free up {size}? (yes/no)").format(name=options.name, size=format_size(freed))
    answer = console.read_line(f"{question} ")
    if answer is None and not console.is_interactive:
        raise PhichatError(
            tr(
                "{name} wasn’t deleted because you didn’t confirm the deletion. To delete without "
                "confirmation, add --yes."
            ).format(name=options.name)
        )
    return (answer or "").strip().lower() in {"y", "yes", tr("yes"), tr("yes")[0]}


def _print_kept(context: Context) -> None:
    if context.options.json:
        context.console.print_json({"name": context.options.name, "on_disk": True, "freed_bytes": 0})
    else:
        context.console.print_notice(tr("Nothing was deleted."))


def _discard(context: Context, begun: PartialDownload) -> None:
    """Delete a download that was begun."""
    name = context.options.name
    context.manager.discard_download(name)
    if context.options.json:
        facts = {"name": name, "path": str(begun.path), "on_disk": False, "freed_bytes": begun.bytes}
        context.console.print_json(facts)
    else:
        text = tr("The partial download of {name} was deleted, freeing up {size}.")
        context.console.print_line(text.format(name=name, size=format_size(begun.bytes)))


def _print_removed(context: Context, model: ModelFile, freed: int) -> None:
    console = context.console
    if context.options.json:
        facts = {"bytes": freed or model.bytes, "on_disk": model.source is not Source.OURS, "freed_bytes": freed}
        console.print_json(model_as_json(model) | facts)
    elif model.source is Source.OURS:
        console.print_line(
            tr("{name} was deleted, freeing up {size}.").format(name=model.name, size=format_size(freed))
        )
    else:
        console.print_line(tr("{name} was removed from the list. The file wasn’t deleted.").format(name=model.name))


def _verify(context: Context) -> None:
    console = context.console
    verified = context.library.verify_model(_name_here(context), report_reading(console))
    name = verified.model.name
    if context.options.json:
        facts = {"sha256": verified.sha256, "sha256s": list(verified.sha256s), "known": verified.known}
        console.print_json(model_as_json(verified.model) | facts)
        return
    if verified.known:
        console.print_line(tr("{name} is intact: its checksum matches the published one.").format(name=name))
    else:
        console.print_line(
            tr("{name} looks intact, but there is no published checksum to compare it with.").format(name=name)
        )
    for path, sha256 in zip(verified.model.files, verified.sha256s, strict=True):
        console.print_line(f"SHA-256 {sha256}" + (f"  {path.name}" if verified.sha256 is None else ""))
