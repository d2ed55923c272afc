"""Implements Engine with a model on a server, over HTTP."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

from phichat.chat.conversation import Ending, Piece
from phichat.chat.prompts.trimming import Prompt
from phichat.chat.sampling import UNLIMITED
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelRef,
    Notice,
    PromptFit,
    PromptReady,
    Request,
    Tried,
)
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.kinds import Limits, Options, limits_in, limits_of
from phichat.engine.remote.probe import ModelList, context_of, find_kind, list_models
from phichat.engine.remote.problems import lost_connection, no_model_sentence
from phichat.engine.remote.remote_model import RemoteModel, SettingRefused
from phichat.engine.remote.reply import ReplyReader
from phichat.engine.remote.servers import ServerList
from phichat.engine.remote.several_answers import SeveralAnswers
from phichat.errors import EngineError, PromptError, PromptTooLong, ServerError, ServerUnreachable
from phichat.i18n import tr
from phichat.net.http_api import ApiClient

NEXT_PIECE_SECONDS = 120.0  # of silence between two pieces
RETRY_SECONDS = 0.5  # until the one other attempt
MOST_REFUSED = 4  # settings that are left out of a request, one after the other

_THINKER = re.compile(r"reason|think|\br1\b|qwq|qwen3|gpt-oss", re.IGNORECASE)


class RemoteEngine:
    """Asks the server of the model that is loaded, and only when there is a message to answer: drafts stay here.

    `servers` are those that the user added; no other is ever asked.
    """

    def __init__(self, servers: ServerList) -> None:
        self._servers = servers
        self._model: RemoteModel | None = None

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """See Engine. Find out what the server says about the model; nothing is loaded there before it is asked."""
        del report  # nothing takes long enough
        self._model = None
        server = self._server_of(model)
        key = self._servers.key(server)
        client = ApiClient(server.url, key)
        try:
            models = list_models(client, key, stop)
            model = _named(server, model, models)
            kind = self._kind_of(server, client, models, stop)
            context = context_of(client, kind, models, model.server_model, stop)
        except EngineError as error:
            if stop.is_set():
                raise EngineError(tr("Loading was canceled.")) from error
            raise
        self._model = opened = RemoteModel(model, client, key, kind, context)
        opened.thinks = bool(_THINKER.search(model.server_model))
        return _loaded(opened, settings)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """See Engine. The first token is waited for as long as the server may need to load the model."""
        model = self._model
        if model is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        if request.is_draft:
            yield from _fit_draft(model, request)
            return
        _check_possible(model, request)
        prompt = model.fit(request.turns, request.sampling, request.begun)
        fit = _fit(model, prompt, is_estimate=True)
        if counted := model.count(prompt.turns, stop):
            model.estimate.learn(prompt.turns, counted)
            earlier, prompt = prompt, model.fit(request.turns, request.sampling, request.begun)
            tokens = counted + prompt.begun if prompt.turns == earlier.turns else len(prompt.tokens)
            fit = replace(_fit(model, prompt, is_estimate=prompt.begun > 0), tokens=tokens)
        yield PromptReady((), "", prompt.dropped)
        yield fit
        if request.count > 1:
            yield from _answer_all(model, prompt, request, stop, fit.tokens)
        else:
            yield from _Answering(model, prompt, request, stop, fit.tokens).events()

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """Raise EngineError: servers do not tell how likely a text is."""
        del text, stop
        raise EngineError(tr("Only a model on this computer can score text. Choose one, then try again."))

    def calibrate(self, stop: CancelToken, report: Callable[[Tried], None] | None = None) -> Iterator[Event]:
        """Do nothing: the server's settings are not ours."""
        del stop, report
        yield from ()

    def unload(self) -> None:
        """Do nothing: the server's memory is not ours."""

    def close(self) -> None:
        """See Engine."""
        self._model = None

    def _server_of(self, model: ModelRef) -> Server:
        server = self._servers.find_by_url(model.server_url)
        if server is None:
            raise ServerError(
                tr("{host} is no longer one of your servers. Add it again, or choose another model.").format(
                    host=model.host
                )
            )
        return server

    def _kind_of(self, server: Server, client: ApiClient, models: ModelList, stop: CancelToken) -> ServerKind:
        """Return which program the server runs, and note it."""
        kind = models.kind or server.kind
        if kind is ServerKind.UNKNOWN:
            kind = find_kind(client, models, stop)
        self._servers.remember(server.url, kind, models.names)
        return kind


class _Answering:
    """One answer, asked for again once if no connection can be made, and without the settings that are refused."""

    def __init__(self, model: RemoteModel, prompt: Prompt, request: Request, stop: CancelToken, tokens: int) -> None:
        """`tokens` is how long the prompt is."""
        self._model, self._prompt, self._stop, self._tokens = model, prompt, stop, tokens
        self._sampling, self._begun = request.sampling.with_seed(), request.begun
        limits = self._limits(thinks=model.thinks or self._sampling.thinking == UNLIMITED)
        self._options = Options(request.candidates, limits)
        self._reader = ReplyReader(most=limits.counted, has_text=bool(request.begun))

    def events(self) -> Iterator[Event]:
        """Yield the pieces and Done. Raise EngineError."""
        try:
            yield from self._attempts()
            yield from self._reader.rest()
        except ServerError:
            if not self._stop.is_set():
                yield from self._reader.rest()
                raise
        self._model.thinks = self._model.thinks or self._reader.has_thought
        if usage := self._reader.usage:
            turns = [*self._prompt.turns, *([self._begun] if self._begun else [])]
            self._model.estimate.learn(turns, usage.prompt)
            yield PromptFit(usage.prompt, usage.cached, self._model.context, self._prompt.dropped, self._prompt.first)
        yield self._reader.done(self._ending(), self._sampling.seed or 0)

    def _ending(self) -> Ending:
        if self._stop.is_set():
            return Ending.CANCELLED
        return Ending.LENGTH if self._reader.is_full else self._reader.ending()

    def _attempts(self) -> Iterator[Event]:
        refused, has_failed = 0, False
        while not self._stop.is_set():
            try:
                yield from self._pieces()
            except SettingRefused as refusal:
                refused += 1
                if refused > MOST_REFUSED:
                    raise ServerError(_left_out(self._model.host, refusal.name)) from refusal
                self._model.leave_out(refusal.name)
                yield Notice(_left_out(self._model.host, refusal.name))
            except ServerUnreachable:
                if self._reader.has_begun or has_failed or self._stop.is_set():
                    raise
                has_failed = True
                sentence = tr("{host} can’t be reached. Trying again…").format(host=self._model.host)
                yield Notice(sentence, is_passing=True)
                self._stop.wait(RETRY_SECONDS)
            else:
                if not self._is_hurried:
                    return
                self._sampling = replace(self._sampling, thinking=0)
                self._options = replace(self._options, limits=self._limits(thinks=False))

    def _limits(self, *, thinks: bool) -> Limits:
        limits, context = limits_of(self._sampling, thinks=thinks), self._model.context
        if not (self._model.traits.wants_room and context):
            return limits
        return limits_in(context - self._tokens, limits, self._sampling)

    @property
    def _is_hurried(self) -> bool:
        """Whether to ask again without thinking, as no server can be told to end it."""
        can_end = bool(self._model.traits.switches) and self._sampling.thinking != 0
        return can_end and self._stop.is_hurried() and not self._stop.is_set() and self._reader.is_only_thought

    def _pieces(self) -> Iterator[Piece | Notice]:
        """Yield what one request is answered with. Raise EngineError or SettingRefused."""
        reader, model = self._reader, self._model
        body = model.body(self._prompt.turns, self._begun, self._sampling, self._options)
        with closing(model.ask(body, self._stop)) as chunks:
            try:
                for response, chunk in chunks:
                    yield from reader.take(chunk)
                    if reader.has_begun:
                        response.be_patient(NEXT_PIECE_SECONDS)
                    if reader.is_full or self._stop.is_set() or self._is_hurried:
                        return
            except ServerUnreachable:
                if not reader.finish:  # after that, only counts may be missing
                    raise
        if not reader.finish:
            raise lost_connection(model.host)
        if reader.finish == "content_filter":
            yield Notice(tr("The content filter on {host} removed part of the answer.").format(host=model.host))


def _answer_all(
    model: RemoteModel, prompt: Prompt, request: Request, stop: CancelToken, tokens: int
) -> Iterator[Event]:
    """Yield several answers, each by a request of its own, as seeds and settings differ."""
    request = replace(request, sampling=request.sampling.with_seed())

    def answer(number: int, stop: CancelToken) -> Iterator[Event]:
        one = replace(request, sampling=request.sampling_of(number), count=1, samplings=())
        return _Answering(model, prompt, one, stop, tokens).events()

    begun, ended = time.monotonic(), dict[int, Done]()
    for number, event in SeveralAnswers([partial(answer, each) for each in range(request.count)], stop).events():
        yield AnswerEvent(number, event) if isinstance(event, Piece | Done) else event
        if isinstance(event, Done):
            ended[number] = event
    seconds, tokens = time.monotonic() - begun, sum(each.completion_tokens for each in ended.values())
    yield replace(
        ended[0],
        completion_tokens=tokens,
        completion_seconds=seconds - ended[0].prompt_seconds,
        tokens_per_second=tokens / seconds,
        thinking_tokens=sum(each.thinking_tokens for each in ended.values()),
    )


def _named(server: Server, model: ModelRef, models: ModelList) -> ModelRef:
    """Return the listed model that `model` means: by its name, by its title, or the only one. Raise ServerError."""
    wanted = model.server_model
    known = [server.model(name) for name in models.names]
    exact = [each for each in known if each.server_model == wanted]
    like = [each for each in known if wanted.lower() in {each.server_model.lower(), each.title.lower()}]
    found = exact or like or (known if not wanted else [])
    if not found and models.is_for_embeddings(wanted):
        raise ServerError(tr("{name} is an embedding model. Choose a chat model.").format(name=wanted))
    if len(found) != 1:
        raise ServerError(no_model_sentence(server.host, wanted, list(models.names)))
    return found[0]


def _loaded(model: RemoteModel, settings: EngineSettings) -> Loaded:
    thinking = ("on" if model.thinks else "off") if model.traits.switches else ""
    return Loaded(
        model.ref,
        architecture="",
        context=model.context,
        library=model.kind.label,
        settings=settings,
        most_context=model.context,
        thinking=thinking,
        capabilities=model.traits.capabilities,
    )


def _fit(model: RemoteModel, prompt: Prompt, *, is_estimate: bool) -> PromptFit:
    return PromptFit(len(prompt.tokens), 0, model.context, prompt.dropped, prompt.first, is_estimate=is_estimate)


def _fit_draft(model: RemoteModel, request: Request) -> Iterator[Event]:
    """Yield how a draft would fit, by the estimate: nothing of it is sent. One without text counts as a letter."""
    turns = request.turns
    if turns and not turns[-1].text.strip():
        turns = (*turns[:-1], replace(turns[-1], text="?"))
    try:
        yield _fit(model, model.fit(turns, request.sampling), is_estimate=True)
    except PromptTooLong as error:
        yield PromptFit(
            error.tokens,
            0,
            model.context,
            trouble=str(error),
            excess=error.excess,
            is_estimate=True,
            is_least=error.is_least,
        )
    except PromptError as error:
        yield PromptFit(0, 0, model.context, trouble=str(error), is_estimate=True)
    yield Done(Ending.CANCELLED, 0)


def _check_possible(model: RemoteModel, request: Request) -> None:
    """Raise ServerError if the server cannot do what is asked."""
    begun = request.begun
    if request.weighs_begun:
        raise ServerError(
            tr(
                "Only a model on this computer can show how sure it is of an earlier answer. Choose one, then "
                "try again."
            )
        )
    if request.forced or request.raw is not None:
        raise ServerError(tr("Only a model on this computer can do this. Choose one, then try again."))
    if begun and not model.traits.continues:
        raise ServerError(
            tr("{host} doesn’t support continuing answers. Regenerate the answer instead.").format(host=model.host)
        )
    if begun and not begun.text:
        text = tr("{host} can’t continue the model’s thinking. Regenerate the answer instead.")
        raise ServerError(text.format(host=model.host))


def _left_out(host: str, name: str) -> str:
    return tr("{host} doesn’t support the {name} setting, so it wasn’t used.").format(host=host, name=name)
