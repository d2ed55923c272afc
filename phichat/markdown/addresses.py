"""Addresses on the web that stand in the text of a reply."""

import re
from collections.abc import Iterator
from dataclasses import replace

from phichat.markdown.document import Run, Style

_ADDRESS = re.compile(r"https?://[^\s<>\"“”«»`]+", re.IGNORECASE)
_AFTER_ADDRESS = ".,;:!?'*_~…"


def linked(run: Run) -> Iterator[Run]:
    """Yield `run` divided at bare addresses, which become links."""
    if "://" not in run.text or run.link or run.latex or run.style & Style.CODE:
        if run.text:
            yield run
        return
    at = 0
    for match in _ADDRESS.finditer(run.text):
        address = _address(match[0])
        if match.start() > at:
            yield replace(run, text=run.text[at : match.start()])
        yield replace(run, text=address, link=address)
        at = match.start() + len(address)
    if at < len(run.text):
        yield replace(run, text=run.text[at:])


def _address(found: str) -> str:
    """Return the address `found` without the punctuation of the sentence around it."""
    address = found.rstrip(_AFTER_ADDRESS)
    while address.endswith((")", "]")) and address.count("(") + address.count("[") < address.count(")") + (
        address.count("]")
    ):
        address = address[:-1].rstrip(_AFTER_ADDRESS)
    return address
