"""Which files of a repository on the Hub are models to chat with; those in several files count as one."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from phichat import gguf
from phichat.i18n import tr
from phichat.models.base import HubFile, Listing
from phichat.models.hub_address import HubAddress

_OTHER_KINDS = re.compile(r"mmproj|imatrix|control.?vector", re.IGNORECASE)
"""Names of GGUF files that are not models to chat with."""


def is_usable(file: str) -> bool:
    """Return whether `file` looks like a model to chat with, or a part of one."""
    return file.lower().endswith(".gguf") and not _OTHER_KINDS.search(PurePosixPath(file).name)


def join_parts(remotes: Iterable[HubFile]) -> list[HubFile]:
    """Return `remotes` with each model in several files as its first one; incomplete models are left out."""
    there = {remote.file: remote for remote in remotes}
    joined = []
    for file, remote in there.items():
        names = gguf.part_names(file)
        if len(names) == 1:
            joined.append(remote)
        elif file == names[0] and all(name in there for name in names):
            sizes = [there[name].bytes for name in names]
            total = None if None in sizes else sum(size or 0 for size in sizes)
            joined.append(replace(remote, bytes=total, sha256=None))
    return joined


def other_revision_message(address: HubAddress) -> str:
    """Return the message for an address of another revision than `main`."""
    return tr(
        "That address is of the revision {revision} of {repo}, and Phichat fetches `main` alone: paste one that has "
        "`main` in it, or fetch the file in a browser and add it."
    ).format(revision=address.revision, repo=address.repo)


def unknown_name_message(name: str, listings: list[Listing], address: HubAddress | None) -> str:
    """Return the message for a name that is none of `listings`, and no file of the Hub."""
    if address:
        return tr("{name} names no single GGUF file: choose one, see `phichat models files {repo}`.").format(
            name=name, repo=address.repo
        )
    return tr("There is no model {name}. There are: {names}; any file of the Hub is owner/repo:file.gguf.").format(
        name=name, names=", ".join(listing.name for listing in listings)
    )
