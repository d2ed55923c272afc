"""Whether the disk and the memory have room for a model."""

import shutil
from pathlib import Path

from phichat.i18n import format_sizes, tr
from phichat.models.base import SpaceCheck


def free_bytes(folder: Path, otherwise: int) -> int:
    """Return the free bytes on the disk of `folder`, which need not exist; `otherwise` if they cannot be read."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except (OSError, ValueError):
            continue
    return otherwise


def disk_problem(room: SpaceCheck) -> str:
    """Return why the disk is too full, with figures; "" if it is not."""
    if room.needed <= room.free:
        return ""
    needed, free = format_sizes(room.needed, room.free)
    return tr(
        "Not enough disk space: the rest of the download needs {needed} in {folder}, but only {free} is "
        "available. Free up some space, or choose a smaller model."
    ).format(needed=needed, folder=room.folder, free=free)


def memory_problem(room: SpaceCheck) -> str:
    """Return why the memory may not suffice, with figures; "" if it does."""
    if room.memory is None or room.memory <= room.memory_installed:
        return ""
    needed, installed = format_sizes(room.memory, room.memory_installed)
    return tr(
        "This model needs {needed} of memory, but this computer only has {installed}. Choose a "
        "smaller model or a smaller context."
    ).format(needed=needed, installed=installed)
