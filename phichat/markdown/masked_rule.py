"""Hiding characters from a parser rule that would misread them; they are put back into the tokens it makes."""

from collections.abc import Callable, Iterable

from markdown_it.rules_block import StateBlock

Rule = Callable[[StateBlock, int, int, bool], bool]

MASK = "\0"  # never in the source: CommonMark replaces it


def run_masked(rule: Rule, state: StateBlock, start: int, end: int, places: Iterable[int]) -> bool:
    """Apply `rule` while the characters at `places`, which are all the same, are hidden from it."""
    source = state.src
    letters, hidden = list(source), ""
    for place in places:
        hidden, letters[place] = letters[place], MASK
    if not hidden:
        return rule(state, start, end, False)
    count = len(state.tokens)
    state.src = "".join(letters)
    try:
        return rule(state, start, end, False)
    finally:
        state.src = source
        for token in state.tokens[count:]:
            token.content = token.content.replace(MASK, hidden)
            token.info = token.info.replace(MASK, hidden)
