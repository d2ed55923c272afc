"""What is new is taken out of CHANGELOG.md, for the release page and for software centres."""

import argparse
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from building import changelog, linux_tree
from building.project import Trouble
from targets import notes

import phichat
from phichat.net.releases import Release

TEXT = """# Changes

Words that belong to no version.

## 1.2.0 - 2026-03-04

More than
one line & <one> word.

- A **bold** point,
  in two lines
- `code` and a [link](https://a.example/b)

### Mended

- Nothing

## 1.1.0 - 2026-02-03

Old.
"""


def test_a_versions_notes_are_found_and_only_its_own() -> None:
    assert changelog.release("1.1.0", TEXT) == changelog.Release("1.1.0", "2026-02-03", "Old.")
    assert changelog.release("1.2.0", TEXT).notes.startswith("More than\none")
    assert changelog.release("1.2.0", TEXT).notes.endswith("- Nothing")


def test_on_the_release_page_a_paragraph_is_one_line() -> None:
    assert changelog.release("1.2.0", TEXT).page() == (
        "More than one line & <one> word.\n\n"
        "- A **bold** point, in two lines\n- `code` and a [link](https://a.example/b)\n\n### Mended\n\n- Nothing\n"
    )


@pytest.mark.parametrize(
    ("version", "text", "sentence"),
    [
        ("1.3.0", TEXT, "says nothing of 1.3.0"),
        ("1.1.0", TEXT.replace("1.1.0 - 2026-02-03", "1.1.0"), "'## 1.1.0' is to be like"),
        ("1.1.0", TEXT.replace("Old.", ""), "with words below"),
    ],
)
def test_what_is_missing_is_said(version: str, text: str, sentence: str) -> None:
    with pytest.raises(Trouble, match=re.escape(sentence)):
        changelog.release(version, text)


def test_software_centres_get_paragraphs_and_lists() -> None:
    found = ElementTree.fromstring(changelog.metainfo("https://a.example", TEXT))
    assert [(one.get("version"), one.get("date")) for one in found] == [
        ("1.2.0", "2026-03-04"),
        ("1.1.0", "2026-02-03"),
    ]
    description = found[0][0]
    assert [(part.tag, (part.text or "").strip(), [point.text for point in part]) for part in description] == [
        ("p", "More than one line & <one> word.", []),
        ("ul", "", ["A bold point, in two lines", "code and a link"]),
        ("p", "Mended", []),
        ("ul", "", ["Nothing"]),
    ]


def test_this_version_has_notes_that_the_window_would_show(tmp_path: Path) -> None:
    options = argparse.Namespace(tag=f"v{phichat.__version__}", file=tmp_path / "notes.md")
    [file] = notes.build(options)
    told = Release.from_json(
        {"tag_name": options.tag, "html_url": "https://a.example", "body": file.read_text("utf-8")}
    )
    assert told
    assert told.notes.split() == changelog.releases()[0].notes.split()


def test_another_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="one of them is wrong"):
        notes.build(argparse.Namespace(tag="v99.0", file=tmp_path / "notes.md"))


def test_the_metainfo_has_all_of_them() -> None:
    root = ElementTree.fromstring(linux_tree.filled("phichat.metainfo.xml.in"))
    there = root.find("releases")
    assert there is not None
    assert [(one.get("version"), one.get("date")) for one in there] == [
        (one.version, one.day) for one in changelog.releases()
    ]
    assert root.findtext("releases/release/url", "").endswith(f"/releases/tag/v{phichat.__version__}")
