"""The models dialog: the models on this disk and on the Hub, and everything that can be done with them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from phichat.cancellation import CancelToken
from phichat.i18n import format_size, tr, tr_count
from phichat.models.base import FoundRepository, Listing, ModelFile, ModelManager, Presence, Source, SpaceCheck
from phichat.ui.controllers.downloads import DownloadManager
from phichat.ui.feedback import FeedbackController
from phichat.ui.models.confirmation import HubConfirmation
from phichat.ui.models.details import ModelDetails
from phichat.ui.models.formatting import describe_absence
from phichat.ui.models.results import SearchResults
from phichat.ui.models.search import HubSearch
from phichat.ui.models.table import ModelTable
from phichat.ui.models.verify import ChecksumJob
from phichat.ui.theme.scaling import resize_window, scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.controls import push_button, scroll_area
from phichat.ui.widgets.dialogs import ask_question, choose_model_file, open_folder
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.message_line import MessageLine
from phichat.ui.widgets.text_input import LineEdit

if TYPE_CHECKING:
    from phichat.models.library import Library

WIDTH, HEIGHT, LEAST_LISTED = 840, 680, 84  # pixels
HUB, CHECKSUM, LIST = "hub", "checksum", "list"  # sources of feedback


class ModelsDialog(QDialog):
    """Lists, downloads, verifies, adds and removes models.

    Signals: `model_chosen(ModelRef)` to use a model; `changed` when a model was added or removed; `token_requested`
    when the user wants to enter an access token.
    """

    model_chosen = Signal(object)
    changed = Signal()
    token_requested = Signal()

    def __init__(
        self,
        theme: Theme,
        downloads: DownloadManager,
        tasks: BackgroundTasks,
        shelf: Callable[[], ModelManager],
        library: "Callable[[], Library]",
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("modelsDialog")
        self.setWindowTitle(tr("Models"))
        self.setAccessibleName(tr("Models"))
        self._theme, self._tasks, self._shelf, self._library = theme, tasks, shelf, library
        self._known, self._in_use = list[Listing](), ""
        self._verifying = ChecksumJob(tasks, library, self)
        self._confirmation = HubConfirmation(tasks, shelf, self)
        self._table = ModelTable(theme, downloads)
        self._details = ModelDetails(theme, downloads)
        self._details.hide()
        self._field = LineEdit()
        self._search = HubSearch(tasks, shelf, self)
        self._results = SearchResults(theme)
        self._pages = QStackedWidget()
        self._start = push_button("modelSearchButton", tr("Search"))
        self._back = push_button("backButton", tr("Back to your models"))
        self._back.hide()
        self._hub = push_button("askHubButton", tr("Refresh from the Hub"))
        self._add = push_button("addFileButton", tr("Add file…"))
        self._token = push_button("hubTokenButton", tr("Enter access token…"))
        self._token.hide()
        self._close = push_button("closeButton", tr("Close"))
        self._feedback = FeedbackController(self)
        self._message = MessageLine(theme, self._feedback, "modelsMessage")
        self._lay_out()
        self._connect(downloads)
        self._table.setFocus()
        resize_window(self, WIDTH, HEIGHT)

    def show_model(self, name: str) -> None:
        """Show that the model `name` is in use."""
        self._in_use = name
        self._show_all()

    def select_model(self, name: str) -> None:
        """Select the model `name`."""
        self._table.select_model(name)

    @Slot()
    def load_listings(self, *, measures: bool = False) -> None:
        """Load the list of models, and if it `measures`, which takes all cores for a moment, how fast each is here."""
        self._feedback.progress_if_slow(LIST, tr("Loading the list of models…"))
        end = partial(self._feedback.progress_if_slow, LIST, "")
        self._tasks.run(partial(self._load, measures), self._on_loaded, self._feedback.fail, end)

    def _load(self, measures: bool, _: CancelToken) -> Iterator[object]:
        """Yield all listings, then the same with speeds that are new; called in a background thread."""
        yield self._shelf().list_models()
        if measures:
            yield self._shelf().list_with_speeds()

    @Slot(object)
    def _on_loaded(self, listings: Sequence[Listing]) -> None:
        self._known = list(listings)
        self._show_all()

    def _show_all(self) -> None:
        self._table.show_listings(self._known, self._in_use)
        self._show_current()

    def _current_listing(self) -> Listing | None:
        """Return the listing that the details are of: a row of the table, or a file that was found."""
        found = self._results.current_file() if self._is_searching() else self._table.current_listing()
        same = (listing for listing in self._known if found and _file_key(listing) == _file_key(found))
        return next((listing for listing in same if listing.presence is not Presence.ABSENT), found)

    def _is_searching(self) -> bool:
        return self._pages.currentWidget() is self._results

    @Slot()
    def _show_current(self) -> None:
        listing = self._current_listing()
        if listing:
            self._details.show_listing(listing, self._in_use)
            self._check_space(listing)
        self._details.setVisible(listing is not None)

    def _check_space(self, listing: Listing) -> None:
        self._details.download.show_trouble(describe_absence(listing), is_refused=False)
        if not (listing.model or listing.unusable or describe_absence(listing)):
            check = partial(_space_check, self._shelf, listing.name)
            # A failure is not shown: the download reports what is wrong.
            self._tasks.run(check, partial(self._on_space_checked, listing.name))

    def _on_space_checked(self, name: str, found: tuple[SpaceCheck, str]) -> None:
        current = self._current_listing()
        if current and current.name == name:
            room, trouble = found
            self._details.download.show_trouble(trouble, is_refused=room.needed > room.free)

    @Slot()
    def _ask_hub(self) -> None:
        self._hub.setEnabled(False)
        self._feedback.progress(HUB, tr("Contacting the Hub…"))
        self._confirmation.start()

    @Slot()
    def _on_hub_ended(self) -> None:
        self._feedback.progress(HUB, "")
        self._hub.setEnabled(True)

    @Slot(object)
    def _on_confirmed(self, listing: Listing) -> None:
        self._known = [listing if known.name == listing.name else known for known in self._known]
        self._show_all()

    @Slot(str)
    def _on_typed(self, text: str) -> None:
        self._search.set_words(text)
        if not text.strip() and self._is_searching():
            self._leave_search()

    @Slot(object)
    def _on_found(self, repositories: Sequence[FoundRepository]) -> None:
        self._token.hide()
        if not repositories:
            words = self._search.words()
            self._feedback.fail(tr("Nothing on the Hub matches “{words}”. Try fewer words.").format(words=words))
            return
        self._pages.setCurrentWidget(self._results)
        self._back.show()
        self._results.show_repositories(repositories)
        self._show_current()
        self._feedback.succeed(tr_count("{count} model found.", "{count} models found.", len(repositories)))

    @Slot(object)
    def _on_repository(self, repository: FoundRepository) -> None:
        self._results.show_files(())
        self._show_current()
        if repository.problem:
            self._feedback.fail(repository.problem)
            return
        words = self._search.words()  # an address may name a file
        self._search.list_files(words if repository.repo in words else repository.repo, now="/" in words)

    @Slot(str, object)
    def _on_files(self, repo: str, listings: Sequence[Listing]) -> None:
        repository = self._results.current_repository()
        if repository and repository.repo in repo:
            self._results.show_files(listings)
            self._show_current()
            self._feedback.succeed(tr_count("{count} file found.", "{count} files found.", len(listings)))

    @Slot()
    def _leave_search(self) -> None:
        """Show the models of this computer again."""
        self._search.cancel()
        self._field.clear()
        self._back.hide()
        self._pages.setCurrentWidget(self._table)
        self._show_current()

    @Slot()
    def _on_file_activated(self) -> None:
        listing = self._current_listing()
        if listing and listing.model:
            self._talk()
        else:
            self._details.download.focus_button()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and (self._is_searching() or self._field.text()):
            self._leave_search()
            self._field.setFocus()
        elif event.key() == Qt.Key.Key_Down and self._field.hasFocus() and self._is_searching():
            self._results.enter()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _talk(self) -> None:
        listing = self._current_listing()
        if listing and listing.model and listing.name != self._in_use:
            self.model_chosen.emit(listing.model.ref)
            self.close()

    @Slot()
    def _verify(self) -> None:
        listing = self._current_listing()
        if self._verifying.is_busy():
            self._verifying.stop()
        elif listing and listing.model:
            self._details.verify.setText(tr("Stop verifying"))
            self._verifying.start(listing.model)

    @Slot(str, float)
    def _on_verify_progress(self, sentence: str, fraction: float) -> None:
        self._feedback.progress(CHECKSUM, sentence, fraction)

    @Slot()
    def _on_verify_end(self) -> None:
        self._details.verify.setText(tr("Verify"))
        self._feedback.progress(CHECKSUM, "")

    @Slot()
    def _show_folder(self) -> None:
        listing = self._current_listing()
        if listing and (file := listing.model or listing.unusable):
            open_folder(file.path.parent, self)

    @Slot()
    def _remove(self) -> None:
        listing = self._current_listing()
        file = (listing.model or listing.unusable) if listing else None
        if not listing or not file:
            return
        if listing.model and listing.name == self._in_use:
            self._feedback.fail(
                tr("{model} is in use and can’t be removed. Switch to another model, then try again.").format(
                    model=listing.title
                )
            )
        elif file.source is Source.STARTER:
            self._feedback.fail(tr("{model} is part of Phichat and can’t be deleted.").format(model=listing.title))
        elif file.source is Source.OURS and file.bytes:
            self._ask_removal(listing)
        else:
            self._remove_now(listing)

    def _ask_removal(self, listing: Listing) -> None:
        ask_question(
            self._theme,
            self,
            "removeQuestion",
            tr("Delete {model}? This will free up {size}. You can download it again later.").format(
                model=listing.title, size=format_size(listing.bytes or 0)
            ),
            tr("Delete"),
            tr("Keep"),
            partial(self._remove_now, listing),
        )

    def _remove_now(self, listing: Listing) -> None:
        name = listing.name
        self._tasks.run(
            lambda _: self._library().remove_model(name), self._on_removed, self._feedback.fail, self._on_change_ended
        )

    def _on_removed(self, model: ModelFile) -> None:
        is_gone = model.source is Source.OURS
        sentence = (
            tr("{model} was deleted.") if is_gone else tr("{model} was removed from the list. The file wasn’t deleted.")
        )
        self._feedback.succeed(sentence.format(model=model.title))

    def _on_change_ended(self) -> None:
        self.changed.emit()
        self.load_listings()

    @Slot()
    def _ask_for_file(self) -> None:
        if file := choose_model_file(self):
            self.add_file(file)

    def add_file(self, file: str) -> None:
        """Add `file` to the list; it stays where it is."""
        self._tasks.run(
            lambda _: self._library().add_file(Path(file)), self._on_added, self._feedback.fail, self._on_change_ended
        )

    def _on_added(self, model: ModelFile) -> None:
        self._feedback.succeed(tr("{model} was added. Its file stays where it is.").format(model=model.title))

    def _connect(self, downloads: DownloadManager) -> None:
        self._table.chosen.connect(self._show_current)
        self._table.activated.connect(self._talk)
        self._details.talk_requested.connect(self._talk)
        self._details.verify_requested.connect(self._verify)
        self._details.folder_requested.connect(self._show_folder)
        self._details.removal_requested.connect(self._remove)
        self._start.clicked.connect(self._search.search_now)
        self._back.clicked.connect(self._leave_search)
        self._field.textChanged.connect(self._on_typed)
        self._field.returnPressed.connect(self._search.search_now)
        self._search.found.connect(self._on_found)
        self._search.listed.connect(self._on_files)
        self._search.progressed.connect(partial(self._feedback.progress, HUB))
        self._search.failed.connect(self._feedback.fail)
        self._search.token_missing.connect(self._token.show)
        self._results.repository_chosen.connect(self._on_repository)
        self._results.file_chosen.connect(self._show_current)
        self._results.activated.connect(self._on_file_activated)
        self._hub.clicked.connect(self._ask_hub)
        self._confirmation.confirmed.connect(self._on_confirmed)
        self._confirmation.succeeded.connect(self._feedback.succeed)
        self._confirmation.failed.connect(self._feedback.fail)
        self._confirmation.ended.connect(self._on_hub_ended)
        self._add.clicked.connect(self._ask_for_file)
        self._close.clicked.connect(self.close)
        self._token.clicked.connect(self.token_requested)
        self._details.download.token_requested.connect(self.token_requested)
        self._verifying.progressed.connect(self._on_verify_progress)
        self._verifying.verified.connect(self._feedback.succeed)
        self._verifying.failed.connect(self._feedback.fail)
        self._verifying.ended.connect(self._on_verify_end)
        downloads.settled.connect(self.load_listings)

    def _lay_out(self) -> None:
        label = plain_label(tr("Search the Hub:"))
        label.setBuddy(self._field)
        self._field.setObjectName("modelSearchField")
        self._field.setAccessibleName(tr("Search the Hub for models"))
        self._field.setPlaceholderText(tr("Model name or web address"))
        for page in (self._table, self._results):
            self._pages.addWidget(page)
        self._pages.setMinimumHeight(scaled(LEAST_LISTED))  # instead of what a list would like: it has a bar itself
        self._pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._pages, 1)
        column.addWidget(self._details)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        layout.addLayout(_row(label, self._field, self._start, stretch=1))
        layout.addWidget(scroll_area(inside), 1)
        layout.addWidget(self._message)
        layout.addLayout(_row(self._hub, self._add, self._back, QWidget(), self._token, self._close, stretch=3))


def _row(*widgets: QWidget, stretch: int) -> QHBoxLayout:
    """Return a row of `widgets`, of which the one at position `stretch` takes the remaining width."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for position, widget in enumerate(widgets):
        row.addWidget(widget, int(position == stretch))
    return row


def _file_key(listing: Listing) -> tuple[str, str]:
    """Return the repository and file of a listing; its name if it is not on the Hub."""
    return (listing.remote.repo, listing.remote.file) if listing.remote else ("", listing.name)


def _space_check(shelf: Callable[[], ModelManager], name: str, _: CancelToken) -> tuple[SpaceCheck, str]:
    room = shelf().check_space(name)
    return room, shelf().space_problem(room)
