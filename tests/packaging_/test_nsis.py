"""The lists that the installer for Windows is made of, and its words."""

import re
from pathlib import Path, PurePosixPath

from building.project import PACKAGING
from targets.nsis import commands, listing, numbers


def test_the_uninstaller_knows_each_file_and_removes_inner_folders_first() -> None:
    names = [PurePosixPath(name) for name in ("Phichat.exe", "_internal/Qt/plugins/a.dll", "_internal/b.dll")]
    files = "Phichat.exe", r"_internal\Qt\plugins\a.dll", r"_internal\b.dll"
    folders = "_internal\\Qt\\plugins\\", "_internal\\Qt\\", "_internal\\"
    assert listing(names) == "".join(f"{line}\r\n" for line in (*files, *folders))


def test_names_of_files_are_no_variables_of_the_installer() -> None:
    script = commands([(PurePosixPath("_internal/$INSTDIR.dll"), Path("/a/$INSTDIR.dll"))])
    assert r'SetOutPath "$INSTDIR\_internal"' in script
    assert 'File "/oname=$$INSTDIR.dll" "/a/$INSTDIR.dll"' in script


def test_windows_gets_four_numbers() -> None:
    assert [numbers(text) for text in ("0.1.0", "1.2rc1", "2026.11.26.5.1")] == ["0.1.0.0", "1.2.0.0", "2026.11.26.5"]


def test_both_languages_say_the_same_things() -> None:
    english, french = (_words(PACKAGING / "windows" / f"{name}.nsh") for name in ("english", "french"))
    assert english.keys() == french.keys()
    assert {name: _filled_in(text) for name, text in english.items()} == {
        name: _filled_in(text) for name, text in french.items()
    }
    used = "".join(file.read_text("utf-8") for file in (PACKAGING / "windows").glob("*.ns[ih]"))
    assert not [name for name in english if f"$({name})" not in used]


def _words(file: Path) -> dict[str, str]:
    return dict(re.findall(r'^LangString (\w+) \$\{LANG} "(.+)"$', file.read_text("utf-8"), re.MULTILINE))


def _filled_in(text: str) -> list[str]:
    return re.findall(r"\$\w+|\$\{\w+}", text)
