"""Text as other programs count and store it: UTF-16 lengths, no lone surrogates."""


def replace_surrogates(text: str) -> str:
    """`text` without lone surrogates, which no encoding can store; they become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
