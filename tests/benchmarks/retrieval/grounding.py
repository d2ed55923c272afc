"""How well supported sentences are told from others: `python -m tests.benchmarks.retrieval.grounding`."""

from collections.abc import Sequence
from pathlib import Path

from phichat.documents.grounding import ground

FOLDER = Path(__file__).parent

Row = tuple[str, str, bool]
"""A passage, a sentence, and whether the passage says it."""


def labelled(file: str) -> list[Row]:
    """Return the rows of a file in this folder."""
    found, passage = [], ""
    for line in (FOLDER / file).read_text("utf-8").splitlines():
        if line.startswith(("+ ", "- ")):
            found.append((passage, line[2:], line[0] == "+"))
        elif not line.startswith("#"):
            passage = line
    return found


def main() -> None:
    for file in ("grounding.txt", "numbers.txt"):
        print_figures(file, labelled(file))
    rows = labelled("own_words.txt")
    passages = list(dict.fromkeys(passage for passage, _, _ in rows))
    for half, name in enumerate(("which the checks were chosen by", "others")):  # every other passage
        print_figures(f"own_words.txt, {name}", [row for row in rows if passages.index(row[0]) % 2 == half], passages)


def print_figures(title: str, rows: Sequence[Row], passages: Sequence[str] = ()) -> None:
    passages = passages or list(dict.fromkeys(passage for passage, _, _ in rows))
    figures = []
    for passage, sentence, is_said in rows:
        supports = ground(sentence, passages)
        score, found = (supports[0].score, supports[0].passage) if supports else (0.0, None)
        figures.append((score, found == passages.index(passage) + 1, is_said, sentence))
    print(title)
    for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        said = [score >= least for score, _, is_said, _ in figures if is_said]
        others = [score >= least for score, _, is_said, _ in figures if not is_said]
        print(
            f"at least {least}: {sum(said)} of {len(said)} that are said, {sum(others)} of {len(others)} that are not"
        )
    right = sum(found for _, found, is_said, _ in figures if is_said)
    print(f"the right passage: {right} of {len(said)}")
    for score, found, is_said, sentence in figures:
        if found != is_said:
            print(f"{score:.2f} {'+' if is_said else '-'} {sentence}")


if __name__ == "__main__":
    main()
