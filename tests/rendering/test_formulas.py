"""Which LaTeX is drawn, and what is left as it is because it would be drawn wrong."""

import pytest

from phichat.rendering.drawing import FONT_SIZE, Drawing
from phichat.rendering.formulas import draw_formula


def drawn(latex: str, *, is_display: bool = True) -> Drawing | None:
    try:
        return draw_formula(latex, is_display=is_display)
    except Exception:  # noqa: BLE001 - so does the process
        return None


@pytest.mark.parametrize(
    ("latex", "same"),
    [
        (r"\begin{bmatrix}4\\7\end{bmatrix}^T", r"{\begin{bmatrix}4\\7\end{bmatrix}}^T"),
        (r"\begin{pmatrix}a\\[5pt]b\end{pmatrix}^{-1}", r"{\begin{pmatrix}a\\b\end{pmatrix}}^{-1}"),
        (r"\text{if $x>0$ then}", r"\text{if }x>0\text{ then}"),
        (r"\text{a \textbf{b} \{c\}}", r"\text{a }\textbf{b}\text{ }\text{\{c\}}"),
        (r"\textrm{50\%}", r"\mbox{50\%}"),
        (r"\ce{H2O}", r"{\mathrm{H}_{2}\mathrm{O}}"),
        (r"\ce{SO4^2-}", r"{\mathrm{SO}_{4}^{2-}}"),
        (r"\ce{2H2 + O2 -> 2H2O}", r"{2\,\mathrm{H}_2 + \mathrm{O}_2 \rightarrow 2\,\mathrm{H}_2\mathrm{O}}"),
        (r"\begin{align} p &= q \\ r &= s \end{align}", r"\begin{aligned} p &= q \\ r &= s \end{aligned}"),
        (r"\begin{align} p &= q \\ r &= s \end{align}", r"p &= q \\ r &= s"),
        (r"\begin{alignat}{2} p &= q \label{one} \end{alignat}", r"\begin{align*} p &= q \nonumber \end{align*}"),
        (r"\begin{equation} x = 1 % one" + "\n" + r"\end{equation}", "{x = 1}"),
        ("m = 4\n\nn = 6", r"\begin{gathered} m = 4 \\ n = 6 \end{gathered}"),
        (r"\begin{dcases} a & b \\ c & d \end{dcases}", r"\begin{cases} a & b \\ c & d \end{cases}"),
        (r"\binom{n_{1}}{k}", r"\left({n_{1} \atop k}\right)"),
        (r"\abs{x} \R", r"\left|x\right| \mathbb{R}"),
        (r"\bigl\{ x \bigr\}", r"\bigl\lbrace x \bigr\rbrace"),
        (r"x \not= y", r"x \neq y"),
        (r"\begin{array}{|c|} \hline a \\ \hline \end{array}", r"{\boxed{\begin{array}{c}a\end{array}}}"),
        (r"\SI{5}{m}", r"{5\,\mathrm{m}}"),
        (r"\Alpha \omega", r"\mathrm{A}  \omega"),
        (r"\operatorname{arg\,max}", r"{\mathrm{arg\,max}}"),
    ],
)
def test_what_models_write_is_drawn(latex: str, same: str) -> None:
    first, second = drawn(latex), drawn(same)
    assert first
    assert second
    assert (first.width, first.ascent, first.svg) == (second.width, second.ascent, second.svg)


@pytest.mark.parametrize(
    "latex",
    [
        r"\boxed{y = 9}",
        r"g(t)=\begin{cases}t & t>0\\-t & \text{else}\end{cases}",
        r"\text{Q\&A} < \text{a_b <c> #1}",
        r"\{q \mid q > 0\}",
        r"\begin{gather} a \\ b \end{gather}",
        r"\begin{eqnarray} a &=& b \end{eqnarray}",
        r"\text{speed} = \frac{\text{distance}}{\text{time in s}}",
        r"\ce{Fe^{3+} + 3OH- -> Fe(OH)3 v}",
        r"\ce{A <=>[k_1][k_2] B}",
        r"\ce{AgCl(s) <=> Ag+(aq) + Cl-(aq)}",
        r"\ce{CaCO3 ->[\Delta] CaO + CO2 ^}",
        r"\ce{CuSO4.5H2O}",
        r"x = 1 \tag{3}",
        r"\left.\frac{dy}{dx}\right|_{x=1}",
    ],
)
@pytest.mark.parametrize("is_display", [True, False])
def test_so_is_this(latex: str, is_display: bool) -> None:
    assert drawn(latex, is_display=is_display)


@pytest.mark.parametrize(
    "latex",
    [
        r"\unknown{x}",
        r"\SI{5}{\meter}",
        r"\begin{tikzpicture}\draw (0,0);\end{tikzpicture}",
        r"\begin{matrix} a",
        r"\frac{a",
        r"\raisebox{1em}{x}",
        r"\text{يساوي}",
        r"a = हिन्दी",
        r"\ce{?!}",
        r"a \not\alpha b",
        r"\begin{array}{|c|}a\end{array}",
    ],
)
def test_what_would_be_drawn_wrong_is_not_drawn(latex: str) -> None:
    assert drawn(latex) is None


def test_chinese_in_formulas_is_text_in_a_font_of_the_computer() -> None:
    found = drawn(r"x_{\text{最大}} = \frac{距离 <1>}{\text{时间 (s)}}")
    assert found
    assert found.svg.count("<text") == 6
    assert 4 * FONT_SIZE < found.width < 10 * FONT_SIZE


def test_tables_have_their_lines() -> None:
    plain = drawn(r"\begin{array}{ccc} 1 & 2 & 3 \\ 4 & 5 & 6 \end{array}")
    ruled = drawn(r"\begin{array}{cc|c} 1 & 2 & 3 \\ \hline 4 & 5 & 6 \end{array}")
    assert plain
    assert ruled
    assert ruled.svg.count("<rect") == plain.svg.count("<rect") + 2
    assert ruled.width == plain.width
