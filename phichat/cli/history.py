"""`phichat history`: list, search, show, export, import and delete the saved conversations."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from phichat.cli.console import Console
from phichat.cli.context import Context
from phichat.errors import StoreError
from phichat.exchange.export import Format, export, format_of, write_export
from phichat.exchange.shown_path import local_time, summary_title
from phichat.i18n import format_columns, tr, tr_count
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

SHORT = 8  # characters of an id in a list; a unique beginning of an id is enough everywhere
MOST_HITS = 200


def run(context: Context) -> int:
    """Do `options.action` and return the exit status."""
    options, console = context.options, context.console
    with closing(History(context.home.history, console.print_notice, is_guest=True)) as history:
        needs_no_writing = options.action in _READING and history.can_read()
        if notice := "" if needs_no_writing and history.ready.exception() else history.ready.result():
            console.print_notice(notice)
        _ACTIONS[options.action](options, history, console)
    return 0


def _list(options: argparse.Namespace, history: History, console: Console) -> None:
    query = " ".join(options.query)
    if query:
        rows = history.search_conversations(query, MOST_HITS)
        shown = [(hit.summary, hit.excerpt) for hit in rows]
        values = [
            {**_heading_json(hit.summary), "message": hit.message, "excerpt": hit.excerpt, "marks": hit.marks}
            for hit in rows
        ]
    else:
        headings = history.list_conversations(in_trash=options.bin)
        shown = [(heading, _title(heading)) for heading in headings]
        values = [_heading_json(heading) for heading in headings]
    if options.json:
        for each in values:
            console.print_json(each)
    elif shown:
        for line in format_columns([_row(heading, text) for heading, text in shown]):
            console.print_line(line)
    else:
        there_are_none = tr("The trash is empty.") if options.bin else tr("No saved conversations yet.")
        console.print_notice(tr("No results.") if query else there_are_none)


def _show(options: argparse.Namespace, history: History, console: Console) -> None:
    record = history.load_conversation(_found(options.id, history))
    write_export([record], Format.JSON if options.json else Format.TEXT, console.print_piece)


def _remove(options: argparse.Namespace, history: History, console: Console) -> None:
    names, others = _split(options.id, history, in_trash=False)
    if names:
        history.move_to_trash(names).result()
    if options.json:
        console.print_json({"removed": names})
        return
    if names:
        text = tr_count(
            "{count} conversation was moved to the trash. It will be deleted after 30 days.",
            "{count} conversations were moved to the trash. They will be deleted after 30 days.",
            len(names),
        )
        console.print_line(text)
    if others:
        console.print_notice(
            tr_count(
                "{count} conversation was already in the trash.",
                "{count} conversations were already in the trash.",
                len(others),
            )
        )


def _restore(options: argparse.Namespace, history: History, console: Console) -> None:
    names, others = _split(options.id, history, in_trash=True)
    if names:
        history.restore_conversations(names).result()
    if options.json:
        console.print_json({"restored": names})
        return
    if names:
        console.print_line(
            tr_count("{count} conversation was restored.", "{count} conversations were restored.", len(names))
        )
    if others:
        console.print_notice(
            tr_count(
                "{count} conversation wasn’t in the trash.", "{count} conversations weren’t in the trash.", len(others)
            )
        )


def _split(given: list[str], history: History, *, in_trash: bool) -> tuple[list[str], list[str]]:
    """Return the ids that `given` means, each once: of those in the trash, or not in it, and the others."""
    found = dict.fromkeys(_found(name, history) for name in given)
    there = {heading.id for heading in history.list_conversations(in_trash=in_trash)}
    return [name for name in found if name in there], [name for name in found if name not in there]


def _export(options: argparse.Namespace, history: History, console: Console) -> None:
    names = [_found(name, history) for name in options.id]
    records = map(history.load_conversation, names) if names else history.iter_conversations()
    kind = Format(options.format) if options.format else format_of(Path(options.file))
    if options.file == "-":
        write_export(records, kind or Format.JSON, console.print_piece)
        return
    if kind is None:
        raise StoreError(
            tr("The extension of {file} doesn’t match any export format. Choose a format with --format.").format(
                file=options.file
            )
        )
    if console.is_interactive and Path(options.file).is_file() and not options.overwrite:  # scripts mean it
        raise StoreError(
            tr("{file} already exists. Choose another name, or add --overwrite to replace it.").format(
                file=options.file
            )
        )
    total = len(names) or history.count_conversations()
    count = export(_watched(records, total, console), kind, Path(options.file))
    if options.json:
        console.print_json({"file": str(Path(options.file).absolute()), "format": str(kind), "conversations": count})
    else:
        console.print_notice(
            tr("Exported {conversations} to {file}.").format(
                conversations=tr_count("{count} conversation", "{count} conversations", count), file=options.file
            )
        )


def _import(options: argparse.Namespace, history: History, console: Console) -> None:
    from phichat.exchange.imports import import_file  # noqa: PLC0415 - brings zipfile and hashlib, 20 ms

    console.show_progress(tr("Importing {file}…").format(file=options.file))
    done = import_file(Path(options.file), history)
    if options.json:
        console.print_json(vars(done))
        return
    console.print_line(
        tr("Imported {conversations} with {messages}.").format(
            conversations=tr_count("{count} conversation", "{count} conversations", done.conversations),
            messages=tr_count("{count} new message", "{count} new messages", done.messages),
        )
    )
    if done.unchanged:
        console.print_notice(
            tr_count(
                "{count} conversation was already up to date.",
                "{count} conversations were already up to date.",
                done.unchanged,
            )
        )
    if done.skipped:
        console.print_notice(
            tr_count(
                "Skipped {count} unreadable conversation.", "Skipped {count} unreadable conversations.", done.skipped
            )
        )


_READING = {"list", "show", "export"}
_ACTIONS: dict[str, Callable[[argparse.Namespace, History, Console], None]] = {
    "list": _list,
    "show": _show,
    "export": _export,
    "import": _import,
    "remove": _remove,
    "restore": _restore,
}


def _found(name: str, history: History) -> str:
    """Return the one id that begins with `name`. Raise StoreError."""
    wanted = name.strip().lower()
    headings = [*history.list_conversations(), *history.list_conversations(in_trash=True)]
    names = [heading.id for heading in headings if wanted and heading.id.lower().startswith(wanted)]
    exact = [found for found in names if found.lower() == wanted]
    if len(exact or names) == 1:
        return (exact or names)[0]
    if names:
        raise StoreError(
            tr("More than one conversation has an ID starting with {id}. Type more characters.").format(id=name)
        )
    raise StoreError(
        tr("No conversation has the ID {id}. To see your conversations, run `phichat history list`.").format(id=name)
    )


def _watched(records: Iterable[ConversationRecord], total: int, console: Console) -> Iterator[ConversationRecord]:
    for number, record in enumerate(records, 1):
        console.show_progress(tr("Exporting conversation {number} of {total}…").format(number=number, total=total))
        yield record


def _title(heading: ConversationSummary) -> str:
    title = summary_title(heading)
    return tr("Draft: {title}").format(title=title) if heading.is_draft else title


def _row(heading: ConversationSummary, text: str) -> list[str]:
    pin = "*" if heading.is_pinned else ""
    return [pin, heading.id[:SHORT], local_time(heading.changed) or tr("No date"), " ".join(text.split())]


def _heading_json(heading: ConversationSummary) -> dict[str, Any]:
    return {
        "id": heading.id,
        "title": heading.title,
        "created": heading.created,
        "changed": heading.changed,
        "pinned": heading.is_pinned,
        "deleted": heading.deleted,
        "draft": heading.is_draft,
    }
