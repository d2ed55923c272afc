"""What is imported only when it is wanted, so that the start does not wait for it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from phichat import paths
from phichat.app.model_server import find_key
from phichat.app.services import ModelService
from phichat.engine.base import CancelToken, Engine, EngineSettings
from phichat.i18n import tr
from phichat.json_file import JsonFile
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.threads.engine_thread import EngineThread

if TYPE_CHECKING:
    from phichat.diagnostics.licences import Dependency
    from phichat.engine.slots import Slots
    from phichat.exchange.imports import Imported, ImportTarget
    from phichat.store.base import ConversationRecord, FileKind

HUB = "https://huggingface.co/{repo}"


def export_to(records: "Iterable[ConversationRecord]", file: Path) -> int:
    """Export `records` in the format that the name of `file` tells; return how many there were."""
    from phichat.exchange import export  # noqa: PLC0415 - when it is wanted

    return export.export(records, export.format_of(file) or export.Format.JSON, file)


def import_from(file: Path, history: "ImportTarget") -> "Imported":
    """Import the conversations in `file`."""
    from phichat.exchange.imports import import_file  # noqa: PLC0415 - when it is wanted

    return import_file(file, history)


def kind_of(file: Path) -> "FileKind":
    """Return what a dropped file is."""
    from phichat.exchange import text_files  # noqa: PLC0415 - when a file is dropped

    return text_files.kind_of(file)


def check_embedding_model(file: Path) -> None:
    """Raise ModelError if `file` is no embedding model."""
    from phichat import gguf  # noqa: PLC0415 - when one is chosen

    gguf.check_embedding_model(file)


def embedding_models() -> list[tuple[str, str]]:
    """Return what people read of some embedding models, and the page each can be had from."""
    from phichat.models.catalogue import EMBEDDINGS, embedding_facts  # noqa: PLC0415 - when one is chosen

    described = tr("{name}: {remarks}")
    return [
        (described.format(name=known.title, remarks=embedding_facts(known)), HUB.format(repo=known.repo))
        for known in EMBEDDINGS
    ]


def server_key(home: paths.Home) -> str:
    """Return the key by which other apps use the model. May block while the keyring does."""
    from phichat.net.credentials import Credentials  # noqa: PLC0415 - rarely needed

    return find_key(Credentials(JsonFile(home.credentials)), JsonFile(home.server_key))


def diagnose(
    home: paths.Home,
    models: ModelService,
    generation: GenerationController,
    thread: EngineThread,
    make_engine: Callable[[], Engine],
    stop: CancelToken,
) -> str:
    """Return the doctor's report."""
    from phichat.diagnostics import doctor  # noqa: PLC0415 - rarely needed

    running = generation.model is not None, generation.loaded, thread.pid
    return doctor.diagnose(models.library(), home, running, make_engine, stop)


def parts() -> tuple[list["Dependency"], Path | None]:
    """Return the libraries the app is made of, and the file with their licenses."""
    from phichat.diagnostics.licences import dependencies, licence_file  # noqa: PLC0415 - when it is wanted

    return dependencies(), licence_file()


def has_power() -> bool:
    """Return whether the computer runs on mains power."""
    import psutil  # noqa: PLC0415 - when a draft is written

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is None or battery.power_plugged is not False


def suggested_settings(context: int) -> EngineSettings:
    """Return the engine settings for this computer."""
    from phichat.engine.settings import suggested  # noqa: PLC0415 - the start does not wait for it

    return suggested(context)


def open_slots(preferences: PreferencesStore, engine: Engine) -> "Slots":
    """Return slots of `engine`, as many as the preferences want."""
    from phichat.engine.slots import open_slots  # noqa: PLC0415 - only other apps need them

    return open_slots(engine, preferences.current.server_slots)
