"""Half-finished Markdown at the end of a reply that is being made: closed, or held back until it is clear what it is."""

import re

from phichat.chat.formulas import end_of, opening

_UNCLEAR = re.compile(  # a last line that may become a list, heading, quote, rule, fence, table, or something else
    r"[ \t]*(?:[-*+>|#=_~`:]|\d{1,9}[.)]?[ \t]*$|\\\[?$|\$\$?$)"
    r"(?:[-*_ \t#=>~`|:]*|(?<=[|]).*|(?<=[`~]{3})[^`\n]*)$"
)
_ROW = re.compile(r"[ \t]*\|")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t:|-]*-[ \t:|-]*$")
_TICKS = re.compile("`+")
_SIGN = re.compile(r"\*\*\*|\*\*|\*|___|__|_|~~|~")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})(?:\](?:\([^()\s]{0,2000}(?:\s[^()\n]{0,200})?)?)?$")
_TRAILING = re.compile(r"(?<!\\)(?:[*_~`$!]+|\\)$")


def hold_back(text: str) -> str:
    """`text` without the lines at its end of which nobody can say yet what they are."""
    lines = text.split("\n")
    if lines[-1].strip() and (_UNCLEAR.fullmatch(lines[-1]) and not _is_in_table(lines)):
        lines.pop()
    rows = len(lines)
    while rows and _ROW.match(lines[rows - 1]) and len(lines) - rows < 3:
        rows -= 1
    if 0 < len(lines) - rows <= 2 and not (len(lines) - rows == 2 and _DELIMITERS.fullmatch(lines[-1])):
        return "\n".join(lines[:rows])
    return "\n".join(lines)


def mend(text: str) -> str:
    """`text`, the letters of a paragraph, such that what it opens is closed."""
    text = _LINK.sub(r"\1", text)
    text = _TRAILING.sub("", text).rstrip(" ")
    found: list[str] = []
    at = 0
    while at < len(text):
        at = _next(text, at, found)
        if at < 0:
            return _as_code(text, -at - 1)
    for sign in reversed(found):
        text = text.rstrip() + sign
    return text


def _next(text: str, at: int, found: list[str]) -> int:
    """Where to go on after what is at `at`, with the signs that are open in `found`; below 0 for an open formula."""
    letter = text[at]
    if letter in "$\\" and (sign := opening(text, at)):
        end = end_of(text, at, sign)
        if end >= 0:
            return end
        if sign != "$":
            return -at - 1
    if letter == "\\":
        return at + 2
    if letter == "`":
        return _after_code(text, at, found)
    if letter in "*_~" and (sign_found := _SIGN.match(text, at)):
        _toggle(text, sign_found, found)
        return sign_found.end()
    return at + 1


def _after_code(text: str, at: int, found: list[str]) -> int:
    ticks = _TICKS.match(text, at)
    assert ticks
    end = next((match.end() for match in _TICKS.finditer(text, ticks.end()) if match[0] == ticks[0]), -1)
    if end < 0:
        found.append(ticks[0])
        return len(text)
    return end


def _toggle(text: str, match: re.Match[str], found: list[str]) -> None:
    sign = match[0]
    before, after = text[match.start() - 1 : match.start()] or " ", text[match.end() : match.end() + 1] or " "
    if sign in found and not before.isspace():
        del found[found.index(sign) :]
    elif not after.isspace() and not (sign[0] == "_" and before.isalnum()) and sign != "~":
        found.append(sign)


def _as_code(text: str, at: int) -> str:
    """`text` in which a formula that is not closed yet, from `at` on, is shown as it is written."""
    rest = text[at:].rstrip()
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(rest)), default=0))
    return f"{text[:at]}{ticks} {rest} {ticks}"


def _is_in_table(lines: list[str]) -> bool:
    """Whether the last line is a row that goes on a table."""
    return len(lines) > 2 and bool(_ROW.match(lines[-1])) and bool(_ROW.match(lines[-2]))
