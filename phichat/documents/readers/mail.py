"""E-mail in files: who wrote what to whom, and the names of what is attached. Nothing of it is fetched or opened."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser

from phichat.documents.base import Finding, Note, Outline, Part
from phichat.documents.readers.flow import Flow
from phichat.documents.readers.html import Page
from phichat.documents.readers.source import MOST_PLAIN, Source, clean, clean_heading, damaged
from phichat.encodings import decode_text
from phichat.errors import DocumentTooLarge
from phichat.i18n import format_sizes, tr

MOST_MESSAGES = 100  # inside one another, or side by side

_STYLES = {"text/css", "text/javascript", "application/javascript", "application/x-javascript"}
_UNCLEAR = {"text/html", "application/octet-stream", "binary/octet-stream"}
_SHOWN = ("From", "To", "Cc", "Date", "Subject")


def read(source: Source) -> Iterator[Part]:
    """Yield a message, and those it forwards. See `source.Reader`."""
    size = source.path.stat().st_size
    if size > MOST_PLAIN:
        shown, most = format_sizes(size, MOST_PLAIN)
        raise DocumentTooLarge(
            tr("{name} is too large to read ({size}; the limit is {limit}). Split it, then add the parts.").format(
                name=source.name, size=shown, limit=most
            )
        )
    with source.path.open("rb") as file:
        message = BytesParser(EmailMessage, policy=policy.default).parse(file)
    if not message.keys():
        raise damaged(source.name)
    yield Outline(clean_heading(_header(message, "Subject")))
    yield from _read_messages(message)


def _read_messages(message: EmailMessage) -> Iterator[Part]:
    waiting, count = [message], 0
    while waiting and count < MOST_MESSAGES:
        current = waiting.pop(0)
        count += 1
        yield from _read_message(current)
        for part in _attached(current):
            if part.get_content_type() == "message/rfc822" and isinstance(inner := part.get_payload(0), EmailMessage):
                waiting.append(inner)
            else:
                yield Note(Finding.SKIPPED, name=clean_heading(part.get_filename() or part.get_content_type()))


def _attached(message: MIMEPart) -> Iterator[MIMEPart]:
    """Yield what goes with the text of a message, but for what its page is made of, as in a saved one."""
    if not message.is_multipart():
        return
    others = [*message.iter_attachments()]
    has_page = message.get_content_type() == "multipart/related"
    for part in message.iter_parts():
        if not any(part is other for other in others):
            yield from _attached(part)  # the text, in several forms, with what goes with each
        elif part.is_attachment() or not (has_page and _is_of_page(part)):
            yield part


def _is_of_page(part: MIMEPart) -> bool:
    """Return whether a part is a picture, font, style sheet, script or frame. Of a document there is a name, too."""
    kind = part.get_content_type()
    is_shown = part.get_content_maintype() in {"image", "font"} or "font" in kind
    return is_shown or kind in _STYLES or (kind in _UNCLEAR and not part.get_filename())


def _read_message(message: EmailMessage) -> Iterator[Part]:
    flow = Flow((clean_heading(_header(message, "Subject")),))
    headers = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    yield from flow.add_paragraph("\n".join(headers))
    body = message.get_body(("plain", "html"))
    text = _decoded(body) if body else ""
    if body and body.get_content_subtype() == "html":
        yield from flow.finish()
        yield from Page(flow.heading).read(text)
        return
    for paragraph in clean(text).split("\n\n"):
        yield from flow.add_paragraph(paragraph)
    yield from flow.finish()


def _header(message: EmailMessage, name: str) -> str:
    """Return a header; empty if there is none that can be read."""
    try:
        return " ".join(clean(str(message[name] or "")).split())
    except Exception:  # noqa: BLE001 - the email package raises what it likes for invalid headers
        return ""


def _decoded(part: MIMEPart) -> str:
    """Return the text of a part; in an encoding that its headers do not tell, it is guessed."""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        data = part.get_payload(decode=True)
        return decode_text(data) or "" if isinstance(data, bytes) else ""
