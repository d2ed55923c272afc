"""What the reading process and the app send each other: lines of JSON, after a picture's its pixels."""

from dataclasses import asdict
from typing import Any

from phichat.documents.base import Box, Finding, Note, Outline, Part, Place, Section

Line = dict[str, Any]


def part_line(part: Part) -> Line:
    """Return a part of a document as a line."""
    return {"part": type(part).__name__, **asdict(part)}


def part_from(line: Line) -> Part:
    """Return the part that a line is. Raise KeyError, TypeError or ValueError if it is none."""
    match line.pop("part"):
        case "Outline":
            return Outline(**line)
        case "Section":
            page, heading, at = (line["place"][key] for key in ("page", "heading", "line"))
            return Section(line["text"], Place(page, tuple(heading), at), line["header"])
        case "Note":
            return Note(Finding(line["finding"]), tuple(line["pages"]), line["name"])
    raise ValueError("an unknown part")


def box_from(line: list[float]) -> Box:
    """Return the box of four numbers."""
    return Box(*map(float, line))
