"""Elements of a token list, the numbers of list items, and the nodes that one widget shows."""

from collections.abc import Iterator

from markdown_it.token import Token

from phichat.markdown.document import Node, Paragraph, Table

LONG_PROSE, MANY = 1500, 40  # characters and paragraphs in one block, after which another begins
LONG_TABLE = 500  # rows of a table in one block


def first_number(token: Token) -> int:
    """Return the number of the first item in the list that `token` opens."""
    start = token.attrGet("start")
    return int(1 if start is None else start)


def written_number(item: Token) -> int:
    """Return the number that is written before `item`."""
    return int(item.info or 1)


def number_after(shown: int, written: int, following: int) -> int:
    """Return the number of the item after one with the number `shown`; the others are the numbers in the source.

    A number that is written again means the next one. Others are meant, as in a list of every second or from ten down.
    """
    return following if following < written else max(following, shown + 1)


def number_of(item: Token, before: Token | None, number: int | None) -> int | None:
    """Return the number of `item` after `before`, which has `number`; without `before`, that is its own."""
    if before is None or number is None:
        return number
    return number_after(number, written_number(before), written_number(item))


def elements(tokens: list[Token]) -> Iterator[list[Token]]:
    """Yield the top-level elements of `tokens`, each with everything inside it."""
    at = 0
    while at < len(tokens):
        end = end_of(tokens, at)
        yield tokens[at:end]
        at = end


def end_of(tokens: list[Token], at: int) -> int:
    """Return the index after the element that begins at `at`."""
    level = tokens[at].level
    if tokens[at].nesting <= 0:
        return at + 1
    at += 1
    while tokens[at].level > level or tokens[at].nesting >= 0:
        at += 1
    return at + 1


def node_groups(items: list[Node]) -> Iterator[list[Node]]:
    """Yield the nodes that one widget shows."""
    group: list[Node] = []
    size = 0
    for item in items:
        is_full = size >= LONG_TABLE if isinstance(item, Table) else size > LONG_PROSE or len(group) >= MANY
        if group and (is_full or not _share_block(item, group[-1])):
            yield group
            group, size = [], 0
        group.append(item)
        if isinstance(item, Paragraph):
            size += sum(len(run.text) for run in item.runs)
        elif isinstance(item, Table):
            size += len(item.rows)
    if group:
        yield group


def _share_block(item: Node, before: Node) -> bool:
    """Return whether one widget shows both."""
    if isinstance(item, Table):
        return item.continues and isinstance(before, Table)
    return isinstance(item, Paragraph) and isinstance(before, Paragraph)
