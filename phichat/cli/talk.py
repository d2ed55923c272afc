"""`phichat ask` and `phichat chat`: print a model's replies in the terminal."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from phichat.chat.attachments import with_attachments
from phichat.chat.candidates import certainty_text
from phichat.chat.conversation import Ending, Message, Reply
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.chat.sources import Sources
from phichat.cli import standard_input
from phichat.cli.answers import AnswerOrder, length_notice, statistics
from phichat.cli.attached_files import read_attachments
from phichat.cli.comparison import Comparison
from phichat.cli.console import Console, ReaderGone
from phichat.cli.context import Context, context_of, sampling_of
from phichat.cli.lens import TerminalLens
from phichat.cli.model_choice import chosen_ref
from phichat.cli.recorder import ChatRecorder
from phichat.cli.signals import interrupting
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    Engine,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelRef,
    Notice,
    Piece,
    PromptReady,
    Reading,
    Request,
    as_json,
)
from phichat.engine.settings import suggested
from phichat.errors import (
    PhichatError,
    PinsTooLong,
    PromptError,
    PromptTooLong,
    SystemPromptTooLong,
)
from phichat.i18n import format_number, tr, tr_count
from phichat.unicode import replace_surrogates

if TYPE_CHECKING:
    from phichat.cli.cited_text import CitedText


class TerminalChat:
    """One conversation with one model, `session`, whose replies are printed on the console."""

    def __init__(
        self,
        engine: Engine,
        model: ModelRef,
        sha256: str | None,
        console: Console,
        as_json: bool,
        recorder: ChatRecorder | None = None,
        lens: TerminalLens | None = None,
    ) -> None:
        self._engine, self._model, self._console, self._recorder = engine, model, console, recorder
        self._sha256, self._as_json, self._lens = sha256, as_json, lens
        self._candidates, self._count = 1 if lens else 0, 1
        self._comparison: Comparison | None = None
        self._samplings: tuple[Sampling, ...] = ()  # of the answers, if they differ
        self._answers, self._answer = AnswerOrder(1), 0
        self._cited: list[CitedText] = []  # of each answer, if there are documents
        self.session = Session()
        self._settings = EngineSettings()
        self._context, self._can_grow = 0, True
        self._provenance: dict[str, Any] = {}

    def load(self, options: argparse.Namespace, stop: CancelToken) -> None:
        """Load the model and set up the conversation as `options` ask."""
        self.session.system = replace_surrogates(options.system)
        self.session.sampling = sampling_of(options)
        self._candidates = max(self._candidates, options.candidates if self._as_json else 0)
        if options.compare:
            self._comparison, self._samplings = options.compare, options.compare.samplings(options)
        self._count = len(self._samplings) or options.count
        loaded = self._engine.load(self._model, suggested(context_of(options)), stop, self._on_event)
        self._on_event(loaded)
        if loaded.capabilities:
            self._model = loaded.model  # whose name may have been left out
            from phichat.cli.server_models import unused_options  # noqa: PLC0415 - is there only for servers

            for sentence in unused_options(options, loaded, self._candidates):
                self._console.print_notice(sentence)
        self._context = loaded.context
        self._can_grow = not loaded.most_context or loaded.context < loaded.most_context
        if options.think and not loaded.thinking:
            self._console.print_notice(
                tr("{model} can’t think before answering, so --think has no effect.").format(model=self._model.title)
            )
        if options.context and loaded.context < options.context and not self._can_grow:
            self._console.print_notice(
                tr("The context is limited to {context} tokens, the most this model supports.").format(
                    context=format_number(loaded.context)
                )
            )

    @property
    def has_nothing_cited(self) -> bool:
        """Whether no sentence of the last answers, if there are any to judge, is in the passages that were given."""
        supports = [support for cited in self._cited for support in cited.supports]
        return bool(supports) and not any(support.passage for support in supports)

    def reply(
        self,
        text: str,
        stop: CancelToken,
        sources: Sources | None = None,
        cited: "Callable[[], CitedText] | None" = None,
    ) -> Done:
        """Print a reply to `text`. After an error before its first token, the exchange is taken off the path again."""
        session = self.session
        sampling = self._samplings[0] if self._samplings else session.sampling.with_seed()
        before = session.conversation.tip
        turns = session.begin_reply(text, self._made_with(sampling), sources=sources)
        self._answers, self._answer = AnswerOrder(self._count), 0
        self._cited = [cited() for _ in range(self._count)] if cited else []
        if self._recorder:
            self._recorder.record_question(session)
        request = Request(turns, sampling, candidates=self._candidates, count=self._count, samplings=self._samplings)
        try:
            done = self._generate(request, stop)
        except BaseException as error:
            ending = Ending.CANCELLED if isinstance(error, ReaderGone | KeyboardInterrupt) else Ending.ERROR
            answered = self._end(ending, {"error": str(error)} if isinstance(error, PhichatError) else {})
            if answered and not (answered.text or answered.thinking):
                session.conversation.tip = before
            if isinstance(error, PhichatError):
                self._end_after_error(error, request)
            raise
        self._end(done.reason, asdict(done))
        if self._count == 1 or not self._answers.has_begun:
            self._print_summary(done, sampling)
        return done

    def _with_option(self, error: PromptTooLong) -> PromptTooLong:
        """Return the error with a sentence that names the option instead of the window's settings."""
        if self._model.is_remote:
            return error
        text, advice = tr("This message is too long for the context ({context} tokens)."), tr("Shorten it.")
        more = tr("Shorten it, or choose a larger context with --context.")
        if isinstance(error, SystemPromptTooLong):
            text = tr("The system prompt is too long for the context ({context} tokens).")
        elif isinstance(error, PinsTooLong):
            text = tr("The pinned messages don’t leave enough room in the context ({context} tokens).")
            advice = tr("Unpin a message in the window.")
            more = tr("Unpin a message in the window, or choose a larger context with --context.")
        sentence = f"{text.format(context=format_number(self._context))} {more if self._can_grow else advice}"
        return type(error)(sentence, error.tokens, error.excess, is_least=error.is_least)

    def _made_with(self, sampling: Sampling) -> Reply:
        return Reply(
            self._model.name,
            sampling.seed or 0,
            model_sha256=self._sha256,
            sampling=asdict(sampling),
            engine=self._provenance,
        )

    def _end(self, ending: Ending, statistics: dict[str, Any]) -> Message | None:
        finished = self.session.finish_reply(ending, statistics)
        if finished and self._recorder:
            self._recorder.record_reply(finished)
        return finished

    def _generate(self, request: Request, stop: CancelToken) -> Done:
        done = Done(Ending.CANCELLED, request.sampling.seed or 0)
        try:
            for event in self._engine.generate(request, stop):
                self._on_event(event)
                if isinstance(event, Done):
                    done = event
        except PromptTooLong as error:
            raise self._with_option(error) from error
        return done

    def _on_event(self, event: Event) -> None:
        match event:
            case Piece():
                added = self.session.extend([event])
                self._print_event(event)
                if self.session.answering and self._recorder:
                    self._recorder.record_pieces(self.session.answering, added)
            case AnswerEvent():
                self._add_answer(event)
            case PromptReady() | Done():
                self._print_event(event)
            case Loaded():
                self._settings = event.settings
                self._provenance = event.made_with
            case Notice():
                self._console.print_notice(event.text)
            case Loading():
                loading = tr("Loading the model: {share}%") if event.fraction < 1 else tr("Preparing the model…")
                self._console.show_progress(loading.format(share=int(event.fraction * 100)))
            case Reading(done, total):
                text = tr("Processing the prompt: {done} of {total} tokens")
                self._console.show_progress(text.format(done=format_number(done), total=format_number(total)))

    def _add_answer(self, event: AnswerEvent) -> None:
        """Print what happens to one of several answers; as text, in their order."""
        if isinstance(event.event, Piece) and not event.answer:
            self.session.extend([event.event])
        for number, found in self._answers.add(event):
            if self._as_json:
                continue
            self._print_heading(number)
            if isinstance(found, Done):
                self._print_summary(found, self._sampling_of(number))
            else:
                self._print_event(found)
        if self._as_json and isinstance(event.event, Piece | Done):
            line = self._event_json(event.event, event.answer)
            self._console.print_json({**line, **self._answer_json(event.answer)})

    def _print_heading(self, number: int) -> None:
        """Print which of several answers follows; on stdout, a blank line comes between two."""
        if not self._answers.begin(number):
            return
        self._answer = number
        if number:
            self._console.end_answer()
            self._console.print_line()
        self._lens = TerminalLens(self._console) if self._lens else None
        title = tr("Answer {number} of {count}")
        heading = title.format(number=format_number(number + 1), count=format_number(self._count))
        value = f" · {self._comparison.title(number)}" if self._comparison else ""
        self._console.print_notice(heading + value)

    def _sampling_of(self, number: int) -> Sampling:
        return self._samplings[number] if self._samplings else self.session.sampling

    def _answer_json(self, number: int) -> dict[str, Any]:
        return {"answer": number, **(self._comparison.fields(number) if self._comparison else {})}

    def _print_event(self, event: PromptReady | Piece | Done) -> None:
        if self._as_json and isinstance(event, Done) and self._answers.has_begun:
            return  # each answer has its own
        if self._as_json:
            self._console.print_json(self._event_json(event))
        elif isinstance(event, Piece) and event.is_thinking:
            self._console.print_thought(event.text)
        elif isinstance(event, Piece):
            text = self._cited[self._answer].add(event.text) if self._cited else event.text
            if self._lens:
                self._lens.add_piece(event)
            else:
                self._console.print_piece(text)
        if isinstance(event, PromptReady) and event.dropped:
            self._console.print_notice(
                tr_count(
                    "The context is full. The model can no longer see the oldest message.",
                    "The context is full. The model can no longer see the {count} oldest messages.",
                    event.dropped,
                )
            )

    def _event_json(self, event: PromptReady | Piece | Done, answer: int = 0) -> dict[str, Any]:
        line = as_json(event)
        line.pop("dropped", None)
        if self._count > 1:
            line["answer"] = 0  # the first is also where what belongs to all is told
        if self._cited and isinstance(event, Piece) and not event.is_thinking:
            self._cited[answer].add(event.text)
        if isinstance(event, Done):
            line |= {"model": self._model.name, "model_sha256": self._sha256, "engine": self._engine_json()}
            line |= {"citations": self._cited[answer].citations()} if self._cited else {}
        return line

    def _engine_json(self) -> dict[str, Any]:
        return self._provenance if self._model.is_remote else self._settings.as_json()

    def _print_summary(self, done: Done, sampling: Sampling) -> None:
        if self._as_json:
            return
        self._end_answer()
        if done.reason is Ending.LENGTH:
            self._console.print_notice(length_notice(done, sampling, is_remote=self._model.is_remote))
        if done.stopped_by:
            self._console.print_notice(tr("The answer stopped at “{text}” (--stop).").format(text=done.stopped_by))
        if done.reason is Ending.CANCELLED:
            self._console.print_notice(tr("Stopped."))
        if done.completion_tokens:
            self._console.print_notice(statistics(done))

    def _end_after_error(self, error: PhichatError, request: Request) -> None:
        """End the output after an error, in JSON with two last events; otherwise the caller prints the message."""
        if not self._as_json:
            for number, piece in self._answers.rest():
                self._print_heading(number)
                self._print_event(piece)
            self._end_answer()
            return
        self._console.print_json_error(str(error))
        unfinished = self._answers.unfinished if self._answers.has_begun else [0]
        for number in unfinished:
            line = self._event_json(Done(Ending.ERROR, request.sampling_of(number).seed or 0), number)
            self._console.print_json({**line, **self._answer_json(number)} if self._count > 1 else line)

    def _end_answer(self) -> None:
        rest = self._cited[self._answer].end() if self._cited else ""
        if self._lens:
            self._lens.end()
        else:
            self._console.print_piece(rest)
        self._console.end_answer()
        if self._lens and (certainty := self._lens.certainty):
            self._console.print_notice(certainty_text(certainty))


def ask(context: Context) -> int:
    """Print one reply, which is not saved, and return the exit status."""
    text = standard_input.read_question(context.options.prompt, context.console.print_notice)
    if not text.strip():
        if not context.options.prompt:
            context.options.parser.error(tr("the following arguments are required: %s") % "PROMPT")
        raise PromptError(tr("There’s nothing to answer yet. Write a message first."))
    stop = CancelToken()
    if context.options.candidates and not context.options.json:
        context.console.print_notice(tr("--candidates has no effect without --json."))
    sources = None
    if context.options.docs:
        from phichat.cli.question_sources import sources_for  # noqa: PLC0415 - only where wanted

        with interrupting(stop):
            sources = sources_for(context, text, stop)
        if stop.is_set():
            return 130
    with context.engine() as engine:
        talk = terminal_chat(context, engine)
        with interrupting(stop):
            files = read_attachments(context.options.attach, context.console, stop)
            talk.load(context.options, stop)
            read = sources.prepare(text, talk.session, engine, stop) if sources else None
            done = talk.reply(with_attachments(text, files), stop, read, sources.cited_text if sources else None)
            if sources:
                sources.print_after(is_unsupported=talk.has_nothing_cited)
    return 130 if stop.is_set() or done.reason is Ending.CANCELLED else 0


def terminal_chat(context: Context, engine: Engine, recorder: ChatRecorder | None = None) -> TerminalChat:
    """Return a conversation with the model that was asked for. Raise ModelMissing."""
    model, sha256 = chosen_ref(context)
    lens = TerminalLens(context.console) if context.options.lens and not context.options.json else None
    return TerminalChat(engine, model, sha256, context.console, context.options.json, recorder, lens)
