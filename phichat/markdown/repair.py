"""Unfinished Markdown at the end of a growing reply: open markup is closed, ambiguous lines are held back."""

import re

from phichat.markdown.math import formula_end, opening_delimiter

UNCLEAR_LINE = 200  # characters; longer lines are not held back

_UNCLEAR = re.compile(  # a line that may become an item, a heading, a quote, a rule, a fence, a row, a formula
    r"[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]+)*"
    r"(?:[-*+>#=_~`|:$\\\[\] \t]*|\[[xX]\]?[ \t]*|\d{1,9}[.)]?[ \t]*|(?:`{3,}|~{3,})[^`]*)"
)
_ROW = re.compile(r"[ \t]*\|")
_DELIMITERS = re.compile(r"[ \t:|-]+")
_DELIMITER = re.compile(r"\s*:?-+:?\s*")
_SPECIAL = re.compile(r"[$\\`*_~\[!]")
_TICKS = re.compile("`+")
_SIGN = re.compile(r"\*{1,3}|_{1,3}|~{1,2}")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})(?:\](?:\([^()\s]{0,2000}(?:\s[^()\n]{0,200})?)?)?$")
_TRAILING = re.compile(r"(?:[*_~`]+|\\|(?:^|(?<=[\s$]))\$)$")
_LATEX = re.compile(r"[\\^]|_\{")


def hold_back_ambiguous_tail(text: str) -> str:
    """Return `text` without the lines at its end that may still become a list, heading, table or the like."""
    lines = text.split("\n")
    if len(lines[-1]) < UNCLEAR_LINE and lines[-1].strip() and _UNCLEAR.fullmatch(lines[-1]):
        lines.pop()
    end = len(lines) - (1 if lines and not lines[-1].strip() else 0)
    begin = end
    while begin and end - begin < 3 and _ROW.match(lines[begin - 1]):
        begin -= 1
    if end - begin == 1 or (end - begin == 2 and _is_partial_table_head(*lines[begin:end])):
        del lines[begin:]
    return "\n".join(lines)


def close_open_markup(text: str) -> str:
    """Return `text`, the inline content of a paragraph, with open emphasis, code and links closed."""
    text = _TRAILING.sub("", text).rstrip(" ")
    opened: list[str] = []
    at = 0
    while special := _SPECIAL.search(text, at):
        at = special.start()
        if text[at] in "[!":
            text, at = _without_link(text, at)
        elif text[at] in "$\\":
            sign = opening_delimiter(text, at)
            end = formula_end(text, at, sign) if sign else -1
            if sign and end < 0 and (sign != "$" or _begins_formula(text, at)):
                return _as_code(text, at)
            at = max(end, at + 1 + (text[at] == "\\"))
        elif ticks := _TICKS.match(text, at):
            at = _after_code(text, ticks, opened)
        elif sign_found := _SIGN.match(text, at):
            at = _after_sign(text, sign_found, opened)
    for sign in reversed(opened):
        text = text.rstrip() + sign
    return text


def _begins_formula(text: str, at: int) -> bool:
    """Return whether the dollar at `at` begins a formula rather than an amount of money."""
    return text.find("$", at + 1) < 0 and not text[at + 1].isdigit() and bool(_LATEX.search(text, at))


def _is_partial_table_head(head: str, delimiters: str) -> bool:
    """Return whether `delimiters` may become the delimiter row below a table's `head`, but is not complete."""
    wanted = head.strip().strip("|").count("|") + 1
    found = delimiters.strip().strip("|").split("|")
    is_whole = len(found) == wanted and all(map(_DELIMITER.fullmatch, found))
    return bool(_DELIMITERS.fullmatch(delimiters)) and not is_whole


def _without_link(text: str, at: int) -> tuple[str, int]:
    """Return `text` with an unfinished link at its end reduced to the link's text, and where to continue."""
    link = _LINK.match(text, at)
    return (text[:at] + link[1], at) if link else (text, at + 1)


def _after_code(text: str, ticks: re.Match[str], opened: list[str]) -> int:
    """Return where to continue after the code span that `ticks` open."""
    end = next((match.end() for match in _TICKS.finditer(text, ticks.end()) if match[0] == ticks[0]), -1)
    if end < 0:
        opened.append(ticks[0])
        return len(text)
    return end


def _after_sign(text: str, match: re.Match[str], opened: list[str]) -> int:
    """Return where to continue after an emphasis sign, which is pushed to or popped from `opened`."""
    sign = match[0]
    before = text[match.start() - 1 : match.start()] or " "
    after = text[match.end() : match.end() + 1] or " "
    if sign in opened and not before.isspace():
        del opened[opened.index(sign) :]
    elif not after.isspace() and not (sign[0] == "_" and before.isalnum()):
        opened.append(sign)
    return match.end()


def _as_code(text: str, at: int) -> str:
    """Return `text` with the unclosed formula from `at` on as a code span."""
    rest = text[at:].rstrip()
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(rest)), default=0))
    return f"{text[:at]}{ticks} {rest} {ticks}"
