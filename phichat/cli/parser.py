"""The argument parser: commands, options, the ranges of their values, and what each command runs."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from phichat import __version__
from phichat.chat.candidates import MOST
from phichat.chat.sampling import LARGEST_CONTEXT, PRESETS, SETTINGS, Setting
from phichat.cli import option_values
from phichat.cli.actions import add_docs, add_history, add_json, add_models, add_servers
from phichat.cli.comparison import comparison
from phichat.cli.context import Context, context_of
from phichat.cli.option_values import out_of_range, seed, setting_value, thinking_budget, whole_number
from phichat.cli.server_options import add_server_options, run_serve
from phichat.cli.strict_parser import Parser, translate
from phichat.engine.base import MOST_ANSWERS
from phichat.i18n import format_number, tr

WITH_VALUE = {"--model", "--screenshot"}  # options of the main parser that a value follows
SMALLEST_CONTEXT = 64
BENCH_PARTS = ("speed", "first-token", "load", "lookup", "peers", "window")
MODEL = "NAME|PATH|SERVER/MODEL"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options. Raise SystemExit after help or wrong usage."""
    parser = make_parser(arguments)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.error(tr("unrecognized arguments: %s") % " ".join(unknown))
    for setting in SETTINGS:
        _check_value(options, setting, getattr(options, setting.name), setting.option)
        if options.compare and options.compare.name == setting.name:
            _check_value(options, setting, max(options.compare.values), "--compare")
    return options


def _check_value(options: argparse.Namespace, setting: Setting, value: float | None, option: str) -> None:
    """Exit with an error if a value is too high for the context."""
    high = setting.high_in(context_of(options))
    if value is not None and value > high:
        reason = out_of_range(str(value), int(setting.low), int(high))
        sentence = tr("argument %(argument_name)s: %(message)s")
        options.parser.error(sentence % {"argument_name": option, "message": reason})


def make_parser(arguments: Sequence[str]) -> Parser:
    """Return a parser for `arguments`; of the commands, those are left out that can't be meant, as all take a while."""
    translate()
    main = Parser(prog="phichat", description=tr("Chat with a language model on your own computer."))
    main.set_defaults(run=None, files=[], system="", preset="balanced", context=None, json=False, save=False)
    main.set_defaults(seed=None, think=None, stop=[], forbidden=[], candidates=0, lens=False, count=1)
    main.set_defaults(compare=None)
    main.set_defaults(**{setting.name: None for setting in SETTINGS})
    main.add_argument(
        "--version",
        action="version",
        version=f"phichat {__version__}",
        help=tr("show program's version number and exit"),
    )
    main.add_argument("--model", type=option_values.name, metavar=MODEL, help=tr("model to use"))
    main.add_argument(
        "--self-test",
        action="store_const",
        dest="run",
        const=_run_self_test,
        help=tr("check that this installation works and print the result as JSON"),
    )
    _add_window_options(main)
    if all(argument.startswith("--") and argument != "--help" for argument in arguments):
        return main
    if _names_file(arguments):
        main.add_argument(
            "files", nargs="+", type=option_values.path, metavar="FILE", help=tr("model file to open in the window")
        )
        return main
    commands = main.add_subparsers(metavar="COMMAND", title=tr("commands"))
    known: dict[str, Callable[[Any], None]] = {
        "ask": _add_ask,
        "chat": _add_chat,
        "score": _add_score,
        "serve": _add_serve,
        "models": partial(add_models, run=_run_models),
        "servers": partial(add_servers, run=_run_servers),
        "history": partial(add_history, run=_run_history),
        "docs": partial(add_docs, run=_run_docs),
        "tune": _add_tune,
        "bench": _add_bench,
        "doctor": _add_doctor,
    }
    command = _command(arguments)
    for add in [known[command]] if command in known else known.values():
        add(commands)
    return main


def _command(arguments: Sequence[str]) -> str:
    """Return the command, behind options with values only; "" for none."""
    at = 0
    while at < len(arguments) and arguments[at] in WITH_VALUE:
        at += 2
    return arguments[at] if at < len(arguments) else ""


def _names_file(arguments: Sequence[str]) -> bool:
    """Return whether a file is given in place of a command."""
    pairs = pairwise(["", *arguments])
    words = [word for before, word in pairs if not word.startswith("-") and before not in WITH_VALUE]
    return bool(words) and (words[0].lower().endswith(".gguf") or Path(words[0]).name != words[0])


def _add_window_options(main: Parser) -> None:
    group = main.add_argument_group(tr("window options"), tr("`phichat FILE.gguf` opens the window with that model."))
    group.add_argument(
        "--screenshot", type=option_values.path, metavar="FILE", help=tr("save a PNG screenshot of the window and quit")
    )
    group.add_argument("--quit-when-ready", action="store_true", help=tr("quit as soon as the window is ready"))


def _add_ask(commands: Any) -> None:
    ask = commands.add_parser("ask", help=tr("send one message and print the answer"))
    ask.set_defaults(run=_run_ask)
    ask.add_argument(
        "prompt",
        nargs="*",
        type=option_values.text,
        metavar="PROMPT",
        help=tr(
            "your message; leave it out to read it from standard input, or put - where the text from "
            "standard input should go"
        ),
    )
    ask.add_argument(
        "--docs",
        action="append",
        default=[],
        type=option_values.name,
        metavar="COLLECTION|PATH",
        help=tr("base the answer on a collection of documents, a file, or a folder (can be used more than once)"),
    )
    _add_thinking(_add_model_options(ask))
    ask.add_argument(
        "--candidates",
        type=whole_number(1, MOST),
        default=0,
        metavar="N",
        help=tr(
            "with --json, include the N most likely tokens at each position, before and after sampling (up to {most})"
        ).format(most=MOST),
    )
    ask.add_argument(
        "-a",
        "--attach",
        type=option_values.path,
        action="append",
        default=[],
        metavar="FILE",
        help=tr("attach a document or text file (can be used more than once)"),
    )
    ask.add_argument(
        "--lens",
        action="store_true",
        help=tr("color each word by how sure the model was, and underline those it was least sure of"),
    )
    _add_several(ask)
    add_json(ask)


def _add_several(ask: Parser) -> None:
    """Add the options that have several answers written."""
    several = ask.add_mutually_exclusive_group()
    several.add_argument(
        "--count",
        type=whole_number(1, MOST_ANSWERS),
        default=1,
        metavar="N",
        help=tr("write N different answers at the same time (up to {most})").format(most=MOST_ANSWERS),
    )
    several.add_argument(
        "--compare",
        type=comparison,
        metavar="SETTING=VALUE,…",
        help=tr("compare answers written with different values of a setting, such as {example} or {presets}").format(
            example="temperature=0.2,0.8,1.2", presets="preset=precise,creative"
        ),
    )


def _add_chat(commands: Any) -> None:
    chat = commands.add_parser("chat", help=tr("chat in the terminal"))
    chat.set_defaults(run=run_chat)
    chat.add_argument("--save", action="store_true", help=tr("save the conversation to your history"))
    _add_thinking(_add_model_options(chat))
    add_json(chat)


def _add_score(commands: Any) -> None:
    score = commands.add_parser("score", help=tr("show how surprising a text is to a model"))
    score.set_defaults(run=_run_score)
    score.add_argument("file", type=option_values.name, metavar="FILE|-", help=tr("text file, or - for standard input"))
    _add_model_choice(score)
    add_json(score)


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help=tr("let other apps use a model through an OpenAI-compatible API"))
    serve.set_defaults(run=run_serve)
    add_server_options(serve)
    _add_model_choice(serve)
    add_json(serve)


def _add_tune(commands: Any) -> None:
    tune = commands.add_parser("tune", help=tr("find the fastest settings for a model on this computer"))
    tune.set_defaults(run=_run_tune)
    # Without a default, so that `--model` before the command counts, too.
    tune.add_argument(
        "model",
        nargs="?",
        type=option_values.name,
        default=argparse.SUPPRESS,
        metavar="MODEL",
        help=tr("model to use"),
    )
    add_json(tune)


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser("bench", help=tr("measure performance"))
    bench.set_defaults(run=_run_bench)
    bench.add_argument(
        "--parts",
        type=lambda text: option_values.names(text, BENCH_PARTS),
        metavar="PART,…",
        help=tr("measure only these parts, separated by commas; choose from {parts}").format(
            parts=", ".join(BENCH_PARTS)
        ),
    )
    bench.add_argument("--sweep", action="store_true", help=tr("also find the fastest settings"))
    _add_thinking(_add_model_options(bench))
    add_json(bench)


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor", help=tr("show this computer’s hardware and the settings Phichat chose for it")
    )
    doctor.set_defaults(run=_run_doctor)
    add_json(doctor)


def _add_thinking(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--think",
        type=thinking_budget,
        metavar="on|off|N",
        help=tr("turn thinking on or off, or limit it to N tokens; the model’s thinking is printed to standard error"),
    )


def _add_model_options(command: Parser) -> argparse._ArgumentGroup:
    """Add the options that choose model and sampling; the main parser has their defaults, as `--model` may precede.

    Return their group.
    """
    group = command.add_argument_group(tr("model and sampling"), argument_default=argparse.SUPPRESS)
    _add_model_choice(group)
    group.add_argument(
        "--system", type=option_values.text, metavar="TEXT", help=tr("system prompt: instructions for the model")
    )
    group.add_argument("--preset", choices=list(PRESETS), help=tr("preset for the sampling settings below"))
    for setting in SETTINGS:
        group.add_argument(setting.option, type=setting_value(setting), metavar="X", help=_help(setting))
    group.add_argument(
        "--stop",
        action="append",
        type=option_values.phrase,
        metavar="TEXT",
        help=tr("stop the answer just before this text appears (can be used more than once)"),
    )
    group.add_argument(
        "--never",
        action="append",
        type=option_values.phrase,
        dest="forbidden",
        metavar="TEXT",
        help=tr("never write this word (can be used more than once)"),
    )
    group.add_argument(
        "--seed", type=seed, metavar="N|random", help=tr("seed for sampling; use the same seed to reproduce an answer")
    )
    return group


def _add_model_choice(group: argparse._ActionsContainer) -> None:
    """Add the options without a default, so that those of the main parser and before the command count."""
    group.add_argument(
        "--model", type=option_values.name, default=argparse.SUPPRESS, metavar=MODEL, help=tr("model to use")
    )
    group.add_argument(
        "--context",
        type=whole_number(SMALLEST_CONTEXT, LARGEST_CONTEXT),
        default=argparse.SUPPRESS,
        metavar="N",
        help=tr("context size in tokens, up to the model’s maximum"),
    )


def _help(setting: Setting) -> str:
    low, high = (format_number(value, setting.decimals) for value in (setting.low, setting.high))
    text = tr("{description} Range: {low} to {high}.").format(description=tr(setting.help), low=low, high=high)
    if setting.most > setting.high:
        text += " " + tr("If the context is larger than that, the upper limit is the context size.")
    return text.replace("%", "%%")


# What each command runs. Its module is imported here, as no command should wait for those of the others.


def _run_self_test(context: Context) -> int:
    from phichat.cli.doctor import run_self_test  # noqa: PLC0415

    return run_self_test(context)


def _run_ask(context: Context) -> int:
    from phichat.cli.talk import ask  # noqa: PLC0415

    return ask(context)


def run_chat(context: Context) -> int:
    """Run `phichat chat`, which is also what `phichat` alone runs in a terminal without a display."""
    from phichat.cli.conversation import chat  # noqa: PLC0415

    return chat(context)


def _run_score(context: Context) -> int:
    from phichat.cli.score import run  # noqa: PLC0415

    return run(context)


def _run_models(context: Context) -> int:
    from phichat.cli.models import run  # noqa: PLC0415

    return run(context)


def _run_servers(context: Context) -> int:
    from phichat.cli.servers import run  # noqa: PLC0415

    return run(context)


def _run_history(context: Context) -> int:
    from phichat.cli.history import run  # noqa: PLC0415

    return run(context)


def _run_docs(context: Context) -> int:
    from phichat.cli.docs import run  # noqa: PLC0415

    return run(context)


def _run_tune(context: Context) -> int:
    from phichat.cli.tune import run  # noqa: PLC0415

    return run(context)


def _run_bench(context: Context) -> int:
    from phichat.cli.bench import run  # noqa: PLC0415

    return run(context)


def _run_doctor(context: Context) -> int:
    from phichat.cli.doctor import run_doctor  # noqa: PLC0415

    return run_doctor(context)
