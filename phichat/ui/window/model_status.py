"""The presenter of the model: shows its state in header, welcome page, composer, panel and status bar."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.session import Session
from phichat.engine.base import Done, Loaded, ModelRef, Notice, PromptFit
from phichat.i18n import tr
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.header import Header
from phichat.ui.chat.status_bar import StatusBar
from phichat.ui.chat.welcome import Welcome
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.feedback import FeedbackController
from phichat.ui.models.coordinator import STARTER
from phichat.ui.settings.panel import SettingsPanel

MODEL, RETRY = "model", "retry"  # sources of feedback
PREPARING = {GenerationState.LOADING, GenerationState.READING}


class ModelStatusPresenter(QObject):
    """Shows the state of `generation` and its model.

    Signals: `model_found` while there is a model; `model_shown(ModelRef)` for the one that is shown, None for none.
    """

    model_found = Signal()
    model_shown = Signal(object)

    def __init__(
        self,
        generation: GenerationController,
        parent: QObject,
        *,
        header: Header,
        composer: Composer,
        welcome: Welcome,
        panel: SettingsPanel,
        status: StatusBar,
        feedback: FeedbackController,
        shown: Callable[[], Session],
        models: Callable[[], Sequence[ModelRef]],
    ) -> None:
        super().__init__(parent)
        self._generation, self._header, self._composer, self._welcome = generation, header, composer, welcome
        self._panel, self._status, self._feedback, self._shown = panel, status, feedback, shown
        self._models = models
        self._asked_in = ""  # the id of a conversation
        self._fitted: PromptFit | None = None  # the prompt of the reply under way, or of the last one
        self._has_looked = False  # for the models on this disk
        self._last_state = GenerationState.EMPTY
        generation.state_changed.connect(self.show_state)
        generation.asked.connect(self._on_asked)
        generation.failed.connect(self._on_failed)
        generation.noticed.connect(self._on_noticed)
        generation.shortened.connect(self._on_shortened)
        generation.progressed.connect(self._on_progressed)
        generation.fitted.connect(self._on_fitted)
        generation.answered.connect(self._on_answered)
        generation.model_loaded.connect(self._on_loaded)

    @Slot()
    def clear_status(self) -> None:
        """Remove what is shown about the model before."""
        self._feedback.clear(self._shown().conversation.id)
        self._status.clear_figures()

    @Slot()
    def models_listed(self) -> None:
        """Note that the models on the disk are known: no model means now that there is none."""
        self._has_looked = True
        self.show_state()

    @Slot()
    def show_state(self) -> None:
        """Show the present state everywhere."""
        model = self._generation.model
        title, host = (model.title, model.host) if model else ("", "")
        is_missing = self._has_looked and not model
        self._header.show_model(model, tr("No model") if is_missing else title or "…")
        self._composer.show_host(host)
        self.model_shown.emit(model)
        shown = title if self._has_looked else ""  # else it might be taken back for the first page
        is_toy = bool(model and model.name == STARTER)
        self._welcome.show_model(shown, host=host, is_toy=is_toy, is_missing=is_missing, has_others=self.lacks_choice())
        self._say_state(title)
        self._welcome.set_can_ask(can_ask=bool(model))
        if model:
            self.model_found.emit()

    def lacks_choice(self) -> bool:
        """Return whether there are models, but none will be loaded before one is chosen."""
        return self._has_looked and not self._generation.model and bool(self._models())

    def show_other_model(self, name: str, model: ModelRef | None) -> None:
        """Say so if the conversation was held with another model, called `name`, than `model`, which goes on."""
        if name and model and name != model.name:
            sentence = tr("This conversation used {name}. It now uses {model}.")
            if model.host:
                sentence = tr("This conversation used {name}. It now uses {model} on {host}.")
            self._feedback.mention(sentence.format(name=name, model=model.title, host=model.host))

    def _say_state(self, title: str) -> None:
        state, before = self._generation.state, self._last_state
        self._last_state = state
        if state not in PREPARING:
            self._feedback.progress(RETRY, "")
        if state is GenerationState.LOADING and state is not before:
            self._status.clear_figures()
            self._on_progressed(tr("Loading {model}…").format(model=title), 0.0)
        elif state is GenerationState.IDLE and self._generation.loaded and before is GenerationState.LOADING:
            self._feedback.mention(tr("{model} is ready.").format(model=title))

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._panel.show_capabilities(loaded.capabilities, loaded.model.host)
        self._panel.show_context(loaded.context, loaded.most_context)
        self._panel.show_thinking(loaded.thinking)

    @Slot(object)
    def _on_asked(self, session: Session) -> None:
        """Remove what is out of date as soon as a reply begins."""
        self._asked_in, self._fitted = session.conversation.id, None
        self._feedback.clear(self._asked_in)
        if session is self._shown():
            self._status.clear_figures()

    @Slot(object, str)
    def _on_failed(self, session: Session | None, sentence: str) -> None:
        if session:
            self._feedback.fail_beside(session.conversation.id, sentence)
        else:
            self._feedback.fail(sentence)

    @Slot(object, object)
    def _on_noticed(self, session: Session | None, notice: Notice) -> None:
        model, name = self._generation.model, (session or self._shown()).conversation.id
        if notice.is_passing and self._generation.state in PREPARING:
            self._feedback.progress(RETRY, notice.text, scope=session.conversation.id if session else None)
        elif notice.is_passing or (model and model.is_remote):
            self._feedback.tell_in(name, notice.text)
        else:
            self._feedback.warn_in(name, notice.text)

    @Slot(object, str)
    def _on_shortened(self, session: Session, sentence: str) -> None:
        self._feedback.tell_in(session.conversation.id, sentence)

    @Slot(str, float)
    def _on_progressed(self, sentence: str, fraction: float) -> None:
        """Show the progress of loading in all conversations, that of reading where it was asked."""
        is_reading = self._generation.state is GenerationState.READING  # which the reader of answers tells
        scope = self._asked_in if is_reading else None
        done = fraction if fraction >= 0 else None
        self._feedback.progress(MODEL, sentence, done, scope=scope, waits=True, is_silent=is_reading)

    @Slot(object, object)
    def _on_answered(self, session: Session, done: Done) -> None:
        if session is not self._shown():
            return
        loaded, done = self._generation.loaded, _figures_of_shown(session, done)
        is_estimate = bool(loaded and loaded.model.is_remote and not done.prompt_tokens)  # the server counted nothing
        if done.completion_tokens:  # else it was stopped before there was a speed
            self._status.show_speed(done, is_estimate=is_estimate)
        prompt = done.prompt_tokens or (self._fitted.tokens if self._fitted else 0)
        if loaded and prompt:  # else it was ended before anybody counted
            written = done.completion_tokens or _count_written(session)
            self._status.show_context(prompt + written, loaded.context, is_estimate=is_estimate)
        reply = session.conversation.path()[-1].reply
        if reply and reply.seed is not None:  # else none reproduces it
            self._panel.show_seed(reply.seed)

    @Slot(object, object)
    def _on_fitted(self, session: Session | None, fitted: PromptFit) -> None:
        if session and self._generation.answers(session):
            self._fitted = fitted


def _count_written(session: Session) -> int:
    """Return how many tokens came of the last answer, as far as their ids are known."""
    path = session.conversation.path()
    return len(path[-1].reply.tokens) if path and path[-1].reply else 0


def _figures_of_shown(session: Session, done: Done) -> Done:
    """Return the figures of the answer that is shown; `done` has those of all that came at the same time."""
    path = session.conversation.path()
    known = path[-1].reply.statistics if path and path[-1].reply else {}
    names = ("prompt_tokens", "completion_tokens", "seconds_to_first_token", "tokens_per_second")
    is_known = all(isinstance(known.get(name), int | float) for name in names)
    return replace(done, **{name: known[name] for name in names}) if is_known else done
