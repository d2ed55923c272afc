"""`phichat models download`: downloads a model and reports its progress."""

import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.console import Console
from phichat.cli.context import Context
from phichat.errors import ModelError, PhichatError
from phichat.i18n import N_, format_duration, format_size, tr
from phichat.models.base import DownloadedModel, Listing, ModelFile, Phase, Progress, Source
from phichat.models.catalogue import CATALOGUE

PATIENCE = 15
"""Failed tries in a row after which the command gives up, as a script would rather know: after five minutes."""

PLAIN_SECONDS, PLAIN_SHARE = 10.0, 0.1  # between two lines where nobody watches
JSON_SECONDS = 0.5

_PHASES = {
    Phase.ASKING: N_("contacting the Hub"),
    Phase.WAITING: N_("waiting"),
    Phase.CHECKING: N_("verifying"),
    Phase.ELSEWHERE: N_("another copy of Phichat is downloading this model"),
}


def download(context: Context) -> int:
    """Download `options.name`, resuming what was begun, and return the exit status."""
    manager, console = context.manager, context.console
    listing = manager.find_listing(manager.resolve_name(context.options.name, CancelToken()))
    if listing.model and _is_wanted_file(context, listing, listing.model):
        _print_done(context, listing.model, context.library.known_sha256(listing.model))
        return 0
    if listing.bytes is not None:
        _check_room(context, listing.name)
    if listing.is_paused:
        manager.set_paused(listing.name, False)
    reporter = Reporter(context.options.json, console)
    try:
        fetched = _fetch(context, listing, reporter)
    except KeyboardInterrupt:
        console.print_notice(
            tr("Interrupted at {share}. Run `phichat models download {name}` to resume.").format(
                share=reporter.reached, name=listing.name
            )
        )
        return 130
    _print_done(context, fetched.model, fetched.sha256)
    return 0


def _is_wanted_file(context: Context, listing: Listing, model: ModelFile) -> bool:
    """Return whether `model` is the file that is asked for; if that is unknown, a download checks what it finds."""
    if listing.remote:
        return model.source is not Source.OURS or context.library.is_checked(model)
    if listing.name not in CATALOGUE:
        return True  # no other file has this name
    with suppress(ModelError):
        is_added = model.source is Source.ADDED
        return is_added and context.library.verify_model(listing.name, report_reading(context.console)).known
    return False


def report_reading(console: Console) -> Callable[[int, int], None]:
    """Return a callback that reports how many bytes of a file have been read, of how many."""
    return lambda done, total: console.show_progress(
        tr("{done} of {total} verified").format(done=format_size(done), total=format_size(total))
    )


def _fetch(context: Context, listing: Listing, reporter: "Reporter") -> DownloadedModel:
    is_checked = listing.bytes is not None
    with closing(context.manager.download(listing.name, CancelToken(), PATIENCE)) as events:
        for event in events:
            if isinstance(event, DownloadedModel):
                return event
            if event.total and not is_checked:
                _check_room(context, listing.name)
                is_checked = True
            reporter.report(event)
    raise PhichatError(tr("The download was interrupted. Run the command again to resume."))


def _check_room(context: Context, name: str) -> None:
    """Raise PhichatError if the disk has no room for the model; warn if memory has none."""
    room = context.manager.check_space(name)
    if refusal := context.manager.disk_problem(room):
        raise PhichatError(refusal)
    if warning := context.manager.memory_problem(room):
        context.console.print_notice(warning)


def _print_done(context: Context, model: ModelFile, sha256: str | None) -> None:
    if context.options.json:
        facts = {"name": model.name, "path": str(model.path), "bytes": model.bytes, "sha256": sha256 or None}
        context.console.print_json({"event": "done", **facts})
    else:
        context.console.print_line(tr("{name} has been downloaded to {path}").format(name=model.name, path=model.path))
    if problem := context.manager.find_listing(model.name).problem:
        context.console.print_notice(problem)


class Reporter:
    """Reports a download's progress: in place in a terminal, in occasional lines to a log, as JSON with `--json`.

    Attributes:
        reached: the share that is downloaded, to be shown.
    """

    def __init__(self, as_json: bool, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_json, self._console, self._clock = as_json, console, clock
        self.reached = tr("{share}%").format(share=0)
        self._said_at, self._said_share, self._said_note = float("-inf"), -1.0, ""

    def report(self, progress: Progress) -> None:
        """Report `progress`, unless that was done a moment ago."""
        share = progress.done / progress.total if progress.total else 0.0
        self.reached = tr("{share}%").format(share=int(100 * share))
        if self._as_json:
            if self._is_due(JSON_SECONDS):
                self._console.print_json({"event": "progress", **_facts(progress)})
        elif self._console.is_watched:
            self._paint(progress, share)
        else:
            self._log(progress, share)

    def _paint(self, progress: Progress, share: float) -> None:
        words = "  ".join([f"{self.reached:>5}", *_words(progress)])
        bar = self._console.progress_bar(share, self._console.width - len(words) - 2)
        self._console.show_progress(f"{bar}  {words}" if bar else words.lstrip())

    def _log(self, progress: Progress, share: float) -> None:
        note = re.sub(r"\d+", "", progress.note)  # seconds counted down are no news
        is_news = note not in {"", self._said_note}
        if not progress.total and not is_news:
            return
        is_further = share - self._said_share >= PLAIN_SHARE or share == 1 > self._said_share
        if is_news or is_further or self._is_due(PLAIN_SECONDS):
            self._said_at, self._said_share, self._said_note = self._clock(), share, note
            self._console.print_notice("  ".join([self.reached, *_words(progress)]))

    def _is_due(self, seconds: float) -> bool:
        now = self._clock()
        if now - self._said_at < seconds:
            return False
        self._said_at = now
        return True


def _words(progress: Progress) -> list[str]:
    """Return the bytes, then what it is doing if that is not downloading, else speed and time left."""
    words = []
    if progress.total:
        words.append(tr("{done} of {total}").format(done=format_size(progress.done), total=format_size(progress.total)))
    if progress.note:
        return [*words, progress.note]
    if progress.phase is not Phase.FETCHING:
        return [*words, tr(_PHASES[progress.phase])]
    if progress.speed:
        words.append(tr("{size}/s").format(size=format_size(int(progress.speed))))
    if progress.left is not None:
        words.append(tr("{duration} left").format(duration=format_duration(progress.left)))
    return words


def _facts(progress: Progress) -> dict[str, Any]:
    return {
        "phase": progress.phase.name.lower(),
        "done": progress.done,
        "total": progress.total,
        "speed": round(progress.speed),
        "seconds_left": None if progress.left is None else round(progress.left),
        "note": progress.note or None,
    }
