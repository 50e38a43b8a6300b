"""PNG: chunks that are numerous, inflate, or have false values."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache

from tests.attack.hostile.directories import EXIFS, LARGE_EXIFS
from tests.attack.hostile.seeds import MIB
from tests.imaging.pictures import png_chunk

STATES = {"sound": True, "damaged": False}
"""Of compressed data, by the check sum at its end."""


def png(*chunks: bytes, split: int = 0) -> bytes:
    """A gray PNG of 8 x 8 with more chunks; `split`: its data in that many chunks."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    packed = zlib.compress(bytes(9 * 8))
    data = png_chunk(b"IDAT", packed)
    if split:
        data = png_chunk(b"IDAT", b"") * (split - 1) + data
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data + png_chunk(b"IEND", b"")


@cache
def deflated(size: int, *, is_sound: bool = True) -> bytes:
    """Zeros, compressed; without `is_sound` with a wrong check sum."""
    packed = zlib.compress(bytes(size), 9)
    return packed if is_sound else packed[:-4] + b"\1\2\3\4"


def png_text(kind: bytes, size: int, *, is_sound: bool = True) -> bytes:
    """A chunk of text or profile that inflates to this many bytes."""
    start = b"a\0\1\0\0\0" if kind == b"iTXt" else b"a\0\0"
    return png_chunk(kind, start + deflated(size, is_sound=is_sound))


def pngs() -> Iterator[tuple[str, bytes]]:
    """Invalid chunks of a PNG."""
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        for state, is_sound in STATES.items():
            bomb = png_text(kind, 16 * MIB, is_sound=is_sound)
            name = f"png_{kind.decode()}_{state}"
            yield f"{name}_x100", png(*[bomb] * 100)
            yield f"{name}_x600", png(*[bomb] * 600)
            yield f"{name}_1M_x1", png(png_text(kind, MIB + 1000, is_sound=is_sound))
    yield "png_text_20M", png(png_chunk(b"tEXt", b"a\0" + b"b" * 20 * MIB))
    yield "png_texts_400k", png(png_chunk(b"tEXt", b"a\0b") * 400_000)
    yield "png_text_crc", png(png_chunk(b"tEXt", b"a\0b")[:-1] + b"\xff")
    yield "png_unknown_20k", png(png_chunk(b"ruBy", b"") * 20_000)
    yield "png_unknown_90k", png(png_chunk(b"ruBy", b"") * 90_000)
    yield "png_idat_20k", png(split=20_000)
    yield "png_idat_90k", png(split=90_000)
    yield "png_idat_1M", png(split=1_000_000)
    yield "png_times_10k", png(png_chunk(b"tIME", bytes(7)) * 10_000)
    yield "png_times_50k", png(png_chunk(b"tIME", bytes(7)) * 50_000)
    yield "png_splt_200", png(png_chunk(b"sPLT", b"a\0\x08" + bytes(6 * 60_000)) * 200)
    yield "png_length_lies", png().replace(b"\0\0\0\0IEND", b"\xff\xff\xff\xf0IEND")
    yield "png_actl_lies", png(png_chunk(b"acTL", b"\xff" * 8))
    for name, exif in {**EXIFS, **LARGE_EXIFS}.items():
        yield f"png_exif_{name}", png(png_chunk(b"eXIf", exif()))
