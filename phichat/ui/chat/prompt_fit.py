"""How the prompt fits the context: tokens of attachments, the time to the first token, the start of the context."""

from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.attachments import Attachment, length_with
from phichat.chat.sampling import UNLIMITED
from phichat.chat.session import Session
from phichat.chat.time_estimate import TimeEstimate, estimate_text
from phichat.engine.base import Done, Loaded, PromptFit
from phichat.i18n import format_count, format_number, tr, tr_count
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.status_bar import StatusBar
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.transcript.transcript import Transcript


class TokenCounter(QObject):
    """Shows the tokens of attachments and of the prompt, and a note about a prompt that does not fit."""

    def __init__(
        self,
        composer: Composer,
        status: StatusBar,
        generation: GenerationController,
        current: CurrentConversation,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._composer, self._status, self._generation, self._current = composer, status, generation, current
        self._length, self._file_being_read = 0, ""
        self._fitted: PromptFit | None = None
        self._fitted_length = 0
        self._are_estimates = False
        self._counts: dict[Attachment | None, int] = {}  # None: the tokens of an empty message
        self._are_least: set[Attachment | None] = set()  # those whose count is only a lower bound
        self._is_counting = self._had_files = False
        current.session_changed.connect(self._on_session_changed)
        current.draft_changed.connect(self._on_draft_changed)
        generation.fitted.connect(self._on_fitted)
        generation.background.counted.connect(self._on_counted)
        generation.model_loaded.connect(self._on_loaded)
        generation.state_changed.connect(self._update_counts)

    @Slot(object)
    def _on_session_changed(self, session: Session) -> None:
        self._fitted, self._had_files = None, False
        known = self._counts.items()
        self._counts = {file: count for file, count in known if file is None or file in session.attached}
        self._update_counts()
        self._show_note()

    @Slot(str)
    def _on_draft_changed(self, draft: str) -> None:
        attached = self._current.session.attached
        self._length = length_with(draft, attached) if attached or draft.strip() else 0
        self._update_counts()
        self._show_note()

    @Slot(str)
    def show_reading(self, name: str) -> None:
        """Show that the file called `name` is still being read; empty if none is."""
        self._file_being_read = name
        self._show_note()

    @Slot(object, object)
    def _on_fitted(self, session: Session, fitted: PromptFit) -> None:
        if session is not self._current.session:
            return
        self._fitted, self._fitted_length = fitted, self._length
        has_files = bool(session.attached)
        if (has_files or self._had_files) and not self._generation.is_answering():
            self._show_context(fitted)
        self._had_files = has_files
        self._show_note()

    def _show_context(self, fitted: PromptFit) -> None:
        """Show how much of the context the draft takes; of one too long to be counted, what its files take at least."""
        tokens = fitted.tokens
        if fitted.is_least:
            tokens = max(tokens, sum(map(self._tokens_of, self._current.session.attached)))
        self._status.show_context(tokens, fitted.context, is_estimate=fitted.is_estimate, is_least=fitted.is_least)

    def _tokens_of(self, file: Attachment) -> int:
        """Return how many tokens a file takes, or how many at least; 0 if that isn't known yet."""
        return max(self._counts.get(file, 0) - self._counts.get(None, 0), 0)

    @Slot(object, object)
    def _on_counted(self, file: Attachment | None, fitted: PromptFit | None) -> None:
        self._is_counting = False
        if fitted:
            self._counts[file], self._are_estimates = fitted.tokens, fitted.is_estimate
            (self._are_least.add if fitted.is_least else self._are_least.discard)(file)
            self._update_counts()
            if self._fitted and self._fitted.is_least and not self._generation.is_answering():
                self._show_context(self._fitted)

    @Slot(object)
    def _on_loaded(self) -> None:
        """Forget all counts: another model has other tokens."""
        self._counts.clear()
        self._fitted = None
        self._update_counts()
        self._show_note()

    @Slot()
    def _update_counts(self) -> None:
        """Show what is known, and ask for one that is not."""
        files = self._current.session.attached
        unknown = [file for file in (None, *files) if file not in self._counts] if files else []
        for file in files:
            if None in self._counts and file in self._counts:
                tokens, is_least = self._tokens_of(file), file in self._are_least
                self._composer.show_tokens(file, tokens, is_estimate=self._are_estimates, is_least=is_least)
        if unknown and not self._is_counting:
            text = unknown[0].quoted if unknown[0] else ""
            self._is_counting = self._generation.count_tokens(text, unknown[0])

    def _show_note(self) -> None:
        if self._file_being_read:
            sentence = tr("Reading {name}…").format(name=self._file_being_read)
            self._composer.show_note(sentence, blocks=True, is_alert=False)
        elif self._length and self._fitted and self._fitted.trouble and self._fitted_length:
            # A draft that has become shorter may fit now; the engine will say in a moment.
            self._composer.show_note(self._describe_trouble(self._fitted), blocks=self._length >= self._fitted_length)
        else:
            self._composer.show_note("")

    def _describe_trouble(self, fitted: PromptFit) -> str:
        if not fitted.excess:
            return fitted.trouble
        excess = format_count(
            tr_count("{count} token", "{count} tokens", fitted.excess), is_estimate=fitted.is_estimate
        )
        fact = self._fact(is_least=fitted.is_least)
        return f"{fact.format(excess=excess, context=format_number(fitted.context))} {self._advice(fitted)}"

    def _fact(self, *, is_least: bool) -> str:
        has_files = bool(self._current.session.attached)
        if is_least and has_files:
            return tr("With its attachments, this message is much too long for the model’s context ({context} tokens).")
        if is_least:
            return tr("This message is much too long for the model’s context ({context} tokens).")
        if has_files:
            return tr(
                "With its attachments, this message is {excess} too long for the model’s context ({context} tokens)."
            )
        return tr("This message is {excess} too long for the model’s context ({context} tokens).")

    def _advice(self, fitted: PromptFit) -> str:
        loaded = self._generation.loaded
        can_grow = loaded is None or not loaded.most_context or fitted.context < loaded.most_context
        if self._current.session.attached and can_grow:
            return tr("Remove a file, shorten the message, or choose a larger context in the settings.")
        if self._current.session.attached:
            return tr("Remove a file or shorten the message.")
        return tr("Shorten the message, or choose a larger context in the settings.") if can_grow else tr("Shorten it.")


class TimeEstimateController(QObject):
    """Estimates the time to the first token while the draft is written and prefilled.

    Signals: `changed(str)`: the words to show; empty if there is nothing worth saying.
    """

    changed = Signal(str)

    def __init__(self, generation: GenerationController, current: CurrentConversation, parent: QObject) -> None:
        super().__init__(parent)
        self._generation, self._current = generation, current
        self._estimate = TimeEstimate()
        self._length, self._shown = 0, ""
        current.session_changed.connect(self._on_session_changed)
        current.draft_changed.connect(self._on_draft_changed)
        generation.fitted.connect(self._on_fitted)
        generation.background.prefill_progressed.connect(self._on_read)
        generation.measured.connect(self._on_measured)
        generation.model_loaded.connect(self._on_loaded)
        generation.state_changed.connect(self._emit_estimate)

    @Slot()
    def _on_session_changed(self) -> None:
        self._estimate.reset()
        self._emit_estimate()

    @Slot(str)
    def _on_draft_changed(self, draft: str) -> None:
        attached = self._current.session.attached
        self._length = length_with(draft, attached) if attached or draft.strip() else 0
        self._emit_estimate()

    @Slot(object, object)
    def _on_fitted(self, session: Session, fitted: PromptFit) -> None:
        if session is not self._current.session:
            return
        if fitted.trouble:  # nothing will be read
            self._estimate.reset()
        else:
            self._estimate.prompt_fitted(fitted.tokens, fitted.kept, self._length)
        self._emit_estimate()

    @Slot(int, int)
    def _on_read(self, done: int, _: int) -> None:
        self._estimate.tokens_read(done)
        self._emit_estimate()

    @Slot(object)
    def _on_measured(self, done: Done) -> None:
        self._estimate.record_speed(done.prompt_tokens - done.cached_tokens, done.prompt_seconds)
        self._estimate.record_writing(done.tokens_per_second, done.thinking_tokens)

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._estimate.model_loaded(loaded.reads)

    def _budget(self) -> int:
        """Return how many tokens the model may think before it answers."""
        default = self._generation.loaded.thinking if self._generation.loaded else ""
        budget = self._current.session.sampling.thinking
        if not default:
            return 0
        return budget if budget is not None else 0 if default == "off" else UNLIMITED

    @Slot()
    def refresh(self) -> None:
        """Estimate anew, as the settings have changed."""
        self._emit_estimate()

    @Slot()
    def _emit_estimate(self) -> None:
        can_ask = self._length and self._generation.is_idle_here()  # of a server, nobody knows
        words = estimate_text(self._estimate.seconds(self._length, self._budget())) if can_ask else ""
        if words != self._shown:
            self._shown = words
            self.changed.emit(words)


class ContextMarker(QObject):
    """Shows where the context begins, and remembers it for each conversation."""

    def __init__(
        self,
        transcript: Transcript,
        generation: GenerationController,
        current: CurrentConversation,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._transcript, self._current = transcript, current
        self._firsts: WeakKeyDictionary[Session, str] = WeakKeyDictionary()
        current.session_changed.connect(self._show)
        generation.fitted.connect(self._on_fitted)

    @Slot(object)
    def _show(self, session: Session) -> None:
        self._transcript.show_context_start(self._firsts.get(session))

    @Slot(object, object)
    def _on_fitted(self, session: Session, fitted: PromptFit) -> None:
        if fitted.trouble:  # then `dropped` and `first` mean nothing
            return
        if fitted.dropped:
            self._firsts[session] = fitted.first
        else:
            self._firsts.pop(session, None)
        if session is self._current.session:
            self._show(session)
