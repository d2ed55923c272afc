"""Has the model read a text and tell how surprising it is, as long as nothing is asked (no widgets)."""

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.conversation import Ending
from phichat.engine.base import CancelToken, Done, Event, Reading, Scored
from phichat.i18n import format_number, tr
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.threads.engine_thread import EngineThread


class TextScore(QObject):
    """Scores one text at a time; a question that is asked meanwhile cancels that.

    Signals:
        progressed(str, float): a sentence about the progress, and the part that is done, from 0 to 1.
        finished(list[Scored]): the tokens of the text, in order.
        failed(str): why there is no score, as a sentence; empty if it was cancelled.
    """

    progressed = Signal(str, float)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self, thread: EngineThread, generation: GenerationController, parent: QObject) -> None:
        super().__init__(parent)
        self._thread, self._generation = thread, generation
        self._order: CancelToken | None = None
        self._tokens: list[Scored] = []
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def start(self, text: str) -> None:
        """Score `text`; `finished` or `failed` follows."""
        self.cancel()
        if self._generation.model is None:
            self.failed.emit(tr("No model is loaded. Choose one, then try again."))
        elif self._generation.state is not GenerationState.IDLE:
            self.failed.emit(tr("The model is busy. Try again when the answer is finished."))
        else:
            self._tokens = []
            self._generation.background.run_awaited(lambda: self._send(text))

    @Slot()
    def cancel(self) -> None:
        """Stop scoring; `failed` follows if that was under way."""
        order, self._order = self._order, None
        if order:
            order.set()
            self.failed.emit("")

    def _send(self, text: str) -> CancelToken:
        self._order = self._thread.score(text)
        return self._order

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if stop is not self._order:
            return
        match event:
            case Scored():
                self._tokens.append(event)
            case Reading(done, total):
                counts = {"done": format_number(done), "total": format_number(total)}
                self.progressed.emit(
                    tr("Scoring the text: {done} of {total} tokens").format(**counts), done / max(total, 1)
                )
            case Done(reason):
                self._order = None
                if reason is Ending.STOP:
                    self.finished.emit(self._tokens)
                else:
                    self.failed.emit("")

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, sentence: str) -> None:
        if stop is self._order:
            self._order = None
            self.failed.emit(sentence)
