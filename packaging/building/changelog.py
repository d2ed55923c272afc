"""What CHANGELOG.md says of each version: for the release page, and for the software centres of Linux."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from building.project import ROOT, Trouble

UNRELEASED = "## Unreleased"  # what the next version will bring
_HEADING = re.compile(r"## (\d+(?:\.\d+)+) - (\d{4}-\d\d-\d\d)")
_POINT = re.compile(r"[-*] ")
_MARKS = re.compile(r"\*\*|`|\[([^]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Release:
    """A version, the day it was published as 2026-01-31, and what is new in it, as Markdown."""

    version: str
    day: str
    notes: str

    def page(self) -> str:
        """The notes as a release page has them, where a new line is seen: each paragraph and point is one."""
        blocks = list(_blocks(self.notes))
        gaps = ["\n" if _POINT.match(one) and _POINT.match(two) else "\n\n" for one, two in pairwise(blocks)]
        return "".join(block + gap for block, gap in zip(blocks, [*gaps, "\n"], strict=True))


def releases(text: str = "") -> list[Release]:
    """All there are, the newest first; `text` in place of the file."""
    parts = re.split(r"^(?=## )", text or (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    found = []
    for part in parts[1:]:
        heading, _, notes = part.partition("\n")
        if heading.strip() == UNRELEASED:
            continue
        named = _HEADING.fullmatch(heading.strip())
        if not named or not notes.strip():
            raise Trouble(f"CHANGELOG.md: {heading.strip()!r} is to be like `## 1.2.3 - 2026-01-31`, with words below.")
        found.append(Release(named[1], named[2], notes.strip()))
    return found


def release(version: str, text: str = "") -> Release:
    """The one of that version."""
    found = next((one for one in releases(text) if one.version == version), None)
    if not found:
        raise Trouble(f"CHANGELOG.md says nothing of {version}: add `## {version} - YEAR-MONTH-DAY` and what is new.")
    return found


def metainfo(homepage: str, text: str = "") -> str:
    """The `releases` element of AppStream's metainfo; each leads to its page below `homepage`."""
    lines = ["<releases>"]
    for one in releases(text):
        lines += [f'  <release version="{one.version}" date="{one.day}" type="stable">', "    <description>"]
        lines += [f"      {line}" for line in _paragraphs(one.notes)]
        lines += ["    </description>", f'    <url type="details">{homepage}/releases/tag/v{one.version}</url>']
        lines.append("  </release>")
    return "".join(f"  {line}\n" for line in [*lines, "</releases>"])


def _paragraphs(notes: str) -> Iterator[str]:
    """Paragraphs and lists, which is all that AppStream knows."""
    is_list = False
    for text in _blocks(notes):
        is_point = bool(_POINT.match(text))
        if is_point is not is_list:
            yield "<ul>" if is_point else "</ul>"
        is_list = is_point
        plain = escape(_MARKS.sub(r"\1", _POINT.sub("", text, count=1) if is_point else text.lstrip("# ")))
        yield f"  <li>{plain}</li>" if is_point else f"<p>{plain}</p>"
    if is_list:
        yield "</ul>"


def _blocks(notes: str) -> Iterator[str]:
    """Each paragraph, heading and point of a list in one line."""
    block: list[str] = []
    for line in [*notes.splitlines(), ""]:
        begins = not line.strip() or _POINT.match(line) or line.startswith("#")
        if begins and block:
            yield " ".join(block)
            block = []
        if line.strip():
            block.append(line.strip())
        if line.startswith("#"):
            yield " ".join(block)
            block = []
