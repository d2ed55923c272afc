"""The disk image for macOS, of the application that `build.py bundle` made: signed, notarised and stapled.

MACOS_IDENTITY is the name of a certificate in the keychain ("Developer ID Application: ..."); without it the signature
is ad hoc, which runs on this computer and on others only after the person allowed it. MACOS_NOTARY_KEY (a .p8 file of
App Store Connect), MACOS_NOTARY_KEY_ID and MACOS_NOTARY_ISSUER let Apple look at it. hdiutil notes the time, so that
two images differ; what is inside does not.
"""

import argparse
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from building.bundles import bundle_folder
from building.project import DIST, PACKAGING, WORK, Trouble, emptied, run, version

HERE = PACKAGING / "macos"
NOTARY = {"--key": "MACOS_NOTARY_KEY", "--key-id": "MACOS_NOTARY_KEY_ID", "--issuer": "MACOS_NOTARY_ISSUER"}
TRIES = 10
MAGIC = {bytes.fromhex(digits) for digits in ("cffaedfe", "cefaedfe", "cafebabe", "cafebabf")}  # of Mach-O files

Command = tuple[str | Path, ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What goes into it."""
    parser.add_argument("--app", type=Path, help="the application; build/bundle/Phichat.app if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Sign, have it looked at where that can be done, and pack it."""
    work = emptied(WORK / "dmg")
    image = DIST / f"Phichat-{version()}-macos-{platform.machine()}.dmg"
    image.parent.mkdir(exist_ok=True)
    identity, keys = os.environ.get("MACOS_IDENTITY", ""), notary_keys(os.environ)
    if not identity:
        print("dmg: signed ad hoc, as MACOS_IDENTITY is not set.")
    if not (identity and keys):
        print(f"dmg: not notarised, which needs MACOS_IDENTITY, {', '.join(NOTARY.values())}.")
    inside = work / "image"
    inside.mkdir()
    app = inside / "Phichat.app"
    run("ditto", options.app or bundle_folder(), app)
    for command in signing(app, code(app), identity):
        run(*command)
    if identity and keys:
        _run_all(notarising(app, work / "Phichat.zip", keys))
    words = (HERE / "Read me.txt").read_text("utf-8")
    (inside / "Read me.txt").write_text(words, "utf-8-sig")  # without the mark, TextEdit may take accents for others
    (inside / "Applications").symlink_to("/Applications")
    _run_all(packing(inside, image, identity))
    if identity and keys:
        _run_all(notarising(image, image, keys))
    return [image]


def code(app: Path) -> list[Path]:
    """The files of `app` that have a signature of their own, without the program itself, which is signed as the app."""
    program = app / "Contents" / "MacOS" / "phichat"
    return [path for path in sorted(app.rglob("*")) if _is_code(path) and path != program]


def signing(app: Path, files: Iterable[Path], identity: str) -> list[Command]:
    """Sign `files`, then frameworks around them, then `app`: what is inside comes first, as its seal is in the next."""
    inner = sorted(files, key=lambda path: (-len(path.parts), path))
    frameworks = {parent for path in inner for parent in path.parents if parent.suffix == ".framework"}
    outer = sorted(frameworks, key=lambda path: (-len(path.parts), path))
    # The hardened runtime brings library validation, which wants one team's signature on all; ad hoc there is none.
    strict: Command = ("--options", "runtime", "--timestamp") if identity else ()
    sign: Command = ("codesign", "--force", "--sign", identity or "-", *strict)
    entitled: Command = ("--entitlements", HERE / "entitlements.plist")
    whole: list[Command] = [(*sign, *entitled, app), ("codesign", "--verify", "--deep", "--strict", app)]
    return [*((*sign, path) for path in (*inner, *outer)), *whole]


def notary_keys(environment: Mapping[str, str]) -> list[str]:
    """The options that say who asks Apple's notary; empty if one is missing."""
    known = {option: environment.get(name, "") for option, name in NOTARY.items()}
    return [word for pair in known.items() for word in pair] if all(known.values()) else []


def notarising(subject: Path, parcel: Path, keys: Sequence[str]) -> list[Command]:
    """Have Apple look at `subject`, sent as `parcel`, and attach the answer, which is then there without network."""
    sending: list[Command] = [("xcrun", "notarytool", "submit", parcel, "--wait", *keys)]
    if parcel != subject:
        sending.insert(0, ("ditto", "-c", "-k", "--keepParent", subject, parcel))
    return [*sending, ("xcrun", "stapler", "staple", subject)]


def packing(folder: Path, image: Path, identity: str) -> list[Command]:
    """Make a disk image of `folder`, and sign it, too."""
    make: Command = ("hdiutil", "create", "-volname", "Phichat", "-srcfolder", folder, "-fs", "HFS+")
    packed: list[Command] = [(*make, "-format", "ULFO", "-ov", image)]
    return [*packed, ("codesign", "--sign", identity, "--timestamp", image)] if identity else packed


def _run_all(commands: Iterable[Command]) -> None:
    for command in commands:
        (_run_patiently if command[0] == "hdiutil" else run)(*command)


def _run_patiently(*command: str | Path) -> None:
    """Run what fails while the system looks into new files: https://github.com/actions/runner-images/issues/7522."""
    for _ in range(TRIES - 1):
        try:
            run(*command)
        except Trouble:
            time.sleep(5)
        else:
            return
    run(*command)


def _is_code(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) in MAGIC
