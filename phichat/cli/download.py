"""`phichat models download`: fetches a model, and says how it goes."""

import argparse
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.console import Console
from phichat.errors import ModelError, PhichatError
from phichat.i18n import N_, format_duration, format_size, tr
from phichat.models.base import DownloadedModel, Listing, ModelFile, Phase, Progress, Source
from phichat.models.catalogue import CATALOGUE
from phichat.models.library import Library
from phichat.models.manager import HubModelManager

PATIENCE = 6
"""Tries in a row without a byte after which the command gives up; a script would rather know."""

PLAIN_SECONDS, PLAIN_SHARE = 10.0, 0.1  # between two lines where nobody watches
JSON_SECONDS = 0.5

_PHASES = {
    Phase.ASKING: N_("asking the Hub"),
    Phase.WAITING: N_("waiting"),
    Phase.CHECKING: N_("checking"),
    Phase.ELSEWHERE: N_("another Phichat is fetching it"),
}


def download(options: argparse.Namespace, library: Library, shelf: HubModelManager, console: Console) -> int:
    """Fetch `options.name` from where it was left; the exit status."""
    listing = shelf.find_listing(options.name)
    if listing.model and _is_it(listing, listing.model, library, console):
        _done(options, listing.model, library.known_sha256(listing.model), console)
        return 0
    if listing.bytes is not None:
        _check_room(listing.name, shelf, console)
    if listing.is_paused:
        shelf.set_paused(listing.name, False)
    reporter = Reporter(options.json, console)
    try:
        fetched = _fetch(listing, shelf, reporter, console)
    except KeyboardInterrupt:
        console.tell(
            tr("Interrupted at {share}: `phichat models download {name}` goes on from there.").format(
                share=reporter.reached, name=listing.name
            )
        )
        return 130
    _done(options, fetched.model, fetched.sha256, console)
    return 0


def _is_it(listing: Listing, model: ModelFile, library: Library, console: Console) -> bool:
    """Whether the file here is the one that is asked for; where that is unknown, a download checks what it finds."""
    if listing.remote:
        return model.source is not Source.OURS or library.known_sha256(model) is not None
    if listing.name not in CATALOGUE:
        return True  # no other is called so
    with suppress(ModelError):
        return model.source is Source.ADDED and library.verify_model(listing.name, reading(console)).known
    return False


def reading(console: Console) -> Callable[[int, int], None]:
    """Says how much of a file has been read."""
    return lambda done, total: console.progress(
        tr("Read {done} of {total}").format(done=format_size(done), total=format_size(total))
    )


def _fetch(listing: Listing, shelf: HubModelManager, reporter: "Reporter", console: Console) -> DownloadedModel:
    is_checked = listing.bytes is not None
    with closing(shelf.download(listing.name, CancelToken(), PATIENCE)) as events:
        for event in events:
            if isinstance(event, DownloadedModel):
                return event
            if event.total and not is_checked:
                _check_room(listing.name, shelf, console)
                is_checked = True
            reporter.report(event)
    raise PhichatError(tr("The download ended early. Run the command again: it goes on from there."))


def _check_room(name: str, shelf: HubModelManager, console: Console) -> None:
    """Raises PhichatError where the disk has no room for it; too little memory is worth a warning."""
    room = shelf.check_space(name)
    if refusal := shelf.disk_problem(room):
        raise PhichatError(refusal)
    if warning := shelf.memory_problem(room):
        console.tell(warning)


def _done(options: argparse.Namespace, model: ModelFile, sha256: str | None, console: Console) -> None:
    if options.json:
        facts = {"name": model.name, "path": str(model.path), "bytes": model.bytes, "sha256": sha256 or None}
        console.json({"event": "done", **facts})
    else:
        console.line(tr("{name} is on this disk: {path}").format(name=model.name, path=model.path))


class Reporter:
    """Says how a download goes: in place to a person, in lines now and then to a log, as JSON to a program.

    Attributes:
        reached: how far it is, for people.
    """

    def __init__(self, as_json: bool, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_json, self._console, self._clock = as_json, console, clock
        self.reached = tr("{share} %").format(share=0)
        self._said_at, self._said_share, self._said_note = float("-inf"), -1.0, ""

    def report(self, progress: Progress) -> None:
        """It is so far now."""
        share = progress.done / progress.total if progress.total else 0.0
        self.reached = tr("{share} %").format(share=int(100 * share))
        if self._as_json:
            if self._is_due(JSON_SECONDS):
                self._console.json({"event": "progress", **_facts(progress)})
        elif self._console.is_watched:
            self._paint(progress, share)
        else:
            self._log(progress, share)

    def _paint(self, progress: Progress, share: float) -> None:
        words = "  ".join([f"{self.reached:>5}", *_words(progress)])
        bar = self._console.bar(share, self._console.width - len(words) - 2)
        self._console.progress(f"{bar}  {words}" if bar else words.lstrip())

    def _log(self, progress: Progress, share: float) -> None:
        note = re.sub(r"\d+", "", progress.note)  # seconds counted down are no news
        is_news = note not in {"", self._said_note}
        if not progress.total and not is_news:
            return
        is_further = share - self._said_share >= PLAIN_SHARE or share == 1 > self._said_share
        if is_news or is_further or self._is_due(PLAIN_SECONDS):
            self._said_at, self._said_share, self._said_note = self._clock(), share, note
            self._console.tell("  ".join([self.reached, *_words(progress)]))

    def _is_due(self, seconds: float) -> bool:
        now = self._clock()
        if now - self._said_at < seconds:
            return False
        self._said_at = now
        return True


def _words(progress: Progress) -> list[str]:
    """Bytes, then what it is doing if that is not fetching, else speed and time left."""
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
