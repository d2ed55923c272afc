"""`phichat score`: how surprising a text is to the model, word by word and in all."""

from math import exp
from pathlib import Path

from phichat.cancellation import CancelToken
from phichat.chat.candidates import perplexity_of, perplexity_text
from phichat.cli import standard_input
from phichat.cli.console import Console
from phichat.cli.context import Context, context_of
from phichat.cli.lens import TerminalLens
from phichat.cli.model_choice import chosen_ref
from phichat.cli.signals import interrupting
from phichat.cli.tune import show_loading
from phichat.encodings import decode_text
from phichat.engine.base import Event, Reading, Scored, as_json
from phichat.engine.settings import suggested
from phichat.errors import PhichatError, PromptError
from phichat.i18n import format_number, format_reason, format_size, reading_failure, tr
from phichat.unicode import replace_surrogates, without_controls


def run(context: Context) -> int:
    """Print the text under the lens, or a line of JSON for each token, and its perplexity; return the exit status."""
    console, options, stop = context.console, context.options, CancelToken()
    text = _text_of(options.file, console)
    model, _ = chosen_ref(context)
    scores = _Scores(console, as_json=options.json)
    with context.engine() as engine, interrupting(stop):
        engine.load(model, suggested(context_of(options)), stop, lambda event: show_loading(console, event))
        try:
            for event in engine.score(text, stop):
                scores.add(event)
        finally:
            scores.end()
    if stop.is_set():
        console.print_notice(tr("Stopped."))
        return 130
    scores.print_perplexity()
    return 0


def _text_of(name: str, console: Console) -> str:
    """Return the text in the file `name`, "-" for standard input, without line breaks at its end. Raise PhichatError.

    Editors write the last one, and a model would count it as a surprise.
    """
    text = standard_input.read_text(console.print_notice) if name == "-" else _read(Path(name)).rstrip("\r\n")
    if not text.strip():
        raise PromptError(tr("The text is empty, so there’s nothing to score. Provide some text, then try again."))
    return replace_surrogates(text)


def _read(file: Path) -> str:
    name = without_controls(replace_surrogates(str(file)))
    try:
        with file.open("rb") as opened:
            data = opened.read(standard_input.MOST + 1)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise PhichatError(reading_failure(error, name)) from error
        reason = format_reason(error)
        raise PhichatError(
            tr("{file} can’t be read: {reason}. Check its path and permissions.").format(file=name, reason=reason)
        ) from error
    if len(data) > standard_input.MOST:
        size = format_size(standard_input.MOST)
        raise PromptError(tr("{file} is too large (the limit is {size}). Shorten it.").format(file=name, size=size))
    text = decode_text(data)
    if text is None:
        raise PromptError(tr("{file} isn’t text. Convert it to plain text, then try again.").format(file=name))
    return text


class _Scores:
    """Prints tokens as they come, and what they come to."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console, self._as_json = console, as_json
        self._lens = TerminalLens(console)
        self._logprobs: list[float] = []
        self._count = 0

    def add(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Reading) and not self._console.writes_to_terminal:
            self._console.show_progress(
                tr("Scoring the text: {done} of {total} tokens").format(
                    done=format_number(event.done), total=format_number(event.total)
                )
            )
        elif isinstance(event, Scored):
            self._add_token(event)
        else:
            show_loading(self._console, event)

    def _add_token(self, scored: Scored) -> None:
        self._count += 1
        if scored.logprob is not None:
            self._logprobs.append(scored.logprob)
        if self._as_json:
            self._console.print_json(as_json(scored))
        else:
            self._lens.add(scored.text, None if scored.logprob is None else exp(scored.logprob))

    def end(self) -> None:
        """Print the last word, and end its line."""
        self._lens.end()
        self._console.end_answer()

    def print_perplexity(self) -> None:
        """Print the perplexity and the number of tokens."""
        perplexity = perplexity_of(self._logprobs)
        if self._as_json:
            self._console.print_json({"event": "done", "perplexity": perplexity, "tokens": self._count})
        else:
            self._console.print_notice(perplexity_text(perplexity, self._count))
