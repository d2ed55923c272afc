"""Icons as Windows and macOS keep them: pictures of several sizes in one file."""

import struct
from collections.abc import Mapping

OLD_MAC = {16: (b"is32", b"s8mk"), 32: (b"il32", b"l8mk")}  # which every macOS draws right, unlike PNG of these sizes
NEW_MAC = {32: b"ic11", 64: b"ic12", 128: b"ic07", 256: b"ic08", 512: b"ic09", 1024: b"ic10"}
DOUBLE_MAC = {256: b"ic13", 512: b"ic14"}
LARGEST_BITMAP = 128  # pixels: larger ones are PNG, which Windows knows since Vista and which is far smaller


def ico(pixels: Mapping[int, bytes], png: Mapping[int, bytes]) -> bytes:
    """Windows' file, of sizes in `pixels` (BGRA, from the top) which are in `png`, too."""
    images = [png[size] if size > LARGEST_BITMAP else _bitmap(size, pixels[size]) for size in sorted(pixels)]
    at = 6 + 16 * len(images)
    parts = [struct.pack("<HHH", 0, 1, len(images))]
    for size, image in zip(sorted(pixels), images, strict=True):
        parts.append(struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), at))
        at += len(image)
    return b"".join([*parts, *images])


def icns(pixels: Mapping[int, bytes], png: Mapping[int, bytes]) -> bytes:
    """The file of macOS."""
    parts = []
    for size, (colours, mask) in OLD_MAC.items():
        blue, green, red, alpha = (pixels[size][channel::4] for channel in range(4))
        parts += [_part(colours, b"".join(map(packed, (red, green, blue)))), _part(mask, alpha)]
    parts += [_part(kind, png[size]) for kinds in (NEW_MAC, DOUBLE_MAC) for size, kind in kinds.items()]
    return _part(b"icns", b"".join(parts))


def packed(channel: bytes) -> bytes:
    """One colour's bytes as macOS packs them: 0x80 + n and a byte stand for n + 3 of it, n < 0x80 for n + 1 others."""
    result, plain, at = bytearray(), bytearray(), 0
    while at < len(channel):
        run = _run(channel, at)
        if run < 3:
            plain.append(channel[at])
            at += 1
        if plain and (run >= 3 or len(plain) == 0x80 or at == len(channel)):
            result += bytes([len(plain) - 1]) + plain
            plain.clear()
        if run >= 3:
            result += bytes([0x80 + run - 3, channel[at]])
            at += run
    return bytes(result)


def _run(channel: bytes, at: int) -> int:
    end = at
    while end < len(channel) and end - at < 0x82 and channel[end] == channel[at]:
        end += 1
    return end - at


def _part(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content) + 8) + content


def _bitmap(size: int, pixels: bytes) -> bytes:
    """A bitmap with transparency, from the bottom; its height counts the old mask of one bit, which is empty."""
    rows = [pixels[row * size * 4 : (row + 1) * size * 4] for row in reversed(range(size))]
    mask = bytes((size + 31) // 32 * 4 * size)
    header = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, len(pixels) + len(mask), 0, 0, 0, 0)
    return b"".join([header, *rows, mask])
