"""Writing paragraphs, or parts of them, as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from phichat.markdown.document import Paragraph, Run, Style
from phichat.unicode import utf16_length, utf16_slice

_MARKERS = {"•": "- ", "◦": "- ", "▪": "- ", "☐": "- [ ] ", "☑": "- [x] "}
_SIGNS = ((Style.BOLD, "**"), (Style.ITALIC, "*"), (Style.STRUCK, "~~"))


def to_markdown(paragraphs: Sequence[Paragraph]) -> str:
    """Return `paragraphs` as Markdown."""
    return "".join(_pieces(paragraphs))


def clip(paragraph: Paragraph, start: int, end: int) -> Paragraph:
    """Return `paragraph` clipped to `start` and `end`, in UTF-16 code units of its text with its marker."""
    at = utf16_length(paragraph.marker) + 1 if paragraph.marker else 0
    runs: list[Run] = []
    for run in paragraph.runs:
        size = 1 if run.latex else utf16_length(run.text)
        begin, stop = max(start - at, 0), min(end - at, size)
        if begin < stop:
            runs.append(run if run.latex else replace(run, text=utf16_slice(run.text, begin, stop)))
        at += size
    if start > 0:
        return replace(paragraph, runs=tuple(runs), marker="", heading=0, depth=0, quotes=())
    return replace(paragraph, runs=tuple(runs))


def _pieces(paragraphs: Sequence[Paragraph]) -> Iterator[str]:
    before = None
    for paragraph in paragraphs:
        if before:
            is_close = paragraph.continues or (paragraph.marker and before.depth and paragraph.depth)
            yield "\n" if is_close else "\n\n"
        yield _paragraph_markdown(paragraph)
        before = paragraph


def _paragraph_markdown(paragraph: Paragraph) -> str:
    quote = "> " * len(paragraph.quotes)
    if paragraph.is_rule:
        return quote + "---"
    marker = _MARKERS.get(paragraph.marker, paragraph.marker and f"{paragraph.marker} ")
    indent = quote + "   " * (max(paragraph.depth - 1, 0) if marker else paragraph.depth)
    start = indent + ("#" * paragraph.heading + " " if paragraph.heading else marker)
    then = indent + " " * min(len(marker), 3)
    words = "".join(run.text if run.latex else _with_signs(run) for run in paragraph.runs)
    return start + words.replace("\n", "\n" + then)


def _with_signs(run: Run) -> str:
    """Return the text of `run` between the signs of its format, which must not be next to spaces."""
    bare = run.text.strip()
    if not bare:
        return run.text
    signs = "`" if run.style & Style.CODE else ""
    for style, sign in _SIGNS:
        signs = sign + signs if run.style & style else signs
    marked = f"{signs}{bare}{signs[::-1]}"
    if run.link and run.link != bare:
        marked = f"[{marked}]({run.link})"
    before, after = run.text[: len(run.text) - len(run.text.lstrip())], run.text[len(run.text.rstrip()) :]
    return before + marked + after
