"""Settings come back, whatever the file looks like."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phichat.errors import StoreError
from phichat.store.preferences import Preferences, PreferencesFile


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path / "deep" / "preferences.json")
    wanted = Preferences(model="starter", context=2048, sampling={"temperature": 0.3}, columns=[200, 600, 300])
    file.save_preferences(wanted)
    assert file.load_preferences() == wanted
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["preferences.json"]


def test_without_a_file_all_is_default(tmp_path: Path) -> None:
    assert PreferencesFile(tmp_path / "preferences.json").load_preferences() == Preferences()


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "[" * 100_000, '{"a": ' * 5000, "\x00\x01"])
def test_nonsense_is_no_reason_to_stop(tmp_path: Path, text: str) -> None:
    (tmp_path / "preferences.json").write_text(text, "utf-8")
    assert PreferencesFile(tmp_path / "preferences.json").load_preferences() == Preferences()


@pytest.mark.parametrize("content", ["{damaged", '["damaged"]'])
def test_a_damaged_file_is_kept_beside_the_new_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "preferences.json").write_text(content, "utf-8")
    PreferencesFile(tmp_path / "preferences.json").load_preferences()
    assert (tmp_path / "preferences.damaged").read_text("utf-8") == content


def test_what_cannot_be_read_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the start, nor when something is saved."""
    path = tmp_path / "preferences.json"
    PreferencesFile(path).save_preferences(Preferences(system="Be brief.", presets={}, context=2048))

    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    file = PreferencesFile(path)
    found = replace(file.load_preferences(), model="starter")
    with pytest.raises(StoreError, match="The settings couldn’t be saved"):
        file.save_preferences(found)
    monkeypatch.undo()
    wanted = Preferences(model="starter", system="Be brief.", context=2048)
    assert file.save_preferences(found) == PreferencesFile(path).load_preferences() == wanted


def test_what_is_changed_after_a_start_without_the_file_is_changed_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documents of all conversations, all presets and hosts were those of that session alone then."""
    path = tmp_path / "preferences.json"
    before = Preferences(
        documents={"one": ["Manuals"], "two": ["two"]},
        presets={"Mine": {"top_k": 7}},
        agreed_hosts=["one.example", "two.example"],
        columns=[1, 2, 3],
    )
    PreferencesFile(path).save_preferences(before)
    before = PreferencesFile(path).load_preferences()
    file = _opened_unread(path, monkeypatch)
    now = file.save_preferences(
        Preferences(documents={"three": ["three"]}, agreed_hosts=["three.example"], columns=[4, 5, 6])
    )
    assert now == file.load_preferences()
    assert now.documents == {**before.documents, "three": ["three"]}
    assert now.agreed_hosts == [*before.agreed_hosts, "three.example"]
    assert (now.presets, now.columns) == (before.presets, [4, 5, 6])
    left = {"two": ["two", "Manuals"], "three": ["three"]}
    now = file.save_preferences(replace(now, documents=left, agreed_hosts=["two.example", "three.example"], presets={}))
    assert (now.documents, now.agreed_hosts, now.presets) == (left, ["two.example", "three.example"], {})


def _opened_unread(path: Path, monkeypatch: pytest.MonkeyPatch) -> PreferencesFile:
    """The file as it is known to a window that could not read it when it was opened."""

    def fail(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        file = PreferencesFile(path)
        assert file.load_preferences() == Preferences()
    return file


def test_what_was_saved_in_place_of_a_damaged_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "preferences.json"
    path.write_text("{damaged", "utf-8")

    def judge(_: str) -> None:
        monkeypatch.undo()
        PreferencesFile(path).save_preferences(Preferences(context=2048))
        raise ValueError

    monkeypatch.setattr(json, "loads", judge)
    assert PreferencesFile(path).load_preferences() == Preferences()
    assert PreferencesFile(path).load_preferences() == Preferences(context=2048)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("context", 10**12, 131_072), ("context", -5, 256), ("context", "many", 4096), ("columns", [10**12, 1, 1], []),
        ("columns", ["a"], []), ("geometry", "\ud800", ""), ("system", "a\ud800b", "a\ufffdb"), ("model", 7, ""),
        ("sampling", [], {}), ("panel_open", "yes", True),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_become_ones_that_do(tmp_path: Path, name: str, value: Any, read: Any) -> None:
    (tmp_path / "preferences.json").write_text(json.dumps({name: value}), "utf-8")
    found = PreferencesFile(tmp_path / "preferences.json").load_preferences()
    assert getattr(found, name) == read
    PreferencesFile(tmp_path / "preferences.json").save_preferences(found)


def test_what_another_version_wrote_stays(tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path / "preferences.json")
    (tmp_path / "preferences.json").write_text('{"model": "starter", "from_the_future": [1]}', "utf-8")
    file.save_preferences(replace(file.load_preferences(), model="other"))
    assert json.loads((tmp_path / "preferences.json").read_text("utf-8"))["from_the_future"] == [1]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way", "utf-8")
    advice = r"Move or delete the file that’s in the way\."
    with pytest.raises(
        StoreError,
        match=rf"^The settings couldn’t be saved in .*: a file with the same name already exists.*\. {advice}$",
    ):
        PreferencesFile(tmp_path / "home" / "preferences.json").save_preferences(Preferences())


@pytest.mark.parametrize(("saved", "read"), [(-5, 0), (7, 7), (10**9, 1440), ("15", 15), (None, 15), (3.5, 15)])
def test_a_time_that_makes_no_sense_is_the_nearest_that_does_or_the_usual(home: Path, saved: object, read: int) -> None:
    home.mkdir()
    (home / "preferences.json").write_text(json.dumps({"rest_minutes": saved}))
    assert PreferencesFile(home / "preferences.json").load_preferences().rest_minutes == read


def test_what_another_program_saved_meanwhile_stays(tmp_path: Path) -> None:
    """`phichat models default` beside an open window, whose next save took the choice back."""
    path = tmp_path / "preferences.json"
    window, terminal = PreferencesFile(path), PreferencesFile(path)
    window.save_preferences(Preferences(model="starter", context=2048))
    terminal.save_preferences(replace(terminal.load_preferences(), default_model="phi"))
    saved = window.save_preferences(Preferences(model="other", context=2048))
    assert (
        saved
        == PreferencesFile(path).load_preferences()
        == Preferences(model="other", context=2048, default_model="phi")
    )
    path.write_bytes(b"{damaged")
    assert window.save_preferences(saved) == PreferencesFile(path).load_preferences() == saved
