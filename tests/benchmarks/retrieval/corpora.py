"""The texts that questions are asked about: manuals in three languages out of Debian packages."""

import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from phichat.documents.base import Place, Section

PACKAGES = (
    "coreutils", "debian-faq", "debian-faq-de", "debian-faq-fr", "gnome-user-docs", "jargon-text", "manpages-de",
    "manpages-fr", "util-linux",
)  # fmt: skip
"""Of Debian 12, whose versions the questions were written for."""

LANGUAGES = ("en", "fr", "de")

Texts = dict[str, list[Section]]
"""The sections of each document, by the name that answers call it."""


def unpack(folder: Path) -> None:
    """Download what is missing, with apt, and unpack it into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in PACKAGES if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        subprocess.run(["apt-get", "download", *missing], cwd=folder, check=True)
    for name in PACKAGES:
        package = next(folder.glob(f"{name}_*.deb"))
        if not (folder / f"{name}.done").exists():
            subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
            (folder / f"{name}.done").touch()


def corpora(folder: Path) -> Iterator[tuple[str, str, Texts]]:
    """Yield (language, name, texts) of each collection."""
    share = folder / "root" / "usr" / "share"
    common = [{path.name for path in _pages(share, language)} for language in LANGUAGES]
    for language in LANGUAGES:
        yield language, "help", _desktop_help(share, language)
        yield language, "commands", _commands(share, language, set.intersection(*common))
        yield language, "faq", _faq(share, language)
    yield "en", "jargon", _jargon(share)


def _desktop_help(share: Path, language: str) -> Texts:
    """GNOME Help, a document for each page."""
    folder = share / "help" / ("C" if language == "en" else language) / "gnome-help"
    return {path.stem: sections for path in sorted(folder.glob("*.page")) if (sections := _mallard(path))}


def _mallard(path: Path) -> list[Section]:
    root = ET.parse(path).getroot()
    title = _flat(root.find("{*}title"))
    described = _flat(root.find("{*}info/{*}desc"))
    blocks = [described, *_blocks(root)]
    return [Section("\n\n".join(filter(None, blocks)), Place(heading=(title,)))] if any(blocks) else []


def _blocks(element: ET.Element) -> Iterator[str]:
    for child in element:
        name = child.tag.rpartition("}")[2]
        if (name in {"p", "title"} and child.tag and element.tag.rpartition("}")[2] != "page") or name == "p":
            yield _flat(child)
        elif name not in {"info", "title", "links"}:
            yield from _blocks(child)


def _flat(element: ET.Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _pages(share: Path, language: str) -> list[Path]:
    folder = share / "man" / ("" if language == "en" else language) / "man1"
    return sorted(path for path in folder.glob("*.1.gz") if not path.is_symlink())


def _commands(share: Path, language: str, names: set[str]) -> Texts:
    """The manual pages of commands that are there in all languages."""
    pages = {path.name.split(".")[0]: path for path in _pages(share, language) if path.name in names}
    texts = {name: list(_roff(gzip.decompress(path.read_bytes()).decode())) for name, path in pages.items()}
    return {name: sections for name, sections in texts.items() if sections}


_ESCAPE = re.compile(r"\\(?:f(?:\(..|\[[^]]*\]|.)|[,/&%]|\*\(..|s[-+]?\d)")
_CHARACTERS = {r"\-": "-", r"\ ": " ", r"\e": "\\", r"\(aq": "'", r"\(bu": "•", r"\(co": "©", r"\(dq": '"', r"\~": " "}


def _roff(source: str) -> Iterator[Section]:
    """Yield the sections of a manual page; its macros are left out."""
    heading, lines, name = "", [""], ""
    for line in [*source.splitlines(), ".SH"]:
        macro, _, rest = line.partition(" ") if line[:1] in {".", "'"} else ("", "", line)
        if macro == ".TH":
            name = rest.split()[0].strip('"').lower()
        if macro == ".SH":
            if text := "\n".join(lines).strip():
                yield Section(re.sub(r"\n{3,}", "\n\n", text), Place(heading=(name, heading)))
            heading, lines = _plain(rest.strip('"')), []
        elif not macro or macro in {".B", ".I", ".BR", ".RB", ".IR", ".RI", ".BI", ".IB", ".SS", ".SM"}:
            lines.append(_plain(rest))
        elif macro in {".PP", ".TP", ".IP", ".P", ".br", ".sp"}:
            lines.append("")


def _plain(line: str) -> str:
    line = _ESCAPE.sub("", line)
    for written, meant in _CHARACTERS.items():
        line = line.replace(written, meant)
    return line


def _faq(share: Path, language: str) -> Texts:
    """The Debian FAQ, a document for each numbered question."""
    path = share / "doc" / "debian" / "FAQ" / f"debian-faq.{language}.txt.gz"
    found = re.split(r"^(?=\d+(?:\.\d+)+\.\s)", gzip.decompress(path.read_bytes()).decode(), flags=re.MULTILINE)[1:]
    return {number: [section] for number, section in map(_faq_section, found)}


def _faq_section(text: str) -> tuple[str, Section]:
    title, _, body = text.partition("\n\n")
    number, _, words = " ".join(title.split()).partition(". ")
    lines = (line.strip() for line in re.split(r"^(?=Chap|Kapitel)", body, flags=re.MULTILINE)[0].splitlines())
    return number, Section("\n".join(lines).strip(), Place(heading=(words,)))


def _jargon(share: Path) -> Texts:
    """The Jargon File, a document for each entry."""
    text = gzip.decompress((share / "doc" / "jargon-text" / "jargon.txt.gz").read_bytes()).decode("utf-8", "replace")
    entries = re.split(r"^   (?=:[^:\n]+: )", text, flags=re.MULTILINE)[1:]
    return {name: [section] for name, section in map(_entry, entries)}


def _entry(text: str) -> tuple[str, Section]:
    _, name, body = text.split(":", 2)
    lines = (line.strip() for line in body.splitlines())
    return name, Section("\n".join(lines).strip(), Place(heading=(name,)))
