"""A reply's Markdown is read the same however it arrives, and nothing that is in it is lost or runs wild."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from phichat.markdown import streaming
from phichat.markdown.document import Block, Code, Paragraph, Table, block_text
from phichat.markdown.streaming import StreamingParser, parse_blocks

RICH = r"""# A *rich* reply

Some **bold**, *italic*, ~~struck~~, `code`, a [link](https://example.org/a "t") and https://bare.example/x_(y).
It costs $5 and $10, but $x^2 + 1$ and \(\alpha_i\) are formulas. <b>HTML</b> ![pic](http://p.example/a.png)
- not
1) two kinds

1. One
   ```python
   def f(x):

       return x
   ```
   after
2. Two
   - nested
     - deeper **x**

   - [ ] todo
   - [x] done
1. Three

> A quote
in two lines
>
> - with a list

| Name | Value | Wide |
|:-----|:----:|----:|
| a | `b` | c **d** |
| e | f |
after the table
===

$$
\int_0^1 x\,dx
- \frac12
$$
Text:
\[ E = mc^2 \]
more

---
    indented code

    goes on
~~~~js x
let a = "```";
~~~
~~~~
* * *
***bold and italic*** __b__ _i_ **open
`open $open \(open [open](http://open
"""
LONG = [
    "One sentence after another, with a **bold** word. " * 120,
    "no space at all " + "x" * 9000,
    "line\n" * 1500,
    "".join(f"{n}. item {n} with some *words*\n\n" for n in range(1, 300)),
    "".join(f"- item {n}\n  - inner\n" for n in range(300)),
    "- Top\n" + "  - inner *item*\n" * 600 + "\n  after\n- next\n",
    "4. Top\n\n" + "   1. inner\n\n      more\n" * 300 + "5. next\n   - x\n" * 2,
    "| a | b |\n|---|---|\n" + "".join(f"| {n} | **{n}** |\n" for n in range(150)) + "end\n",
    "```py\n" + "x = 1\n" * 900 + "```\nafter\n",
    "> quoted line\n" * 500,
]
HOSTILE = [
    ">" * 3000 + " deep", "- " * 3000 + "deep", "".join(" " * 2 * n + "- x\n" for n in range(150)),
    "[" * 5000, "![" * 3000, "*a **b " * 1500, "`" * 300 + "a" + "``" * 900, "$x " * 3000, "\\(" * 3000, "$$" * 999,
    "<" * 3000, "\\" * 3001, "|" * 3000 + "\n" + "|-" * 1500, "_" * 9999, "&#0;&amp;" * 900, "\0\r\r\n\ufeff\u2028x",
    "Z" + "\u0301" * 5000, "\u202e" * 99 + "evil", "👩‍👩‍👧‍👦" * 900, "שלום " * 900, "```\n" * 999,
    "~~~" * 2000, "1." * 4000,
    "a\n" + "=" * 4000, "[a](javascript:alert(1)) <javascript:x> ![](file:///etc/passwd)", "# " * 3000,
    "\t" * 3000 + "x",
]  # fmt: skip
NOT_SHOWN = {"python", "javascript", "amp"}  # they mean something


def _grown(source: str, *steps: int) -> list[Block]:
    """What is there after `source` came in pieces."""
    parsing = StreamingParser()
    at = 0
    for step in steps:
        at += step
        parsing.set_source(source[:at], is_growing=True)
        while parsing.step():
            pass
    parsing.set_source(source)
    while parsing.step():
        pass
    return parsing.blocks()


def _all_letters(block: Block) -> str:
    runs = [run for item in block.items if isinstance(item, Paragraph) for run in item.runs]
    return block_text(block) + "".join(run.latex + run.link for run in runs)


def test_a_reply_is_read_the_same_at_every_length() -> None:
    parsing = StreamingParser()
    for end in range(len(RICH) + 1):
        parsing.set_source(RICH[:end], is_growing=True)
        while parsing.step():
            pass
        final = StreamingParser()
        final.set_source(RICH[:end], is_growing=True)
        while final.step():
            pass
        assert parsing.blocks() == final.blocks(), RICH[:end][-60:]
    assert _grown(RICH) == _grown(RICH, *[1] * len(RICH))


@pytest.mark.parametrize("source", [*LONG, *HOSTILE], ids=lambda source: source[:12].encode("ascii", "replace"))
def test_what_comes_in_pieces_is_read_as_at_once(source: str) -> None:
    rolls = random.Random(7)
    steps = [rolls.randint(1, len(source) // 12 + 2) for _ in range(60)]
    assert _grown(source, *steps) == parse_blocks(source)


@pytest.mark.parametrize("seed", range(30))
def test_shuffled_markdown_is_read_as_at_once(seed: int) -> None:
    rolls = random.Random(seed)
    lines = rolls.choices([*RICH.split("\n"), "", "  ", "    - x", "```", "| a | b |", "|--|--|", "> > x"], k=120)
    source = "\n".join(lines)
    steps = [rolls.randint(1, 40) for _ in range(len(source) // 15)]
    assert _grown(source, *steps) == parse_blocks(source)


@pytest.mark.parametrize("source", [*LONG, *HOSTILE, RICH], ids=lambda source: source[:12].encode("ascii", "replace"))
def test_no_letter_is_lost(source: str) -> None:
    shown = "".join(map(_all_letters, parse_blocks(source)))
    lost = [word for word in re.findall(r"\b[a-z]{3,}\b", source) if word not in shown and word not in NOT_SHOWN]
    assert not lost


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Some **bold", "Some bold"),
        ("Some **bold*", "Some bold"),
        ("Some *", "Some"),
        ("Some `code with * in", "Some code with * in"),
        ("See [the page](https://exa", "See the page"),
        ("See [the pa", "See the pa"),
        ("An ![image](http", "An image"),
        ("Text\n-", "Text"),
        ("Text\n1.", "Text"),
        ("Text\n\n- [x", "Text"),
        ("Text\n###", "Text"),
        ("Text\n===", "Text"),
        ("Text\n``", "Text"),
        ("Text\n```pyth", "Text"),
        ("Text\n\n| a | b", "Text\na\nb"),
        ("Text\n\n| a | b |\n|--", "Text\na\nb"),
        ("```\ncode\n``", "code"),
        (r"So \(x_1 + y_1", r"So \(x_1 + y_1"),
        (r"So $\frac{1}{2", r"So $\frac{1}{2"),
        ("It costs $5 and **more", "It costs $5 and more"),
        ("$$\nx\n- y", "$$\nx\n- y"),
        ("5 * 3 and a_b_c ~ 7", "5 * 3 and a_b_c ~ 7"),
        ("See https://a.example/file_(2)_end and more", "See https://a.example/file_(2)_end and more"),
        ("From p_{i}_j and a[0]*b[1]*c it", "From p_{i}_j and a[0]*b[1]*c it"),
        ("Use src/*.py here", "Use src/*.py here"),
        ("Use all **/*.ts here", "Use all **/*.ts here"),
        ("A pattern .*abc or $_GET here", "A pattern .*abc or $_GET here"),
        ("(*so* and “**this", "(so and “this"),
        ("One:**two** and three/**four", "One:two and three/four"),
        ("**`code` and *“words", "code and “words"),
    ],
)
def test_what_is_half_finished_looks_as_it_will(source: str, shown: str) -> None:
    parsing = StreamingParser()
    parsing.set_source(source, is_growing=True)
    assert not parsing.step()
    assert "\n".join(map(block_text, parsing.blocks())) == shown


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        (r"$x$ and $y^2$", ["x", "y^2"]),
        (r"\(a\) and \[b\]", ["a", "b"]),
        ("$$\na\n- b\n$$", ["a\n- b"]),
        ("text:\n$$ a $$\nmore", ["a"]),
        ("- \\[\n  a\n  \\]\n", ["a"]),
        ("It costs $5 and $10, or US$ 7, not 5$ or $ 6 $ or \\$x$.", []),
        ("`$x$` and\n```\n$y$\n```", []),
        (r"So $ \{a^2\} $ and $ \alpha\,b $, but $ 5 and $ 6, $ 7^2 or US$ 8.", [r"\{a^2\}", r"\alpha\,b"]),
        ("> $$\n> a \\\\ b\n> $$\n\n| a |\n|---|\n| $ \\pi $ |\n", ["a \\\\ b"]),
        (
            "Words\n\\begin{align}\na &= b \\\\\n\nc &= d\n\\end{align}\nwords",
            ["\\begin{align}\na &= b \\\\\n\nc &= d\n\\end{align}"],
        ),
        (r"A \begin{pmatrix} 1 \\ 2 \end{pmatrix} in words", [r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"]),
        (r"Not \begin{verbatim} x \end{verbatim}", []),
        ("```math\na^2\n```\n\n- x\n  ~~~ Math\n  b\n  ~~~\n", ["a^2", "b"]),
        ("```math\n```\nand ```math x```", []),
        ("$$\nm = 4\n\nn = 6\n$$", ["m = 4\n\nn = 6"]),
        ("$$\nm = 4\n\nThen this is prose.\n\n$$\nn = 6\n$$", ["n = 6"]),
        ("$$\n\nWords, and $x$.", ["x"]),
        ("As copied:\n[ \\frac{1}{2} ]\n\n[\n\\sqrt[3]{2}\n]\n", [r"\frac{1}{2}", r"\sqrt[3]{2}"]),
        ("[ x ] and\n[ no formula ]\n\n[ \\alpha ](https://a.b)\n", []),
        ("$100 million to $200 million$", []),
    ],
)
def test_formulas_are_found_and_sums_of_money_are_none(source: str, latex: list[str]) -> None:
    items = [item for block in parse_blocks(source) for item in block.items]
    runs = [run for item in items if isinstance(item, Paragraph) for run in item.runs]
    assert [run.latex for run in runs if run.latex] == latex


def test_code_in_a_list_is_code_and_the_list_goes_on() -> None:
    first, code, after = parse_blocks("1. One\n   ```sh\n   ls\n     -l\n   ```\n1. Two\n")
    assert block_text(first) == "1.\tOne"
    assert code.items == (Code(text="ls\n  -l", language="sh", depth=1),)
    assert block_text(after) == "2.\tTwo"


def test_a_long_list_in_a_list_is_numbered_on() -> None:
    source = "4. Top\n\n" + "   1. inner\n\n      more\n" * 500 + "\n   end\n4. next\n"
    lines = "\n".join(map(block_text, parse_blocks(source))).split("\n")
    assert lines == ["4.\tTop", *(line for n in range(1, 501) for line in (f"{n}.\tinner", "more")), "end", "5.\tnext"]
    depths = [item.depth for block in parse_blocks(source) for item in block.items]
    assert depths == [1, *[2] * 1000, 1, 1]


def test_only_the_web_is_linked_and_html_is_text() -> None:
    source = (
        "[a](javascript:x) [b](https://b.c) <https://d.e> www.f.g file:///h <b>i</b> https://j.k). ![l](http://m.n)"
    )
    (block,) = parse_blocks(source)
    (paragraph,) = block.items
    assert isinstance(paragraph, Paragraph)
    assert [run.link for run in paragraph.runs if run.link] == [
        "https://b.c",
        "https://d.e",
        "https://j.k",
        "http://m.n",
    ]
    assert "<b>i</b>" in block_text(block)


def test_what_is_laid_out_together_stays_small() -> None:
    for source in LONG:
        for block in parse_blocks(source):
            items = [item for item in block.items if isinstance(item, Paragraph)]
            assert sum(len(run.text) for item in items for run in item.runs) < 4500
            assert all(len(item.rows) <= 20 for item in block.items if isinstance(item, Table))


def test_what_is_final_stays_the_same_object() -> None:
    parsing = StreamingParser()
    source = LONG[0] + "\n\n" + LONG[3]
    seen: list[Block] = []
    for end in range(1000, len(source), 500):
        parsing.set_source(source[:end], is_growing=True)
        while parsing.step():
            pass
        now = parsing.blocks()
        same = sum(1 for old, new in zip(seen, now, strict=False) if old is new)
        assert same >= len(seen) - 3
        seen = now
    assert len(seen) > 8


def test_formulas_are_untouched_at_every_moment_of_their_growth() -> None:
    for source in (
        "$$\na \\\\ b\n\nc\\{1\\}\n$$",
        "\\begin{align}\na &= b\\\\\n\\{c\\}\n\\end{align}",
        "[ \\{\\frac{1}{2}\\} ]",
    ):
        for end in range(12, len(source)):
            parsing = StreamingParser()
            parsing.set_source(source[:end], is_growing=True)
            assert not parsing.step()
            shown = "".join(map(block_text, parsing.blocks()))
            assert shown.rstrip() == source[:end].rstrip()[: len(shown.rstrip())], source[:end]


def test_a_formula_too_long_to_be_drawn_is_code() -> None:
    source = "$$\n" + "a \\\\ b * c * d\n" * 200 + "$$"
    first, second = parse_blocks(source + "\n\nWords")
    assert first.items == (Code(text=source, language="latex"),)
    assert block_text(second) == "Words"


def test_text_is_parsed_once_however_often_code_stands_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stretch was parsed to its end, and all but what is before its first code block was thrown away."""
    source = "Every sentence here.\n\n```\ncode\n```\n\n" * 400
    parsed: list[int] = []
    parse_units = streaming.parse_units

    def counted_units(text: str, *args: Any, **more: Any) -> Iterator[streaming.Unit]:
        parsed.append(len(text))
        return parse_units(text, *args, **more)

    monkeypatch.setattr(streaming, "parse_units", counted_units)
    assert len(parse_blocks(source)) == 800
    assert sum(parsed) < 2 * len(source)
