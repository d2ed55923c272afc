"""Which sentences of an answer its passages support."""

from phichat.documents.grounding import ground, sentences

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


def test_sentences_that_say_nothing_are_left_alone() -> None:
    assert _found("Yes. It is so.\n\n---\n") == []


def test_code_is_no_sentence() -> None:
    assert [text for text, _ in _found("```\nrent = 950  # euros each month\n```\nThe rent is 950 euros.")] == [
        "The rent is 950 euros."
    ]


def test_without_passages_nothing_is_marked() -> None:
    assert ground("The rent is 950 euros.", []) == []


def test_sentences_end_where_people_end_them() -> None:
    text = "Version 1.5 is out. “Really?” Yes!\n- A point\n- Another\n是的。不是。"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Version 1.5 is out.", "“Really?”", "Yes!", "- A point", "- Another", "是的。", "不是。",
    ]  # fmt: skip
