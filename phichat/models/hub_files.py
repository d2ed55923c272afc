"""Which files of a repository on the Hub are models to chat with; those in several files count as one."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from phichat import gguf
from phichat.i18n import tr
from phichat.models.base import HubFile, Listing
from phichat.models.hub_address import HubAddress
from phichat.unicode import short_title

_OTHER_KINDS = (
    ("mmproj", {"general.type": "mmproj"}),
    ("imatrix", {"general.type": "imatrix"}),
    ("control.?vector", {"general.architecture": "controlvector"}),
    (r"(^|[-_.])lora([-_.]|$)", {"general.type": "adapter"}),
    (r"(^|[-_.])embed(ding)?([-_.]|$)", {"general.architecture": "bert"}),
    (r"eagle-?3|gemma-4.*-assistant", {"general.architecture": "eagle3"}),
)
"""Names of GGUF files that are not models to chat with, and what their headers would say."""

USUAL = "Q4_K_M"
"""The quantisation that other programs choose where none is named."""

MOST_NAMED = 12  # files in one sentence


def is_usable(file: str) -> bool:
    """Return whether `file` looks like a model to chat with, or a part of one."""
    return file.lower().endswith(".gguf") and not other_kind(file)


def other_kind(file: str) -> str:
    """Return what `file` is if its name says that it is no model to chat with; else ""."""
    name = PurePosixPath(file).name
    found = (values for pattern, values in _OTHER_KINDS if re.search(pattern, name, re.IGNORECASE))
    return next((gguf.describe_by_metadata(name, values) for values in found), "")


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


def matching(remotes: Iterable[HubFile], address: HubAddress) -> list[HubFile]:
    """Return those of `remotes`, joined and of one repository, that `address` names by file or tag; all if by neither.

    A tag is a quantisation such as `Q4_K_M`, or a name without its ending; `latest` is what other programs choose.
    """
    remotes = list(remotes)
    if address.file:
        return [remote for remote in remotes if address.file in gguf.part_names(remote.file)]
    tag = address.tag.lower()
    if tag in {"", "latest"}:
        usual = [remote for remote in remotes if tag and _says(remote.file, USUAL.lower())]
        return usual[:1] or remotes
    named = [remote for remote in remotes if tag == _stem(remote.file).rpartition("/")[2]]
    return named or [remote for remote in remotes if _says(remote.file, tag)]


def _stem(file: str) -> str:
    return gguf.whole_name(file).lower().removesuffix(".gguf")


def _says(file: str, tag: str) -> bool:
    """Return whether `tag` is a part of the name that stands by itself: `q4_k` is not in `q4_k_m`."""
    return bool(re.search(rf"(?<![a-z0-9_]){re.escape(tag)}(?![a-z0-9_])", _stem(file)))


def other_revision_message(address: HubAddress) -> str:
    """Return the message for an address of another revision than `main`."""
    return tr(
        "That address points to revision {revision} of {repo}, but Phichat only downloads from “main”. "
        "Paste an address with “main” in it, or download the file in a browser and add it."
    ).format(revision=address.revision, repo=address.repo)


def unknown_name_message(name: str, listings: list[Listing], address: HubAddress | None) -> str:
    """Return the message for a name that is none of `listings`, and no file of the Hub to chat with."""
    if address and (message := other_kind(address.file)):
        return message
    if address:
        return tr("{name} matches more than one GGUF file. Run `phichat models files {repo}` and choose one.").format(
            name=name, repo=address.repo
        )
    return tr(
        "There is no model named {name}. Choose from {names}, or enter any file on the Hub as owner/repo:file.gguf."
    ).format(name=name, names=", ".join(listing.name for listing in listings))


def not_a_model_message(words: str) -> str:
    """Return the message for an address of the web that is not that of a model on the Hub."""
    return tr("{address} isn’t the address of a model on the Hub. Enter keywords, or paste a model’s address.").format(
        address=short_title(words)
    )


def no_file_message(address: HubAddress, remotes: list[HubFile]) -> str:
    """Return the message for a repository that has `remotes`, but nothing that `address` names."""
    if message := other_kind(address.file):
        return message
    if not remotes:
        return tr(
            "{repo} doesn’t contain a GGUF file that Phichat can use. Choose another repository or another file."
        ).format(repo=address.repo)
    return tr("{repo} doesn’t contain {file}. Choose from: {names}").format(
        repo=address.repo, file=address.file or address.tag, names=_names(remotes)
    )


def several_files_message(repo: str, remotes: list[HubFile]) -> str:
    """Return the message for a name that may be any of `remotes` in `repo`."""
    return tr("{repo} contains more than one model. Add a file name, as in {repo}:{file}. Choose from: {names}").format(
        repo=repo, file=remotes[0].file, names=_names(remotes)
    )


def _names(remotes: list[HubFile]) -> str:
    names = ", ".join(remote.file for remote in remotes[:MOST_NAMED])
    return f"{names}, …" if len(remotes) > MOST_NAMED else names
