"""The text of HTML that was pasted or dropped, in time that grows with its length, whatever it contains.

QTextDocument and html.parser take minutes for some pages of 100 kB: those with many tags in each other, or cut off.
"""

import re

_HIDDEN = {"head", "script", "style", "template", "title"}
_LINES = {"br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "table", "tr", "ul"}
_CELLS = {"td", "th"}
_SPACE = re.compile(r"[ \t\n\r\f]+")
# Possessive, so that nothing is read twice.
_COMMENT = r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)|<[!?][^<>]*+>"
_TAG = r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)(?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>"
_MARKUP = re.compile(f"{_COMMENT}|{_TAG}")


def html_text(html: str) -> str:
    """Return the text of `html`: a line for each block and row, cells separated by tabs. Nothing is loaded."""
    text, at = _Text(), 0
    for markup in _MARKUP.finditer(html):
        text.add(html[at : markup.start()])
        at = markup.end()
        if name := markup["name"]:
            text.handle_tag(name.lower(), is_end=bool(markup["end"]))
    text.add(html[at:])
    return text.text().strip("\n\t").rstrip()


class _Text:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._hidden = ""
        self._preformatted = 0

    def text(self) -> str:
        return "".join(self._parts)

    def add(self, source: str) -> None:
        """Add what is between two tags."""
        from html import unescape  # noqa: PLC0415 - brings a table of entities, and such a paste is rare

        if self._hidden:
            return
        text = source
        if not self._preformatted:
            text = _SPACE.sub(" ", source)
            text = text.lstrip(" ") if self._last() in "\n\t " else text
        if text:
            self._parts.append(unescape(text))

    def handle_tag(self, name: str, *, is_end: bool) -> None:
        """Note where something is hidden, and begin lines and cells."""
        if self._hidden:
            ends = name == self._hidden if is_end else (self._hidden, name) in {("head", "body"), ("title", "body")}
            self._hidden = "" if ends else self._hidden
            return
        if name in _HIDDEN and not is_end:
            self._hidden = name
        elif name in _CELLS and not is_end and self._last() != "\n":
            self._separate("\t")
        elif name in _LINES and (name == "br" or self._last() != "\n"):
            self._separate("\n")
        if name == "pre":
            self._preformatted = max(0, self._preformatted + (-1 if is_end else 1))

    def _separate(self, sign: str) -> None:
        """Add `sign` in place of a space."""
        before = "" if self._last() == "\n" or self._preformatted else self._parts.pop().removesuffix(" ")
        self._parts.append(before + sign)

    def _last(self) -> str:
        """Return the last sign; a line break at the beginning."""
        return self._parts[-1][-1] if self._parts else "\n"
