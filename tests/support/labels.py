"""What labels say, without the places at which a long word may be broken."""

from phichat.unicode import BREAK


def unbroken(text: str) -> str:
    """Return `text` of a label as it was given to it."""
    return text.replace(BREAK, "")
