"""JPEG: segments that are numerous, large, or announce missing data."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.attack.hostile.directories import EXIFS, exif_overlapping, ifd
from tests.attack.hostile.seeds import MIB, encoded


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment with its length."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*inserted: bytes) -> bytes:
    """A small JPEG with more segments after its start."""
    data = encoded("JPEG")
    return data[:2] + b"".join(inserted) + data[2:]


def photoshop(bodies: int) -> bytes:
    """A segment full of empty Photoshop blocks."""
    block = b"8BIM\x04\x04\0\0\0\0\0\0"
    return segment(0xED, b"Photoshop 3.0\0" + block * bodies)


def mpf(count: int) -> bytes:
    """A segment that announces further pictures in the file."""
    rows = ifd([(0xB000, 7, 4, 0x30303130), (0xB001, 4, 1, count), (0xB002, 7, 16 * count, 62)])
    return segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + rows + bytes(16 * min(count, 3000)))


def jpegs() -> Iterator[tuple[str, bytes]]:
    """Invalid segments of a JPEG."""
    full = b"x" * 65_533
    yield "jpeg_app_9990", jpeg(segment(0xE7, b"") * 9_990)
    yield "jpeg_app_20k", jpeg(segment(0xE7, b"") * 20_000)
    yield "jpeg_app_100_full", jpeg(segment(0xE5, full) * 100)
    yield "jpeg_app_700_full", jpeg(segment(0xE5, full) * 700)
    yield "jpeg_comments_100_full", jpeg(segment(0xFE, full) * 100)
    yield "jpeg_comments_700_full", jpeg(segment(0xFE, full) * 700)
    yield "jpeg_photoshop_100", jpeg(photoshop(5_400) * 100)
    yield "jpeg_photoshop_700", jpeg(photoshop(5_400) * 700)
    yield "jpeg_photoshop_1", jpeg(photoshop(5_400))
    yield "jpeg_fill_1M", jpeg(b"\xff" * MIB)
    yield "jpeg_fill_60k", jpeg(b"\xff" * 60_000)
    yield "jpeg_stray_60k", jpeg(segment(0xE7, b""), bytes(60_000))
    yield (
        "jpeg_xmp_500",
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"x" * 60_000) * 500),
    )
    profile = b"ICC_PROFILE\0%c\xff" + full[:65_000]
    icc = [segment(0xE2, profile % number) for number in range(1, 256)]
    yield "jpeg_icc_16M", jpeg(*icc)
    yield "jpeg_icc_same", jpeg(icc[0] * 255)
    yield "jpeg_mpf_60000", jpeg(mpf(60_000))
    yield "jpeg_mpf_3000", jpeg(mpf(3_000))
    yield "jpeg_dht_5000", jpeg(segment(0xC4, b"\0" + b"\1" + bytes(15) + b"\0") * 5_000)
    yield "jpeg_dqt_9000", jpeg(segment(0xDB, b"\0" + b"\1" * 64) * 9_000)
    yield "jpeg_exif_x100", jpeg(segment(0xE1, b"Exif\0\0" + b"x" * 60_000) * 100)
    yield "jpeg_exif_x600", jpeg(segment(0xE1, b"Exif\0\0" + b"x" * 60_000) * 600)
    # Decoders join segments of EXIF, and look in them for a resolution that JFIF does not tell.
    joined = exif_overlapping(9_000, 130_000)
    pieces = [joined[at : at + 65_000] for at in range(0, len(joined), 65_000)]
    silent = jpeg(*(segment(0xE1, b"Exif\0\0" + piece) for piece in pieces))
    yield "jpeg_exif_joined", silent.replace(b"JFIF\0\1\1", b"JFXX\0\1\1")
    for name, exif in EXIFS.items():
        body = b"Exif\0\0" + exif()[:65_000]
        yield f"jpeg_exif_{name}", jpeg(segment(0xE1, body))
