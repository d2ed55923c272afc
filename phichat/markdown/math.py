r"""Parser rules for formulas in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and environments; "$5 and $10" is none.

Some sites copy `\[…\]` without backslashes: a line, or lines, of LaTeX between `[` and `]` are a formula, too.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

LONGEST = 2000  # characters; longer ones are taken for text, or for code if they are lines of their own
LONGEST_BLOCK = 20_000  # characters of those

_INLINE = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array", "cases"}
_DISPLAY = {
    "align", "aligned", "alignat", "alignedat", "dcases", "displaymath", "eqnarray", "equation", "flalign", "gather",
    "gathered", "math", "multline", "split",
}  # fmt: skip
_ENVIRONMENT = rf"\\begin\{{(?:{'|'.join(sorted(_INLINE | _DISPLAY))})\*?\}}"
_BEGIN = re.compile(_ENVIRONMENT)
_CLOSINGS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$", "[": "]"}
_MONEY = re.compile(r"\d[\d.,]*(?:[^\w\\]*\s|[-–])\s*[^\W\d]{2,}")  # "5 and", "5, or", "5-dollar"
_OPENING = re.compile(rf" {{0,3}}(\$\$|\\\[|\[(?=\s|$)|{_ENVIRONMENT})(.*)$")
_LATEX = re.compile(r"\\[a-zA-Z]{2,}|\w\^|_\{")
_SPACED = re.compile(r"\\[a-zA-Z]|\^|_\{")  # LaTeX between spaces, rather than a sum of money
_PROSE = re.compile(r"(?<![\\{\w])[^\W\d_]{2,}(?:,?\s+[^\W\d_]{2,}){2}")


def add_formula_rules(parser: MarkdownIt) -> None:
    """Add rules to `parser` that make `formula` tokens, with the LaTeX in `content` and the delimiter in `markup`.

    A block formula that is not closed at the end of the text has `is_open` set in its `meta`.
    """
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def opening_delimiter(text: str, at: int) -> str:
    """Return the delimiter at `at` that may open a formula; empty for none."""
    if found := _BEGIN.match(text, at):
        return found[0]
    sign = next((sign for sign in ("$$", "\\[", "\\(", "$") if text.startswith(sign, at)), "")
    return "" if sign == "$" and not _may_open(text, at) else sign


def closing_delimiter(sign: str) -> str:
    """Return the delimiter that closes what `sign` opens."""
    return _CLOSINGS.get(sign) or sign.replace("begin", "end", 1)


def is_environment(sign: str) -> bool:
    """Return whether `sign` opens an environment, which is part of the LaTeX."""
    return sign not in _CLOSINGS


def is_display(sign: str) -> bool:
    """Return whether what `sign` opens stands on a line of its own."""
    return sign in {"$$", "\\[", "["} or (is_environment(sign) and sign[7:-1].rstrip("*") in _DISPLAY)


def formula_end(text: str, at: int, sign: str) -> int:
    """Return the end of the formula that `sign` opens at `at`, after the closing delimiter; -1 if it is not closed."""
    closing, begin = closing_delimiter(sign), at + len(sign)
    end = text.find(closing, begin, begin + LONGEST)
    while end > 0 and sign[0] == "$" and text[end - 1] == "\\":  # \$ is a dollar
        end = text.find(closing, end + 1, begin + LONGEST)
    if end < 0 or not text[begin:end].strip() or (sign == "$" and not _may_close(text, begin, end)):
        return -1
    return end + len(closing)


def _may_open(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    is_latex = not after.isspace() or _is_spaced(text, at)
    return bool(after) and is_latex and not before.isalnum() and before not in {"\\", "$"}


def _is_spaced(text: str, at: int) -> bool:
    """Return whether LaTeX follows, with a space at its end, too, if it is closed."""
    end = text.find("$", at + 1, at + LONGEST)
    content = text[at + 1 : end if end > 0 else at + LONGEST]
    return "\n" not in content and (end < 0 or content[-1].isspace()) and bool(_SPACED.search(content))


def _may_close(text: str, begin: int, end: int) -> bool:
    content, after = text[begin:end], text[end + 1 : end + 2]
    is_even = content[0].isspace() == content[-1].isspace()
    return is_even and not after.isalnum() and after != "$" and not _MONEY.match(content)


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    sign = opening_delimiter(state.src, state.pos)
    end = formula_end(state.src, state.pos, sign) if sign else -1
    if end < 0 or end > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = state.src[state.pos + len(sign) : end - len(closing_delimiter(sign))]
        token.markup = sign
    state.pos = end
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    found = _OPENING.match(_line(state, start))
    is_indented = state.sCount[start] - state.blkIndent >= 4
    if is_indented or not found:
        return False
    closing = closing_delimiter(found[1])
    if found[1] != "[" and closing in found[2].rstrip().removesuffix(closing):
        return False
    # Whether it is closed is unknown while it grows, and must not change the paragraph before it.
    return (silent and found[1] != "[") or _push_block_formula(state, start, end, found, silent=silent)


def _push_block_formula(state: StateBlock, start: int, end: int, found: re.Match[str], *, silent: bool) -> bool:
    sign, closing = found[1], closing_delimiter(found[1])
    lines, following = _formula_lines(state, start, end, found)
    whole = "\n".join(lines).rstrip()
    content = whole.removesuffix(closing)
    is_open = content == whole
    if is_open and following < end:
        return False
    if not _may_be_block(sign, content, is_open=is_open, is_partial=state.env.get("is_partial", False)):
        return False
    if silent:
        return True
    token = state.push("formula", "", 0)
    token.block, token.content, token.markup, token.map = True, content, sign, [start, following]
    token.meta["is_open"] = is_open
    state.line = following
    return True


def _formula_lines(state: StateBlock, start: int, end: int, found: re.Match[str]) -> tuple[list[str], int]:
    """Return the lines of a block formula without its opening delimiter, and the number of the line after it.

    Where the delimiter stands alone, lines may be empty, as in LaTeX they may not.
    """
    sign, closing = found[1], closing_delimiter(found[1])
    is_alone = not found[2].strip()
    may_have_gaps = is_environment(sign) or (is_alone and sign != "[")
    lines, following, length = [found[2]], start + 1, 0
    if sign == "[" and not is_alone:
        return lines, following
    while following < end and length <= LONGEST_BLOCK and not lines[-1].rstrip().endswith(closing):
        is_gap = state.isEmpty(following)
        line = "" if is_gap else _line(state, following)
        if (is_gap and not may_have_gaps) or (not is_gap and state.sCount[following] < state.blkIndent):
            break
        if sign != closing and line.startswith(sign):  # the one before was never closed
            break
        lines.append(line)
        length += len(lines[-1]) + 1
        following += 1
    return lines, following


def _may_be_block(sign: str, content: str, *, is_open: bool, is_partial: bool) -> bool:
    """Return whether `content` after `sign` is a formula; one that `is_open` only while more may follow."""
    closing = closing_delimiter(sign)
    if len(content) > LONGEST_BLOCK or not (is_open or content.strip()) or (sign != "[" and closing in content):
        return False
    if sign == "[":
        return bool(_LATEX.search(content)) and (is_partial if is_open else content[-1:].isspace())
    others = re.split(r"\n\s*\n", content.rstrip())[1:]
    return not others or ((is_partial or not is_open) and not any(map(_PROSE.search, others)))


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
