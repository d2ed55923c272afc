"""`phichat serve`: lets other programs use a model, through OpenAI's HTTP interface."""

import os
from contextlib import closing
from pathlib import Path

from phichat import gguf
from phichat.cli.console import Console
from phichat.cli.context import Context, context_of
from phichat.cli.model_choice import chosen_model
from phichat.cli.signals import interrupting
from phichat.cli.tune import show_loading
from phichat.engine.base import CancelToken
from phichat.engine.process.encoder_process import EncoderProcess
from phichat.engine.settings import suggested
from phichat.engine.slots import open_slots
from phichat.i18n import tr
from phichat.server.access import Access, new_key
from phichat.server.app import make_app
from phichat.server.http_server import HttpServer
from phichat.server.served_model import ServedModel

KEY_VARIABLE = "PHICHAT_SERVER_KEY"
"""The environment variable with the key that clients need, where `--key` names none."""


def run(context: Context) -> int:
    """Serve until Ctrl+C; return the exit status."""
    console, options, stop = context.console, context.options, CancelToken()
    model = chosen_model(context)
    with closing(HttpServer(options.host, options.port)) as server, context.engine() as engine, interrupting(stop):
        access = _access(context, server)
        loaded = engine.load(
            model.ref, suggested(context_of(options)), stop, lambda event: show_loading(console, event)
        )
        with (
            closing(EncoderProcess(model.path)) as encoder,
            _embedder(options.embedding_model) as embedder,
            closing(open_slots(engine, options.slots)) as slots,
        ):
            served = ServedModel(model.name, loaded.context, slots, encoder, is_private=False)
            if options.embedding_model:
                served.embedding_name, served.embedder = options.embedding_model.stem, embedder
            app = make_app(served, access, lambda request: console.print_notice(str(request)))
            _announce(console, model.title, server, as_json=options.json)
            server.run(app, stop, served.cancel_all)
    console.print_notice(tr("Stopped."))
    return 130


def _embedder(path: Path | None) -> closing[EncoderProcess]:
    """Return what makes embeddings, with the model file at `path` if there is one. Raise ModelError."""
    if path:
        gguf.check_embedding_model(path, takes_chat=True)
    return closing(EncoderProcess(path.absolute() if path else Path()))


def _access(context: Context, server: HttpServer) -> Access:
    """Return who may use the server. Other computers need a key: a new one is printed if none is given."""
    options = context.options
    key = options.key or os.environ.get(KEY_VARIABLE, "")
    if not key and not server.is_local:
        key = new_key()
        context.console.print_notice(tr("Key for this session: {key}").format(key=key))
    return Access(key, server.is_local, tuple(options.allow_host), tuple(options.allow_origin))


def _announce(console: Console, title: str, server: HttpServer, *, as_json: bool) -> None:
    if as_json:
        console.print_json({"event": "serving", "url": server.url})
    console.print_notice(tr("{model} is available at {url}. Press Ctrl+C to stop.").format(model=title, url=server.url))
