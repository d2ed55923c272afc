"""Unfinished Markdown at the end of a growing reply: open markup is shown as if closed, ambiguous lines are held back.

No sign is ever added to the text: what is open is closed among the parser's tokens.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from phichat.markdown.emphasis import FAR, add_closing_rule
from phichat.markdown.math import formula_end, opening_delimiter

MOST_SIGNS = 64  # characters that are held back at the end of a paragraph
UNCLEAR_LINE = 200  # characters; longer lines are not held back

_UNCLEAR = re.compile(  # a line that may become an item, a heading, a quote, a rule, a fence, a row, a formula
    r"[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]+)*"
    r"(?:[-*+>#=_~`|:$\\\[\] \t]*|\[[xX]\]?[ \t]*|\d{1,3}[.)]?[ \t]*|(?:`{3,}|~{3,})[^`]*)"
)
_TICKS = re.compile("`+")
_LABEL = (  # a few words, rather than an interval or an index
    r"[*_~\"'“«]*(?:`[^`\[\]\n]{0,100}`?|[^\W\d_][^\[\]\n,;=(){}<>|^\\]{0,100})"
)
_URL = r"(?:[^()\s]|\([^()\s]*\)){0,2000}(?:\([^()\s]*)?(?:\s[^()\n]{0,200})?"
_TARGET = rf"\((?:h?t?t?p?s?:?/?|https?://{_URL})"
_LINK = re.compile(rf"(?:(?<![\w\])])\[({_LABEL})|!\[([^\[\]\n]{{0,300}}))(?:\](?:{_TARGET})?)?\Z", re.IGNORECASE)
_TRAILING = re.compile(  # signs that may open or close something
    r"(?:(?<!\\)[*_`]+|(?<!\\)~~+|(?:\A|(?<=\s))~|(?<!\\)\\|(?:\A|(?<=[\s$]))\$|<(?:b(?:r\s*/?)?)?)\Z", re.IGNORECASE
)
_HALF_STRUCK = re.compile(r"~~(?!\s)[^~]+(?<!\\)(~)\Z")
_LATEX = re.compile(r"[\\^]|_\{")


def add_repair_rules(parser: MarkdownIt) -> None:
    """Let `parser` take what is open at the end of the text for what it is most likely to become."""
    add_closing_rule(parser)
    parser.inline.ruler.before("formula", "open_formula", _open_formula)
    parser.inline.ruler.before("backticks", "open_code", _open_code)
    parser.inline.ruler.before("link", "open_link", _open_link)


def hold_back_ambiguous_tail(text: str) -> str:
    """Return `text` without a line at its end that may still become a list, a heading, a rule or the like."""
    lines = text.split("\n")
    if len(lines[-1]) < UNCLEAR_LINE and lines[-1].strip() and _UNCLEAR.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines)


def hold_back_signs(text: str) -> str:
    """Return `text`, the inline content of a paragraph, without signs at its end that may be half of some markup."""
    half = _TRAILING.search(text, max(0, len(text) - MOST_SIGNS)) or _HALF_STRUCK.search(text)
    return text[: half.start(1) if half.re is _HALF_STRUCK else half.start()].rstrip(" ") if half else text.rstrip(" ")


def _open_formula(state: StateInline, silent: bool) -> bool:
    """Take an unclosed formula for code, as it cannot be drawn yet."""
    text, at = state.src, state.pos
    if text[at] not in "$\\" or state.posMax < len(text):
        return False
    sign = opening_delimiter(text, at)
    if not sign or formula_end(text, at, sign) >= 0 or (sign == "$" and not _begins_formula(text, at)):
        return False
    return _take_rest_as_code(state, text[at:], silent=silent)


def _begins_formula(text: str, at: int) -> bool:
    """Return whether the dollar at `at` begins a formula rather than an amount of money."""
    return text.find("$", at + 1) < 0 and not text[at + 1].isdigit() and bool(_LATEX.search(text, at))


def _open_code(state: StateInline, silent: bool) -> bool:
    """Take all after an unclosed sign for code for code."""
    text, ticks = state.src, _TICKS.match(state.src, state.pos)
    if not ticks or state.posMax < len(text) or len(text) - ticks.end() > FAR:
        return False
    if any(other[0] == ticks[0] for other in _TICKS.finditer(text, ticks.end())):
        return False
    return _take_rest_as_code(state, text[ticks.end() :].removeprefix(" "), silent=silent)


def _take_rest_as_code(state: StateInline, code: str, *, silent: bool) -> bool:
    if not silent:
        state.push("code_inline", "code", 0).content = code.replace("\n", " ")
    state.pos = state.posMax
    return True


def _open_link(state: StateInline, silent: bool) -> bool:
    """Take an unfinished link or picture for its text."""
    text, end = state.src, state.posMax
    link = _LINK.match(text, state.pos) if text[state.pos] in "[!" and end == len(text) else None
    if silent or not link:
        return False
    state.pos, state.posMax = link.span(1 if link[1] is not None else 2)
    state.md.inline.tokenize(state)
    state.pos = state.posMax = end
    return True
