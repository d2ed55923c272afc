"""XML as a stream of events, without entities of its own, and without a tree that could grow too large."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.parsers import expat

DEEPEST = 1_000  # elements inside one another
_SEPARATOR = "}"


class XmlError(Exception):
    """The XML is invalid, too deep, or declares entities."""


class Start(NamedTuple):
    """The start of an element. Names have no namespace; of two attributes, the one that had one is kept."""

    name: str
    attributes: Mapping[str, str]


class End(NamedTuple):
    """The end of an element."""

    name: str


Event = Start | End | str
"""What is read: the start or end of an element, or text."""


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield what is in `chunks`, as they come. Raise XmlError once the XML is invalid.

    A document that declares an entity is refused: in what people write there is none, and a few lines of them expand to
    gigabytes. Nothing outside the file is ever fetched, as expat does so only when told to.
    """
    parser, found = _parser()
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield from found
            found.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield from found
        raise XmlError(str(error)) from error
    yield from found


def _parser() -> tuple[expat.XMLParserType, list[Event]]:
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    found: list[Event] = []
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise XmlError("too deep")
        own_last = sorted(attributes.items(), key=lambda item: _SEPARATOR in item[0])
        found.append(Start(_local(name), {_local(key): value for key, value in own_last}))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(End(_local(name)))

    def refuse(*_: object) -> None:
        raise XmlError("it declares an entity")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = found.append
    parser.EntityDeclHandler = refuse
    return parser, found


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]
