"""A parser rule for tables in which code and formulas may hold pipes, and no cell is dropped."""

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as commonmark_table

from phichat.markdown.masked_rule import run_masked
from phichat.markdown.math import formula_end, opening_delimiter

_DELIMITERS = re.compile(r"[|:-][|: \t-]*[|:-]|-")
_SPECIAL = re.compile(r"\\\\(?!\|)|\\\||`+|[\\$|]")
_CODE_OR_LIST = re.compile(
    r"(?P<ticks>`+)(?!`).*?(?:(?<!`)(?P=ticks)(?!`)|\Z)"
    r"|<(?P<kind>[uo])l>\s*(?P<items>(?:<li>(?:(?!</?(?:[uo]l|li)>).)*</li>\s*)+)</(?P=kind)l>",
    re.IGNORECASE,
)
_ITEM = re.compile(r"<li>\s*(.*?)\s*</li>", re.IGNORECASE)


def add_table_rule(parser: MarkdownIt) -> None:
    """Replace the rule for tables of `parser`."""
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    count = _count_columns(state, start, end)
    if not count:
        return _is_growing_head(state, start, end) and (silent or _push_head(state, start, end))
    if silent:
        return True
    places: list[int] = []
    for line in range(start, end):
        begin, stop = _span(state, line)
        if begin == stop:
            break
        if line != start + 1:
            is_open = state.env.get("is_growing", False) and stop == len(state.src)
            places += (begin + place for place in _pipes_in_cells(state.src[begin:stop], count, is_open=is_open))
    made = len(state.tokens)
    if not run_masked(commonmark_table, state, start, end, places):
        return False
    for token in state.tokens[made:]:
        if token.type == "inline" and "</" in token.content:
            token.content = _CODE_OR_LIST.sub(_list_as_lines, token.content)
    return True


def _count_columns(state: StateBlock, start: int, end: int) -> int:
    """Return how many columns the table at the line `start` has; 0 if none begins there."""
    if start + 2 > end:
        return 0
    begin, stop = _span(state, start + 1)
    delimiters = state.src[begin:stop].rstrip()
    if not _DELIMITERS.fullmatch(delimiters):
        return 0
    count = len(delimiters.removeprefix("|").removesuffix("|").split("|"))
    begin, stop = _span(state, start)
    head = state.src[begin:stop].strip()
    is_head = "|" in head and count in {_count_cells(head, _pipes(head)), _count_cells(head, _pipes_outside(head))}
    is_outside = state.sCount[start + 1] < state.blkIndent
    is_code = state.is_code_block(start) or state.is_code_block(start + 1)
    return count if is_head and not (is_outside or is_code) else 0


def _is_growing_head(state: StateBlock, start: int, end: int) -> bool:
    """Return whether the line `start`, at the end of a growing text, is likely to become the head of a table."""
    begin, stop = _span(state, start)
    if not state.env.get("is_growing") or not state.src.startswith("|", begin, stop) or state.is_code_block(start):
        return False
    row = state.src[begin:stop]
    if not row[1:2].isspace() and row.count("|") < 3:  # "|x| is …"
        return False
    following = state.src[_span(state, start + 1)[0] : state.eMarks[end - 1]] if start + 1 < end else ""
    return start + 1 >= end or (start + 2 == end and bool(following) and not following.strip("|:- \t"))


def _push_head(state: StateBlock, start: int, end: int) -> bool:
    """Push the tokens of a table with a head alone; `is_guess` is set in the `meta` of the first."""
    begin, stop = _span(state, start)
    row = state.src[begin:stop].rstrip()
    cells = [
        row[before + 1 : after].strip() for before, after in pairwise([*_pipes_outside(row, is_open=True), len(row)])
    ]
    opening = state.push("table_open", "table", 1)
    opening.map, opening.meta["is_guess"] = [start, end], True
    state.push("tr_open", "tr", 1)
    for cell in cells if cells[-1] or len(cells) == 1 else cells[:-1]:
        state.push("th_open", "th", 1)
        state.push("inline", "", 0).content = cell
        state.push("th_close", "th", -1)
    state.push("tr_close", "tr", -1)
    state.push("table_close", "table", -1)
    state.line = end
    return True


def _span(state: StateBlock, line: int) -> tuple[int, int]:
    return state.bMarks[line] + state.tShift[line], state.eMarks[line]


def _pipes_in_cells(row: str, count: int, *, is_open: bool) -> list[int]:
    """Return where in `row` a pipe does not divide two of the `count` cells.

    A row of the right length is read as CommonMark reads it. In one that is too long, pipes in code and formulas are
    text first; what is too long still has all that is left in its last cell. Of one that `is_open`, the length is
    unknown, and code and formulas may not be closed yet.
    """
    pipes = dividing = _pipes(row)
    if is_open or _count_cells(row, pipes) > count:
        dividing = _pipes_outside(row, is_open=is_open)
    inner = count - 1 + row.startswith("|")
    end = len(row.rstrip("| \t"))
    kept = {place for number, place in enumerate(dividing) if number < inner or place >= end}
    return [place for place in pipes if place not in kept]


def _count_cells(row: str, pipes: list[int]) -> int:
    is_first_empty = bool(pipes) and not row[: pipes[0]].strip()
    is_last_empty = bool(pipes) and not row[pipes[-1] + 1 :].strip()
    return max(len(pipes) + 1 - is_first_empty - is_last_empty, 1)


def _pipes(row: str) -> list[int]:
    """Return where `row` has pipes, but for those after a backslash."""
    return [match.start() for match in _SPECIAL.finditer(row) if match[0] == "|"]


def _pipes_outside(row: str, *, is_open: bool = False) -> list[int]:
    """Return where `row` has pipes outside of code and formulas, which may not be closed if it `is_open`."""
    return list(_scan_outside(row, is_open=is_open))


def _scan_outside(row: str, *, is_open: bool) -> Iterator[int]:
    at = 0
    while special := _SPECIAL.search(row, at):
        at = special.end()
        sign = special[0]
        if sign == "|":
            yield special.start()
        elif sign[0] == "`":
            at = _code_end(row, at, sign, is_open=is_open)
        elif opening := opening_delimiter(row, special.start()):
            end = formula_end(row, special.start(), opening)
            at = len(row) if end < 0 and is_open and opening == "\\(" else max(at, end)


def _code_end(row: str, at: int, ticks: str, *, is_open: bool) -> int:
    closing = re.compile(rf"(?<!`){ticks}(?!`)").search(row, at)
    return closing.end() if closing else len(row) if is_open else at


def _list_as_lines(found: re.Match[str]) -> str:
    """Return the items of an HTML list as lines, and code as it is."""
    if found["ticks"]:
        return found[0]
    items = _ITEM.findall(found["items"])
    signs = (f"{number}." if found["kind"] in "oO" else "•" for number in range(1, len(items) + 1))
    lines = "\n".join(f"{sign} {item}" for sign, item in zip(signs, items, strict=True))
    return ("\n" if found.string[: found.start()].strip() else "") + lines
