"""A reply's Markdown is read the same however it arrives, and nothing that is in it is lost or runs wild."""

import random

import pytest

from phichat.chat.items import Block
from phichat.chat.parsing import Parsing, blocks_of

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


def _grown(source: str, *steps: int) -> list[Block]:
    """What is there after `source` came in pieces."""
    parsing = Parsing()
    at = 0
    for step in steps:
        at += step
        parsing.read(source[:at], is_growing=True)
        while parsing.step():
            pass
    parsing.read(source)
    while parsing.step():
        pass
    return parsing.blocks()


def _letters(source: str) -> str:
    return "".join(filter(str.isalnum, source))


def test_a_reply_is_read_the_same_at_every_length() -> None:
    parsing = Parsing()
    for end in range(len(RICH) + 1):
        parsing.read(RICH[:end], is_growing=True)
        while parsing.step():
            pass
        final = Parsing()
        final.read(RICH[:end], is_growing=True)
        while final.step():
            pass
        assert parsing.blocks() == final.blocks(), RICH[:end][-60:]
    assert _grown(RICH) == _grown(RICH, *[1] * len(RICH))


@pytest.mark.parametrize("source", [*LONG, *HOSTILE], ids=lambda source: source[:12].encode("ascii", "replace"))
def test_what_comes_in_pieces_is_read_as_at_once(source: str) -> None:
    rolls = random.Random(7)
    steps = [rolls.randint(1, len(source) // 12 + 2) for _ in range(60)]
    assert _grown(source, *steps) == blocks_of(source)


@pytest.mark.parametrize("seed", range(30))
def test_shuffled_markdown_is_read_as_at_once(seed: int) -> None:
    rolls = random.Random(seed)
    lines = rolls.choices([*RICH.split("\n"), "", "  ", "    - x", "```", "| a | b |", "|--|--|", "> > x"], k=120)
    source = "\n".join(lines)
    steps = [rolls.randint(1, 40) for _ in range(len(source) // 15)]
    assert _grown(source, *steps) == blocks_of(source)
