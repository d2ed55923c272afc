"""The bundle, built in a small Debian that has Python and Qt's libraries and nothing else; all is found."""

import shutil
from pathlib import Path

from building.debian_system import Debian
from building.project import ROOT, Trouble, epoch, output
from targets.wheel import wheel_path

NEEDED = """
python3 python3-venv libpython3.11 binutils libgomp1 libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1
libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libglib2.0-0
""".split()  # noqa: SIM905 - a table
PLACE = "home/person/phichat"


def check(folder: Path) -> str:
    """Build there, with the starter beside, and take the bundle over: the checks of what is installed use it."""
    system = Debian(folder / "system", has_pip=True)
    system.install(*NEEDED)
    source = system.root / PLACE
    for name in output("git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    wheel = shutil.copy(wheel_path(), source)
    command = f"cd /{PLACE} && python3 packaging/build.py bundle --starter beside --llama-wheel {Path(wheel).name}"
    system.run("sh", "-euc", command, SOURCE_DATE_EPOCH=str(epoch()))
    said = (source / "build" / "bundle.log").read_text("utf-8", "replace")
    if "could not resolve" in said.lower():
        raise Trouble("PyInstaller could not resolve something: see build/bundle.log there.")
    bundle = Path(shutil.move(source / "build" / "bundle" / "Phichat", folder / "Phichat"))
    shutil.rmtree(system.root)
    return f"nothing is missing; {megabytes(bundle):.0f} MB with the starter"


def megabytes(folder: Path) -> float:
    """What the files in it take."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6
