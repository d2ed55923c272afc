"""The search for models on the Hub, as the models dialog asks for it: when, in which thread, and what comes back."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.errors import HubRefused
from phichat.i18n import format_number, tr
from phichat.models.base import FoundRepository, Listing, ModelManager, Waiting
from phichat.ui.threads.background import BackgroundTasks

PAUSE = 700  # milliseconds without a key after which words are searched for
MOVE = 200  # milliseconds on a row until its files are asked for: whoever goes through a list asks for none
SHORTEST = 2  # characters


class HubSearch(QObject):
    """Searches in a thread; whatever is asked for later cancels what came before.

    Signals:
        found(list): the repositories for the words, as FoundRepository.
        listed(str, list): the files of a repository, by what it was asked for, as Listing.
        progressed(str): what is being waited for; empty when it has ended.
        failed(str): one sentence.
        token_missing: an access token may help.
    """

    found = Signal(object)
    listed = Signal(str, object)
    progressed = Signal(str)
    failed = Signal(str)
    token_missing = Signal()

    def __init__(self, tasks: BackgroundTasks, shelf: Callable[[], ModelManager], parent: QObject) -> None:
        super().__init__(parent)
        self._tasks, self._shelf = tasks, shelf
        self._current: CancelToken | None = None
        self._words = self._repo = ""
        self._files: dict[str, list[Listing]] = {}
        self._pause, self._move = QTimer(self, singleShot=True, interval=PAUSE), QTimer(self, singleShot=True)
        self._pause.timeout.connect(self.search_now)
        self._move.setInterval(MOVE)
        self._move.timeout.connect(self._ask_files)

    @Slot(str)
    def set_words(self, words: str) -> None:
        """Search for `words` when nothing is typed for a while; an address is looked up by `search_now` alone."""
        self._words = words.strip()
        self._pause.stop()
        is_typed_address = "/" in words and "://" not in words
        if len(self._words) >= SHORTEST and not is_typed_address:
            self._pause.start()

    @Slot()
    def search_now(self) -> None:
        """Search for the words."""
        self._pause.stop()
        if not self._words:
            return
        self._files.clear()
        self._run(partial(_search, self._shelf, self._words), self._on_found)

    def list_files(self, repo: str, *, now: bool = False) -> None:
        """Ask for the files of `repo`, a name or an address, after a moment or `now`."""
        self._repo = repo
        if repo in self._files:
            self._move.stop()
            self.listed.emit(repo, self._files[repo])
        elif now:
            self._ask_files()
        else:
            self._move.start()

    @Slot()
    def cancel(self) -> None:
        """Stop what is under way, and forget what was found."""
        self._pause.stop()
        self._move.stop()
        self._words = self._repo = ""
        if self._current:
            self._current.set(final=True)
            self._current = None
            self.progressed.emit("")

    def words(self) -> str:
        """Return what is searched for."""
        return self._words

    @Slot()
    def _ask_files(self) -> None:
        self._move.stop()
        if self._repo:
            self._run(partial(_list_files, self._shelf, self._repo), partial(self._on_files, self._repo))

    def _run(self, work: Callable[[CancelToken], object], on_result: Callable[[object], None]) -> None:
        if self._current:
            self._current.set(final=True)
        self.progressed.emit(tr("Contacting the Hub…"))
        cancel = self._current = CancelToken()
        self._tasks.run(
            work,
            partial(self._on_answer, cancel, on_result),
            partial(self._on_error, cancel),
            partial(self._on_end, cancel),
            cancel=cancel,
            owner=self,
        )

    def _on_answer(self, cancel: CancelToken, on_result: Callable[[object], None], answer: object) -> None:
        if cancel is not self._current:
            return
        if isinstance(answer, Waiting):
            sentence = tr("{problem} Trying again in {seconds} s.")
            self.progressed.emit(sentence.format(problem=answer.reason, seconds=format_number(answer.seconds)))
        elif isinstance(answer, HubRefused):
            self.failed.emit(str(answer))
            self.token_missing.emit()
        else:
            on_result(answer)

    def _on_error(self, cancel: CancelToken, sentence: str) -> None:
        if cancel is self._current:
            self.failed.emit(sentence)

    def _on_end(self, cancel: CancelToken) -> None:
        if cancel is self._current:
            self._current = None
            self.progressed.emit("")

    def _on_found(self, repositories: object) -> None:
        self.found.emit(repositories)

    def _on_files(self, repo: str, listings: object) -> None:
        if isinstance(listings, list):
            self._files[repo] = listings
        self.listed.emit(repo, listings)


def _search(
    shelf: Callable[[], ModelManager], words: str, stop: CancelToken
) -> Iterator[Waiting | list[FoundRepository] | HubRefused]:
    try:
        yield from shelf().search(words, stop)
    except HubRefused as error:
        if not error.wants_token:
            raise
        yield error


def _list_files(
    shelf: Callable[[], ModelManager], repo: str, stop: CancelToken
) -> Iterator[Waiting | Sequence[Listing] | HubRefused]:
    try:
        yield from shelf().list_patiently(repo, stop)
    except HubRefused as error:
        if not error.wants_token:
            raise
        yield error
