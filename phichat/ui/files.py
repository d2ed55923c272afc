"""Files that come to the window: each goes where it belongs, and what is attached is weighed."""

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from phichat.chat.session import Session
from phichat.ui.answering import Answering
from phichat.ui.archive import Archive
from phichat.ui.attaching import Attaching, Looker, TextReader
from phichat.ui.composer import Composer
from phichat.ui.dropping import Dropping
from phichat.ui.status_line import StatusLine
from phichat.ui.weighing import Weighing


class Files(QObject):
    """Puts those together who take files that are dropped on `window`, pasted or chosen.

    Signals: `told(str)` with a sentence about what went wrong, `model_given(str)` for a model's
    file, `conversations_given(list[Path])` for exported conversations.
    """

    told = Signal(str)
    model_given = Signal(str)
    conversations_given = Signal(list)

    def __init__(
        self,
        window: QWidget,
        composer: Composer,
        status: StatusLine,
        answering: Answering,
        archive: Archive,
        *,
        look: Looker,
        read: TextReader,
    ) -> None:
        super().__init__(window)
        self._attaching = Attaching(composer, archive, self, look=look, read=read)
        self._weighing = Weighing(composer, status, answering, self)
        self._dropping = Dropping(window)
        for model in (self._dropping.model_dropped, self._attaching.model_given):
            model.connect(self.model_given)
        for conversations in (self._dropping.conversations_dropped, self._attaching.conversations_given):
            conversations.connect(self.conversations_given)
        self._dropping.files_dropped.connect(self._attaching.take)
        self._attaching.told.connect(self.told)
        self._attaching.slowed.connect(self._weighing.wait_for)

    @Slot(object)
    def show(self, session: Session) -> None:
        """Another conversation is shown."""
        self._weighing.show(session)
        self._attaching.show(session)

    @Slot(str)
    def write(self, draft: str) -> None:
        """This is written now."""
        self._weighing.write(draft)

    @Slot()
    def close(self) -> None:
        """End all threads."""
        self._attaching.close()
