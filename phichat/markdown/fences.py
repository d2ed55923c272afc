"""A parser rule for code blocks that end at the fence that closes them, not at one that closes a block inside them."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import fence as commonmark_fence

from phichat.markdown.document import FENCE, closing_fence
from phichat.markdown.masking import run_masked


def add_fence_rule(parser: MarkdownIt) -> None:
    """Replace the rule for code blocks of `parser`."""
    parser.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})


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
