"""Models on servers that options and preferences name, and the options that they take."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from phichat.chat.sampling import SETTINGS
from phichat.engine.base import Capabilities, Loaded, ModelRef
from phichat.engine.remote.servers import ServerList
from phichat.errors import ModelMissing, ServerError
from phichat.i18n import tr
from phichat.paths import Home
from phichat.store.preferences import PreferencesFile


def find_on_server(named: str, servers: ServerList) -> ModelRef | None:
    """Return the model that `SERVER/MODEL` names; None if it is a file, or there is no such server."""
    name, _, model = named.partition("/")
    try:
        return None if Path(named).is_file() else servers.find(name).model(model)
    except (ServerError, OSError, ValueError):
        return None


def default_on_server(home: Home, servers: ServerList) -> ModelRef | None:
    """Return the default model if the user chose one on a server, which was not removed since; else None."""
    url, mark, model = PreferencesFile(home.preferences).load_preferences().default_model.partition("#")
    server = servers.find_by_url(url) if mark else None
    return server.model(model) if server else None


def chosen_on_server(named: str | None, home: Home, servers: ServerList) -> ModelRef | None:
    """Return the model on a server that is named, or the default if none is; None if that is on no server."""
    return find_on_server(named, servers) if named else default_on_server(home, servers)


def known_on_server(named: str, servers: ServerList) -> ModelRef | None:
    """Return the model that `SERVER/MODEL` names, by what the server told last; None if there is no such server.

    Without `/MODEL`, it is the only one of that server. Raise ModelMissing if it has none of that name.
    """
    found = find_on_server(named, servers)
    if found is None:
        return None
    if len(fitting := _fitting(found, servers)) == 1:
        return fitting[0]
    server, _, name = named.partition("/")
    text = tr("{server} doesn’t list a model named {name}. To update the list, run `phichat servers test {server}`.")
    raise ModelMissing(text.format(name=name or named, server=server))


def refuse_server_model(named: str, servers: ServerList) -> None:
    """Raise ServerError if `named` is a model on a server, by what that told last."""
    found = find_on_server(named, servers)
    if found and _fitting(found, servers):
        raise ServerError(
            tr("{name} is on a server. This command only works with models on this computer.").format(name=named)
        )


def _fitting(named: ModelRef, servers: ServerList) -> list[ModelRef]:
    """Return those models of its server that `named` may mean."""
    server = servers.find_by_url(named.server_url)
    known = [server.model(name) for name in server.models] if server else []
    wanted = named.server_model.lower()
    return [each for each in known if wanted in {"", each.server_model.lower(), each.title.lower()}]


def unused_options(options: argparse.Namespace, loaded: Loaded, candidates: int) -> Iterator[str]:
    """Yield sentences on what was asked for and the server does not take."""
    capabilities, host = loaded.capabilities or Capabilities(), loaded.model.host
    if unused := [*_unused(options, capabilities), *(["--context"] if options.context else [])]:
        text = tr("{host} doesn’t support these options, so they have no effect: {options}.")
        yield text.format(host=host, options=", ".join(unused))
    if candidates and not capabilities.candidates:
        yield tr("{host} doesn’t report how sure the model is.").format(host=host)


def _unused(options: argparse.Namespace, capabilities: Capabilities) -> Iterator[str]:
    """Yield the options of sampling that were given and that the server does not take."""
    for setting in SETTINGS:
        is_compared = options.compare is not None and options.compare.name == setting.name
        is_given = getattr(options, setting.name) is not None or is_compared
        if is_given and setting.name not in capabilities.sampling:
            yield setting.option
    others = (("seed", "seed", "--seed"), ("stop", "stop", "--stop"), ("forbidden", "forbidden", "--never"))
    for name, field, option in (*others, ("think", "thinking", "--think")):
        if getattr(options, name) not in (None, []) and field not in capabilities.sampling:
            yield option
