"""Where things are, as the person chose it."""

import json
from pathlib import Path
from typing import Any

import pytest

from phichat import i18n, paths
from phichat.models.library import Library


def prefer(home: Path, **values: Any) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "preferences.json").write_text(json.dumps(values))


def test_models_go_to_the_folder_that_was_chosen_and_others_are_still_found(
    home: Path, tmp_path: Path, chatml_model: Path
) -> None:
    ours = home / "models"
    ours.mkdir(parents=True)
    (ours / "old.gguf").write_bytes(chatml_model.read_bytes())
    (tmp_path / "new.gguf").write_bytes(chatml_model.read_bytes())
    prefer(home, models_folder=str(tmp_path))
    found = paths.home()
    assert found.models == tmp_path
    assert found.added_models.parent == ours
    names = {model.name for model in Library(found).list_models()}
    assert {"old", "new"} <= names


@pytest.fixture(scope="module")
def home_of_shared_fixtures() -> Path:
    return paths.home().root


def test_no_fixture_opens_the_home_of_whoever_runs_the_tests(
    home_of_shared_fixtures: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert home_of_shared_fixtures.is_relative_to(tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("value", ["", "relative/folder", 7, None, "/nul\0byte", ["/tmp"]])
def test_what_is_no_folder_is_not_used(home: Path, value: object) -> None:
    prefer(home, models_folder=value)
    assert paths.home().models == home / "models"


def test_the_language_that_was_chosen_goes_before_the_systems_but_not_the_variables(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHICHAT_LANGUAGE", raising=False)
    monkeypatch.setenv("LANGUAGE", "en")
    assert i18n.set_language(preferred=paths.preferred_language()) == "en"
    prefer(home, language="fr")
    assert i18n.set_language(preferred=paths.preferred_language()) == "fr"
    monkeypatch.setenv("PHICHAT_LANGUAGE", "en")
    assert i18n.set_language(preferred=paths.preferred_language()) == "en"
