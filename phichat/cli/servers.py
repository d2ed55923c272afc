"""`phichat servers`: add, list, test and remove engines on other computers."""

import sys
from typing import Any

from phichat.cancellation import CancelToken
from phichat.cli.context import Context
from phichat.cli.signals import interrupting
from phichat.engine.remote.base import Server, ServerKind, api_url, valid_name
from phichat.engine.remote.check import Checked, check_server
from phichat.engine.remote.probe import Found, candidates, probe
from phichat.engine.remote.servers import ServerList, key_variable, valid_key
from phichat.errors import ServerUnreachable
from phichat.i18n import format_columns, format_number, tr


def run(context: Context) -> int:
    """Do `options.action` and return the exit status."""
    match context.options.action:
        case "add":
            _add(context)
        case "list":
            _list(context)
        case "test":
            _test(context)
        case _:
            _remove(context)
    return 0


def _add(context: Context) -> None:
    options, console = context.options, context.console
    name, key = valid_name(options.name), valid_key(sys.stdin.readline()) if options.key_stdin else None
    stop = CancelToken()
    with interrupting(stop):
        found = _find(context, options.url, key, stop)
    known = context.servers.find_by_url(found.url)
    is_same = known is not None and known.name.lower() == name.lower() and key is not None
    server = known if known and is_same else context.servers.add(Server(name, found.url, found.kind, found.models))
    if key:
        _keep_key(context, server, key)
    if options.json:
        console.print_json({**_server_json(server, context.servers), "models": list(found.models)})
        return
    console.print_line(
        tr("{name} was added ({kind}, {url}).").format(name=server.name, kind=server.kind.label, url=server.url)
    )
    if found.models:
        _print_models(context, server, found.models)


def _find(context: Context, url: str, key: str | None, stop: CancelToken) -> Found:
    """Return what is at an address; one that is complete may be added while nothing answers there."""

    def report(host: str) -> None:
        context.console.show_progress(tr("Trying {host}…").format(host=host))

    try:
        return probe(url, key, stop, report)
    except ServerUnreachable as error:
        if len(candidates(url)) > 1 or stop.is_set():
            raise
        context.console.print_notice(str(error))
        return Found(api_url(url), ServerKind.UNKNOWN, ())


def _keep_key(context: Context, server: Server, key: str) -> None:
    console = context.console
    if not context.servers.set_key(server, key):
        console.print_notice(
            tr(
                "This computer has no keyring, so the key wasn’t saved. Put it in the {variable} "
                "environment variable instead."
            ).format(variable=key_variable(server.name))
        )
    if not server.is_encrypted:
        text = tr("The connection to {host} isn’t encrypted: others on the network could read your key and messages.")
        console.print_notice(text.format(host=server.host))


def _list(context: Context) -> None:
    servers = context.servers.servers()
    if context.options.json:
        for server in servers:
            context.console.print_json(_server_json(server, context.servers))
        return
    if not servers:
        context.console.print_notice(tr("There are no servers. Add one with `phichat servers add NAME URL`."))
        return
    heading = [tr("name"), tr("type"), tr("address"), tr("key")]
    rows = [
        [each.name, each.kind.label, each.url, tr("yes") if context.servers.has_key(each) else tr("no")]
        for each in servers
    ]
    for text in format_columns([heading, *rows]):
        context.console.print_line(text)


def _test(context: Context) -> None:
    name, _, model = context.options.name.partition("/")
    server, stop = context.servers.find(name), CancelToken()
    context.console.show_progress(tr("Trying {host}…").format(host=server.host))
    with interrupting(stop):
        found = check_server(context.servers, server, stop, model)
    if context.options.json:
        context.console.print_json({**_server_json(server, context.servers), **_checked_json(found)})
        return
    context.console.print_line(
        tr("{name} is working ({kind}, {url}).").format(name=server.name, kind=found.kind.label, url=server.url)
    )
    _print_models(context, server, found.models)
    if found.model:
        text = tr("{model} started answering after {seconds} s.")
        seconds = format_number(found.first_token_seconds, 2)
        context.console.print_notice(text.format(model=server.model(found.model).title, seconds=seconds))


def _print_models(context: Context, server: Server, models: tuple[str, ...]) -> None:
    for model in models:
        context.console.print_line(server.model(model).name)


def _remove(context: Context) -> None:
    server = context.servers.remove(context.options.name)
    if context.options.json:
        context.console.print_json(server.as_json())
    else:
        context.console.print_line(tr("{name} and its key were removed.").format(name=server.name))


def _server_json(server: Server, servers: ServerList) -> dict[str, Any]:
    return {**server.as_json(), "has_key": servers.has_key(server)}


def _checked_json(found: Checked) -> dict[str, Any]:
    return {
        "kind": str(found.kind),
        "models": list(found.models),
        "seconds": round(found.seconds, 3),
        "model": found.model or None,
        "seconds_to_first_token": round(found.first_token_seconds, 3) if found.model else None,
    }
