"""The package for Debian and Ubuntu, of the bundle; a starter beside the bundle gets a package of its own."""

import argparse
import os
import shutil
from pathlib import Path

from building import debian
from building.bundles import bundle_folder
from building.linux_tree import LINUX, STARTER, dated, lay_out, packed
from building.project import DIST, WORK, emptied, epoch, need, output, run, version

PROGRAM = {
    "Package": "phichat",
    "Section": "utils",
    "Recommends": "xdg-utils",
    "Suggests": "phichat-starter",
    "Description": """Talk with a language model on your own computer
 Phichat runs small language models, above all Microsoft Phi-3, on your own
 computer: it needs no account, and nothing you write leaves the computer
 unless you choose a model on a server. It fetches the model on one click, or
 opens any model in a GGUF file.""",
}
STARTER_MODEL = {
    "Package": "phichat-starter",
    "Architecture": "all",
    "Section": "utils",
    "Depends": "phichat",
    "Description": """Small language model to begin with in Phichat
 SmolLM2 with 135 million parameters: a toy, with which Phichat answers before
 a larger model is fetched.""",
}
SMALLEST, FASTEST = ("-Zxz", "-z6"), ("-Zgzip", "-z1")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is packed, and how tightly."""
    parser.add_argument("--bundle", type=Path, help="the folder to pack; build/bundle/Phichat if not given")
    parser.add_argument("--fast", action="store_true", help="pack quickly, for trying: the file is larger by a third")


def build(options: argparse.Namespace) -> list[Path]:
    """Make the packages."""
    need("dpkg-deb")
    root = emptied(WORK / "deb" / "phichat")
    lay_out(root / "usr", options.bundle or bundle_folder())
    starter = _taken_out(root)
    made = [_program(root, FASTEST if options.fast else SMALLEST)]
    return [*made, _pack(starter, STARTER_MODEL, FASTEST)] if starter else made


def _taken_out(root: Path) -> Path | None:
    """The files of the starter's package, if it lies beside the program."""
    place = Path("usr", "lib", "phichat", STARTER)
    if not (root / place).is_dir():
        return None
    starter = emptied(WORK / "deb" / "phichat-starter")
    (starter / place.parent).mkdir(parents=True)
    shutil.move(root / place, starter / place)
    return starter


def _program(root: Path, packing: tuple[str, ...]) -> Path:
    (root / "usr" / "bin").mkdir()
    (root / "usr" / "bin" / "phichat").symlink_to("../lib/phichat/phichat")
    overrides = root / "usr" / "share" / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    shutil.copy(LINUX / "lintian-overrides", overrides / "phichat")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "postrm").write_text((LINUX / "postrm").read_text("utf-8"), "utf-8")
    (root / "DEBIAN" / "postrm").chmod(0o755)
    needs = debian.dependencies(root / "usr" / "lib" / "phichat")
    fields = {"Architecture": output("dpkg", "--print-architecture"), "Depends": f"{needs}, ca-certificates"}
    return _pack(root, {**PROGRAM, **fields}, packing)


def _pack(root: Path, fields: dict[str, str], packing: tuple[str, ...]) -> Path:
    fields = {**fields, "Version": version()}
    papers, documents = root / "DEBIAN", root / "usr" / "share" / "doc" / fields["Package"]
    papers.mkdir(exist_ok=True)
    documents.mkdir(parents=True)
    shutil.copy(LINUX / "copyright", documents)
    (documents / "changelog.gz").write_bytes(packed(debian.changelog(fields["Package"], version())))
    (papers / "control").write_text(debian.control(fields, root), "utf-8")
    (papers / "md5sums").write_text(debian.md5sums(root), "utf-8")
    dated(root)
    DIST.mkdir(exist_ok=True)
    file = DIST / f"{fields['Package']}_{version()}_{fields['Architecture']}.deb"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    run("dpkg-deb", "--root-owner-group", *packing, "--build", root, file, env=environment)
    return file
