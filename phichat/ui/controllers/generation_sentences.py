"""Sentences about a model that is loaded, reads a prompt or branches an answer."""

from phichat.i18n import format_number, tr, tr_count


def describe_loading(title: str, fraction: float) -> str:
    """Return how far the model called `title` is loaded, from 0 to 1.

    At 1 its file is read, and memory for the context is prepared, which takes seconds.
    """
    if fraction >= 1:
        return tr("Preparing {model}…").format(model=title)
    return tr("Loading {model}… {percent}%").format(model=title, percent=format_number(100 * fraction))


def describe_reading(share: float) -> str:
    """Return how much of the prompt is read, from 0 to 1."""
    return tr("Processing… {percent}%").format(percent=format_number(100 * share))


def describe_dropped(count: int) -> str:
    """Return that the `count` oldest messages are not in the prompt."""
    return tr_count(
        "This conversation is longer than the model’s context. The oldest message was left out.",
        "This conversation is longer than the model’s context. The {count} oldest messages were left out.",
        count,
    )


def describe_foreign_candidates(author: str, title: str) -> str:
    """Return that the candidates are those of the model `author`, so that the one called `title` can't choose one."""
    sentence = tr(
        "These probabilities come from {author}. To choose another word, load that model or have "
        "{model} reread the answer."
    )
    return sentence.format(author=author, model=title)
