"""Whatever a model writes, and however far it got: every letter is on the screen, and no sign that it did not write.

The letters that CommonMark consumes are left out: addresses of links (which the link has), what follows the language of
a code block, the box of a task, and the tags that stand for a line break or a list in a table's cell.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from phichat.markdown.document import Block, Code, Node, Paragraph, Run, Table
from phichat.markdown.html import render_html
from phichat.markdown.streaming import StreamingParser

SIGNS = [
    *"*_~`$[]()|<\\-", "**", "***", "__", "~~", "``", "```", "~~~", "$$", r"\(", r"\)", r"\[", r"\]", "](", "![", "||",
    " | ", "\n", "\n\n", "  \n", "\n- ", "\n1. ", "\n> ", "\n# ", "\n    ", "===\n", "---\n", "\n| ", "\n- [x] ",
]  # fmt: skip
WORDS = [
    "word", "Bravo ", "字", "（", "）", "「", "」", "，", "한국", "ไทย", "Ünï", "x*y", "6*7", "~8", "2**3", ": ",
    "one two", "עברית", "<b>", "<br>", "<ul><li>i</li></ul>", "<ol><li>j</li> <li>k</li></ol>", "&",
    "👩‍👩‍👧", "e\u0301",
]  # fmt: skip
WHOLE = [
    "**bold**", "$x^2$", r"\(a|b\)", "`c|d`", "\n| a | b |\n|---|---|\n", "\n```py\nz1\n```\n", "\n~~~\nz2\n~~~\n",
    "\n```md\n```py\nz3\n```\nz4\n```\n", "[link](https://e.example/{})", "<https://f.example/{}>",
    "https://e.example/{} ",
    "\n- item\n  ```js\n  z5\n  ```\n", "\n> | c | d |\n> |:--|--:|\n> | e | f | g |\n", "\n$$\nm\n$$\n",
    "\n```math\nq^2\n```\n", "\n- ~~~math\n  p\n  ~~~\n", "\n[ \\frac{g}{h} ]\n",
    "\n\\begin{align}\nu\\\\\n\n\\{v\\}\n\\end{align}\n",
    "\n$$\nm \\,\\\\\n\nn\n$$\n", r"\begin{pmatrix}c\\d\end{pmatrix}", r"$ \{k\}\,\pi $", "\n[\n\\sqrt[3]{f}\n]\n",
    "[words][ref]", "[ref][]", "[ref]", "\n\n[ref]: https://g.example/r \"titre\"\n", "\n\n[other]: https://h.example/\n",
]  # fmt: skip
DOCUMENTS = {
    "pipes": """\
| code | meaning |
|---|---|
| `a ~ (1 | b)` | of R |
| `x || y` | or |
| $|w|$ | absolute |
| v | w | extra |
""",
    "tags": """\
| n | what |
|--|--|
| 1 | - cut<br>- glue<br/>- dry |
| 2 | <ul><li>sand</li><li>oil</li></ul> |

A<br>B
""",
    "signs": """\
It needs ~7 minutes. See ~/.bashrc. [3, 9) is half-open, row[i] and m[0][1] are cells.
Pass *args and **kw; 3*4*5 = 60, 2**3 = 8, snake_case_name, and ~~wrong~~ [right](https://e.example/a_(b)).
""",
    "unspaced": "他说**“你好”**然后走了。**火，**很热**（真的）**吗？\nこれは**『本』**です。 값은**₩500**이다.\n",
    "html": """\
<think>
A greeting.
</think>

Hi <name>, press <kbd>Esc</kbd>.

<details><summary>More</summary>

folded

</details>

Map<K, V> and p < q; <!-- note --> <script>x</script>
""",
    "channels": "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Say.<|return|>",
    "fences": """\
````md
```py
a
```
````

```md
first
```sh
ls
```
then
```
after

- x
  ```
  y
  ```
""",
}

_SPENT_TAGS = re.compile(r"<br\s*/?>|</?(?:ul|ol|li)>|(?<=^- )\[x\] ", re.IGNORECASE | re.MULTILINE)
_SPENT_INFO = re.compile(r"^([ >\-\d.]*(?:`{3,}|~{3,}))[ \t]*\S*(.*)$", re.MULTILINE)
_SPENT_AT_END = re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)?)?[^()\s]*\Z|<br?\s*/?\Z|\[[xX]\]?\s*\Z", re.IGNORECASE)
_DEFINITION = re.compile(r"^ {0,3}(\[ref\]|\[other\]): .*$", re.MULTILINE)
_MADE = Counter("•" * 99 + "0123456789." * 9)  # for lists in cells


def blocks_of(source: str, *, is_growing: bool) -> list[Block]:
    parser = StreamingParser()
    parser.set_source(source, is_growing=is_growing)
    while parser.step():
        pass
    return parser.blocks()


def runs_of(item: Node) -> Iterator[Run]:
    if isinstance(item, Paragraph):
        yield from item.runs
    elif isinstance(item, Table):
        rows = item.rows if item.continues else (item.head, *item.rows)
        yield from (run for row in rows for cell in row for run in cell)
    elif isinstance(item, Code):
        yield Run(item.text)


def wanted_of(source: str, *, is_growing: bool) -> Counter[str]:
    """The letters of `source` that are not consumed."""
    wanted = _SPENT_INFO.sub(r"\1", _SPENT_TAGS.sub("", source))
    uses = _DEFINITION.sub("", source)
    wanted = _DEFINITION.sub(lambda found: "" if found[1] in uses else found[0], wanted)
    if "[ref]: https" in source:
        wanted = wanted.replace("][ref]", "]")
    if is_growing:
        wanted = _SPENT_AT_END.sub("", wanted)
    return Counter(filter(str.isalpha, wanted.casefold()))


def check(source: str, *, is_growing: bool) -> None:
    items = [item for block in blocks_of(source, is_growing=is_growing) for item in block.items]
    runs = [run for item in items for run in runs_of(item)]
    shown = "".join(run.text for run in runs)
    known = "".join(unquote(run.link) for run in runs if run.link != run.text)
    languages = "".join(item.language for item in items if isinstance(item, Code))
    assert not wanted_of(source, is_growing=is_growing) - Counter((shown + known + languages).casefold()), source
    assert not Counter("".join(shown.split())) - Counter(source) - _MADE, source


class Page(HTMLParser):
    """Notes the text of a page, its addresses and the languages of code."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = self.known = ""
        self.feed(render_html(source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href" and value:
                self.known += unquote(value)
            if name == "class" and value and tag == "code":
                self.known += value.removeprefix("language-")

    def handle_data(self, data: str) -> None:
        self.text += data


def check_page(source: str) -> None:
    page = Page(source)
    assert not wanted_of(source, is_growing=False) - Counter((page.text + page.known).casefold()), source
    assert not Counter("".join(page.text.split())) - Counter(source) - _MADE, source


@pytest.mark.parametrize("seed", range(80))
def test_every_letter_is_shown_and_no_other_sign_at_every_length(seed: int) -> None:
    rolls = random.Random(seed)
    pieces = rolls.choices([*SIGNS, *WORDS, *WORDS, *WHOLE], k=rolls.randint(3, 25))
    source = "".join(piece.replace("{}", str(rolls.random())) for piece in pieces)
    for end in range(1, len(source)):
        check(source[:end], is_growing=True)
    check(source, is_growing=False)
    check_page(source)


@pytest.mark.parametrize("source", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_what_models_write_is_whole_at_every_length(source: str) -> None:
    for end in range(1, len(source)):
        check(source[:end], is_growing=True)
        check(source[:end], is_growing=False)
        check_page(source[:end])
    check(source, is_growing=False)
