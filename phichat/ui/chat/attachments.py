"""Attached files: chosen, pasted or dropped on the window, read in a thread, kept with the conversation."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QWidget

from phichat.cancellation import CancelToken
from phichat.chat.attachments import Attachment, AttachmentProgress, AttachmentRemark, text_attachment
from phichat.chat.session import Session
from phichat.errors import DocumentLocked, DocumentTooLarge, PhichatError
from phichat.i18n import format_sizes, tr
from phichat.store.base import FileKind
from phichat.ui.a11y.announce import announce
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.pending_files import Files, FileTarget, Folder, Locked, Reading, TooLong
from phichat.ui.chat.refusals import Refusals
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.feedback import FeedbackController
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.drops import DropFilter
from phichat.unicode import short_title

SLOW_AFTER = 300  # milliseconds until the user is told that a file is being read
MOST_REMARKS = 5
MOST_PASTED = 10_000_000  # characters
PASTED_TEXT, PASTED_PICTURE = Path("text"), Path("picture")  # in place of a file
GIVE_UP_AFTER = 15_000  # milliseconds for one file; a lost network share may never answer

FileInspector = Callable[[Path], FileKind]
"""Returns the kind of a file; may block."""

FileReader = Callable[[Path, str, CancelToken], Iterator[object]]
"""Reads a file with a password, empty for none; may block.

Yields AttachmentProgress, then an Attachment, then AttachmentRemarks. Raises StoreError, DocumentError.
"""


class AttachmentController(QObject):
    """Attaches files to the conversation in which they were chosen, shown or not.

    `is_long` says whether a text has to be searched, as it is too long to go with a message.
    `look` returns the kind of a file, `read` reads it; both run in a thread. A file that wants a password asks for it.

    Signals:
        reading_delayed(str): the file of that name is still being read for the message that is being written, with the
            page; empty once none is.
        model_dropped(str), conversations_dropped(list[Path]): files that are not text.
        long_document_found(Session, Path): a file has too much text to go with a message.
        folder_found(Session, Path): a folder was chosen or dropped.
        change_made(str, Callable, Callable): what was done, and the functions to undo and redo it.
    """

    reading_delayed = Signal(str)
    model_dropped = Signal(str)
    conversations_dropped = Signal(list)
    long_document_found = Signal(object, object)
    folder_found = Signal(object, object)
    change_made = Signal(str, object, object)

    def __init__(
        self,
        window: QWidget,
        composer: Composer,
        conversations: Conversations,
        feedback: FeedbackController,
        *,
        look: FileInspector,
        read: FileReader,
    ) -> None:
        super().__init__(window)
        self._composer, self._conversations = composer, conversations
        self._look, self._read = look, read
        self._feedback, self._refusals = feedback, Refusals(feedback, self)
        self.is_long: Callable[[str], bool] = lambda _: False
        self._tasks = BackgroundTasks("files", parent=self)
        self._readings: list[Reading] = []
        self._slow_timer = QTimer(self, interval=SLOW_AFTER, singleShot=True)
        self._slow_timer.timeout.connect(self._emit_slow)
        self._give_up_timer = QTimer(self, interval=GIVE_UP_AFTER, singleShot=True)
        self._give_up_timer.timeout.connect(self._give_up)
        conversations.current.session_changed.connect(self._show)
        composer.attach_requested.connect(self.choose_files)
        composer.files_pasted.connect(self.attach)
        composer.long_text_pasted.connect(self.attach_text)
        composer.picture_pasted.connect(self._on_picture)
        composer.removed.connect(self._remove)
        drop_filter = DropFilter(window, composer.can_insert)
        drop_filter.words_dropped.connect(composer.insert_dropped)
        drop_filter.files_dropped.connect(self.attach)
        drop_filter.files_dropped.connect(composer.setFocus)
        drop_filter.model_dropped.connect(self.model_dropped)
        drop_filter.conversations_dropped.connect(self.conversations_dropped)

    @property
    def session(self) -> Session:
        """The current conversation."""
        return self._conversations.current.session

    @Slot(object)
    def _show(self, session: Session) -> None:
        self._composer.show_files(session.attached)

    @Slot()
    def choose_files(self) -> None:
        """Attach files that the user chooses in a dialog."""
        from phichat.ui.widgets.dialogs import choose_attachments  # noqa: PLC0415 - takes 10 ms

        if files := choose_attachments(self._composer.window()):
            self._begin([(Path(file), FileKind.TEXT) for file in files], self.session)
            self._composer.setFocus()

    @Slot(list)
    def attach(self, files: Sequence[Path], target: FileTarget | None = None) -> None:
        """Attach `files`, or have `target` take them; models and conversations among them are emitted as signals."""
        self._begin([(file, None) for file in files], self.session, target=target)

    @Slot(str)
    def attach_text(self, text: str) -> None:
        """Attach `text`, which is too long for the message field."""
        session = self.session
        if len(text) > MOST_PASTED:
            size, most = format_sizes(len(text.encode("utf-8", "replace")), MOST_PASTED)
            fact = tr("The text is too long to paste ({size}; the limit is {limit}). Paste part of it instead.")
            self._refusals.update(session.conversation.id, {PASTED_TEXT: fact.format(size=size, limit=most)})
            return
        file = text_attachment(text, session.attached)
        session.attached = (*session.attached, file)
        self._save(session)
        self._refusals.update(session.conversation.id, {}, [PASTED_TEXT])
        self._feedback.tell(tr("The text is long, so it was attached as {name}.").format(name=file.title))

    @Slot()
    def close(self) -> None:
        """Stop the threads."""
        self._tasks.close()
        self._readings.clear()  # whose targets keep this in turn

    def _begin(self, files: Files, session: Session, password: str = "", target: FileTarget | None = None) -> None:
        if files:
            self._start(Reading(session, files[0][0], files, password, target))

    def _start(self, reading: Reading) -> None:
        """Read the files that are left."""
        files, password = reading.left, reading.password

        def job(stop: CancelToken) -> Iterator[object]:
            for file, kind in files:
                if stop.is_set():
                    return
                yield file
                if file.is_dir():
                    yield Folder()
                    continue
                yield from self._read_file(file, kind or self._look(file), password, stop)

        self._readings.append(reading)
        if reading.target:
            reading.target.show_reading("")
        self._slow_timer.start()
        self._give_up_timer.start()
        self._tasks.run(
            job,
            partial(self._on_read, reading),
            partial(self._refuse, reading),
            partial(self._on_ended, reading),
            cancel=reading.stop,
        )

    def _read_file(self, file: Path, kind: FileKind, password: str, stop: CancelToken) -> Iterator[object]:
        """Yield what comes of reading the file, or why there is nothing, or its kind if it is no text. In a thread."""
        if kind is not FileKind.TEXT:
            yield kind
            return
        try:
            yield from self._read(file, password, stop)
        except DocumentLocked as error:
            yield Locked(file, str(error))
        except DocumentTooLarge:
            yield TooLong()
        except PhichatError as error:
            yield str(error)

    def _on_read(self, reading: Reading, found: object) -> None:
        match found:
            case Path():
                reading.at, reading.left, reading.progress, reading.has_begun = found, reading.left[1:], None, True
                self._give_up_timer.start()
            case AttachmentProgress():
                self._on_progress(reading, found)
            case Attachment() | TooLong():
                self._on_text(reading, found)
            case Folder():
                refusal = tr("Folders can’t be attached to temporary conversations, so “{name}” wasn’t attached.")
                self._have_indexed(reading, self.folder_found, refusal)
            case AttachmentRemark():
                reading.remarks.append(found.sentence)
            case Locked():
                self._ask_password(reading, found)
            case FileKind.MODEL:
                self.model_dropped.emit(str(reading.at))
            case FileKind.CONVERSATIONS:
                self.conversations_dropped.emit([reading.at])
            case str():
                self._refuse(reading, found)

    def _on_text(self, reading: Reading, found: "Attachment | TooLong") -> None:
        if isinstance(found, Attachment) and not self.is_long(found.text):
            if not self._is_late(reading, is_short=True):
                reading.attached.append(reading.at)
                self._add(reading, found)
        else:
            refusal = tr(
                "{name} is too large for a temporary conversation. Attach it to a regular conversation instead."
            )
            self._have_indexed(reading, self.long_document_found, refusal)

    def _have_indexed(self, reading: Reading, found: SignalInstance, refusal: str) -> None:
        """Have a file or folder indexed, unless that would store something of a temporary conversation."""
        if reading.session.is_temporary:
            self._refuse(reading, refusal.format(name=short_title(reading.at.name)))
        elif not self._is_late(reading, is_short=False):
            reading.attached.append(reading.at)
            found.emit(reading.session, reading.at)

    def _is_late(self, reading: Reading, *, is_short: bool) -> bool:
        """Return whether a file can't go with its message any more, and have it told why."""
        objection = reading.target.objection(is_short=is_short) if reading.target else ""
        if objection:
            self._refuse(reading, objection.format(name=short_title(reading.at.name)))
        return bool(objection)

    def _on_progress(self, reading: Reading, progress: AttachmentProgress) -> None:
        """Go on waiting for a file that is being read page by page, however many it has."""
        reading.progress = progress
        if reading in self._readings:
            self._give_up_timer.start()
            if not self._slow_timer.isActive():
                self._emit_slow()

    def _ask_password(self, reading: Reading, locked: Locked) -> None:
        from phichat.ui.widgets.password_dialog import PasswordDialog  # noqa: PLC0415 - as above

        dialog = PasswordDialog(self._composer.window(), locked.sentence)
        files = [(locked.file, FileKind.TEXT)]
        dialog.entered.connect(partial(self._begin, files, reading.session, target=reading.target))
        dialog.open()

    def _refuse(self, reading: Reading, sentence: str) -> None:
        reading.refused[reading.at] = sentence

    def _on_ended(self, reading: Reading) -> None:
        if reading not in self._readings:  # it was given up
            return
        self._readings.remove(reading)
        self._tell_outcome(reading)
        if reading.target:
            reading.target.show_reading(None)
        if not self._readings:
            self._slow_timer.stop()
            self._give_up_timer.stop()
        if all(other.target for other in self._readings):
            self.reading_delayed.emit("")

    @Slot()
    def _emit_slow(self) -> None:
        """Tell which file each message waits for."""
        own = [reading for reading in self._readings if reading.target is None]
        self.reading_delayed.emit(own[-1].title() if own else "")
        for reading in self._readings:
            if reading.target:
                reading.target.show_reading(reading.title())

    @Slot()
    def _give_up(self) -> None:
        """Tell which files don't answer, and go on with those behind them; those whose turn has not come go first."""
        readings, self._readings = sorted(self._readings, key=lambda reading: reading.has_begun), []
        for reading in readings:
            self._tasks.give_up(reading.stop)
            if reading.has_begun:
                late = tr("{name} took too long to read. Check the disk or network connection, then try again.")
                self._refuse(reading, late.format(name=short_title(reading.at.name)))
                self._tell_outcome(reading)
            if reading.target:
                reading.target.show_reading(None)
        for reading in readings:
            if reading.left:
                self._start(reading.rest())
        self._emit_slow()

    def _tell_outcome(self, reading: Reading) -> None:
        conversation = reading.session.conversation.id
        self._refusals.update(conversation, reading.refused, reading.attached)
        if reading.remarks:
            self._feedback.tell_in(conversation, "\n".join(reading.remarks[:MOST_REMARKS]))

    def _add(self, reading: Reading, file: Attachment) -> None:
        take = reading.target.take if reading.target else partial(self._take, reading.session)
        if sentence := take(file):
            self._feedback.tell_attached(reading.session.conversation.id, sentence)
        else:
            announce(self._composer, tr("{name} attached.").format(name=file.title))

    def _take(self, session: Session, file: Attachment) -> str:
        """Attach `file` to what is being written in `session`; return a sentence if it is attached already."""
        if file in session.attached:
            return tr("{name} is already attached.").format(name=file.title)
        session.attached = (*session.attached, file)
        self._save(session)
        return ""

    @Slot()
    def _on_picture(self) -> None:
        refusal = tr("Phichat can’t read images. Paste text or attach a document instead.")
        self._refusals.update(self.session.conversation.id, {PASTED_PICTURE: refusal})

    @Slot(object)
    def _remove(self, file: Attachment) -> None:
        if file not in self.session.attached:
            return
        name, place = self.session.conversation.id, self.session.attached.index(file)

        def put_back() -> None:
            session = self._live(name)
            if session and file not in session.attached:
                session.attached = (*session.attached[:place], file, *session.attached[place:])
                self._save(session)

        def take() -> None:
            if session := self._live(name):
                session.attached = tuple(other for other in session.attached if other != file)
                self._save(session)

        take()
        if not self.session.attached:
            self._composer.setFocus()
        self.change_made.emit(tr("{name} was removed.").format(name=file.title), put_back, take)

    def _live(self, name: str) -> Session | None:
        """Return the conversation with that id as it is now; None if it was deleted."""
        current, is_listed = self._conversations.current, bool(self._conversations.list_model.summary(name))
        return current.cached_session(name) or (current.recall(name) if is_listed else None)

    def _save(self, session: Session) -> None:
        """Show and store what is attached in `session`, unless that was deleted meanwhile."""
        if session is self.session:
            self._show(session)
            self._conversations.current.save_now()
        else:
            self._conversations.save_draft(session)
