"""Which pages of attached documents answers can name."""

from phichat.chat.attached_pages import attached_sources
from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Message, Role


def _pages(text: str) -> list[tuple[int, str]]:
    found = attached_sources([Message(Role.USER, "What is it?", attachments=(Attachment("file", text),))])
    return [(page.page or 0, page.text) for page in found.passages] if found else []


def test_each_page_of_a_document_is_a_source() -> None:
    text = "[Page 1]\n\nThe pump.\n\n[Page 1,002]\n\nThe lamp [3]\n[3]."
    assert _pages(text) == [(1, "The pump."), (1002, "The lamp [3]\n[3].")]


def test_lines_in_brackets_are_no_pages() -> None:
    assert _pages("[Verse 1]\nA ship sails.\n\n[Verse 2]\nIt comes back.") == []
    assert _pages("[Page 7]\n\nMinutes\n\n[Item 4]\nThe roof leaks.") == [(7, "Minutes\n\n[Item 4]\nThe roof leaks.")]
