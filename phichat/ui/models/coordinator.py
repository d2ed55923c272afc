"""Models that are not here yet, as the window shows them: the first page, the strip, the notice, the dialog."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout

from phichat.i18n import format_number, tr
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks, JobPool, single_result
from phichat.ui.widgets.pages import CentralStack

if TYPE_CHECKING:
    from phichat.cancellation import CancelToken
    from phichat.engine.base import ModelRef
    from phichat.models.base import Listing, ModelFile, ModelManager, SpaceCheck
    from phichat.models.library import Library
    from phichat.ui.controllers.downloads import DownloadManager
    from phichat.ui.models.banners import DownloadStrip, ReadyNotice
    from phichat.ui.models.dialog import ModelsDialog
    from phichat.ui.models.first_run import FirstRunPage

PHI_3 = "phi-3-mini-4k-instruct-q4"
STARTER = "starter"


class ModelCoordinator(QObject):
    """Fetches models and shows how that goes; what shows it is made when it is first needed.

    Attributes:
        has_looked: whether it is known which models there are.

    Signals:
        listed: it is known for the first time.
        model_chosen(ModelRef): the person wants to talk with it.
        offer_changed(bool): whether the page of the first start is wanted has changed, and is to be remembered.
        file_requested: a file is to be chosen; file_chosen(str): one was.
        notified(str): a sentence for the status line.
        ended(str): a sentence about a download that is over.
    """

    listed = Signal()
    model_chosen = Signal(object)
    offer_changed = Signal(bool)
    file_requested = Signal()
    file_chosen = Signal(str)
    notified = Signal(str)
    ended = Signal(str)

    def __init__(
        self, theme: Theme, shelf: "Callable[[], ModelManager]", library: "Callable[[], Library]", hub: str
    ) -> None:
        super().__init__()
        self._theme, self._shelf, self._library, self._hub = theme, shelf, library, hub
        self._pool, self._tasks = JobPool("downloads"), BackgroundTasks("errands")
        for worker in (self._pool, self._tasks):
            worker.setParent(self)
        self._listings: dict[str, Listing] = {}
        self._in_use: ModelRef | None = None
        self._ready: ModelRef | None = None
        self._downloads: DownloadManager | None = None
        self._page: FirstRunPage | None = None
        self._strip: DownloadStrip | None = None
        self._notice: ReadyNotice | None = None
        self._dialog: ModelsDialog | None = None
        self._shown = ""
        self.has_looked = False

    def set_place(self, pages: CentralStack, bars: QBoxLayout, *, is_offered: bool) -> None:
        """Where to show things, and whether the person still wants to be offered Phi-3."""
        # The window itself is not kept: a circle of references is freed at any time, in any thread.
        self._pages, self._bars, self._is_offered = pages, bars, is_offered
        pages.currentChanged.connect(self._refresh)

    @Slot()
    def load_listings(self) -> None:
        """See which models there are; what an earlier start left unfinished goes on."""
        self._tasks.run(single_result(self._list), self._on_known, self._on_looked)

    def show_model(self, model: "ModelRef | None") -> None:
        """`model` answers now."""
        self._in_use = model
        if self._ready and model and model.location == self._ready.location:
            self._ready = None
        if self._dialog:
            self._dialog.show_model(model.name if model else "")
        if self.has_looked:
            self._refresh()

    @Slot()
    def offer_phi_3(self) -> None:
        """Offer Phi-3 again."""
        if self._can_offer():
            self._set_offered(True)
        else:
            self.open_dialog()

    @Slot()
    def open_dialog(self) -> None:
        """Show all models and what can be done with them."""
        if not self._dialog:
            from phichat.ui.models.dialog import ModelsDialog  # noqa: PLC0415 - when it is wanted

            self._dialog = ModelsDialog(
                self._theme, self._fetching(), self._tasks, self._shelf, self._library, self._pages.window()
            )
            self._dialog.model_chosen.connect(self.model_chosen)
            self._dialog.changed.connect(self.load_listings)
        self._dialog.show_model(self._in_use.name if self._in_use else "")
        self._dialog.select_model(self._shown)
        self._dialog.show()
        self._dialog.activateWindow()

    def confirm_before(self, leaving: Callable[[], object]) -> bool:
        """Whether the person is asked first, as a download is under way; `leaving` is what they agree to."""
        active = self._downloads.active() if self._downloads else []
        application = QCoreApplication.instance()
        if not active or (isinstance(application, QGuiApplication) and application.isSavingSession()):
            return False
        from phichat.ui.models.formatting import percent_done  # noqa: PLC0415
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - rarely needed

        share = format_number(percent_done(self._fetching().state(active[0]).progress))
        question = tr("Quit? {percent} % of {model} are here; the download goes on at the next start.")
        question = question.format(percent=share, model=self._title(active[0]))
        ask_question(
            self._theme, self._pages.window(), "quitQuestion", question, tr("Quit"), tr("Keep downloading"), leaving
        )
        return True

    @Slot()
    def close(self) -> None:
        """End all threads; what is here of a download stays."""
        for worker in (self._pool, self._tasks):
            worker.stop()
        for worker in (self._pool, self._tasks):
            worker.close()

    def _list(self, _: "CancelToken") -> "list[Listing]":
        if self._is_offered:  # then it is imported here, and not on the window's time
            import phichat.ui.models.first_run  # noqa: F401, PLC0415
        return self._shelf().list_models()

    def _on_known(self, listings: "Sequence[Listing]") -> None:
        self._listings = {listing.name: listing for listing in listings}
        if not self._downloads:
            self._fetching().take_up(listings)

    def _on_looked(self, trouble: str) -> None:
        if trouble:
            self.notified.emit(trouble)
        is_first, self.has_looked = not self.has_looked, True
        self._refresh()
        if is_first:
            self.listed.emit()

    def _fetching(self) -> "DownloadManager":
        if not self._downloads:
            from phichat.ui.controllers.downloads import DownloadManager  # noqa: PLC0415 - after the window is painted

            self._downloads = DownloadManager(self._shelf, self._pool, self._tasks)
            self._downloads.setParent(self)
            self._downloads.changed.connect(self._show_strip)
            self._downloads.settled.connect(self.load_listings)
            self._downloads.fetched.connect(self._on_fetched)
            self._downloads.failed.connect(self._on_failed)
        return self._downloads

    @Slot(object)
    def _on_fetched(self, model: "ModelFile") -> None:
        """Taken at once where there is no other."""
        self.ended.emit(tr("{model} is ready.").format(model=model.title))
        if self._in_use:
            self._ready = model.ref
            self._refresh()
        else:
            self.model_chosen.emit(model.ref)

    @Slot()
    def _on_failed(self) -> None:
        self.ended.emit(tr("A download stopped before its end."))  # why is for the window: it may name folders

    @Slot()
    def _refresh(self) -> None:
        self._show_page()
        self._show_strip()
        self._show_notice()

    def _can_offer(self) -> bool:
        """Whether Phi-3 is missing, and there is nothing but a toy in its place."""
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
        from phichat.ui.models.first_run import FirstRunPage  # noqa: PLC0415 - most starts are not the first

        page = FirstRunPage(self._theme, self._fetching(), self._listings[PHI_3], self._hub)
        page.dismissed.connect(self._dismiss)
        page.file_requested.connect(self.file_requested)
        page.file_chosen.connect(self.file_chosen)
        page.model_chosen.connect(self.model_chosen)
        self._page = page
        self._pages.replace_welcome(page)
        self._tasks.run(single_result(self._find_room), self._on_room, self.notified.emit)
        self._tasks.run(single_result(self._find_files), self._on_files, self.notified.emit)
        return page

    def _find_room(self, _: "CancelToken") -> "tuple[SpaceCheck, str]":
        room = self._shelf().check_space(PHI_3)
        return room, self._shelf().space_problem(room)

    def _on_room(self, found: "tuple[SpaceCheck, str]") -> None:
        if self._page:
            self._page.show_room(*found)

    def _find_files(self, _: "CancelToken") -> list[Path]:
        return self._shelf().find_existing()

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
        name = self._worth_showing()
        if name and self._downloads:
            self._shown = name
            strip = self._strip or self._make_strip()
            strip.show_download(self._title(name), self._downloads.state(name))
        if self._strip:
            self._strip.setVisible(bool(name))

    def _worth_showing(self) -> str:
        """The download the strip is to show: what runs, what failed, what waits; not what the page shows."""
        if not self._downloads:
            return ""
        states = {name: self._downloads.state(name) for name in self._downloads.names()}
        if self._page and self._pages.currentWidget() is self._page:
            states.pop(PHI_3, None)
        order = sorted(states, key=lambda name: (not states[name].is_running, not states[name].error))
        return order[0] if order else ""

    def _make_strip(self) -> "DownloadStrip":
        from phichat.ui.models.banners import DownloadStrip  # noqa: PLC0415 - only where something is fetched

        self._strip = DownloadStrip(self._theme)
        self._strip.paused.connect(self._pause)
        self._strip.resumed.connect(self._resume)
        self._strip.opened.connect(self.open_dialog)
        self._bars.insertWidget(0, self._strip)
        return self._strip

    @Slot()
    def _pause(self) -> None:
        self._fetching().pause(self._shown)

    @Slot()
    def _resume(self) -> None:
        self._fetching().resume(self._shown)

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
        from phichat.ui.models.banners import ReadyNotice  # noqa: PLC0415 - as above

        self._notice = ReadyNotice(self._theme)
        self._notice.hide()
        self._notice.accepted.connect(self._switch)
        self._notice.dismissed.connect(self._forget_ready)
        self._bars.addWidget(self._notice)
        return self._notice

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
