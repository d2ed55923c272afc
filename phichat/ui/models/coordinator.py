"""The controller of models in the window: the first-run page, the banners and the models dialog."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout

from phichat.i18n import format_number, tr
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.pages import CentralStack

if TYPE_CHECKING:
    from phichat.cancellation import CancelToken
    from phichat.engine.base import ModelRef
    from phichat.models.base import Listing, ModelFile, ModelManager, SpaceCheck
    from phichat.models.library import Library
    from phichat.ui.controllers.downloads import DownloadManager
    from phichat.ui.models.banners import DownloadStrip, MakersNotice, ReadyNotice
    from phichat.ui.models.dialog import ModelsDialog
    from phichat.ui.models.first_run import FirstRunPage

PHI_3 = "phi-3-mini-4k-instruct-q4"
STARTER = "starter"


class ModelCoordinator(QObject):
    """Downloads models and shows how that goes, in widgets that are made when they are first needed.

    Attributes:
        has_listings: whether the list of models has been loaded, or has failed to.

    Signals:
        listed: the list was loaded for the first time.
        model_chosen(ModelRef): the user chose a model to talk with.
        offer_changed(bool): the user dismissed the offer of Phi-3, or wants it again; to be stored.
        file_requested: the user wants to choose a model file.
        token_requested: the user wants to enter an access token for the Hub.
        file_chosen(str): the user chose one of the files that were found.
        sampling_chosen(dict): the user wants the settings, by name, that a model's makers recommend.
        failed(str): a sentence about an error.
        ended(str): a sentence about a download that has ended.
    """

    listed = Signal()
    model_chosen = Signal(object)
    offer_changed = Signal(bool)
    file_requested = Signal()
    token_requested = Signal()
    file_chosen = Signal(str)
    sampling_chosen = Signal(object)
    failed = Signal(str)
    ended = Signal(str)

    def __init__(
        self, theme: Theme, shelf: "Callable[[], ModelManager]", library: "Callable[[], Library]", hub: str
    ) -> None:
        super().__init__()
        self._theme, self._shelf, self._library, self._hub = theme, shelf, library, hub
        self._pool, self._tasks = BackgroundTasks("downloads", 1), BackgroundTasks("models")
        for worker in (self._pool, self._tasks):
            worker.setParent(self)
        self._listings: dict[str, Listing] = {}
        self._in_use: ModelRef | None = None
        self._ready: ModelRef | None = None
        self._downloads: DownloadManager | None = None
        self._page: FirstRunPage | None = None
        self._strip: DownloadStrip | None = None
        self._notice: ReadyNotice | None = None
        self._makers_notice: MakersNotice | None = None
        self._chosen = ""
        """The place of the model that the user chose last, until its makers' settings were offered."""
        self._dialog: ModelsDialog | None = None
        self._shown = ""
        self.has_listings = False

    def set_place(self, pages: CentralStack, bars: QBoxLayout, *, is_offered: bool) -> None:
        """Set the widgets to show pages and banners in, and whether Phi-3 is still offered."""
        # No reference to the window: a reference cycle is freed by the garbage collector, in any thread.
        self._pages, self._bars, self._is_offered = pages, bars, is_offered
        pages.currentChanged.connect(self._refresh)

    @Slot()
    def load_listings(self) -> None:
        """Load the list of models; resume the downloads that an earlier run left unfinished."""
        self._tasks.run(self._list, self._on_listings, self.failed.emit, self._on_listings_ended)

    def show_model(self, model: "ModelRef | None") -> None:
        """Set the model in use."""
        self._in_use = model
        if self._ready and model and model.location == self._ready.location:
            self._ready = None
        if self._dialog:
            self._dialog.show_model(model.name if model else "")
        if self.has_listings:
            self._refresh()

    @Slot()
    def offer_phi_3(self) -> None:
        """Offer Phi-3 on the first-run page again, or open the dialog if it is here."""
        if self._can_offer():
            self._set_offered(True)
        else:
            self.open_dialog()

    @Slot()
    def open_dialog(self) -> None:
        """Open the models dialog."""
        if not self._dialog:
            from phichat.ui.models.dialog import ModelsDialog  # noqa: PLC0415 - when it is opened

            self._dialog = ModelsDialog(
                self._theme, self._download_manager(), self._tasks, self._shelf, self._library, self._pages.window()
            )
            self._dialog.model_chosen.connect(self.model_chosen)
            self._dialog.changed.connect(self.load_listings)
            self._dialog.token_requested.connect(self.token_requested)
        if not self._dialog.isVisible():
            self._dialog.load_listings(measures=True)  # the computer may have been busy when it was measured last
        self._dialog.show_model(self._in_use.name if self._in_use else "")
        self._dialog.select_model(self._shown)
        self._dialog.show()
        self._dialog.activateWindow()

    def confirm_before(self, leaving: Callable[[], object]) -> bool:
        """Ask the user before `leaving` is called if a download is under way; return whether that is so."""
        active = self._downloads.active() if self._downloads else []
        application = QCoreApplication.instance()
        if not active or (isinstance(application, QGuiApplication) and application.isSavingSession()):
            return False
        from phichat.ui.models.formatting import percent_done  # noqa: PLC0415 - with a download under way
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - when there is a question

        progress = {name: self._download_manager().state(name).progress for name in active}
        name = next((name for name, made in progress.items() if made and made.done), active[0])
        made = progress[name]
        question = tr(
            "Quit Phichat? {model} is {percent}% downloaded. The download will resume the next time you start Phichat."
        )
        if not made or not made.done:  # there is nothing to resume
            question = tr(
                "Quit Phichat? No part of {model} has been downloaded yet, so you’ll have to start the download again."
            )
        question = question.format(percent=format_number(percent_done(made)), model=self._title(name))
        ask_question(
            self._theme, self._pages.window(), "quitQuestion", question, tr("Quit"), tr("Keep downloading"), leaving
        )
        return True

    @Slot()
    def close(self) -> None:
        """End all threads; partial downloads are resumed by the next run."""
        for worker in (self._pool, self._tasks):
            worker.cancel_all()
        for worker in (self._pool, self._tasks):
            worker.close()

    def _list(self, _: "CancelToken") -> "list[Listing]":
        if self._is_offered:  # import its page here, in the background thread
            import phichat.ui.models.first_run  # noqa: F401, PLC0415
        return self._shelf().list_models()

    def _on_listings(self, listings: "Sequence[Listing]") -> None:
        self._listings = {listing.name: listing for listing in listings}
        if not self._downloads:
            self._download_manager().resume_interrupted(listings)

    def _on_listings_ended(self) -> None:
        is_first, self.has_listings = not self.has_listings, True
        self._refresh()
        if is_first:
            self.listed.emit()

    def _download_manager(self) -> "DownloadManager":
        if not self._downloads:
            from phichat.ui.controllers.downloads import DownloadManager  # noqa: PLC0415 - at the first download

            self._downloads = DownloadManager(self._shelf, self._pool, self._tasks)
            self._downloads.setParent(self)
            self._downloads.changed.connect(self._show_strip)
            self._downloads.settled.connect(self.load_listings)
            self._downloads.fetched.connect(self._on_fetched)
            self._downloads.failed.connect(self._on_failed)
        return self._downloads

    @Slot(object)
    def _on_fetched(self, model: "ModelFile") -> None:
        """Use the model at once if there is no other, else show the banner."""
        self.ended.emit(tr("{model} is ready.").format(model=model.title))
        if self._in_use:
            self._ready = model.ref
            self._refresh()
        else:
            self.model_chosen.emit(model.ref)

    @Slot()
    def _on_failed(self) -> None:
        # Without the reason, which may name folders: others may see a notification.
        self.ended.emit(tr("A download was interrupted."))

    @Slot()
    def _refresh(self) -> None:
        self._show_page()
        self._show_strip()
        self._show_notice()
        self._show_makers_notice()

    def _can_offer(self) -> bool:
        """Return whether Phi-3 is not here, and no other model than the starter."""
        phi_3 = self._listings.get(PHI_3)
        here = [listing.name for listing in self._listings.values() if listing.model]
        names = {*here, *([self._in_use.name] if self._in_use else [])}
        return phi_3 is not None and not phi_3.model and names <= {STARTER}

    def _show_page(self) -> None:
        is_ready = bool(self._page and self._ready and self._ready.name == PHI_3)
        if is_ready or (self._is_offered and self._can_offer()):
            page = self._page or self._make_page()
            page.show_listing(self._listings[PHI_3])
            page.show_spare(self._in_use.title if self._in_use else "")
            if is_ready and self._ready:
                page.show_ready(self._ready)
        elif self._page:
            page, self._page = self._page, None
            self._pages.restore_welcome(page)

    def _make_page(self) -> "FirstRunPage":
        from phichat.ui.models.first_run import FirstRunPage  # noqa: PLC0415 - on the first start

        page = FirstRunPage(self._theme, self._download_manager(), self._listings[PHI_3], self._hub)
        page.dismissed.connect(self._dismiss)
        page.file_requested.connect(self.file_requested)
        page.token_requested.connect(self.token_requested)
        page.file_chosen.connect(self.file_chosen)
        page.model_chosen.connect(self.model_chosen)
        self._page = page
        self._pages.replace_welcome(page)
        self._tasks.run(self._check_space, self._on_space_checked, self.failed.emit)
        self._tasks.run(lambda _: self._shelf().find_existing(), self._on_files, self.failed.emit)
        return page

    def _check_space(self, _: "CancelToken") -> "tuple[SpaceCheck, str]":
        room = self._shelf().check_space(PHI_3)
        return room, self._shelf().space_problem(room)

    def _on_space_checked(self, found: "tuple[SpaceCheck, str]") -> None:
        if self._page:
            self._page.show_room(*found)

    def _on_files(self, files: Sequence[Path]) -> None:
        if self._page:
            self._page.show_files(files)

    @Slot()
    def _dismiss(self) -> None:
        self._set_offered(False)

    def _set_offered(self, is_offered: bool) -> None:
        self._is_offered = is_offered
        self._refresh()
        self.offer_changed.emit(is_offered)

    @Slot()
    def _show_strip(self) -> None:
        name = self._download_to_show()
        if name and self._downloads:
            self._shown = name
            strip = self._strip or self._make_strip()
            strip.show_download(self._title(name), self._downloads.state(name))
        if self._strip:
            self._strip.setVisible(bool(name))

    def _download_to_show(self) -> str:
        """Return the name of the download for the banner, running before failed before waiting; not the page's."""
        if not self._downloads:
            return ""
        states = {name: self._downloads.state(name) for name in self._downloads.names()}
        if self._page and self._pages.currentWidget() is self._page:
            states.pop(PHI_3, None)
        order = sorted(states, key=lambda name: (not states[name].is_running, not states[name].error))
        return order[0] if order else ""

    def _make_strip(self) -> "DownloadStrip":
        from phichat.ui.models.banners import DownloadStrip  # noqa: PLC0415 - at the first download

        self._strip = DownloadStrip(self._theme)
        self._strip.paused.connect(self._pause)
        self._strip.resumed.connect(self._resume)
        self._strip.opened.connect(self.open_dialog)
        self._bars.insertWidget(0, self._strip)
        return self._strip

    @Slot()
    def _pause(self) -> None:
        self._download_manager().pause(self._shown)

    @Slot()
    def _resume(self) -> None:
        self._download_manager().start(self._shown)

    def _show_notice(self) -> None:
        is_on_page = bool(self._page and self._pages.currentWidget() is self._page)
        if self._ready and not is_on_page:
            notice = self._notice or self._make_notice()
            if notice.isHidden():
                notice.show_ready(self._ready.title)
                notice.show()
        elif self._notice:
            self._notice.hide()

    def _make_notice(self) -> "ReadyNotice":
        from phichat.ui.models.banners import ReadyNotice  # noqa: PLC0415 - at the end of a download

        self._notice = ReadyNotice(self._theme)
        self._notice.hide()
        self._notice.accepted.connect(self._switch)
        self._notice.dismissed.connect(self._forget_ready)
        self._bars.addWidget(self._notice)
        return self._notice

    @Slot(object)
    def offer_settings(self, model: "ModelRef") -> None:
        """Offer what the makers of `model` recommend, once it is in use."""
        self._chosen = model.location
        self._show_makers_notice()

    def _recommending(self) -> "Listing | None":
        """Return the model in use if it was just chosen, and its makers recommend settings."""
        if not self._in_use or self._in_use.location != self._chosen:
            return None
        listings = (listing for listing in self._listings.values() if listing.model and listing.sampling)
        return next((one for one in listings if one.model and one.model.ref.location == self._chosen), None)

    def _show_makers_notice(self) -> None:
        listing = self._recommending()
        if listing:
            notice = self._makers_notice or self._make_makers_notice()
            notice.show_model(listing.title)
        if self._makers_notice:
            self._makers_notice.setVisible(listing is not None)

    def _make_makers_notice(self) -> "MakersNotice":
        from phichat.ui.models.banners import MakersNotice  # noqa: PLC0415 - with a model that has such settings

        self._makers_notice = MakersNotice(self._theme)
        self._makers_notice.accepted.connect(self._use_settings)
        self._makers_notice.dismissed.connect(self._decline_settings)
        self._bars.addWidget(self._makers_notice)
        return self._makers_notice

    @Slot()
    def _use_settings(self) -> None:
        if listing := self._recommending():
            self.sampling_chosen.emit(dict(listing.sampling))
        self._decline_settings()

    @Slot()
    def _decline_settings(self) -> None:
        self._chosen = ""
        self._show_makers_notice()

    @Slot()
    def _switch(self) -> None:
        if self._ready and self._notice:
            self._notice.show_waiting(self._ready.title)
            self.model_chosen.emit(self._ready)

    @Slot()
    def _forget_ready(self) -> None:
        self._ready = None
        self._refresh()

    def _title(self, name: str) -> str:
        listing = self._listings.get(name)
        return listing.title if listing else name.rpartition("/")[2]
