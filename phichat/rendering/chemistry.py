r"""Chemical formulas and equations, as `\ce` of mhchem has them, rewritten as LaTeX."""

import re
from collections.abc import Iterator

_ARROWS = {
    "<=>>": r"\rightleftharpoons", "<<=>": r"\rightleftharpoons", "<=>": r"\rightleftharpoons",
    "<-->": r"\rightleftarrows", "<->": r"\leftrightarrow", "->": r"\rightarrow", "<-": r"\leftarrow",
}  # fmt: skip
_LONG = {"->": r"\xrightarrow", "<-": r"\xleftarrow", "<=>": r"\xrightleftharpoons"}
_PARTS = re.compile(
    r"(?P<math>\$[^$]*\$)|(?P<command>\\[a-zA-Z]+(?:\{[^{}]*\})*)"
    r"|(?P<arrow><=>>|<<=>|<=>|<-->|<->|->|<-)(?:\[(?P<above>[^\]]*)\])?(?:\[(?P<below>[^\]]*)\])?"
    r"|(?P<gas>(?<=\s)\^(?=\s|$))|(?P<solid>(?<=\s)v(?=\s|$))"
    r"|\^(?:\{(?P<raised>[^{}]*)\}|(?P<charge>\d*[+-]|[+-]?\d+|[a-zA-Z]))"
    r"|_(?:\{(?P<lowered>[^{}]*)\}|(?P<index>\d+|[a-zA-Z]))"
    r"|(?P<plus>(?<=\s)\+(?=\s))"
    r"|(?P<ion>(?<=[\w)\]}])[+-](?=\s|$|[()\]}]))"
    r"|(?P<bond>[=#-](?=[A-Z(\[]))|(?P<dot>\s?[.*]\s?)"
    r"|(?P<letters>[A-Za-z]+)|(?P<number>(?<![A-Za-z)\]])\d+(?:[.,/]\d+)?|\d+)|(?P<bracket>[()\[\]])|(?P<space>\s+)|(?P<comma>,)"
)
_SIGNS = {"gas": r"\uparrow ", "solid": r"\downarrow ", "plus": " + ", "dot": r"\cdot ", "space": " "}
_BONDS = {"=": "=", "#": r"\equiv ", "-": "-"}


def chemistry_latex(formula: str) -> str:
    r"""Return the LaTeX of `formula`, the content of `\ce`. Raise ValueError for what is not known here."""
    return "".join(_pieces(formula.strip()))


def _pieces(formula: str) -> Iterator[str]:
    at, before = 0, ""
    while at < len(formula):
        part = _PARTS.match(formula, at)
        if part is None:
            raise ValueError(f"not chemistry: {formula[at]}")
        yield _latex(part, before)
        at, before = part.end(), part.lastgroup or ""


def _latex(part: re.Match[str], before: str) -> str:
    name, found = next((name, found) for name, found in part.groupdict().items() if found is not None)
    match name:
        case "math" | "command":
            return found.strip("$") + " "
        case "arrow":
            return _arrow(found, part["above"] or "", part["below"] or "")
        case "raised" | "charge" | "ion":
            return f"^{{{found}}}"
        case "lowered" | "index":
            return f"_{{{found}}}"
        case "number":
            return f"_{{{found}}}" if before in {"letters", "bracket"} else found + r"\,"
    return rf"\mathrm{{{found}}}" if name == "letters" else _SIGNS.get(name, _BONDS.get(found, found))


def _arrow(sign: str, above: str, below: str) -> str:
    if sign not in _LONG or not (above or below):
        return f" {_ARROWS[sign]} "
    under = f"[{chemistry_latex(below)}]" if below else ""
    return f" {_LONG[sign]}{under}{{{chemistry_latex(above)}}} "
