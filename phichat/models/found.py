"""The files of a model by size, and how each would run on this computer."""

import re
from collections.abc import Iterable
from enum import Enum, auto

from phichat import gguf
from phichat.models.base import Listing

SLOW = 4.0  # tokens a second: about as fast as people read

_QUANTISATION = re.compile(
    r"(?<![a-z0-9])(ud[-_])?(i?q[1-8](?:_[a-z0-9]+)*|tq\d_\d|mxfp4(?:_moe)?|nvfp4|bf16|fp?16|fp?32)(?![a-z0-9])",
    re.IGNORECASE,
)
USUAL = ("Q4_K_M", "Q4_K_S", "MXFP4", "Q4_0", "Q4")  # to choose first, of files that fit


class Group(Enum):
    """How large a file is among those of the same model."""

    SMALL = auto()
    """up to 3 bits a parameter: the smallest, with the most mistakes"""
    BALANCED = auto()
    LARGE = auto()
    """6 bits and more: hardly better, and slower"""


class Fit(Enum):
    """How a model would run on this computer."""

    FITS = auto()
    SLOW = auto()
    TOO_LARGE = auto()


def quantisation(file: str) -> str:
    """Return how a file is quantised by its name, such as `Q4_K_M`; "" if that does not tell."""
    found = list(_QUANTISATION.finditer(gguf.whole_name(file).removesuffix(".gguf")))
    if not found:
        return ""
    prefix, name = found[-1][1] or "", found[-1][2].upper()
    return prefix.upper().replace("_", "-") + name.replace("FP16", "F16").replace("FP32", "F32")


def group_of(file: str, size: int | None = None, parameters: int = 0) -> Group | None:
    """Return the group of a file by its name, else by bytes a parameter; None if neither tells."""
    name = quantisation(file).removeprefix("UD-")
    if bits := re.search(r"\d+", name):
        number = 2 if name.startswith("TQ") else int(bits[0])
    elif size and parameters:
        number = round(8 * size / parameters)
    else:
        return None
    return Group.SMALL if number <= 3 else Group.BALANCED if number <= 5 else Group.LARGE


def fit_of(listing: Listing) -> Fit | None:
    """Return how a model would run here; None as long as its size or this computer's speed is unknown."""
    if listing.memory is None:
        return None
    if not listing.fits or not listing.fits_now:
        return Fit.TOO_LARGE
    if listing.speed is None:
        return None
    return Fit.SLOW if listing.speed < SLOW else Fit.FITS


def recommended(listings: Iterable[Listing]) -> Listing | None:
    """Return the file to choose first: a usual one that fits, else the largest that fits, else the smallest."""
    by_size = sorted(listings, key=lambda listing: listing.bytes or 0)
    fitting = [listing for listing in by_size if fit_of(listing) is not Fit.TOO_LARGE]
    for wanted in USUAL:
        for listing in fitting:
            if listing.remote and quantisation(listing.remote.file) == wanted:
                return listing
    balanced = [one for one in fitting if one.remote and group_of(one.remote.file) is not Group.LARGE]
    return next(reversed(balanced or fitting), None) or next(iter(by_size), None)
