"""Where code blocks end: at the fence that closes them, not at one that closes a block inside them.

CommonMark wants a longer fence around code that has fences in it. Models often write them all of one length.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import fence as commonmark_fence

from phichat.markdown.masking import run_masked

FENCE = re.compile(r"( {0,3})(?:(`{3,})[ \t]*([^\s`]*)[^`\n]*|(~{3,})[ \t]*(\S*)[^\n]*)(\n|\Z)")

_DEEPEST = 4  # fences in each other; what has more was left open
_MARKDOWN = {"markdown", "md", "mdx", "rmd", "qmd"}  # languages in which a fence is no mistake
_PROSE = {*_MARKDOWN, "", "text", "txt", "plain", "plaintext"}


def add_fence_rule(parser: MarkdownIt) -> None:
    """Replace the rule for code blocks of `parser`."""
    parser.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def closing_fence(
    text: str, begin: int, sign: str, language: str = "", *, is_growing: bool = False, indent: str = " {0,3}"
) -> re.Match[str] | None:
    """Return the match of the line that closes the code block at `begin`, which `sign` opened; None if there is none.

    In prose, fences with a language open a block inside it if they are closed, too. If they are not, the first fence
    that could close this block does; but while the text is growing, they may still be.
    """
    lines = re.compile(rf"^{indent}({sign[0]}{{{len(sign)},}})[ \t]*([^\s`~][^`\n]*)?(\n|\Z)", re.MULTILINE)
    opened = [len(sign)]
    first: re.Match[str] | None = None
    for line in lines.finditer(text, begin):
        if line[2] and language not in _PROSE:
            continue
        if line[2]:
            opened.append(len(line[1]))
        elif len(line[1]) >= opened[-1]:
            first = first or line
            opened.pop()
        if not opened:
            return line
        if len(opened) > _DEEPEST:
            break
    is_nested = len(opened) <= _DEEPEST and (is_growing or language in _MARKDOWN)
    return None if is_nested else first


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if silent or not commonmark_fence(state, start, end, True):
        return silent and commonmark_fence(state, start, end, True)
    return run_masked(commonmark_fence, state, start, end, _inner_fences(state, start, end))


def _inner_fences(state: StateBlock, start: int, end: int) -> list[int]:
    """Return where in the source the fences are that close blocks inside the code block at the line `start`."""
    begin, stop = state.bMarks[start] + state.tShift[start], state.eMarks[start]
    opening = FENCE.match(state.src[begin:stop])
    if not opening:
        return []
    sign, language = opening[2] or opening[4], opening[3] or opening[5] or ""
    lines = _lines_inside(state, start + 1, end)
    text = "\n".join(state.src[at:stop] for at, stop in lines)
    is_growing = bool(state.env.get("is_growing"))
    closing = closing_fence(text, 0, sign, language.lower(), is_growing=is_growing)
    count = text.count("\n", 0, closing.start()) if closing else len(lines)
    inner = [at for at, stop in lines[:count] if state.src.startswith(sign, at, stop)]
    return [at + place for at in inner for place in range(len(sign))]


def _lines_inside(state: StateBlock, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the lines from `start` on begin and end that belong to the same list item or quote."""
    found = []
    for line in range(start, end):
        at, stop = state.bMarks[line] + state.tShift[line], state.eMarks[line]
        if at < stop and state.sCount[line] < state.blkIndent:
            break
        found.append((stop if state.is_code_block(line) else at, stop))  # what is indented closes nothing
    return found
