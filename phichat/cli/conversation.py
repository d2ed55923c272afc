"""`phichat chat`: a conversation in the terminal, line by line."""

from contextlib import closing, suppress

from phichat.cli.console import Console
from phichat.cli.context import Context
from phichat.cli.recorder import ChatRecorder
from phichat.cli.signals import ending_with_cleanup, interrupting
from phichat.cli.standard_input import keeping_keys
from phichat.cli.talk import TerminalChat, terminal_chat
from phichat.engine.base import CancelToken
from phichat.errors import PhichatError
from phichat.i18n import tr


def chat(context: Context) -> int:
    """Answer line by line until standard input ends; save the conversation with `--save`. Return the exit status."""
    with context.engine() as engine:
        if not context.options.save:
            return _converse(context, terminal_chat(context, engine))
        with closing(ChatRecorder(context.home, context.console)) as recorder:
            recorder.open()
            return _converse(context, terminal_chat(context, engine, recorder))


def _converse(context: Context, talk: TerminalChat) -> int:
    console, stop = context.console, CancelToken()
    with interrupting(stop):
        talk.load(context.options, stop)
    if stop.is_set():  # when the model was there already
        raise KeyboardInterrupt
    if console.is_interactive:
        kept = tr("Press Ctrl+C to stop an answer or Ctrl+D to end the conversation. This conversation will be saved.")
        lost = tr("Press Ctrl+C to stop an answer or Ctrl+D to end the conversation. This conversation won’t be saved.")
        console.print_notice(kept if context.options.save else lost)
        with suppress(ImportError):
            import readline  # noqa: PLC0415 - gives `input` its line editing

            # Python turns that off, and each line of a text that is pasted would be a question of its own.
            readline.parse_and_bind("set enable-bracketed-paste on")
    while (text := _read_question(console)) is not None:
        if text.strip() and not _reply_to(text.rstrip("\r\n"), talk, console):
            return 130
    return 0


def _read_question(console: Console) -> str | None:
    """Return the next line, None at the end; an empty one where a person pressed Ctrl+C, which clears the line."""
    try:
        with ending_with_cleanup():
            return console.read_line("> ")
    except KeyboardInterrupt:
        if not console.is_interactive:
            raise
        console.print_notice(tr("Press Ctrl+D to end the conversation."))
        return ""


def _reply_to(text: str, talk: TerminalChat, console: Console) -> bool:
    """Answer `text` and return whether to go on: after an error or Ctrl+C only where somebody types."""
    stop = CancelToken()
    try:
        with keeping_keys(), interrupting(stop, orderly=True):
            talk.reply(text, stop)
    except PhichatError as error:
        if not console.is_interactive:
            raise
        console.print_failure(error)
    return console.is_interactive or not stop.is_set()
