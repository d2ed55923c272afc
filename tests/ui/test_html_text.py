"""The text of HTML, as it would be read."""

from time import perf_counter

import pytest

from phichat.ui.widgets.html_text import html_text

PAGES = [
    ("<p>One &amp; <b>two</b></p><ul><li>three</li></ul>", "One & two\nthree"),
    ("<html>\n<body>\n<!--StartFragment--><a href='http://x'>A</a> b<!--EndFragment-->\n</body>\n</html>", "A b"),
    ("<link rel='stylesheet' href='x'><body>Words</body>", "Words"),
    ("<html><head><title>no</title><style>p{}</style></head><body>Words</body></html>", "Words"),
    ("<head><title>x<body>Words", "Words"),
    ("<table>\n<tr>\n<td>a</td>\n <td> b </td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
    ("<pre>def f():\n    x = 1\n</pre>after", "def f():\n    x = 1\nafter"),
    ("a<br><br>b", "a\n\nb"),
    ("<p>a</p>\n\n<p>b</p>", "a\nb"),
    ("<p>Hello\n  <b>big</b>\n world</p>", "Hello big world"),
    ("<span>a</span> <span>b</span>", "a b"),
    ("a &lt;b&gt;&nbsp;c", "a <b>\u00a0c"),
    ("1 < 2 & 3", "1 < 2 & 3"),
    ("<a title='1 > 2'>x</a>", "x"),
    ("<script>alert(1)</script>x<script>alert(2)", "x"),
    ("<img src='/dev/zero' alt='a picture'>", ""),
    ("cut <b", "cut <b"),
    ("", ""),
]


@pytest.mark.parametrize(("html", "text"), PAGES)
def test_the_text_of_a_page(html: str, text: str) -> None:
    assert html_text(html) == text


HOSTILE = [
    "<div>",
    "<",
    "<a ",
    "&",
    "<!--",
    "</",
    "<a b='",
    '<p a=b "',
    "<!",
    "a",
    "<!-",
    "-",
    "&#",
    "&a",
    "<pre>",
    "\n<b>",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_twice_as_much_takes_no_more_than_a_few_times_as_long(part: str) -> None:
    """Measured against itself, so that a slow machine makes no difference; were it quadratic, it would be 64 times."""

    def seconds(count: int, rounds: int) -> float:
        took = []
        for _ in range(rounds):
            begun = perf_counter()
            html_text("<" + part * count)
            took.append(perf_counter() - begun)
        return min(took)

    assert seconds(80_000, rounds=2) < 40 * seconds(10_000, rounds=5) + 0.2
