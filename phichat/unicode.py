"""Text as other programs count and store it: UTF-16 lengths, no lone surrogates."""


def replace_surrogates(text: str) -> str:
    """`text` without lone surrogates, which no encoding can store; they become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def utf16_length(text: str) -> int:
    """How long `text` is as Qt counts: in units of UTF-16."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_slice(text: str, begin: int, end: int) -> str:
    """Part of `text`, counted as Qt counts."""
    if text.isascii():
        return text[begin:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * begin : 2 * end].decode("utf-16-le", "replace")
