"""The options of the commands that have actions: `models`, `servers`, `history` and `docs`."""

import argparse
from collections.abc import Callable
from typing import Any

from phichat.cli import option_values
from phichat.cli.context import Context
from phichat.exchange.export import FORMATS
from phichat.i18n import tr

Run = Callable[[Context], int]


def add_json(command: argparse.ArgumentParser) -> None:
    """Add `--json`, which may also come before the command."""
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=tr("print JSON"))


def add_models(commands: Any, run: Run) -> None:
    """Add `models`, which `run` runs."""
    models = commands.add_parser("models", help=tr("list, download, and manage models"))
    models.set_defaults(run=run)
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help=tr("list known models and their status"))
    listed.add_argument("--online", action="store_true", help=tr("get model sizes from the Hub"))
    add_json(listed)
    searched = actions.add_parser("search", help=tr("search the Hub for models and list their files"))
    searched.add_argument(
        "words", nargs="+", metavar="WORDS", help=tr("search terms, or the address of a model on the Hub")
    )
    add_json(searched)
    for name, what, words in (
        ("files", "OWNER/REPO", tr("list the files in a Hub repository")),
        ("download", "NAME|OWNER/REPO:FILE", tr("download a model, or resume a partial download")),
        ("add", "FILE", tr("add a model file without copying it")),
        ("remove", "NAME", tr("delete a downloaded model, or remove an added file from the list")),
        ("verify", "NAME", tr("verify the checksum of a model file")),
        ("default", "NAME|SERVER/MODEL", tr("set the default model")),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("name", type=option_values.name, metavar=what)
        add_json(action)
        if name == "remove":
            action.add_argument("--yes", action="store_true", help=tr("don’t ask for confirmation"))


def add_servers(commands: Any, run: Run) -> None:
    """Add `servers`, which `run` runs."""
    servers = commands.add_parser("servers", help=tr("manage and test servers, which run models on other computers"))
    servers.set_defaults(run=run)
    actions = servers.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, metavar, words in (
        ("add", "NAME", tr("add a server, such as gaming-pc:8080; if you leave out the port, common ports are tried")),
        ("list", "", tr("list your servers")),
        ("test", "NAME|NAME/MODEL", tr("list the models on a server and check how fast it answers")),
        ("remove", "NAME", tr("remove a server and its key")),
    ):
        action = actions.add_parser(name, help=words)
        if metavar:
            action.add_argument("name", type=option_values.name, metavar=metavar)
        if name == "add":
            action.add_argument("url", type=option_values.name, metavar="URL", help=tr("address of the server"))
            action.add_argument(
                "--key-stdin", action="store_true", help=tr("read the server’s key from standard input")
            )
        add_json(action)


def add_history(commands: Any, run: Run) -> None:
    """Add `history`, which `run` runs."""
    history = commands.add_parser("history", help=tr("list, search, export, and import conversations"))
    history.set_defaults(run=run)
    actions = history.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help=tr("list or search conversations"))
    listed.add_argument(
        "query", nargs="*", metavar="QUERY", help=tr("search terms; each matches the beginning of a word")
    )
    listed.add_argument("--trash", dest="bin", action="store_true", help=tr("list conversations in the trash"))
    listed.add_argument("--bin", action="store_true", help=argparse.SUPPRESS)  # its former name
    add_json(listed)
    shown = actions.add_parser("show", help=tr("print a conversation without the model’s thinking; --json includes it"))
    shown.add_argument(
        "id", type=option_values.name, metavar="ID", help=tr("conversation ID, or its first few characters")
    )
    add_json(shown)
    exported = actions.add_parser("export", help=tr("export conversations to a file"))
    exported.add_argument(
        "file", type=option_values.name, metavar="FILE", help=tr("output file, or - for standard output")
    )
    exported.add_argument(
        "id", nargs="*", default=[], type=option_values.name, metavar="ID", help=tr("export only these conversations")
    )
    exported.add_argument("--overwrite", action="store_true", help=tr("replace the file if it already exists"))
    exported.add_argument(
        "--format",
        choices=[str(kind) for kind in FORMATS],
        help=tr(
            "file format (default: based on the file extension); only json can be imported back into "
            "Phichat, and only json and html include the model’s thinking"
        ),
    )
    add_json(exported)
    imported = actions.add_parser(
        "import",
        help=tr("import a Phichat JSON file or an export from ChatGPT, Claude, DeepSeek, Grok, or Open WebUI"),
    )
    imported.add_argument("file", type=option_values.name, metavar="FILE", help=tr("file to import"))
    add_json(imported)
    for name, words in (
        ("remove", tr("move conversations to the trash")),
        ("restore", tr("restore conversations from the trash")),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument(
            "id",
            nargs="+",
            type=option_values.name,
            metavar="ID",
            help=tr("conversation ID, or its first few characters"),
        )
        add_json(action)


def add_docs(commands: Any, run: Run) -> None:
    """Add `docs`, which `run` runs."""
    docs = commands.add_parser("docs", help=tr("manage and search collections of documents"))
    docs.set_defaults(run=run)
    actions = docs.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, words in (
        (
            "add",
            tr(
                "add files and folders to a collection; with no paths, update the collection with new and changed files"
            ),
        ),
        ("list", tr("list collections")),
        ("status", tr("list the files in a collection and show what couldn’t be read")),
        ("remove", tr("remove a collection, or files and folders from one, without deleting the files themselves")),
        ("search", tr("search a collection for relevant passages")),
        ("model", tr("show or choose the embedding model used to find passages")),
    ):
        action = actions.add_parser(name, help=words)
        if name not in {"list", "model"}:
            count = "?" if name == "status" else None
            title = tr("name of the collection")
            action.add_argument("collection", nargs=count, type=option_values.name, metavar="COLLECTION", help=title)
        if name in {"add", "remove"}:
            action.add_argument(
                "paths", nargs="*", type=option_values.path, metavar="PATH", help=tr("a file or folder")
            )
        if name == "search":
            action.add_argument("words", nargs="+", metavar="WORDS", help=tr("what to look for"))
        if name == "model":
            title = tr("a GGUF file, or “none” to use Phichat’s built-in embedding model")
            action.add_argument("model", nargs="?", type=option_values.name, metavar="FILE|none", help=title)
        add_json(action)
