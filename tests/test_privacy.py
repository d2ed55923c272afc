"""Nobody else on this computer can read what the app writes, or keep its owner out."""

import ast
import fcntl
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import phichat
from phichat import app, cli, files, paths
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken
from phichat.json_file import JsonFile
from phichat.models.base import HubFile
from phichat.models.download.job import download
from phichat.models.download.part_file import PartFile, list_partial_downloads
from phichat.paths import Home
from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.desktop.single_instance import SingleInstance
from tests.support import stored_history
from tests.support.hub.server import HubServer
from tests.ui.conftest import Person

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there the user's profile has an access list")

PACKAGE = Path(phichat.__file__).parent
NOBODY = 65534
CRASHING = """
import faulthandler, sys
from pathlib import Path
from phichat.diagnostics import logs
logs.enable_crash_log(Path(sys.argv[1]))
faulthandler._sigsegv()
"""


@pytest.fixture
def _generous() -> Iterator[None]:
    """A umask that takes nothing away: whoever names no mode makes what everybody may change."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What lies in `folder`, itself included, and can be read or entered by others."""
    found = [folder, *folder.rglob("*")]
    return [f"{path.relative_to(folder)} {path.lstat().st_mode & 0o7777:o}" for path in found if _is_open(path)]


def _is_open(path: Path) -> bool:
    return stat.S_IMODE(path.lstat().st_mode) != (0o700 if path.is_dir() else 0o600)


def no_window(*_: object) -> int:
    raise AssertionError


@pytest.mark.usefixtures("_generous")
def test_a_window_and_what_it_talked_about(home: Path, chatml_model: Path, qtbot: QtBot) -> None:
    window = app.create_window(str(chatml_model))
    window.show()
    person = Person(window, qtbot)
    person.wait_for(GenerationState.IDLE)
    window.session.sampling = Sampling(max_tokens=8)
    person.ask("word " * 20)
    person.wait(
        lambda: person.window.generation.state is GenerationState.IDLE and len(window.session.conversation.path()) == 2
    )
    window.close()
    assert list((home / "states").glob("*.state"))
    assert (home / "preferences.json").exists()
    assert not open_to_others(home)


@pytest.mark.usefixtures("_generous", "starter")
def test_a_process_with_a_window_its_lock_and_log(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "phichat"]
    assert subprocess.run([*command, "--quit-when-ready"], check=False, timeout=60).returncode == 0
    picture = home / "picture.png"
    assert subprocess.run([*command, "--screenshot", picture], check=False, timeout=60).returncode == 0
    assert (home / "window.lock").exists()
    assert picture.stat().st_size
    assert not open_to_others(home)


@pytest.mark.usefixtures("_generous")
def test_the_terminal_and_an_export_into_the_home(
    home: Path, chatml_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = iter(["Hello", None])
    monkeypatch.setattr("phichat.cli.console.Console.read_line", lambda *_: next(lines))
    assert cli.run(["chat", "--save", "--model", str(chatml_model), "--max-tokens", "4"], no_window) == 0
    elsewhere = tmp_path / "documents" / "talk.md"
    elsewhere.parent.mkdir(mode=0o755)
    for file in (home / "talk.json", home / "talk.html", elsewhere):
        assert cli.run(["history", "export", str(file)], no_window) == 0
    assert not open_to_others(home)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o666, "elsewhere the umask decides"


@pytest.mark.usefixtures("_generous")
def test_downloads_whole_and_begun(home: Path, hub: HubServer) -> None:
    remote, place = HubFile("owner/repo", "file.gguf"), Home(home)
    hub.add(remote.repo, remote.file, b"GGUF" + bytes(3_000_000))
    stop, hub.speed = CancelToken(), 2_000_000
    for event in download(remote, place, stop):
        if getattr(event, "done", 0) > 100_000:
            stop.set()
    assert list(place.models.glob("*.part"))
    assert not open_to_others(home)
    hub.behave()
    list(download(remote, place, CancelToken()))
    assert (place.models / "file.gguf").exists()
    assert not open_to_others(home)


@pytest.mark.usefixtures("_generous")
def test_a_folder_for_models_that_is_shared_stays_so(home: Path, hub: HubServer, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    remote = HubFile("owner/repo", "file.gguf")
    hub.add(remote.repo, remote.file, b"GGUF" + bytes(100_000))
    list(download(remote, Home(home, shared), CancelToken()))
    assert stat.S_IMODE((shared / "file.gguf").stat().st_mode) == 0o666
    paths.repair_permissions(Home(home, shared))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert not open_to_others(home)


@pytest.mark.usefixtures("_generous")
def test_a_download_follows_no_link_that_was_put_in_its_place(home: Path, hub: HubServer, tmp_path: Path) -> None:
    shared, precious = tmp_path / "shared", tmp_path / "precious"
    shared.mkdir(mode=0o777)
    precious.write_text("keep me")
    (shared / "file.gguf.part").symlink_to(precious)
    hub.add("owner/repo", "file.gguf", b"GGUF" + bytes(100_000))
    with suppress(Exception):
        list(download(HubFile("owner/repo", "file.gguf"), Home(home, shared), CancelToken(), patience=0))
    assert precious.read_text() == "keep me"


@pytest.mark.usefixtures("_generous")
def test_a_crash_and_a_damaged_history(home: Path) -> None:
    (home / "logs").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    subprocess.run([sys.executable, "-c", CRASHING, home / "logs"], check=False, stderr=subprocess.DEVNULL)
    assert (home / "logs" / "crash.txt").stat().st_size
    stored_history.put(home, ("Boats", 1))
    files.restrict_to_owner(home / "history.sqlite3")
    with (home / "history.sqlite3").open("r+b") as file:
        file.write(b"x" * 100)
    with closing(History(home / "history.sqlite3")) as history:
        assert history.count_conversations() == 1
    assert len(list(home.glob("history*"))) >= 2
    assert not open_to_others(home)


def test_a_file_is_never_open_not_even_for_a_moment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object, **_: object) -> None:
        raise AssertionError(f"narrowed later: {arguments}")

    for module, name in ((os, "chmod"), (Path, "chmod")):
        monkeypatch.setattr(module, name, forbidden)
    before = os.umask(0)
    try:
        stored_history.put(home, ("Boats", 1))
        JsonFile(home / "engine.json").update(lambda _: {"a": 1})
    finally:
        os.umask(before)
    assert not open_to_others(home)


def exposed(home: Path) -> Path:
    """A home as version 0.1.0 could leave it."""
    stored_history.put(home, ("Boats", 1))
    (home / "states").mkdir(exist_ok=True)
    (home / "states" / "a.state").write_bytes(b"what was said")
    (home / "window.lock").touch()
    for path in [home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return home


def test_a_home_of_before_is_repaired_and_it_is_said_once(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exposed(home)
    (home / "shared.txt").write_text("not ours")
    (home / "shared.txt").chmod(0o644)
    assert cli.run(["history", "list"], no_window) == 0
    assert "Other users of this computer were able to read your conversations" in capsys.readouterr().err
    assert open_to_others(home) == ["shared.txt 644"], "what is not the app's is let alone"
    assert cli.run(["history", "list"], no_window) == 0
    assert capsys.readouterr().err == ""


def test_the_window_says_it_too(home: Path, chatml_model: Path, qtbot: QtBot) -> None:
    exposed(home)
    for is_first in (True, False):
        window = app.create_window(str(chatml_model))
        window.show()
        person = Person(window, qtbot)
        person.wait(partial(getattr, window._coordinator, "has_listings"))  # after what happened before is told
        assert ("now only you can" in person.status()) is is_first
        window.close()
    assert not open_to_others(home)


def test_an_empty_folder_that_was_made_for_it_is_no_news(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir(mode=0o755)
    assert cli.run(["history", "list"], no_window) == 0
    assert "Other users" not in capsys.readouterr().err
    assert not open_to_others(home)


def test_what_others_share_is_let_alone(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to a folder of models, a model with another name elsewhere, and the user's own folder as the home."""
    (shared := tmp_path / "models").mkdir(mode=0o755)
    (shared / "a.gguf").touch(0o644)
    home.mkdir()
    (home / "models").symlink_to(shared)
    paths.repair_permissions(Home(home))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (shared, shared / "a.gguf")] == [0o755, 0o644]
    own = tmp_path / "own"
    (own / "models").mkdir(parents=True)
    os.link(shared / "a.gguf", own / "models" / "a.gguf")
    own.chmod(0o755)
    monkeypatch.setenv("HOME", str(own))
    paths.repair_permissions(Home(own))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (own, shared / "a.gguf")] == [0o755, 0o644]
    assert stat.S_IMODE((own / "models").stat().st_mode) == 0o755


def test_a_folder_of_the_system_is_not_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `/etc` as the home, nobody but root could open it any more, and hardly a program would run."""
    system = tmp_path / "etc"
    for name in ("passwd", "hosts", "fstab", "ssh", "cron.d", "models", "ssl", "apt", "skel"):
        (system / name).mkdir(parents=True)
    for folder in (system, system / "models"):
        folder.chmod(0o755)
    monkeypatch.setenv("PHICHAT_HOME", str(system))
    for _ in range(2):
        assert cli.run(["history", "list"], no_window) == 0
        assert f"{system} contains files from other apps" in capsys.readouterr().err
        with closing(History(system / "history.sqlite3")) as history:
            history.ready.result()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (system, system / "models")] == [0o755, 0o755]
    assert not open_to_others(system / "history.sqlite3")


def test_what_is_no_folder_of_ours_keeps_its_permissions(tmp_path: Path) -> None:
    (file := tmp_path / "file").touch(0o644)
    (loop := tmp_path / "loop").symlink_to("loop")
    assert [paths.repair_permissions(Home(root)) for root in (file, loop)] == ["", ""]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


as_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="becomes another user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a lock is")


@pytest.fixture
def public() -> Iterator[Path]:
    """A home that others can get to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


@contextmanager
def another_user(act: Callable[[], object]) -> Iterator[str]:
    """What `act` gives to another user, who then holds on to it: what was read, or how it failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            kept = act()
            os.write(writing, repr(kept).encode()[:4000])
        except BaseException as error:  # noqa: BLE001 - told to the test
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os.close(writing)
        signal.pause()
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        said = told.read().decode()
    try:
        yield said
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@as_root
def test_another_user_reads_nothing(public: Path) -> None:
    stored_history.put(public, ("Boats", 1))
    with another_user(lambda: (public / "history.sqlite3").read_bytes()[:9]) as said:
        assert said.startswith("PermissionError")
    with another_user(lambda: list(public.iterdir())) as said:
        assert said.startswith("PermissionError")


def _flock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _lock_index(path: Path) -> object:
    """What a reader of the index may do: hold the byte that SQLite's writer locks."""
    opened = path.open("rb")
    fcntl.lockf(opened, fcntl.LOCK_SH, 1, 120)
    return opened


@as_root
@on_linux
def test_a_lock_from_before_on_the_windows_file(public: Path, qapp: object) -> None:
    exposed(public)
    with another_user(lambda: _flock(public / "window.lock")) as said:
        assert said.isdecimal(), said
        paths.repair_permissions(Home(public))
        single = SingleInstance(public / "window.lock")
        assert single.try_lock()
        assert not SingleInstance(public / "window.lock").try_lock(), "it is locked for the next one all the same"
        single.close()
    assert open_to_others(public) == ["history.sqlite3 644"], "which is made anew when it is opened"


@as_root
@on_linux
def test_a_lock_from_before_on_the_folder(public: Path) -> None:
    exposed(public)
    with another_user(lambda: _flock(public)) as said:
        assert said.isdecimal(), said
        paths.repair_permissions(Home(public))
        with closing(History(public / "history.sqlite3")) as history:
            assert history.ready.exception() is None
            assert history.count_conversations() == 1


@as_root
@on_linux
def test_a_lock_from_before_on_the_databases_index(public: Path) -> None:
    stored_history.put(public, ("Boats", 1))
    shutil.copytree(public, public.with_name("running"))
    with closing(sqlite3.connect(public / "history.sqlite3")) as connection:
        connection.execute("UPDATE conversations SET title = 'Ships'")
        connection.commit()
        for file in public.glob("history*"):  # as a crash leaves it
            shutil.copy(file, public.with_name("running"))
    home = exposed_again(public.with_name("running"))
    with another_user(lambda: _lock_index(home / "history.sqlite3-shm")) as said:
        assert "BufferedReader" in said, said
        paths.repair_permissions(Home(home))
        with closing(History(home / "history.sqlite3")) as history:
            assert history.ready.exception() is None
            [heading] = history.list_conversations()
            assert heading.title == "Ships"
            history.move_to_trash([heading.id]).result()
            assert history.count_conversations() == 0


@as_root
def test_who_once_opened_the_history_reads_nothing_new(public: Path) -> None:
    exposed(public)
    with another_user(lambda: (public / "history.sqlite3").open("rb")) as said:
        assert "BufferedReader" in said, said
        opened = (public / "history.sqlite3").stat().st_ino
        paths.repair_permissions(Home(public))
        stored_history.put(public, ("Ships", 1))
        assert (public / "history.sqlite3").stat().st_ino != opened
        with closing(History(public / "history.sqlite3")) as history:
            assert {heading.title for heading in history.list_conversations()} == {"Boats", "Ships"}
    assert not open_to_others(public)


@as_root
def test_what_another_user_put_there_is_set_aside(public: Path) -> None:
    """A history of theirs, which they could read through another name, and a link to a folder of theirs."""
    public.mkdir()
    public.chmod(0o777)
    elsewhere = public.parent / "theirs"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)

    def plant() -> str:
        (elsewhere / "history").touch()
        (elsewhere / "history").chmod(0o666)
        os.link(elsewhere / "history", public / "history.sqlite3")
        (public / "logs").symlink_to(elsewhere)
        return "planted"

    with another_user(plant) as said:
        assert said == "'planted'"
    paths.repair_permissions(Home(public))
    stored_history.put(public, ("Ships", 1))
    assert (elsewhere / "history").stat().st_size == 0
    assert not (public / "logs").exists()
    assert stat.S_IMODE((public / "history.sqlite3").stat().st_mode) == 0o600


@as_root
def test_a_folder_of_another_users_is_told(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    public.mkdir()
    assert "belongs to another user" in paths.repair_permissions(Home(public))
    assert not files.is_private(public)


def test_a_link_of_ones_own_and_a_second_name_are_private_too(home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "states").mkdir(parents=True)
    (disk / "states").chmod(0o755)
    (disk / "states" / "a.state").touch(0o644)
    home.mkdir()
    (home / "history.sqlite3").symlink_to(disk / "history.db")
    (home / "states").symlink_to(disk / "states")
    paths.repair_permissions(Home(home))
    stored_history.put(home, ("Boats", 1))
    for path in (disk / "history.db", disk / "states" / "a.state"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((disk / "states").stat().st_mode) == 0o700
    (disk / "history.db").chmod(0o644)
    os.link(disk / "history.db", tmp_path / "backup")
    stored_history.put(home, ("Ships", 1))
    assert (disk / "history.db").stat().st_nlink == 1
    assert b"Ships" not in (tmp_path / "backup").read_bytes()
    with closing(History(home / "history.sqlite3")) as history:
        assert history.count_conversations() == 2


def test_in_the_users_own_folder_only_our_files_are_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PHICHAT_HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    for name in ("window.html", "engine.conf", "history.txt", "logs/access.log", "models/notes.txt"):
        (tmp_path / name).parent.mkdir(mode=0o755, exist_ok=True)
        (tmp_path / name).touch(0o644)
    before = open_to_others(tmp_path)
    assert cli.run(["history", "list"], no_window) == 0
    assert "Other users" not in capsys.readouterr().err
    JsonFile(tmp_path / "engine.json").write_value({})
    assert open_to_others(tmp_path) == before


def test_a_user_without_a_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    home.mkdir()
    monkeypatch.setattr(Path, "home", unknown)
    assert paths.repair_permissions(Home(home)) == ""


def test_a_repair_beside_a_busy_program(home: Path) -> None:
    (home / "states").mkdir(parents=True)
    ending = threading.Event()

    def come_and_go() -> None:
        while not ending.is_set():
            (home / "states" / "a.state").touch(0o644)
            (home / "states" / "a.state").unlink(missing_ok=True)

    busy = threading.Thread(target=come_and_go)
    busy.start()
    try:
        for _ in range(300):
            paths.repair_permissions(Home(home))
    finally:
        ending.set()
        busy.join()


@as_root
@on_linux
def test_two_starts_at_once_take_a_lock_back_once(public: Path, qapp: object) -> None:
    exposed(public)
    with another_user(lambda: _flock(public / "window.lock")) as said:
        assert said.isdecimal(), said
        paths.repair_permissions(Home(public))
        together = threading.Barrier(4)
        windows = [SingleInstance(public / "window.lock") for _ in range(4)]
        found: list[bool] = []

        def start(window: SingleInstance) -> None:
            together.wait()
            found.append(window.try_lock())

        threads = [threading.Thread(target=start, args=(window,)) for window in windows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [False, False, False, True]
        for window in windows:
            window.close()


@pytest.mark.parametrize("kind", ["pipe", "link", "huge"])
def test_a_note_that_others_put_beside_shared_models(home: Path, tmp_path: Path, kind: str) -> None:
    (shared := tmp_path / "shared").mkdir()
    shared.chmod(0o777)
    planted = shared / "x.gguf.part.json"
    match kind:
        case "pipe":
            os.mkfifo(planted)
        case "link":
            planted.symlink_to("/dev/zero")
        case _:
            planted.write_bytes(b"[" * 20_000_000)
    assert list_partial_downloads(shared) == []


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "dangling link", "pipe"])
def test_a_link_in_the_place_of_a_download_changes_nothing(tmp_path: Path, kind: str) -> None:
    (shared := tmp_path / "shared").mkdir()
    shared.chmod(0o777)
    (precious := tmp_path / "precious").write_text("keep me")
    planted = shared / "x.gguf.part"
    match kind:
        case "symbolic link":
            planted.symlink_to(precious)
        case "hard link":
            planted.hardlink_to(precious)
        case "dangling link":
            planted.symlink_to(tmp_path / "nothing")
        case _:
            os.mkfifo(planted)
    part = PartFile(shared / "x.gguf")
    assert part.acquire()
    part.open()
    assert part.bytes == 0
    part.append(b"GGUF")
    part.close()
    assert precious.read_text() == "keep me"
    assert not (tmp_path / "nothing").exists()
    assert planted.read_bytes() == b"GGUF"
    assert not planted.is_symlink()


def test_what_replaces_a_private_file_is_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "talk.json").touch(0o600)
    assert cli.run(["history", "export", str(tmp_path / "talk.json")], no_window) == 0
    assert stat.S_IMODE((tmp_path / "talk.json").stat().st_mode) == 0o600


def exposed_again(home: Path) -> Path:
    for path in [home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return home


@as_root
@on_linux
def test_a_lock_from_before_on_lists_and_downloads(public: Path) -> None:
    home = Home(public)
    JsonFile(home.engine).update(lambda _: {})
    part = PartFile(home.models / "a.gguf")
    assert part.acquire()
    part.close()
    locks = [public / ".locks" / "engine.json.lock", home.models / ".locks" / "a.gguf.lock"]
    exposed_again(public)
    with another_user(lambda: list(map(_flock, locks))) as said:
        assert said.startswith("["), said
        paths.repair_permissions(home)
        assert part.acquire()
        assert not PartFile(home.models / "a.gguf").acquire(), "it is locked for the next one all the same"
        part.close()
        assert not files.is_held_by_another_user(locks[1])


def test_our_own_locks_are_not_taken_away(home: Path) -> None:
    home.mkdir()
    with (home / "window.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not files.is_held_by_another_user(home / "window.lock")
        assert not files.reclaim_lock(home / "window.lock")
        assert not SingleInstance(home / "window.lock").try_lock()


@pytest.mark.parametrize("content", [b"/etc/passwd", b"\0", b"\xff\xfe", b"/tmp", b"phichat-1"])
def test_a_start_deletes_nothing_but_a_socket_of_ours(home: Path, tmp_path: Path, content: bytes, qapp: object) -> None:
    home.mkdir()
    precious = tmp_path / "phichat-precious"
    precious.write_text("keep me")
    for wanted in (content, os.fsencode(precious)):
        (home / "window.lock").write_bytes(wanted)
        single = SingleInstance(home / "window.lock")
        assert single.try_lock()
        single.listen()
        assert precious.exists()
        single.close()


MAKES = {"mkdir", "write_text", "write_bytes", "FileHandler", "copyfile", "copy2", "makedirs", "mkstemp"}
CALLED = {*MAKES, "open", "FileIO", "connect"}
IN_FOLDERS_OF_THEIR_OWN = ("self_test", "bench")  # of the system's, for a moment


def test_folders_and_files_are_made_by_one_module_alone() -> None:
    """What a call makes by itself is as open as the umask lets it be."""
    found = list(_calls_that_make_a_file())
    allowed = ("target.open('w'", "sqlite3.connect(", "os.devnull")  # a pipe; a file made before; nothing
    assert all(any(part in call for part in allowed) for call in found), found
    assert len(found) <= 4, found


def _calls_that_make_a_file() -> Iterator[str]:
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        source = file.read_text("utf-8")
        if not {*parts} & {*IN_FOLDERS_OF_THEIR_OWN, "files"} and any(f"{name}(" in source for name in CALLED):
            calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
            yield from (f"{'.'.join(parts)}: {ast.unparse(call)}" for call in calls if _makes_a_file(call))


def _makes_a_file(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = {value.value for value in call.args if isinstance(value, ast.Constant)}
    if name in {"open", "FileIO"}:
        return bool(modes & {"w", "a", "x", "wb", "ab", "xb"}) or "O_CREAT" in ast.unparse(call)
    return name in MAKES or (name == "connect" and ast.unparse(call.func) == "sqlite3.connect")
