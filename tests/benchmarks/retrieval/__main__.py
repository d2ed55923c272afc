"""Prints how well passages are found, in which language and by what, as a table of Markdown."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from phichat.documents.embeddings.base import Embedder
from phichat.documents.embeddings.model import ModelEmbedder
from phichat.documents.embeddings.sentence_encoder import SentenceEncoder
from phichat.engine.llama.embedder import Embedder as ModelFile
from tests.benchmarks.retrieval.corpora import LANGUAGES, corpora, unpack
from tests.benchmarks.retrieval.measured import METHODS, Asked, indexed, mean_reciprocal_rank, recall
from tests.benchmarks.retrieval.questions import questions, unrelated

KINDS = {
    "own": "own words",
    "other": "riddles without the text's words",
    "whole": "whole sentences",
    "distinct": "sentences without the passage's words",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.retrieval", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the packages are downloaded to and unpacked")
    parser.add_argument("--model", type=Path, help="a GGUF file of an embedding model, beside SentenceEncoder")
    arguments = parser.parse_args()
    folder, embedders = arguments.folder, _embedders(arguments.model)
    unpack(folder)
    asked: list[Asked] = []
    related: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    for language, name, documents in corpora(folder):
        with indexed(documents, embedders) as collection:
            chosen = [each for each in questions() if (each.language, each.collection) == (language, name)]
            here = [collection.ask(question) for question in chosen]
            asked += here
            related += [
                collection.fit(each.question.text)
                for each in here
                if each.question.kind in {"own", "other"} and 0 < each.ranks["fused"] <= 5
            ]
            others += [collection.fit(text) for spoken, text in unrelated() if spoken == language]
            print(f"{language} {name}: {len(documents)} documents, {len(chosen)} questions", flush=True)
    print_table(asked)
    print_thresholds(related, others)


def _embedders(model: Path | None) -> list[Embedder]:
    if model is None:
        return [SentenceEncoder()]
    engine = ModelFile(model, threads=2)
    return [
        SentenceEncoder(),
        ModelEmbedder(model.stem, str(model.stat().st_size), lambda text: engine.embed(text)[0]),
    ]


def print_table(asked: list[Asked]) -> None:
    rows: list[tuple[str, Callable[[Asked], bool]]] = [
        (f"own words and {title}", partial(_is_of_either, kind)) for kind, title in KINDS.items() if kind != "own"
    ]
    rows += [(title, partial(_is_of, kind)) for kind, title in KINDS.items()]
    names = dict.fromkeys(each.question.collection for each in asked)
    rows += [(f"{name}, {kind}", partial(_is_of_both, name, kind)) for name in (*LANGUAGES, *names) for kind in KINDS]
    print("\n| questions | number | " + " | ".join(f"{method}: recall@5 | MRR" for method in METHODS) + " |")
    print("| --- | " + "--- | " * (1 + 2 * len(METHODS)))
    for title, belongs in rows:
        chosen = [each for each in asked if belongs(each)]
        figures = [f"{recall(chosen, way):.3f} | {mean_reciprocal_rank(chosen, way):.3f}" for way in METHODS]
        print(f"| {title} | {len(chosen)} | " + " | ".join(figures) + " |")


def _is_of(name: str, asked: Asked) -> bool:
    return name in {asked.question.language, asked.question.collection, asked.question.kind}


def _is_of_either(kind: str, asked: Asked) -> bool:
    return asked.question.kind in {"own", kind}


def _is_of_both(name: str, kind: str, asked: Asked) -> bool:
    return _is_of(name, asked) and _is_of(kind, asked)


def print_thresholds(related: list[tuple[float, float]], others: list[tuple[float, float]]) -> None:
    """What share of the questions that were answered, and of unrelated ones, some thresholds let pass."""
    print("\ncoverage or cosine at least: answered that pass / unrelated that pass")
    for coverage in (0.3, 0.4, 0.5, 0.6, 0.7):
        for cosine in (0.3, 0.35, 0.4, 0.5, 0.6, 2):
            shares = [
                sum(words >= coverage or near >= cosine for words, near in figures) / len(figures)
                for figures in (related, others)
            ]
            print(f"  {coverage} {cosine}: {shares[0]:.3f} / {shares[1]:.3f}")


main()
