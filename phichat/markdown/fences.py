"""A parser rule for code blocks that end at the fence that closes them, not at one that closes a block inside them."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import fence as commonmark_fence

from phichat.markdown.document import FENCE, PROSE, closing_fence
from phichat.markdown.masked_rule import run_masked

MOST_LINES = 500  # of a block that are searched for fences in it


def add_fence_rule(parser: MarkdownIt) -> None:
    """Replace the rule for code blocks of `parser`."""
    parser.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    is_read_elsewhere = state.level == 0 and state.env.get("stops_at_fences", False)
    if silent or is_read_elsewhere or not commonmark_fence(state, start, end, True):
        return commonmark_fence(state, start, end, silent)
    return run_masked(commonmark_fence, state, start, end, _inner_fences(state, start, end))


def _inner_fences(state: StateBlock, start: int, end: int) -> list[int]:
    """Return where in the source the fences are that close blocks inside the code block at the line `start`."""
    begin, stop = state.bMarks[start] + state.tShift[start], state.eMarks[start]
    opening = FENCE.match(state.src[begin:stop])
    if not opening:
        return []
    sign, language = opening[2] or opening[4], (opening[3] or opening[5] or "").lower()
    if language not in PROSE:
        return []
    lines = _lines_inside(state, start + 1, min(end, start + 1 + MOST_LINES))
    text = "\n".join(state.src[at:stop] for at, stop in lines)
    is_growing = bool(state.env.get("is_growing"))
    closing = closing_fence(text, 0, sign, language, is_growing=is_growing)
    if not closing and len(lines) == MOST_LINES:
        return []
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
