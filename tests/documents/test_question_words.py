"""What a question is about, without the words that only ask."""

import pytest

from phichat.documents.store.words import subject_of


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("How can I remove a file from the disk?", "remove file disk"),
        ("Comment est-ce que j’enlève l’écran ?", "j’enlève l’écran"),
        ("Wie lösche ich eine Datei?", "lösche Datei"),
        ("What is it?", "What is it?"),
        ("", ""),
        ("???", "???"),
    ],
)
def test_only_what_it_is_about_is_left(question: str, subject: str) -> None:
    assert subject_of(question) == subject
