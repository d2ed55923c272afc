"""Which sentences of an answer its passages support."""

import pytest

from phichat.chat.sources import Source
from phichat.documents.citations import cite
from phichat.documents.grounding import LEAST_OVERLAP, ground
from phichat.documents.sentences import sentences
from phichat.exchange.footnotes import with_footnotes

LEASE = "The tenant pays a rent of 950 euros by the third working day of each month."
FILTER = "The filter is rinsed under running water every two weeks and replaced after 12 months."


def _found(answer: str) -> list[tuple[str, int | None]]:
    return [(answer[each.start : each.end], each.passage) for each in ground(answer, [LEASE, FILTER])]


def test_each_sentence_finds_its_passage_or_none() -> None:
    answer = "You pay 950 euros of rent. The filter is replaced after 12 months. Bananas grow in warm countries."
    assert _found(answer) == [
        ("You pay 950 euros of rent.", 1),
        ("The filter is replaced after 12 months.", 2),
        ("Bananas grow in warm countries.", None),
    ]


def test_a_number_that_no_passage_has_is_not_supported() -> None:
    assert _found("The rent is 1,950 euros each month.") == [("The rent is 1,950 euros each month.", None)]


def test_numbers_count_however_they_are_grouped() -> None:
    assert (
        ground("It rises to 2\u202f140 metres above the valley.", ["Above the valley it rises to 2,140 metres."])[
            0
        ].passage
        == 1
    )


def test_numbers_count_as_words_and_as_digits() -> None:
    assert _found("The filter is rinsed every 2 weeks.") == [("The filter is rinsed every 2 weeks.", 2)]
    assert _found("The filter is rinsed every three weeks.") == [("The filter is rinsed every three weeks.", None)]


def test_numbers_of_several_words_are_not_torn_apart() -> None:
    passage = "The museum, which has two hundred rooms, has had visitors for twenty-five years and a half hour a day."
    passage += " Faites cuire le gâteau pendant quatre-vingts minutes, puis deux heures et demie."
    answers = ("It has had visitors for 20 years.", "It has had visitors for 5 years.", "The museum has 2 rooms.",
               "Faites cuire le gâteau pendant 20 minutes.", "Faites cuire le gâteau pendant 4 minutes.")  # fmt: skip
    assert [ground(answer, [passage])[0].passage for answer in answers] == [None] * 5
    digits = "The museum, which has 200 rooms, has had visitors for 25 years. Faites cuire le gâteau 80 minutes."
    words = ("The museum has two hundred rooms.", "The museum has had visitors for twenty-five years.",
             "Faites cuire le gâteau quatre-vingts minutes.")  # fmt: skip
    assert [ground(answer, [digits])[0].passage for answer in words] == [1, 1, 1]


def test_numbers_that_stand_side_by_side_count_each() -> None:
    passage = ["The two-week trial costs twenty cents a day, and delivery takes between five and ten days."]
    answers = ("The trial of 2 weeks costs 20 cents a day.", "Delivery takes between 5 and 10 days.")
    assert [ground(answer, passage)[0].passage for answer in answers] == [1, 1]


def test_words_that_also_mean_something_else_are_no_numbers() -> None:
    passages = ["Mettez le gâteau à cuire pendant une heure.",
                "Mehl durch ein Sieb geben und mit Zucker mischen. Der Hof wurde im September verkauft."]  # fmt: skip
    answers = ("Mettez le gâteau au four pendant une heure.", "Mehl sieben und mit Zucker mischen.",
               "Der Hof wurde im Sept verkauft.")  # fmt: skip
    assert [ground(answer, passages)[0].passage for answer in answers] == [1, 2, 2]
    warranty = ["The warranty lasts four years."]
    assert [ground(f"The warranty lasts {years} years.", warranty)[0].passage for years in ("4", "5")] == [1, None]


def test_what_a_passage_denies_in_the_same_words_is_not_supported() -> None:
    passage = (
        "Late books can’t be renewed. Films are lent for a week. Les revues ne sortent pas de la salle de lecture."
    )
    answers = (
        "Late books can be renewed.", "Late books cannot be renewed.", "Films aren’t lent for a week.",
        "Les revues sortent de la salle de lecture.", "Les revues ne sortent jamais de la salle de lecture.",
    )  # fmt: skip
    found = [ground(answer, [passage])[0].passage for answer in answers]
    assert found == [None, 1, None, None, 1]


def test_a_negation_of_something_else_denies_nothing() -> None:
    passages = ["Photographs may be taken without a flash, but large bags are not allowed."]
    answers = ("You may take photographs if you don’t use a flash.", "Large bags are not allowed.")
    assert [ground(answer, passages)[0].passage for answer in answers] == [1, 1]


def test_not_only_denies_nothing() -> None:
    passages = [
        "The pump not only heats the water but also filters it. It doesn’t only save power, it lasts longer.",
        "Der Ofen heizt nicht nur den Teig, er trocknet auch das Mehl.",
        "Le chauffage n’est pas seulement réservé aux membres. En été, la visite ne coûte que trois euros.",
        "Le parc n’est ouvert aux chiens que le lundi.",
    ]
    said = {
        "The pump heats the water and filters it.": 1,
        "The pump saves power.": 1,
        "Der Ofen heizt den Teig und trocknet das Mehl.": 2,
        "Le chauffage est réservé aux membres.": 3,
        "La visite coûte trois euros en été.": 3,
        "Le lundi, le parc est ouvert aux chiens.": 4,
        "The pump doesn’t save power.": None,
        "Der Ofen trocknet das Mehl nicht.": None,
        "Le parc n’est pas ouvert aux chiens le lundi.": None,
    }
    assert {answer: ground(answer, passages)[0].passage for answer in said} == said


def test_an_abbreviation_before_a_number_neither_denies_nor_ends_anything() -> None:
    passages = [
        "The shelf hangs on screws no. 5 and costs approx. 80 euros.",
        "Am Abend hält Nr. 5 die Tür. Der Turm wurde abgerissen. 1952 wurde die Brücke eröffnet.",
    ]
    answers = (
        "The shelf hangs on screws number 5.", "The shelf costs about 80 euros.", "Nr. 5 hält die Tür am Abend.",
        "1952 wurde die Brücke eröffnet.", "1952 wurde der Turm abgerissen.",
    )  # fmt: skip
    assert [ground(answer, passages)[0].passage for answer in answers] == [1, 1, 2, 2, None]


def test_a_number_that_a_passage_has_with_other_words_is_not_supported() -> None:
    passages = ["The bridge was opened in 1937, and the tunnel was closed in 1952."]
    answers = ("The bridge was opened in 1937.", "The bridge was opened in 1952.", "The tunnel was closed in 1937.")
    assert [ground(answer, passages)[0].passage for answer in answers] == [1, None, None]


def test_sentences_that_say_nothing_are_left_alone() -> None:
    assert _found("Yes. It is so.\n\n---\n") == []


def test_code_is_no_sentence() -> None:
    assert [text for text, _ in _found("```\nrent = 950  # euros each month\n```\nThe rent is 950 euros.")] == [
        "The rent is 950 euros."
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Build the image with `docker build . -t app` and run it.", None),
        ("Run ``echo `date`. now`` first. Then wait.", ["Run ``echo `date`. now`` first.", "Then wait."]),
        ("A tick ` alone. Another one.", ["A tick ` alone.", "Another one."]),
        ("$$ E = \\frac{\\alpha}{\\beta}. $$", []),
        ("The energy is\n$$\nE = m c^2\n+ 1.\n$$\nwith mass m.", ["The energy is", "with mass m."]),
        ("\\[\nE = 1. \\]\n\nSo it is.", ["So it is."]),
        ("\\begin{align}\n- a &= b. \\\\\n\\end{align}\nSo it is.", ["So it is."]),
        ("It is \\(a. b\\) here, and $x! y$ there. It ends.", ["It is \\(a. b\\) here, and $x! y$ there.", "It ends."]),
        ("It costs $5. They paid $6. Done.", ["It costs $5.", "They paid $6.", "Done."]),
        ("$$ never closed. So it goes.", ["$$ never closed.", "So it goes."]),
        ("```\n$$\n```\nOne. Two.\n$$", ["One.", "Two."]),
    ],
)
def test_no_sentence_ends_in_code_or_in_a_formula(text: str, found: list[str] | None) -> None:
    assert [text[start:end] for start, end in sentences(text)] == ([text] if found is None else found)


def test_what_is_copied_has_no_number_in_its_code() -> None:
    passages = ["Build the image with docker build . -t app and run it in a container."]
    answer = "Build the image with `docker build . -t app` and run it."
    source = Source("manual.txt", passages[0])
    assert with_footnotes(answer, [source]) == f"{answer[:-1]}.\xa0[1]\n\n[1] manual.txt"


def test_without_passages_nothing_is_marked() -> None:
    assert ground("The rent is 950 euros.", []) == []


def test_sentences_end_where_people_end_them() -> None:
    text = "Version 1.5 is out. “Really?” Yes!\n- A point\n- Another\n是的。不是。"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Version 1.5 is out.", "“Really?”", "Yes!", "- A point", "- Another", "是的。", "不是。",
    ]  # fmt: skip


def test_a_sentence_goes_on_in_the_next_line_but_not_in_another_block() -> None:
    text = "The rent is\npaid (cf. p. 3) monthly.\nSo:\nIt is due.\n# Title\nText\n- item\n  goes on\n\nEnd"
    assert [text[start:end] for start, end in sentences(text)] == [
        "The rent is\npaid (cf. p. 3) monthly.", "So:", "It is due.", "# Title", "Text", "- item\n  goes on", "End",
    ]  # fmt: skip


def test_questions_and_what_leads_to_an_example_say_nothing() -> None:
    assert _found("Which rent does the tenant pay each month?\nThe tenant pays the rent as follows:\n") == []


def test_what_is_written_as_code_is_in_the_passage() -> None:
    passages = ["The function save writes variables to a file."]
    assert [each.passage for each in ground("The function `lsode` writes variables to a file.", passages)] == [None]
    assert [each.passage for each in ground("The function `save` writes variables to a file.", passages)] == [1]


def test_words_that_are_far_apart_support_nothing() -> None:
    filler = " ".join(f"nothing{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" * 4)
    passage = f"The tenant is friendly. {filler} Paint the fence. {filler} Winter is cold. {filler} The rent is low."
    sentence = "The tenant has to paint the fence in winter for the rent."
    assert [each.passage for each in ground(sentence, [passage])] == [None]
    assert [each.passage for each in ground("The tenant is friendly.", [passage])] == [1]


def _shown(answer: str) -> str:
    """The answer with its marks as they are shown, `o` for what no passage supports."""
    return cite(answer, [Source("a.txt", LEASE), Source("b.txt", FILTER)], unsupported="o").text.replace("\xa0", " ")


@pytest.mark.parametrize(
    "literal",
    [
        "`docker build . -t application`", "``docker build . --tag `application` ``", "$f(alpha) = 3. + beta$",
        r"\(f(alpha) = 3. + \frac{alpha}{beta}\)", "$$f(alpha) = alpha. \nand beta$$",
    ],
)  # fmt: skip
def test_no_mark_is_put_into_code_or_a_formula(literal: str) -> None:
    answer = f"Elephants like {literal} and bananas. "
    assert _shown(answer) == f"Elephants like {literal} and bananas. o "


@pytest.mark.parametrize(
    "formula",
    [
        r"$$ E = \frac{\alpha}{\beta}. $$", "$$\nalpha = 3.\n- beta + gamma.\n\n+ delta = 4.\n$$",
        "\\[\nalpha = beta.\n\\]", r"$E = \frac{\alpha}{\beta}.$", "\\begin{align}\nalpha &= beta.\n\\end{align}",
    ],
)  # fmt: skip
def test_a_formula_by_itself_is_no_sentence(formula: str) -> None:
    assert _shown(f"Elephants like bananas.\n\n{formula}\n\nThe rent is 950 euros.") == (
        f"Elephants like bananas. o\n\n{formula}\n\nThe rent is 950 euros. [1]"
    )


def test_commands_of_a_formula_are_no_words_but_its_numbers_count() -> None:
    assert [each for _, each in _found(r"The tenant pays a rent of $\mathbf{950}$ euros.")] == [1]
    assert [each for _, each in _found(r"The tenant pays a rent of $\mathbf{850}$ euros.")] == [None]


def test_a_heading_says_nothing() -> None:
    assert _shown("## Maintenance of elephants\nThe rent is 950 euros.") == (
        "## Maintenance of elephants\nThe rent is 950 euros. [1]"
    )


def test_code_between_three_marks_within_a_line_opens_no_fence() -> None:
    assert _shown("```pay``` the rent of 950 euros each month.\nElephants like bananas.") == (
        "```pay``` the rent of 950 euros each month. [1]\nElephants like bananas. o"
    )


def test_a_passage_that_supports_a_sentence_goes_before_one_that_hardly_does_not() -> None:
    shared = "amber boats carry daily eagles to green harbors into jungles"
    sentence = f"{shared} lemons, marble nickel orange pearls."
    almost, enough = f"{shared}, says music.", f"{shared} lemons."
    assert round(ground(sentence, [almost, enough])[0].score, 1) == LEAST_OVERLAP
    assert [ground(sentence, passages)[0].passage for passages in ([almost, enough], [enough, almost])] == [2, 1]


def test_any_of_many_passages_supports_a_sentence_but_not_of_endlessly_many() -> None:
    passages = [*(f"Elephant number {number} likes bananas." for number in range(100, 1_098)), LEASE, FILTER]
    sentence = "The tenant pays a rent of 950 euros."
    assert [each.passage for each in ground(sentence, passages)] == [999]
    assert [each.passage for each in ground(sentence, [*passages[:500] * 6, LEASE])] == [None]


@pytest.mark.parametrize("own", ["[1]", " [2]", " [1, 2]", " [1][2]", " [1–3]"])
def test_numbers_of_passages_that_the_model_wrote_are_none_of_the_text(own: str) -> None:
    assert [each.passage for each in ground(f"The tenant pays a rent of 950 euros{own}.", [FILTER, LEASE])] == [2]
    assert [each.passage for each in ground(f"The tenant pays a rent of [850] euros{own}.", [LEASE])] == [None]
    assert [each.passage for each in ground("The tenant pays the rent `of[7]` each month.", [LEASE])] == [None]
