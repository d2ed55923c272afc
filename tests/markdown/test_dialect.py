"""Markdown as models write it, where CommonMark would lose words, mark the wrong ones, or turn code inside out."""

import re

import pytest

from phichat.markdown.document import Block, Code, Paragraph, Style, Table, block_text, runs_text
from phichat.markdown.html import render_html
from phichat.markdown.streaming import StreamingParser, parse_blocks

FENCE = "```"

NUMBERS = [
    ("1. a\n1. b\n1. c", "1 2 3"),
    ("1. a\n3. b\n5. c", "1 3 5"),
    ("10. a\n9. b\n8. c", "10 9 8"),
    ("1. a\n1. b\n2. c\n3. d", "1 2 3 4"),
    ("3) a\n3) b\n7) c\n\n   more\n8) d", "3 4 7 8"),
    ("0. a\n1. b", "0 1"),
    ("1. a\n\n   2. x\n   4. y\n2. b", "1 2 4 2"),
    ("9. a\n" + "1. x\n" * 3, "9 1 2 3"),
]


def growing(source: str) -> list[Block]:
    parser = StreamingParser()
    parser.set_source(source, is_growing=True)
    while parser.step():
        pass
    return parser.blocks()


def shown(source: str) -> str:
    """What is on the screen while this much is there."""
    return "\n".join(map(block_text, growing(source)))


def marked(source: str, style: Style) -> list[str]:
    items = [item for block in parse_blocks(source) for item in block.items]
    runs = [run for item in items if isinstance(item, Paragraph) for run in item.runs]
    return [run.text for run in runs if run.style & style]


def cells(source: str) -> list[list[str]]:
    (block,) = parse_blocks(source)
    tables = [item for item in block.items if isinstance(item, Table)]
    return [[runs_text(cell) for cell in row] for table in tables for row in table.rows]


def code(source: str) -> list[str]:
    return [item.text for block in parse_blocks(source) for item in block.items if isinstance(item, Code)]


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ("| `y ~ (1 | g)` | of R |", ["y ~ (1 | g)", "of R"]),
        (r"| `y ~ (1 \| g)` | of R |", ["y ~ (1 | g)", "of R"]),
        ("| `a || b` | or |", ["a || b", "or"]),
        ("| ``a ` | b`` | or", ["a ` | b", "or"]),
        ("| one | two | three |", ["one", "two | three"]),
        ("| one | two | | |", ["one", "two"]),
        ("| ` | a tick |", ["`", "a tick"]),
        ("| $5 | $6 |", ["$5", "$6"]),
        ("| a | `b | c", ["a", "`b | c"]),
        ("one | two", ["one", "two"]),
        ("| one |", ["one", ""]),
        ("| a<br>b | <BR/>c |", ["a\nb", "c"]),
        ('| a</br>b<br clear="all" />c | <br class=x>d |', ["a\nb\nc", "d"]),
        ("| a <brx> | <b>c</b> |", ["a <brx>", "<b>c</b>"]),
        ("| `<br>` | `<ul><li>` |", ["<br>", "<ul><li>"]),
        ("| do: <ul><li>a</li><li>b</li></ul> | <ol><li>c</li> <li>d</li></ol> |", ["do:\n• a\n• b", "1. c\n2. d"]),
        (f"| {'long ' * 900}end | x |", ["long " * 900 + "end", "x"]),
    ],
)
def test_a_row_keeps_all_that_is_in_its_cells(row: str, texts: list[str]) -> None:
    assert cells(f"| k | v |\n|---|---|\n{row}\n") == [texts]
    assert cells(f"| k | v |\n|---|---|\n{row}\n" * 1 + "| z | z |\n")[-1] == ["z", "z"]


def test_pipes_in_formulas_divide_nothing() -> None:
    (block,) = parse_blocks("| f | what |\n|---|---|\n| $|z|$ | absolute |\n| \\(P(X|Y)\\) | given |\n")
    (table,) = block.items
    assert isinstance(table, Table)
    assert [row[0][0].latex for row in table.rows] == ["|z|", "P(X|Y)"]
    assert [runs_text(row[1]) for row in table.rows] == ["absolute", "given"]


def test_pipes_in_the_head_of_a_table_divide_nothing() -> None:
    (block,) = parse_blocks("| `a | b` | c |\n|---|---|\n| 1 | 2 |\n")
    assert block_text(block) == "a | b\nc\n1\n2"


@pytest.mark.parametrize(
    ("source", "bold"),
    [
        ("他说**“你好”**然后走了。", ["“你好”"]),
        ("**火，**很热**（真的）**吗", ["火，", "（真的）"]),
        ("これは**『本』**です。", ["『本』"]),
        ("값은**₩500**이다", ["₩500"]),
        ("오늘은**[날씨]**가 좋다", ["[날씨]"]),
        ("ราคา**(500)**บาท", ["(500)"]),
        ("用**`make`**来", ["make"]),
        ("**注意：**请看 **b** c", ["注意：", "b"]),
        ("**「A」**，**「B」**", ["「A」", "「B」"]),
        ("これは**⚠️注意**です。**100%**の人", ["⚠️注意", "100%"]),
        ("用**C++**和**C#**。", ["C++", "C#"]),
        ("ខ្មែរ**(១)**ខ្មែរ", ["(១)"]),
        ("**H**yper**T**ext, the **2**nd", ["H", "T", "2"]),
        ("2**3**4 and f(**kw), g(**more)", []),
        ("**a** b **c**", ["a", "c"]),
    ],
)
def test_the_marked_words_are_bold(source: str, bold: list[str]) -> None:
    assert marked(source, Style.BOLD) == bold


@pytest.mark.parametrize(
    ("source", "slanted"),
    [
        ("6*7*8 = 336 and 2*x*y", []),
        ("area = l*w*h", []),
        ("Pass *args and **kw, or 6*7 of them", []),
        ("a *b* c, *字*字", ["b", "字"]),
        ("*H*yper", ["H"]),
        ("one_long_name and _this_", ["this"]),
    ],
)
def test_products_are_no_emphasis(source: str, slanted: list[str]) -> None:
    assert marked(source, Style.ITALIC) == slanted


@pytest.mark.parametrize(
    "source",
    [
        "It needs ~8 minutes, or ~",
        "The interval [2, 7) is half-open",
        "The interval [a, b) is",
        "The list [x^2",
        "A cell is grid[row",
        "A cell is grid[0][3",
        "Pass *items or *others to it",
        "Call f(*items, **options), then",
        "6*7*8 = 336",
        "See ~/.profile and ~/.vim",
        "f(**kwargs) and g(**",
        "好呀~马上来~",
        "a ~ b",
        r"an escaped \*sign",
        "one_long_name_here",
        "see [note](below",
        "A & B",
    ],
)
def test_a_sign_that_is_no_mark_stands_as_soon_as_it_is_written(source: str) -> None:
    reads = shown(source)
    assert source.replace("\\", "").startswith(reads)
    assert source[len(reads) :].strip() in {"", "~", "**"} or "\\" in source


@pytest.mark.parametrize("source", ["~8 minutes", "~~no", "**Note: a *b", "***x", "a **b c_d `e", "“**字", "*a **b* c"])
def test_no_sign_is_added_while_a_reply_grows(source: str) -> None:
    for end in range(1, len(source) + 1):
        text = shown(source[:end])
        assert all(text.count(sign) <= source[:end].count(sign) for sign in "~*_`")


def test_what_is_opened_and_never_closed_is_plain_again_after_a_while() -> None:
    assert shown("Call **f" + " and so on" * 40).startswith("Call **f and")
    assert shown("A ` sign" + " and so on" * 40).startswith("A ` sign")


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ("| `a ~ (1 | b", ["a ~ (1 | b", ""]),
        ("| `a ~ (1 | b)`", ["a ~ (1 | b)", ""]),
        ("| `a ~ (1 | b)` | of", ["a ~ (1 | b)", "of"]),
        (r"| \(P(X|Y", [r"\(P(X|Y", ""]),
        ("| $5 | $6", ["$5", "$6"]),
        ("| a | `b", ["a", "b"]),
    ],
)
def test_a_growing_row_keeps_its_cells(row: str, texts: list[str]) -> None:
    (block,) = growing(f"| k | v |\n|---|---|\n{row}")
    (table,) = block.items
    assert isinstance(table, Table)
    assert [runs_text(cell) for cell in table.rows[0]] == texts


def test_a_table_is_one_from_its_first_cell_on() -> None:
    for end in range(len("Text\n\n| na"), len("Text\n\n| name | age |\n|---|---|\n| Al | 7 |\n") + 1):
        blocks = growing("Text\n\n| name | age |\n|---|---|\n| Al | 7 |\n"[:end])
        assert isinstance(blocks[-1].items[0], Table)
    assert shown("Text\n\n| name | age |\nno table") == "Text\n| name | age |\nno table"
    assert shown("|x| is the absolute value") == "|x| is the absolute value"
    assert shown("|a|b|") == "a\nb"
    assert shown("Text\n\n| name | age |\n\n") == "Text\n| name | age |"


@pytest.mark.parametrize("prefix", ["", "Text\n", "- item\n  ", "> "])
def test_balanced_fences_of_one_length_are_one_block(prefix: str) -> None:
    lines = [f"{FENCE}markdown", "# Read me", f"{FENCE}sh", "make", FENCE, "done", FENCE]
    indent = "> " if prefix == "> " else " " * (2 if prefix.startswith("-") else 0)
    source = prefix + f"\n{indent}".join(lines) + "\n\nafter\n"
    assert code(source) == ["\n".join(lines[1:-1])]
    assert block_text(parse_blocks(source)[-1]).endswith("after")


def test_fences_that_are_not_balanced_end_at_the_first() -> None:
    source = f"{FENCE}py\na\n{FENCE}js\nb\n{FENCE}\n\nprose\n\n{FENCE}\nc\n{FENCE}\n"
    assert code(source) == [f"a\n{FENCE}js\nb", "c"]
    assert code(f"{FENCE}\na\n{FENCE}\nprose\n{FENCE}\nb\n{FENCE}\n") == ["a", "b"]
    assert code(f"{FENCE}md\na\n{FENCE}js\nb\n{FENCE}\nc") == [f"a\n{FENCE}js\nb\n{FENCE}\nc"]


def _numbers(blocks: list[Block]) -> str:
    items = [item for block in blocks for item in block.items]
    return " ".join(item.marker.rstrip(".)") for item in items if isinstance(item, Paragraph) and item.marker)


@pytest.mark.parametrize(("source", "numbers"), NUMBERS)
def test_items_have_the_numbers_that_were_written(source: str, numbers: str) -> None:
    parser = StreamingParser()
    for end in range(len(source)):
        parser.set_source(source[:end], is_growing=True)
        while parser.step():
            pass
    parser.set_source(source)
    while parser.step():
        pass
    assert _numbers(parser.blocks()) == numbers == _numbers(parse_blocks(source))


def test_a_long_list_from_the_end_keeps_its_numbers() -> None:
    source = "".join(f"{number}. item {number} with words\n   - inner\n\n" for number in range(2000, 0, -2))
    parser = StreamingParser()
    for end in [*range(0, len(source), 999), len(source)]:
        parser.set_source(source[:end], is_growing=end < len(source))
        while parser.step():
            pass
    assert _numbers(parser.blocks()).replace("• ", "").removesuffix(" •").split() == [*map(str, range(2000, 0, -2))]
    assert parser.blocks() == parse_blocks(source)


@pytest.mark.parametrize(("source", "numbers"), NUMBERS)
def test_a_page_has_the_same_numbers(source: str, numbers: str) -> None:
    found: list[str] = []
    last: list[int] = []
    for tag in re.findall(r"<(/?ol|li)([^>]*)>", render_html(source)):
        number = re.search(r"(?:start|value)=\"(\d+)", tag[1])
        if tag[0] == "ol":
            last.append(int(number[1]) - 1 if number else 0)
        elif tag[0] == "/ol":
            last.pop()
        else:
            last[-1] = int(number[1]) if number else last[-1] + 1
            found.append(str(last[-1]))
    assert " ".join(found) == numbers


def test_a_fence_without_a_language_opens_code_in_markdown() -> None:
    tree, use = f"{FENCE}\nsrc/\n  main.py\n{FENCE}", f"{FENCE}bash\nmake\n{FENCE}\n\n{FENCE}\nls\n{FENCE}"
    inner = f"# Tree\n{tree}\n\n## Use\n\n{use}\nEnd"
    source = f"Here:\n\n{FENCE}markdown\n{inner}\n{FENCE}\n\nThat is all.\n\n{FENCE}\nx\n{FENCE}\n"
    assert code(source) == [inner, "x"]
    parser = StreamingParser()
    for end in range(len(source)):
        parser.set_source(source[:end], is_growing=True)
        while parser.step():
            pass
        if source[:end].endswith(f"End\n{FENCE}\n"):
            assert block_text(parser.blocks()[-1]) == inner
    parser.set_source(source)
    while parser.step():
        pass
    assert parser.blocks() == parse_blocks(source)
    assert render_html(source).count("<pre>") == 2


@pytest.mark.parametrize(
    ("after", "codes"),
    [
        ("\nprose\n\n```\nx\n```\n", ["a", "x"]),
        ("This is all you need to know.\n\n```\nx\n```\n", ["a", "x"]),
        ("and so on", ["a"]),
        ("and so on\n\n```sh\nx\n```\n", ["a", "x"]),
        ("", ["a"]),
    ],
)
def test_markdown_in_a_block_ends_where_prose_follows(after: str, codes: list[str]) -> None:
    assert code(f"{FENCE}md\na\n{FENCE}\n{after}") == codes


def test_a_longer_fence_inside_is_code_too() -> None:
    assert code(f"{FENCE}md\n{FENCE}`sh\na\n{FENCE}\n{FENCE}`\nb\n{FENCE}\nend") == [
        f"{FENCE}`sh\na\n{FENCE}\n{FENCE}`\nb"
    ]
