"""The icons of packaging/icons, drawn from resources/icons/phichat.svg; wanted only after that has changed.

They are committed: builds need no Qt to draw them, and have the same bytes on every system, while Qt's colours differ
in the last bit from one processor to another.
"""

import argparse
from pathlib import Path

from building.icon_files import icns, ico
from building.project import PACKAGING

ICONS = PACKAGING / "icons"
LINUX = (16, 22, 24, 32, 48, 64, 128, 256, 512)
WINDOWS = (16, 20, 24, 32, 40, 48, 64, 256)
MACOS = (16, 32, 64, 128, 256, 512, 1024)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where they go."""
    parser.add_argument("--folder", type=Path, default=ICONS, help="where they go; packaging/icons if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Draw them all."""
    from building.icon_drawing import drawn, on_plate, png, side, symbolic  # noqa: PLC0415 - other targets need no Qt

    contents = {f"hicolor/{size}x{size}/apps/phichat.png": png(drawn(size)) for size in LINUX}
    contents["hicolor/symbolic/apps/phichat-symbolic.svg"] = symbolic().encode()
    contents["phichat-side.bmp"] = side()
    for name, pack, draw, sizes in (("phichat.ico", ico, drawn, WINDOWS), ("phichat.icns", icns, on_plate, MACOS)):
        images = {size: draw(size) for size in sizes}
        pixels = {size: bytes(image.constBits()) for size, image in images.items()}
        contents[name] = pack(pixels, {size: png(image) for size, image in images.items()})
    return [_written(options.folder / name, content) for name, content in contents.items()]


def _written(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file
