"""The model that a command was asked to use: a file here, or one on a server."""

import argparse
import os

from phichat.cli.context import Context
from phichat.engine.base import ModelRef
from phichat.errors import ModelMissing, ServerError
from phichat.i18n import tr
from phichat.models.library import ModelFile
from phichat.paths import MODEL_VARIABLE


def chosen_ref(context: Context) -> tuple[ModelRef, str | None]:
    """Return the model that was asked for, else the default, with its file's checksum if known. Raise ModelMissing.

    One on a server is named as `SERVER/MODEL`, or `SERVER` if no model here is called that, or is the user's default.
    """
    named = _named_model(context.options)
    if (named is None or "/" in named) and (remote := _chosen_on_server(context, named)):
        return remote, None
    try:
        model = chosen_model(context)
    except (ModelMissing, ServerError):
        if named and (remote := _chosen_on_server(context, named)):
            return remote, None
        raise
    return model.ref, context.library.known_sha256(model)


def _chosen_on_server(context: Context, named: str | None) -> ModelRef | None:
    if not context.home.servers.exists():
        return None
    from phichat.cli.server_models import chosen_on_server  # noqa: PLC0415 - only for servers

    return chosen_on_server(named, context.home, context.servers)


def _named_model(options: argparse.Namespace) -> str | None:
    return options.model if options.model is not None else os.environ.get(MODEL_VARIABLE) or None  # empty is unset


def chosen_model(context: Context) -> ModelFile:
    """Return the file of the model that was asked for, else the default. Raise ModelMissing, or ServerError."""
    named = _named_model(context.options)
    if named is None:
        return context.library.default_model() or context.library.find_model("")
    try:
        return context.find_model(named)
    except ModelMissing as error:
        if context.options.model is not None:
            raise
        raise ModelMissing(f"{error} {tr('This model was chosen by PHICHAT_MODEL.')}") from error
