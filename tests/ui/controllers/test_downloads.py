"""Downloads one after the other: paused, resumed, cancelled, failed, taken up again."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from phichat.errors import HubUnreachable
from phichat.models.base import DownloadedModel, ModelFile, Phase, Progress, Source
from phichat.ui.controllers.downloads import Download, DownloadManager
from phichat.ui.threads.background import BackgroundTasks
from tests.support.fakes import PHI_3, PHI_4, ScriptedShelf

HALF = Progress(Phase.FETCHING, 1_000_000_000, 2_000_000_000, 3_000_000, 300)
MODEL = ModelFile(PHI_3.name, PHI_3.title, Path("phi.gguf"), Source.OURS)


@pytest.fixture
def shelf() -> ScriptedShelf:
    return ScriptedShelf(PHI_3, PHI_4)


@pytest.fixture
def downloads(qapp: object, shelf: ScriptedShelf) -> Iterator[DownloadManager]:
    pool, tasks = BackgroundTasks("downloads", 1), BackgroundTasks("models")
    yield DownloadManager(lambda: shelf, pool, tasks)
    for worker in (pool, tasks):
        worker.close()


def test_a_model_arrives(downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot) -> None:
    gate = threading.Event()
    shelf.enqueue(HALF, gate, DownloadedModel(MODEL, "00"))
    downloads.start(PHI_3.name)
    assert downloads.state(PHI_3.name).is_queued
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name) == Download(HALF, is_running=True))
    assert downloads.active() == [PHI_3.name]
    with qtbot.waitSignal(downloads.fetched) as fetched:
        gate.set()
    assert fetched.args == [MODEL]
    assert downloads.state(PHI_3.name) == Download()
    assert not downloads.names()


def test_others_wait_their_turn(downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot) -> None:
    gate = threading.Event()
    shelf.enqueue(HALF, gate, DownloadedModel(MODEL, "00"))
    shelf.enqueue(HALF, threading.Event())
    downloads.start(PHI_3.name)
    downloads.start(PHI_4.name)
    downloads.start(PHI_4.name)
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).is_running)
    assert downloads.state(PHI_4.name).is_queued
    gate.set()
    qtbot.waitUntil(lambda: downloads.state(PHI_4.name).is_running)
    assert shelf.fetches == [PHI_3.name, PHI_4.name]


def test_pausing_is_remembered_until_it_is_resumed(
    downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot
) -> None:
    shelf.enqueue(HALF, threading.Event())
    shelf.enqueue(HALF, threading.Event())
    downloads.start(PHI_3.name)
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).progress == HALF)
    with qtbot.waitSignal(downloads.settled):
        downloads.pause(PHI_3.name)
        assert downloads.state(PHI_3.name) == Download(HALF, is_paused=True)
    assert shelf.rows[PHI_3.name].is_paused
    assert not downloads.active()
    downloads.start(PHI_3.name)
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).is_running)
    qtbot.waitUntil(lambda: not shelf.rows[PHI_3.name].is_paused)


def test_resuming_at_once_is_not_undone_by_the_pause_before(
    downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot
) -> None:
    shelf.enqueue(HALF, threading.Event())
    shelf.enqueue(HALF, threading.Event())
    downloads.start(PHI_3.name)
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).progress == HALF)
    downloads.pause(PHI_3.name)
    downloads.start(PHI_3.name)
    qtbot.waitUntil(lambda: len(shelf.fetches) == 2 and downloads.state(PHI_3.name).is_running)
    assert not shelf.rows[PHI_3.name].is_paused


def test_one_that_waits_can_be_paused(downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot) -> None:
    shelf.rows[PHI_4.name] = replace(PHI_4, bytes_on_disk=1000)
    shelf.enqueue(HALF, threading.Event())
    downloads.start(PHI_3.name)
    downloads.start(PHI_4.name)
    downloads.pause(PHI_4.name)
    qtbot.waitUntil(lambda: shelf.rows[PHI_4.name].is_paused and shelf.fetches == [PHI_3.name])
    assert downloads.state(PHI_4.name).is_paused


@pytest.mark.parametrize("is_running", [True, False])
def test_cancelling_throws_away_what_is_here(
    downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot, is_running: bool
) -> None:
    shelf.enqueue(HALF, threading.Event())
    downloads.start(PHI_3.name)
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).progress == HALF)
    if not is_running:
        with qtbot.waitSignal(downloads.settled):
            downloads.pause(PHI_3.name)
    downloads.cancel(PHI_3.name)
    assert downloads.state(PHI_3.name) == Download()
    qtbot.waitUntil(lambda: shelf.discarded == [PHI_3.name])


def test_what_fails_stays_with_its_sentence_and_can_be_tried_again(
    downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot
) -> None:
    shelf.enqueue(HALF, HubUnreachable("The line is gone."))
    shelf.enqueue(DownloadedModel(MODEL, "00"))
    with qtbot.waitSignal(downloads.failed) as failed:
        downloads.start(PHI_3.name)
    assert failed.args == [PHI_3.name, "The line is gone."]
    assert downloads.state(PHI_3.name) == Download(HALF, error="The line is gone.")
    with qtbot.waitSignal(downloads.fetched):
        downloads.start(PHI_3.name)


def test_what_was_left_unfinished_goes_on_unless_it_was_paused(
    downloads: DownloadManager, shelf: ScriptedShelf, qtbot: QtBot
) -> None:
    shelf.rows[PHI_3.name] = replace(PHI_3, bytes_on_disk=500)
    shelf.rows[PHI_4.name] = replace(PHI_4, bytes_on_disk=700, is_paused=True)
    shelf.enqueue(HALF, threading.Event())
    downloads.resume_interrupted(shelf.list_models())
    qtbot.waitUntil(lambda: downloads.state(PHI_3.name).is_running)
    paused = downloads.state(PHI_4.name)
    assert paused.is_paused
    assert paused.progress is not None
    assert paused.progress.done == 700
    assert shelf.fetches == [PHI_3.name]
