"""BMP and ICO: headers with false values, and entries that share their picture."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from tests.attack.hostile.png import png, png_text
from tests.attack.hostile.seeds import MIB, encoded
from tests.imaging.pictures import png_chunk


def icon(pictures: Iterable[tuple[int, int]], payload: bytes) -> bytes:
    """An ICO of pictures given as (start, size) within a payload."""
    places = list(pictures)
    base = 6 + 16 * len(places)
    rows = (struct.pack("<4B2H2I", 8, 8, 0, 0, 1, 32, size, base + at) for at, size in places)
    return struct.pack("<3H", 0, 1, len(places)) + b"".join(rows) + payload


def bitmaps() -> Iterator[tuple[str, bytes]]:
    """Invalid icons and bitmaps."""
    shared = png(png_chunk(b"tEXt", b"a\0b") * 20_000)
    yield "ico_256_share_20k_chunks", icon([(0, len(shared))] * 256, shared)
    large = png(png_chunk(b"ruBy", bytes(20 * MIB)))
    yield "ico_256_share_20M", icon([(0, len(large))] * 256, large)
    bomb = png(*[png_text(b"zTXt", 16 * MIB, is_sound=False)] * 100)
    yield "ico_ztxt_x100", icon([(0, len(bomb))], bomb)
    yield "ico_ztxt_x100_shared", icon([(0, len(bomb))] * 256, bomb)
    profile = png(png_text(b"iCCP", 16 * MIB))
    yield "ico_iccp", icon([(0, len(profile))] * 256, profile)
    header = struct.pack("<IIIHHIIIIII", 40, 8, 16, 1, 32, 0, 0, 0, 0, 0xFFFFFFFF, 0)
    yield "ico_bitmap_colours", icon([(0, 40 + 8 * 8 * 4 + 32)] * 200, header + bytes(288))
    yield "ico_count_lies", struct.pack("<3H", 0, 1, 65_535) + bytes(4000)
    bmp = bytearray(encoded("BMP"))
    for name, at, value in (
        ("colours", 46, 0xFFFFFFFF), ("width", 18, 0x7FFFFFFF), ("height", 22, 0x80000000),
        ("offset", 10, 0xFFFFFFFF), ("header", 14, 0xFFFFFFFF), ("coding", 30, 1),
    ):  # fmt: skip
        lying = bytearray(bmp)
        struct.pack_into("<I", lying, at, value)
        yield f"bmp_{name}_lies", bytes(lying)
    yield "bmp_tail_20M", bytes(bmp) + bytes(20 * MIB)
