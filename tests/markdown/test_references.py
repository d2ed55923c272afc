"""Links by reference are links, wherever and whenever their address is defined."""

import pytest

from phichat.markdown.document import Block, Paragraph, block_text
from phichat.markdown.html import render_html
from phichat.markdown.streaming import StreamingParser, parse_blocks

SOURCE = """\
See [the *manual*][m], [m][], [M] and [another][2]; grid[0][3] is a cell.

```py
a[m] = b[2]
```

- [in a list][2]

| [in a table][m] |
|---|
| [2] |

[m]: https://one.example/manual "The manual"
[2]: <https://two.example/>
"""
LINKS = [
    ("the ", "https://one.example/manual"), ("manual", "https://one.example/manual"),
    ("m", "https://one.example/manual"), ("M", "https://one.example/manual"), ("another", "https://two.example/"),
    ("in a list", "https://two.example/"),
]  # fmt: skip


def links(blocks: list[Block]) -> list[tuple[str, str]]:
    items = [item for block in blocks for item in block.items]
    runs = [run for item in items if isinstance(item, Paragraph) for run in item.runs]
    return [(run.text, run.link) for run in runs if run.link]


def text(blocks: list[Block]) -> str:
    return "\n".join(map(block_text, blocks))


def test_a_link_has_the_address_that_is_defined_at_the_end() -> None:
    blocks = parse_blocks(SOURCE)
    assert links(blocks) == LINKS
    assert text(blocks) == (
        "See the manual, m, M and another; grid[0][3] is a cell.\na[m] = b[2]\n•\tin a list\nin a table\n2"
    )


def test_links_appear_as_soon_as_their_address_is_there() -> None:
    parser = StreamingParser()
    for end in range(len(SOURCE) + 1):
        parser.set_source(SOURCE[:end], is_growing=True)
        while parser.step():
            pass
        once = StreamingParser()
        once.set_source(SOURCE[:end], is_growing=True)
        while once.step():
            pass
        assert parser.blocks() == once.blocks()
    assert links(parser.blocks()) == LINKS
    parser.set_source(SOURCE)
    while parser.step():
        pass
    assert parser.blocks() == parse_blocks(SOURCE)


def test_a_definition_may_come_first() -> None:
    parser = StreamingParser()
    parser.set_source("[a]: https://a.example/\n\nThe [page][a] is", is_growing=True)
    while parser.step():
        pass
    assert links(parser.blocks()) == [("page", "https://a.example/")]
    assert text(parser.blocks()) == "The page is"


@pytest.mark.parametrize(
    "source",
    [
        "[1]: https://a.example/ is not used",
        "[note]: https://a.example/",
        "[a]: javascript:alert(1)\n\n[a] and [b][a]",
        "[a]: file:///etc/passwd\n\n[b][a]",
        "[x][y] without any",
        "[x]: a word\n\n[x]",
    ],
)
def test_what_leads_nowhere_stays_text(source: str) -> None:
    blocks = parse_blocks(source)
    assert [link for word, link in links(blocks) if word != link] == []
    assert text(blocks).split() == source.split()


def test_a_definition_in_code_defines_nothing() -> None:
    source = "```\n[a]: https://a.example/\n```\n\n[b][a]"
    assert text(parse_blocks(source)) == "[a]: https://a.example/\n[b][a]"


def test_a_page_has_the_same_links() -> None:
    page = render_html(SOURCE)
    assert page.count('href="https://one.example/manual"') == 4
    assert page.count('href="https://two.example/"') == 3
    assert "[m]:" not in page
    long = render_html("word " * 11_000 + "[a][m]\n\n```\nx\n```\n\n[b][m]\n\n[m]: https://one.example/\n")
    assert "[m]:" not in long
    assert 'href="https://one.example/"' in long
    assert "[c]: https://c.example" in render_html("[c]: https://c.example")


def test_more_definitions_than_anyone_needs_stay_text() -> None:
    source = "".join(f"[a{number}] and [b][a{number}]\n\n" for number in range(400))
    source += "".join(f"[a{number}]: https://a.example/{number}\n" for number in range(400))
    parser = StreamingParser()
    for end in range(0, len(source), 397):
        parser.set_source(source[:end], is_growing=True)
        while parser.step():
            pass
    assert len(links(parse_blocks(source))) == 600
