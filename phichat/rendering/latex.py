r"""LaTeX as models write it, rewritten into the LaTeX that latex2mathml understands.

That takes an unknown command for its name, and a matrix with an exponent for several things; `\text` ends at the first
brace, and most environments are unknown. What cannot be rewritten raises ValueError: it is not drawn then.
"""

import re
from collections.abc import Iterator
from itertools import chain

from phichat.rendering.chemistry import chemistry_latex

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}]|%[^\n]*\n?|[^\\{}%]+", re.DOTALL)
_FORMULA = re.compile(r"(?<!\\)\$([^$]+)(?<!\\)\$")
_GAP = re.compile(r"\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]")
_OPTION = re.compile(r"\s*\[[^\]]*\]")
_EMPTY_LINE = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_SPECIAL = re.compile(r"[<>&{}%\\$]|^\d")

_TEXTS = {
    "text": "text", "textrm": "text", "textnormal": "text", "textup": "text", "textmd": "text", "mbox": "text",
    "hbox": "text", "textbf": "textbf", "textit": "textit", "emph": "textit", "textsf": "textsf", "texttt": "texttt",
}  # fmt: skip
_LETTERS = {
    r"\textbackslash": "\\", r"\ldots": "…", r"\dots": "…", r"\textendash": "–", r"\textdegree": "°", r"\,": "\u2009",
    r"\;": " ", r"\:": " ", r"\ ": " ", r"\quad": "\u2003", r"\\": " ", r"\-": "", r"\/": "",
    "{": "", "}": "", "~": " ", r"\textasciitilde": "~", r"\textasciicircum": "^", r"\textunderscore": "_",
}  # fmt: skip
_MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix"}
_ALIGNED = {"align", "aligned", "alignat", "alignedat", "flalign", "split", "eqnarray"}
_GATHERED = {"gather", "gathered", "multline", "multlined"}
_WHOLE = {"equation", "displaymath", "math"}
ENVIRONMENTS = {*_MATRICES, *_ALIGNED, *_GATHERED, *_WHOLE, "array", "subarray", "cases", "dcases", "rcases"}
"""All that are drawn, besides those with a star."""

_LEFT_OUT = {
    "label": 1,
    "require": 1,
    "nonumber": 0,
    "notag": 0,
    "allowbreak": 0,
    "nobreak": 0,
    "hfill": 0,
    "vspace": 1,
    "noindent": 0,
}
_MACROS = {
    "abs": (1, r"\left|{}\right|"), "norm": (1, r"\left\|{}\right\|"), "floor": (1, r"\left\lfloor {}\right\rfloor "),
    "ceil": (1, r"\left\lceil {}\right\rceil "), "binom": (2, r"\left({{{} \atop {}}}\right)"),
    "dbinom": (2, r"\left({{{} \atop {}}}\right)"), "tbinom": (2, r"\left({{{} \atop {}}}\right)"),
    "dv": (2, r"\frac{{d {}}}{{d {}}}"), "pdv": (2, r"\frac{{\partial {}}}{{\partial {}}}"),
    "R": (0, r"\mathbb{R}"), "N": (0, r"\mathbb{N}"), "Z": (0, r"\mathbb{Z}"), "Q": (0, r"\mathbb{Q}"),
    "C": (0, r"\mathbb{C}"), "dd": (0, r"\mathrm{d}"), "celsius": (0, r"{}^\circ\mathrm{C}"),
    "SI": (2, r"{}\,\mathrm{{{}}}"), "si": (1, r"\mathrm{{{}}}"), "unit": (1, r"\mathrm{{{}}}"), "num": (1, "{}"),
    "framebox": (1, r"\boxed{{{}}}"), "P": (0, "¶"), "newline": (0, r"\\"),
}  # fmt: skip
_CLASSES = {"mathop", "mathbin", "mathrel", "mathord", "mathopen", "mathclose", "mathpunct", "mathinner"}
_MACROS |= {
    name: (0, rf"\mathrm{{{letter}}}")
    for name, letter in zip(
        ["Alpha", "Beta", "Epsilon", "Zeta", "Eta", "Iota", "Kappa", "Mu", "Nu", "Omicron", "Rho", "Tau", "Chi"],
        "ABEZHIKMNOPTX",
        strict=True,
    )
}
_BIG = re.compile(r"\\[bB]igg?[lrm]?")
_BRACKETS = {
    r"\{": "{",
    r"\lbrace": "{",
    r"\}": "}",
    r"\rbrace": "}",
    r"\|": "‖",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\Vert": "‖",
}
_NEGATED = {
    "=": "≠", "<": "≮", ">": "≯", r"\in": "∉", r"\ni": "∌", r"\equiv": "≢", r"\sim": "≁", r"\approx": "≉",
    r"\subset": "⊄", r"\supset": "⊅", r"\subseteq": "⊈", r"\supseteq": "⊉", r"\exists": "∄", r"\mid": "∤",
    r"\cong": "≇", r"\parallel": "∦", r"\leq": "≰", r"\le": "≰", r"\geq": "≱", r"\ge": "≱",
}  # fmt: skip


def rewrite(latex: str, *, is_display: bool) -> str:
    """Return `latex` rewritten. Lines of a display formula outside of an environment stand below each other."""
    lines = _EMPTY_LINE.sub(r" \\\\ " if is_display else " ", latex.strip())
    reader = _Reader(lines)
    rewritten = reader.read()
    if not is_display or not reader.has_rows:
        return rewritten
    return _rows("align*" if reader.has_columns else "gather*", lines)


class _Reader:
    """Reads tokens and rewrites them.

    Attributes:
        has_rows, has_columns: whether there are ends of rows, and signs between columns, outside of environments.
    """

    def __init__(self, latex: str) -> None:
        self._tokens: Iterator[str] = iter(_TOKEN.findall(latex))
        self._depth = 0
        self.has_rows = self.has_columns = False

    def tokens(self) -> Iterator[str]:
        """Yield the tokens, of which `command` and `argument` may take some."""
        while token := next(self._tokens, ""):
            yield token

    def read(self) -> str:
        """Return everything rewritten. Raise ValueError."""
        written = "".join(map(self._rewritten, self.tokens()))
        if self._depth:
            raise ValueError("a brace is missing")
        return written

    def _rewritten(self, part: str) -> str:
        if part in {"{", "}"}:
            self._depth += 1 if part == "{" else -1
            return part
        if part[0] == "%":
            return " "
        if part[0] != "\\":
            self.has_columns |= "&" in part and not self._depth
            return part
        if part == r"\\":
            return self._end_of_row()
        return self.command(part[1:]) if part[1].isalpha() else part

    def _end_of_row(self) -> str:
        self.has_rows |= not self._depth
        after = next(self._tokens, "")
        if not after.startswith("\\"):
            after = after.removeprefix("*")
            after = after[gap.end() :] if (gap := _GAP.match(after)) else after
        self._put_back(after)
        return r"\\ "

    def command(self, name: str) -> str:
        r"""Return the command `name`, whose backslash is read, and its arguments."""
        if name == "begin":
            return self._environment()
        if name in _TEXTS:
            return "{" + _text(self.argument(), _TEXTS[name]) + "}"
        if name in _LEFT_OUT:
            for _ in range(_LEFT_OUT[name]):
                self.argument()
            return " "
        if name in _MACROS:
            count, form = _MACROS[name]
            return "{" + form.format(*[_inner(self.argument()) for _ in range(count)]) + "}" if count else form + " "
        if name == "ce":
            return "{" + _inner(chemistry_latex(self.argument())) + "}"
        return self._other(name)

    def _other(self, name: str) -> str:
        written = f"\\{name}"
        if name == "tag":
            written = r"\qquad " + _text(f"({self.argument().removeprefix('*')})", "text")
        elif name in _CLASSES:  # what is inside would be lost
            written = "{" + _inner(self.argument()) + "}"
        elif name == "href":
            self.argument()
            written = "{" + _inner(self.argument()) + "}"
        elif name == "operatorname":
            written = self._operator()
        elif name == "not":
            written = f" {_NEGATED[self.argument()]} "  # KeyError: the stroke would be drawn beside the sign
        elif _BIG.fullmatch(written):
            following = self.argument()
            written += _BRACKETS.get(following, following) + " "
        return written

    def _operator(self) -> str:
        star = self._following().startswith("*")
        if star:
            self._put_back(next(self._tokens).removeprefix("*"))
        name = self.argument()
        if re.fullmatch(r"[a-zA-Z\s]+", name):
            return rf"\operatorname{'*' if star else ''}{{{name}}}"
        return rf"{{\mathrm{{{_inner(name)}}}}}"

    def _environment(self) -> str:
        name = self.argument().strip()
        body, ending, depth = "", rf"\end{{{name}}}", 1
        while depth:
            part = next(self._tokens, None)
            if part is None:
                raise ValueError(f"{ending} is missing")
            if part in {r"\begin", r"\end"}:
                inner = self.argument().strip()
                depth += 0 if inner != name else 1 if part == r"\begin" else -1
                part = f"{part}{{{inner}}}"
            body += part
        return "{" + _rows(name, body.removesuffix(ending)) + "}"

    def argument(self) -> str:
        """Return the raw content of the next group, or the next token."""
        part = next((stripped for token in self.tokens() if (stripped := token.lstrip())), "")
        if not part:
            raise ValueError("an argument is missing")
        if part != "{":
            head = part if part[0] == "\\" else part[0]
            self._put_back(part[len(head) :])
            return head
        content, depth = "", 1
        for piece in self.tokens():
            depth += (piece == "{") - (piece == "}")
            if not depth:
                return content
            content += piece
        raise ValueError("a brace is missing")

    def _following(self) -> str:
        part = next(self._tokens, "")
        self._put_back(part)
        return part

    def _put_back(self, part: str) -> None:
        if part:
            self._tokens = chain((part,), self._tokens)


def _inner(latex: str) -> str:
    return _Reader(latex).read()


def _rows(environment: str, body: str) -> str:
    """Return an environment that is drawn; `body` is not rewritten yet."""
    name = environment.removesuffix("*")
    if name not in ENVIRONMENTS:
        raise ValueError(f"unknown environment: {name}")
    if name in _WHOLE:
        return rewrite(body, is_display=True)
    columns, body = _columns(name, body)
    inside = _inner(_EMPTY_LINE.sub("\n", body)).strip().removesuffix("\\\\")
    if name in _ALIGNED and "&" in inside:
        return rf"\begin{{align*}}{inside}\end{{align*}}"
    if name in _ALIGNED | _GATHERED:
        rows = r" \\ \displaystyle ".join(inside.split(r"\\"))
        return rf"\begin{{array}}{{c}}\displaystyle {rows}\end{{array}}"
    sides = columns.startswith("{|"), columns.endswith("|}"), inside[:6] == r"\hline", inside[-6:] == r"\hline"
    if all(sides):
        framed = inside[6:-6].strip().removesuffix(r"\\")
        return rf"\boxed{{\begin{{array}}{{{columns[2:-2]}}}{framed}\end{{array}}}}"
    if any(sides):
        raise ValueError("half of a frame is not drawn")
    if name == "rcases":
        return rf"\left.\begin{{array}}{{ll}}{inside}\end{{array}}\right\}}"
    made = {"dcases": "cases", "subarray": "array"}.get(name, name)
    return rf"\begin{{{made}}}{columns}{inside}\end{{{made}}}"


def _columns(name: str, body: str) -> tuple[str, str]:
    """Return the alignment of columns before `body`, and the rest of it."""
    if option := _OPTION.match(body):
        body = body[option.end() :]
    if name not in {"array", "subarray", "alignat", "alignedat"}:
        return "", body
    reader = _Reader(body)
    signs = "".join(re.findall("[lcr|]", re.sub(r"@\{[^}]*\}|[pm]\{[^}]*\}", "", reader.argument())))
    return (f"{{{signs}}}" if name.endswith("array") else ""), "".join(reader.tokens())


def _text(content: str, command: str) -> str:
    """Return the content of `command`, with formulas and other commands in it outside of its braces."""
    parts = _FORMULA.split(content)
    pieces = [_inner(part) if index % 2 else _words(part, command) for index, part in enumerate(parts)]
    return "".join(pieces)


def _words(content: str, command: str) -> str:
    written = words = ""
    reader = _Reader(content)
    for token in reader.tokens():
        if token[0] != "\\" or token in _LETTERS or not token[1:].isalpha():
            words += _LETTERS.get(token, token.removeprefix("\\"))
            continue
        written += _encoded(words, command)
        words = ""
        name = token[1:]
        written += _text(reader.argument(), _TEXTS[name]) if name in _TEXTS else reader.command(name)
    return written + _encoded(words, command)


def _encoded(words: str, command: str) -> str:
    """Return `command` with `words`, whose special letters the converter takes as references alone."""
    letters = _SPECIAL.sub(lambda found: f"&#x{ord(found[0]):X};", re.sub(r"\s+", " ", words))
    return rf"\{command}{{{letters}}}" if words else ""
