r"""Parser rules for formulas in Markdown: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`; "$5 and $10" is none."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST = 2000  # characters; longer ones are taken for text

CLOSINGS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}
_MONEY = re.compile(r"\d[\d.,]*(?:[^\w\\]*\s|[-–])\s*[^\W\d]{2,}")  # "5 and", "5, or", "5-dollar"
_OPENING = re.compile(r" {0,3}(\$\$|\\\[)(.*)$")


def add_formula_rules(parser: MarkdownIt) -> None:
    """Add rules to `parser` that make `formula` tokens, with the LaTeX in `content` and the delimiter in `markup`.

    A block formula that is not closed at the end of the text has `is_open` set in its `meta`.
    """
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def opening_delimiter(text: str, at: int) -> str:
    """Return the delimiter at `at` that may open a formula; empty for none."""
    for sign in CLOSINGS:
        if text.startswith(sign, at):
            return sign if sign != "$" or _may_open(text, at) else ""
    return ""


def formula_end(text: str, at: int, sign: str) -> int:
    """Return the end of the formula that `sign` opens at `at`, after the closing delimiter; -1 if it is not closed."""
    closing, begin = CLOSINGS[sign], at + len(sign)
    end = text.find(closing, begin, begin + LONGEST)
    while end > 0 and sign[0] == "$" and text[end - 1] == "\\":  # \$ is a dollar
        end = text.find(closing, end + 1, begin + LONGEST)
    if end < 0 or not text[begin:end].strip() or (sign == "$" and not _may_close(text, begin, end)):
        return -1
    return end + len(closing)


def _may_open(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(after) and not after.isspace() and not before.isalnum() and before not in {"\\", "$"}


def _may_close(text: str, begin: int, end: int) -> bool:
    content, after = text[begin:end], text[end + 1 : end + 2]
    return not content[-1].isspace() and not after.isalnum() and after != "$" and not _MONEY.match(content)


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    sign = opening_delimiter(state.src, state.pos)
    end = formula_end(state.src, state.pos, sign) if sign else -1
    if end < 0 or end > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = state.src[state.pos + len(sign) : end - len(sign)]
        token.markup = sign
    state.pos = end
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    found = _OPENING.match(_line(state, start))
    is_indented = state.sCount[start] - state.blkIndent >= 4
    if is_indented or not found or CLOSINGS[found[1]] in found[2].rstrip().removesuffix(CLOSINGS[found[1]]):
        return False
    # Whether it is closed is unknown while it grows, and must not change the paragraph before it.
    return silent or _push_block_formula(state, start, end, found)


def _push_block_formula(state: StateBlock, start: int, end: int, found: re.Match[str]) -> bool:
    sign, closing = found[1], CLOSINGS[found[1]]
    lines = [found[2]]
    following = start + 1
    while following < end and not lines[-1].rstrip().endswith(closing):
        if state.isEmpty(following) or state.sCount[following] < state.blkIndent:
            return False
        lines.append(_line(state, following))
        following += 1
    whole = "\n".join(lines).rstrip()
    content = whole.removesuffix(closing)
    is_open = content == whole
    if closing in content or not (is_open or content.strip()) or len(content) > LONGEST:
        return False
    token = state.push("formula", "", 0)
    token.block, token.content, token.markup, token.map = True, content, sign, [start, following]
    token.meta["is_open"] = is_open
    state.line = following
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
