"""Texts on downloads and models that several widgets share."""

from phichat.i18n import format_duration, format_number, format_size, tr
from phichat.models.base import Listing, Phase, Progress, Source
from phichat.ui.controllers.downloads import Download


def percent_done(progress: Progress | None) -> int:
    """Return how much is here in whole percent, rounded down; 0 if the total is unknown."""
    if not progress or not progress.total:
        return 0
    return min(100 * progress.done // progress.total, 100)


def format_amount(progress: Progress) -> str:
    """Return the bytes that are here and the total, as far as they are known."""
    if not progress.total:
        return format_size(progress.done) if progress.done else ""
    return tr("{done} of {total}").format(done=format_size(progress.done), total=format_size(progress.total))


def describe_download(download: Download) -> str:
    """Return the state of a download in one line: figures, an error, or why it waits."""
    progress = download.progress or Progress(Phase.ASKING, 0, 0)
    if download.error:
        return download.error
    if download.is_paused:
        return _join(tr("Paused"), format_amount(progress))
    if download.is_queued:
        return _join(tr("Waiting for another download"), format_amount(progress))
    return _describe_progress(progress) if download.is_running else ""


def summarize_download(download: Download) -> str:
    """Return the state of a download in a few words."""
    if download.error:
        return tr("Download stopped")
    share = tr("{percent}%").format(percent=format_number(percent_done(download.progress)))
    if download.is_paused:
        return _join(tr("Paused"), share)
    if download.is_queued:
        return _join(tr("Waiting for another download"), share)
    progress = download.progress
    if progress and progress.phase is Phase.WAITING:
        return _join(tr("Waiting for a connection"), share)
    if progress and progress.phase is Phase.ASKING:
        return _join(tr("Contacting the Hub…"), share)
    return _join(share, _time_left(progress) if progress else "")


def describe_presence(listing: Listing, download: Download) -> str:
    """Return whether a model is on this disk, as the models table shows it."""
    if listing.model:
        return tr("Included") if listing.model.source is Source.STARTER else tr("Downloaded")
    if listing.unusable:
        return listing.problem_label
    progress = progress_of(listing, download)
    if download.is_active or download.is_paused or progress.done:
        return tr("{percent}% downloaded").format(percent=format_number(percent_done(progress)))
    if listing.exists_on_hub is False:
        return tr("Not on the Hub")
    return tr("Not downloaded")


def describe_absence(listing: Listing) -> str:
    """Return why a model cannot be downloaded: the Hub does not know it, or did not answer; empty if it can."""
    if listing.exists_on_hub is False and not listing.model:
        return tr(
            "This file is no longer on the Hub. It may have been moved or deleted. Search the Hub for another file."
        )
    return "" if listing.model else listing.note


def progress_of(listing: Listing, download: Download) -> Progress:
    """Return how far a download is, or what is left of one that failed."""
    return download.progress or Progress(Phase.ASKING, listing.bytes_on_disk, listing.bytes or 0)


def format_model_size(listing: Listing) -> str:
    """Return the size of a model, as well as it is known."""
    if listing.bytes is None:
        return tr("Unknown size")
    return (
        tr("about {size}").format(size=format_size(listing.bytes))
        if listing.is_size_approximate
        else format_size(listing.bytes)
    )


def _describe_progress(progress: Progress) -> str:
    match progress.phase:
        case Phase.ASKING:
            return _join(format_amount(progress), tr("Contacting the Hub…"))
        case Phase.CHECKING:
            return _join(tr("Verifying…"), progress.note)
        case Phase.ELSEWHERE:
            return progress.note or tr("Another copy of Phichat is downloading this model.")
        case Phase.WAITING:
            return _join(format_amount(progress), progress.note or tr("Waiting for a connection"))
    speed = tr("{size}/s").format(size=format_size(int(progress.speed))) if progress.speed else ""
    return _join(format_amount(progress), speed, _time_left(progress))


def _time_left(progress: Progress) -> str:
    return "" if progress.left is None else tr("{duration} left").format(duration=format_duration(progress.left))


def _join(*parts: str) -> str:
    return " · ".join(filter(None, parts))
