"""How sure a model was of a reply, as a figure and as a sentence."""

import pytest

from phichat import i18n
from phichat.chat.candidates import Certainty, certainty_of, certainty_text


def test_sure_is_what_was_likelier_than_not() -> None:
    assert certainty_of([0.9, None, 0.5, 0.2, 0.4]) == Certainty(0.5, 1)
    assert certainty_of([None, None]) is None


@pytest.mark.parametrize(
    ("hesitations", "english", "french"),
    [
        (1, "The model was sure 82% of the time, with 1 hesitation.", "1 hésitation"),
        (5, "The model was sure 82% of the time, with 5 hesitations.", "5 hésitations"),
    ],
)
def test_certainty_is_a_sentence(hesitations: int, english: str, french: str) -> None:
    assert certainty_text(Certainty(0.82, hesitations)) == english
    i18n.set_language("fr")
    said = certainty_text(Certainty(0.82, hesitations))
    assert said == f"Le modèle était sûr de lui dans 82\u202f% des cas ({french})."
