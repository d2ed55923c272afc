"""Which word of a text under the lens has its candidates shown, as mouse and keys go from word to word."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from shiboken6 import isValid

from phichat.chat.candidates import Candidate
from phichat.chat.weighed_reply import WeighedToken
from phichat.ui.a11y.announce import announce
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.popup import LensPopup, word_sentence
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.parent import parent_window

REST, GRACE = 120, 300  # milliseconds: until another word replaces the one that is shown, and until that is hidden


class LensPointer(QObject):
    """Shows the popup of `window` for the words of the texts that are added, and never for two at once.

    `can_choose` returns whether a candidate can be chosen now; with `tells_surprise`, words come with theirs.

    Signals: `chosen(LensText, WeighedToken, Candidate)`: a candidate was chosen in place of a token of that text.
    """

    chosen = Signal(object, object, object)

    def __init__(
        self, theme: Theme, window: QWidget, can_choose: Callable[[], bool], *, tells_surprise: bool = False
    ) -> None:
        super().__init__(window)
        self._theme, self._can_choose, self._tells_surprise = theme, can_choose, tells_surprise
        self._popup: LensPopup | None = None
        self._field: LensText | None = None
        self._is_out_of_sight = False
        self._rest = QTimer(self, interval=REST, singleShot=True)
        self._rest.timeout.connect(self._show)
        self._grace = QTimer(self, interval=GRACE, singleShot=True)
        self._grace.timeout.connect(self.hide)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    def add(self, field: LensText) -> None:
        """Show candidates for the words of `field` from now on."""
        field.word_changed.connect(self._on_word)
        field.word_entered.connect(self._on_entered)
        field.left.connect(self._on_left)
        field.menu_opened.connect(self.hide)

    @Slot()
    def hide(self) -> None:
        """Hide the candidates."""
        self._rest.stop()
        self._grace.stop()
        field, self._field = self._field, None
        self._is_out_of_sight = False
        if field and isValid(field):
            for moved in _around(field):
                moved.removeEventFilter(self)
        if self._popup and self._popup.isVisible():
            if self._popup.has_focus() and field and isValid(field):
                field.setFocus(Qt.FocusReason.OtherFocusReason)
            self._popup.hide()

    @Slot(int)
    def _on_word(self, word: int) -> None:
        field = self.sender()
        if not isinstance(field, LensText):
            return
        if word < 0:
            self._hide_of(field)
            return
        self._grace.stop()
        is_by_key = field.hasFocus() and not field.is_pointed_at
        is_other = self._field is not field
        if is_other:
            self._take(field)
        if is_by_key:
            sentence = word_sentence(field.text, field.words[word])
            field.setAccessibleDescription(sentence)
            announce(field, sentence)
        if is_by_key or is_other or self._popup is None or not self._popup.isVisible():
            self._show()
        else:
            self._rest.start()  # the mouse may be on its way to the popup

    @Slot(int)
    def _on_entered(self, word: int) -> None:
        field = self.sender()
        if isinstance(field, LensText) and word >= 0:
            if self._field is not field:
                self._take(field)
            self._show()
            if self._popup:
                self._popup.take_focus()

    @Slot()
    def _on_left(self) -> None:
        """Hide the candidates soon, unless the keys are used or the mouse goes to them."""
        field = self.sender()
        if field is self._field and isinstance(field, LensText):
            if field.current < 0:
                self.hide()
            elif not (field.hasFocus() or (self._popup and self._popup.has_focus())):
                self._rest.stop()
                self._grace.start()

    @Slot()
    def _on_popup_entered(self) -> None:
        self._rest.stop()
        self._grace.stop()

    @Slot()
    def _on_popup_exited(self) -> None:
        if self._popup and not self._popup.has_focus() and not (self._field and self._field.hasFocus()):
            self._grace.start()

    @Slot()
    def _on_popup_left(self) -> None:
        if self._field:
            self._field.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(QWidget, QWidget)
    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        """Hide what the keys brought up once the focus goes elsewhere."""
        if self._popup and self._popup.isVisible() and now and self._is_ours(before) and not self._is_ours(now):
            self.hide()

    def _is_ours(self, widget: QWidget | None) -> bool:
        if widget is None or self._popup is None:
            return False
        return widget is self._field or self._popup.isAncestorOf(widget)

    @Slot(object, object)
    def _on_chosen(self, token: WeighedToken, candidate: Candidate) -> None:
        field = self._field
        self.hide()
        if field:
            self.chosen.emit(field, token, candidate)

    def _take(self, field: LensText) -> None:
        before = self._field
        self.hide()
        if before and isValid(before):
            before.go_to(-1)
        self._field = field
        for moved in _around(field):
            moved.installEventFilter(self)

    def _hide_of(self, field: LensText) -> None:
        if field is self._field:
            self.hide()

    @Slot()
    def _show(self) -> None:
        field = self._field
        if field is None or not isValid(field) or not 0 <= field.current < len(field.words):
            return
        if self._popup is None:
            self._popup = self._make_popup()
        word = field.words[field.current]
        self._popup.show_word(field.text, word, can_choose=self._can_choose(), tells_surprise=self._tells_surprise)
        self._place()

    def _place(self) -> None:
        """Put the popup beside the word; hide it while that is scrolled out of sight."""
        if self._popup and self._field:
            area = self._field.word_rect(self._field.current)
            place = QRect(self._field.viewport().mapTo(parent_window(self, QWidget), area.topLeft()), area.size())
            self._is_out_of_sight = not self._field.visibleRegion().intersects(area)
            if self._is_out_of_sight:
                self._popup.hide()
            else:
                self._popup.place_at(place)

    def _make_popup(self) -> LensPopup:
        popup = LensPopup(self._theme, parent_window(self, QWidget))
        popup.chosen.connect(self._on_chosen)
        popup.left.connect(self._on_popup_left)
        popup.entered.connect(self._on_popup_entered)
        popup.exited.connect(self._on_popup_exited)
        return popup

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Move, QEvent.Type.Resize} and self._is_wanted():
            QTimer.singleShot(0, self, self._follow)  # after the layout
        elif event.type() is QEvent.Type.Hide and watched is self._field:
            self.hide()
        return super().eventFilter(watched, event)

    @Slot()
    def _follow(self) -> None:
        if self._field and isValid(self._field) and self._is_wanted():
            self._place()

    def _is_wanted(self) -> bool:
        """Return whether the popup is shown, or would be if its word were in sight."""
        return self._popup is not None and (self._popup.isVisible() or self._is_out_of_sight)


def _around(field: LensText) -> list[QWidget]:
    """Return `field`, its window, and the contents of the scroll areas it is in, which move when they are scrolled."""
    found: list[QWidget] = [field, field.window()]
    area = field.parentWidget()
    while area:
        if isinstance(area, QScrollArea) and (content := area.widget()):
            found.append(content)
        area = area.parentWidget()
    return found
