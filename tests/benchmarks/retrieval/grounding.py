"""How well supported sentences are told from others: `python -m tests.benchmarks.retrieval.grounding`."""

from pathlib import Path

from phichat.documents.grounding import ground

FILE = Path(__file__).parent / "grounding.txt"


def labelled() -> list[tuple[str, str, bool]]:
    """Return (passage, sentence, whether the passage says it)."""
    found, passage = [], ""
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith(("+ ", "- ")):
            found.append((passage, line[2:], line[0] == "+"))
        elif not line.startswith("#"):
            passage = line
    return found


def main() -> None:
    rows = labelled()
    passages = list(dict.fromkeys(passage for passage, _, _ in rows))
    figures = []
    for passage, sentence, is_said in rows:
        (support,) = ground(sentence, passages)
        figures.append((support.score, support.passage == passages.index(passage) + 1, is_said, sentence))
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
