"""`phichat models search`: finds models on the Hub, with their files and how each would run here."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

from phichat.cancellation import CancelToken
from phichat.cli.context import Context
from phichat.errors import HubError, HubUnreachable
from phichat.i18n import N_, format_columns, format_number, format_size, format_speed, tr, tr_count
from phichat.models.base import FoundRepository, Listing, Waiting
from phichat.models.found import Fit, Group, fit_of, group_of, quantisation
from phichat.models.hub_address import parse_hub_address

MOST_SHOWN = 10  # repositories, as the files of each take a request

_GROUPS = {Group.SMALL: N_("small"), Group.BALANCED: N_("balanced"), Group.LARGE: N_("large")}

T = TypeVar("T")


def search(context: Context) -> int:
    """Print what `options.words` find, and return the exit status."""
    words, console = " ".join(context.options.words), context.console
    context.manager.list_with_speeds()
    shown = 0
    for repository, listings in _found(context, words):
        _print_found(context, repository, listings)
        shown += 1
    if not shown:
        console.print_notice(tr("Nothing on the Hub matches “{words}”. Try fewer words.").format(words=words))
    elif not context.options.json:
        console.print_notice(
            tr("To download a model, run a command such as `phichat models download {name}`.").format(
                name="OWNER/REPO:FILE"
            )
        )
    return 0


def _found(context: Context, words: str) -> Iterator[tuple[FoundRepository, list[Listing]]]:
    """Yield the repositories to chat with, and their files; one that is named by its address alone."""
    if address := parse_hub_address(words):
        listings = _ask(context, lambda stop: context.manager.list_patiently(words, stop))
        licence = listings[0].licence if listings else ""
        yield FoundRepository(address.repo, licence=licence), listings
        return
    found = _ask(context, lambda stop: context.manager.search(words, stop))
    fitting = [repository for repository in found if not repository.problem]
    for repository in islice(fitting, MOST_SHOWN):
        if listings := _files(context, repository):
            yield repository, listings
    if others := len(found) - len(fitting):
        context.console.print_notice(
            tr_count(
                "{count} result was left out because it isn’t a chat model.",
                "{count} results were left out because they aren’t chat models.",
                others,
            )
        )


def _files(context: Context, repository: FoundRepository) -> list[Listing]:
    """Return the files of a repository; none if it has none to chat with, or the Hub keeps them to itself."""
    manager = context.manager
    try:
        return _ask(context, lambda stop: manager.list_patiently(repository.repo, stop))
    except HubUnreachable:
        raise
    except HubError as error:
        context.console.print_notice(str(error))
        return []


def _ask(context: Context, ask: Callable[[CancelToken], Iterator[list[T] | Waiting]]) -> list[T]:
    """Return what the Hub answers; show how long it asks to wait."""
    console = context.console
    console.show_progress(tr("Contacting the Hub…"))
    for answer in ask(CancelToken()):
        if not isinstance(answer, Waiting):
            return answer
        console.show_progress(
            tr("{problem} Trying again in {seconds} s.").format(
                problem=answer.reason, seconds=format_number(answer.seconds)
            )
        )
    return []


def _print_found(context: Context, repository: FoundRepository, listings: list[Listing]) -> None:
    console = context.console
    if context.options.json:
        console.print_json(_found_json(repository, listings))
        return
    downloads = _downloads(repository)
    console.print_line(" · ".join(filter(None, [repository.repo, downloads, repository.licence])))
    for text in format_columns([_row(listing) for listing in _by_size(listings)]):
        console.print_line(f"  {text}")
    console.print_line()


def _downloads(repository: FoundRepository) -> str:
    if repository.downloads is None:
        return ""
    return tr_count("{count} download", "{count} downloads", repository.downloads)


def _row(listing: Listing) -> list[str]:
    file = listing.remote.file if listing.remote else listing.name
    group = group_of(file, listing.bytes)
    return [
        tr(_GROUPS[group]) if group else "",
        quantisation(file),
        format_size(listing.bytes) if listing.bytes is not None else "",
        describe_fit(listing),
        file,
    ]


def describe_fit(listing: Listing) -> str:
    """Return whether a model fits here, and about how fast it would be; empty if that is unknown."""
    fit = fit_of(listing)
    if fit is None:
        return ""
    if fit is Fit.TOO_LARGE:
        return tr("too large")
    speed = format_speed(listing.speed or 0)
    sentence = tr("slow, about {speed} tokens/s") if fit is Fit.SLOW else tr("fits, about {speed} tokens/s")
    return sentence.format(speed=speed)


def _by_size(listings: list[Listing]) -> list[Listing]:
    return sorted(listings, key=lambda listing: listing.bytes or 0)


def _found_json(repository: FoundRepository, listings: list[Listing]) -> dict[str, Any]:
    """Return a repository as the contract of `--json` has it."""
    remotes = [listing.remote for listing in _by_size(listings) if listing.remote]
    files = [
        {"file": remote.file, "bytes": remote.bytes, "quantisation": quantisation(remote.file) or None}
        for remote in remotes
    ]
    return {
        "repo": repository.repo,
        "downloads": repository.downloads,
        "licence": repository.licence or None,
        "files": files,
    }
