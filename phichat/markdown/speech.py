"""A growing reply as speech for a screen reader: one sentence at a time, without Markdown signs."""

import re
from html import unescape

from phichat.i18n import tr_count
from phichat.markdown.document import closing_fence

LONG = 240  # characters; a longer sentence is spoken up to its last pause

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^\s`~]*)")  # in a list, as deep as that is
_RULE = re.compile(r"[\s|:=*_+-]*$|\s*(?:\$\$|\\\[|\\\])\s*$")  # a line of marks alone; so is a table's second one
_ALONE = re.compile(rf"{_RULE.pattern}|{_FENCE.pattern}|\s*(?:#{{1,6}}(?:\s|$)|\||[`~]+\s*$)")  # such lines are whole
_MARKER = re.compile(r"\s*(?:>[ \t]?|(?:#{1,6}|[-*+](?: +\[[ xX]\])?|\d{1,9}[.)])(?:[ \t]+|$))*")
_BREAK = re.compile(r"\n(?=[ \t]*(?:\n|[-*+>#|]|\d{1,9}[.)][ \t]|`{3}|~{3}|\$\$|\\\[))")  # a block ends
_END = re.compile(r"[.!?…؟۔।]+(?:[\"'”’)\]*_`]|\s?»)*(?=\s)|[。！？｡]+[\"'”’」』）*_`]*")
_WIDE = "。！？｡"  # after which there is no space
_PAUSE = re.compile(r"[,;:،؛](?=\s)|[、，；：]|\n|\s[–—-](?=\s)")
_SHORT = {
    "approx", "cf", "dr", "e.g", "env", "etc", "ex", "fig", "i.e", "mlle", "mme", "mr", "mrs", "ms", "no", "nos", "pp",
    "prof", "st", "u.s", "vol", "vs",
}  # fmt: skip
_MARKS = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)"
    r"|!?\[(?P<label>[^\]]*)\]\([^)\s]*(?:\s[^)]*)?\)"
    r"|<(?P<link>https?://[^>\s]+)>"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|\$\$?(?P<maths>(?=\S)[^$]+?(?<=\S))\$\$?(?!\d)"
    r"|(?P<line></?br\s*/?>)"
    r"|(?<![\w\]])\[(?P<reference>[^\]]*)\]\[[^\]\n]*\]"
    r"|~~|(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)"
    r"|(?<=[^\x00-\x7f])\*\*(?=\S)|(?<=\S)\*\*(?=[^\x00-\x7f])",  # where words have no spaces between them
    re.DOTALL,
)


class SpeechSplitter:
    """Splits a growing reply into sentences. What is in `source` already is skipped."""

    def __init__(self, source: str = "") -> None:
        self._at = len(source)

    def next_sentences(self, source: str, *, is_whole: bool = False) -> list[str]:
        """Return the sentences that are new now that the reply is `source`; all of the rest once it `is_whole`."""
        found: list[str] = []
        while self._at < len(source):
            step = self._step(source, is_whole=is_whole)
            if step is None:
                break
            words, self._at = step
            found += [words] if words else []
        return found

    def _step(self, source: str, *, is_whole: bool) -> tuple[str, int] | None:
        """Return the next words and where they end; None if that is unknown yet."""
        at = self._at
        end = source.find("\n", at) + 1 or len(source)
        if at > 0 and source[at - 1] != "\n":
            return _sentence(source, at, is_whole=is_whole)
        line = source[at:end]
        if not _ALONE.match(line):
            return _sentence(source, at, is_whole=is_whole)
        if not is_whole and not line.endswith("\n"):
            return None
        if fence := _FENCE.match(line):
            return _code(source, end, fence, is_whole=is_whole)
        cells = line.strip().strip("|").split("|") if line.lstrip().startswith("|") else [line]
        return "" if _RULE.match(line) else ", ".join(filter(None, map(_cell, cells))), end


def spoken_text(source: str) -> str:
    """Return `source` on one line without Markdown signs; list numbers and task boxes stay."""
    lines = [_unmarked(line) for line in source.split("\n")]
    words = " ".join(unescape(_MARKS.sub(_inside, "\n".join(lines))).split())
    return words if re.search(r"[^\W_]|[^\x00-\x7f]", words) else ""


def _sentence(source: str, at: int, *, is_whole: bool) -> tuple[str, int] | None:
    """Return the sentence that begins at `at`, or a part of a long one; None if its end is unknown yet."""
    closing = _BREAK.search(source, at)
    end = closing.end() if closing else len(source)
    is_closed = bool(closing) or is_whole
    begin = _MARKER.match(source, at, end)
    for match in _END.finditer(source, begin.end() if begin else at, min(end, at + LONG)):
        follows = source[match.end() : end].lstrip()
        is_line = "\n" in source[match.end() : end - len(follows)]
        if not follows and not is_line and not is_closed:
            return None
        if is_line or not follows or _ends(source[at : match.end()], match[0], follows):
            return spoken_text(source[at : match.end()]), end - len(follows)
    if is_closed and end - at <= LONG:
        return spoken_text(source[at:end]), end
    return _part(source, at, end) if end - at > LONG else None


def _cell(source: str) -> str:
    """Return what is spoken of a table's cell; a long one in parts, as the time to find marks grows with the square."""
    parts, at = [], 0
    while len(source) - at > LONG:
        words, at = _part(source, at, len(source))
        parts.append(words)
    return " ".join(filter(None, [*parts, spoken_text(source[at:])]))


def _part(source: str, at: int, end: int) -> tuple[str, int]:
    """Return the part of a long sentence up to its last pause."""
    window = source[at : at + LONG]
    pauses = [match.end() for match in _PAUSE.finditer(window)]
    spaces = [match.end() for match in re.finditer(r"\s", window)]
    cut = at + next((places[-1] for places in (pauses, spaces) if places), LONG)
    return spoken_text(source[at:cut]), min(cut, end)


def _ends(sentence: str, mark: str, follows: str) -> bool:
    """Return whether `mark`, with `follows` after it, ends a sentence; abbreviations do not."""
    if mark[0] in _WIDE:
        return True
    if follows[0].islower() or follows[0] == "»":
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    words = sentence[: -len(mark)].split()
    word = words[-1].lower().lstrip("(\"'“‘«[*_") if words else ""
    return word not in _SHORT and not (len(word) == 1 and word.isalpha())


def _code(source: str, at: int, fence: re.Match[str], *, is_whole: bool) -> tuple[str, int] | None:
    """Return how many lines of code begin at `at`, instead of the code; None if it is not closed yet."""
    end = closing_fence(source, at, fence[1], fence[2].lower(), is_growing=not is_whole, indent=r"[ \t]*")
    if not is_whole and (end is None or not end[3]):
        return None
    count = len(source[at : end.start() if end else len(source)].splitlines())
    return tr_count("Code, {count} line", "Code, {count} lines", count), end.end() if end else len(source)


def _unmarked(line: str) -> str:
    """Return `line` without the signs of a heading, a list item or a quote."""
    found = _MARKER.match(line)
    marker = found[0] if found else ""
    number = "".join(re.findall(r"\d+[.)]", marker)[-1:])
    box = "☑ " if "[x]" in marker.lower() else "☐ " if "[ ]" in marker else ""
    return f"{number} {box}{line[len(marker) :]}" if number else box + line[len(marker) :]


def _inside(mark: re.Match[str]) -> str:
    """Return what is spoken of a match of _MARKS."""
    words = mark["label"] if mark["label"] is not None else mark["reference"]
    if words is not None:
        return _MARKS.sub(_inside, words)
    if mark["line"]:
        return " "
    return mark["code"] or mark["link"] or mark["escaped"] or mark["maths"] or ""
