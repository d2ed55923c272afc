"""Files that go with a message in the terminal: `phichat ask -a FILE`."""

import getpass
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from phichat.cancellation import CancelToken
from phichat.chat.attachments import Attachment, AttachmentRemark
from phichat.cli.console import Console
from phichat.documents.attachments import is_document, read_attachment
from phichat.documents.process.document_process import DocumentProcess
from phichat.errors import DocumentLocked


def read_attachments(paths: Iterable[Path], console: Console, stop: CancelToken) -> tuple[Attachment, ...]:
    """Return the files as attachments; each once. Raise PhichatError for one that cannot be attached.

    In a terminal, a protected one asks for its password. What is missing of a document is told as a notice.
    """
    found: list[Attachment] = []
    with closing(DocumentProcess()) as process:
        for path in dict.fromkeys(paths):
            for part in _read(process, path, console, stop):
                if isinstance(part, Attachment):
                    found.append(part)
                elif isinstance(part, AttachmentRemark):
                    console.print_notice(part.sentence)
    return tuple(found)


def _read(process: DocumentProcess, path: Path, console: Console, stop: CancelToken) -> Iterator[object]:
    if not is_document(path):
        from phichat.exchange import text_files  # noqa: PLC0415 - takes 30 ms, and most messages have no files

        yield text_files.read_text(path)
        return
    password = ""
    while True:
        try:
            yield from read_attachment(process, path, password, stop)
        except DocumentLocked as error:
            if not console.is_interactive:
                raise
            password = getpass.getpass(f"{error} ")
            if not password:
                raise
        else:
            return
