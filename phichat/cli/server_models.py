"""Models on servers that options name, and the options that they take."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from phichat.chat.sampling import SETTINGS
from phichat.engine.base import Capabilities, Loaded, ModelRef
from phichat.engine.remote.servers import ServerList
from phichat.errors import ServerError
from phichat.i18n import tr


def find_on_server(named: str, servers: ServerList) -> ModelRef | None:
    """Return the model that `SERVER/MODEL` names; None if it is a file, or there is no such server."""
    name, _, model = named.partition("/")
    try:
        return None if Path(named).is_file() else servers.find(name).model(model)
    except (ServerError, OSError, ValueError):
        return None


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
        if getattr(options, setting.name) is not None and setting.name not in capabilities.sampling:
            yield setting.option
    others = (("seed", "seed", "--seed"), ("stop", "stop", "--stop"), ("forbidden", "forbidden", "--never"))
    for name, field, option in (*others, ("think", "thinking", "--think")):
        if getattr(options, name) not in (None, []) and field not in capabilities.sampling:
            yield option
