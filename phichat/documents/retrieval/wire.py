"""What a DocumentLibrary takes and gives, as JSON for the pipe between the app and the library's process."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from phichat.documents.base import Place
from phichat.documents.library import Collection, FileState, FileStatus, Findings, FoundPassage, Progress

Line = dict[str, Any]


def collection_line(collection: Collection) -> Line:
    """Return a collection as JSON types."""
    return {**asdict(collection), "paths": [str(path) for path in collection.paths]}


def collection_from(line: Line) -> Collection:
    """Return the collection in `line`."""
    return Collection(**{**line, "paths": tuple(map(Path, line["paths"]))})


def status_line(status: FileStatus) -> Line:
    """Return a file's status as JSON types."""
    return {**asdict(status), "path": str(status.path)}


def status_from(line: Line) -> FileStatus:
    """Return the file's status in `line`."""
    path, state = Path(line["path"]), FileState(line["state"])
    return FileStatus(**{**line, "path": path, "state": state, "notes": tuple(line["notes"])})


def progress_line(progress: Progress) -> Line:
    """Return progress as JSON types."""
    path, locked = (str(each) if each else None for each in (progress.path, progress.locked))
    return {**asdict(progress), "path": path, "locked": locked}


def progress_from(line: Line) -> Progress:
    """Return the progress in `line`."""
    path, locked = (Path(line[key]) if line[key] else None for key in ("path", "locked"))
    return Progress(**{**line, "path": path, "locked": locked})


def passage_line(passage: FoundPassage) -> Line:
    """Return a passage as JSON types."""
    return {**asdict(passage), "path": str(passage.path)}


def passage_from(line: Line) -> FoundPassage:
    """Return the passage in `line`."""
    place = Place(**{**line["place"], "heading": tuple(line["place"]["heading"])})
    return FoundPassage(**{**line, "path": Path(line["path"]), "place": place, "numbers": tuple(line["numbers"])})


def findings_line(findings: Findings) -> Line:
    """Return what a search found as JSON types."""
    return {"passages": [passage_line(passage) for passage in findings.passages], "fits": findings.fits}


def findings_from(line: Line) -> Findings:
    """Return the findings in `line`."""
    return Findings(tuple(map(passage_from, line["passages"])), line["fits"])
