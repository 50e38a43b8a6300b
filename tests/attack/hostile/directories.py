"""TIFF and EXIF: directories that loop, have false values, or share their values."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from tests.attack.hostile.seeds import MIB


def ifd(
    entries: Iterable[tuple[int, int, int, int]], following: int = 0, order: str = "<"
) -> bytes:
    """A directory of (tag, type, count, value or offset)."""
    rows = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return struct.pack(f"{order}H", len(rows) // 12) + rows + struct.pack(f"{order}I", following)


def tiff(
    extra: Iterable[tuple[int, int, int, int]] = (), tail: bytes = b"", following: int = 0
) -> bytes:
    """A gray TIFF of 8 x 8 with more entries in its only directory, and bytes at its end."""
    entries = [
        (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 8), (279, 4, 1, 64),
    ]  # fmt: skip
    rows = sorted([*entries, *extra])
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + ifd(rows, following) + tail


TIFF_TAIL = 72 + 2 + 4 + 12 * 9
"""The offset of the bytes at the end of `tiff()`, without the 12 of an extra entry."""


def overlapping(
    count: int, size: int, kind: int = 1, first: int = 40_000
) -> list[tuple[int, int, int, int]]:
    """Entries that all use the same bytes of a file as their values."""
    return [(first + number, kind, size, TIFF_TAIL + 12 * count) for number in range(count)]


def exif_overlapping(count: int, size: int) -> bytes:
    """EXIF whose entries all share the same text."""
    at = 8 + 2 + 12 * count + 4
    return b"II*\0\x08\0\0\0" + ifd([(0x010E + n, 2, size, at) for n in range(count)]) + b"a" * size


def exif_loop() -> bytes:
    """EXIF whose directories point at each other and at themselves."""
    pointers = [(0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)]
    return b"II*\0\x08\0\0\0" + ifd(pointers, following=8)


def exif_counts() -> bytes:
    """EXIF with counts of four billion."""
    tags = (0x010F, 0x0110, 0x0112, 0x829A, 0x8769, 0x9003)
    return b"II*\0\x08\0\0\0" + ifd([(tag, 5, 0xFFFFFFFF, 8) for tag in tags])


def exif_many(count: int) -> bytes:
    """EXIF of many entries with a number each."""
    return b"II*\0\x08\0\0\0" + ifd([(n, 3, 1, 1) for n in range(count)])


EXIFS: dict[str, Callable[[], bytes]] = {
    "overlap": lambda: exif_overlapping(2_000, 40_000),
    "loop": exif_loop,
    "counts": exif_counts,
    "many": lambda: exif_many(5_000),
}
LARGE_EXIFS: dict[str, Callable[[], bytes]] = {
    "overlap_1M": lambda: exif_overlapping(4_000, MIB),
    "many_65535": lambda: exif_many(65_535),
    "zeros_20M": lambda: b"II*\0\x08\0\0\0" + bytes(20 * MIB),
}
"""More than the 64 kB of a JPEG segment."""


def tiffs() -> Iterator[tuple[str, bytes]]:
    """Invalid directories of a TIFF."""
    million = bytes(MIB - 60_000)
    yield "tiff_4000_share_1M", tiff(overlapping(4_000, 1_000_000), bytes(1_000_000))
    yield "tiff_texts_share", tiff(overlapping(4_000, 900_000, kind=2), million)
    yield "tiff_rationals_share", tiff(overlapping(4_000, 100_000, kind=5), million)
    yield "tiff_undefined_share_4", tiff(overlapping(4, 900_000, kind=7), million)
    yield "tiff_same_tag_share", tiff([(700, 1, 900_000, TIFF_TAIL + 12 * 4_000)] * 4_000, million)
    yield "tiff_counts_lie", tiff([(40_000, 12, 0xFFFFFFFF, 8)])
    yield "tiff_widths_4G", tiff([(256, 4, 0x3FFFFFFF, 8)])
    yield "tiff_loop", tiff(following=72)
    yield "tiff_subifd_loop", tiff([(330, 4, 1, 72), (34665, 4, 1, 72), (34853, 4, 1, 72)])
    at = TIFF_TAIL + 12
    yield "tiff_subifds_1M", tiff([(330, 4, 250_000, at)], struct.pack("<I", 72) * 250_000)
    chain = b"".join(ifd([], TIFF_TAIL + 6 * (n + 1)) for n in range(400_000))
    yield "tiff_chain_400k", tiff([], chain, following=TIFF_TAIL)
    strips = 900_000
    places = struct.pack("<I", 8) * strips
    at = TIFF_TAIL + 24
    yield "tiff_strips_900k", tiff([(273, 4, strips, at), (279, 4, strips, at)], places)
    yield "tiff_xmp_20M", tiff([(700, 1, 20 * MIB, TIFF_TAIL + 12)], bytes(20 * MIB))
    yield "tiff_icc_20M", tiff([(34675, 7, 20 * MIB, TIFF_TAIL + 12)], bytes(20 * MIB))
    yield "tiff_entries_65000", tiff([(40_000, 3, 1, 1)] * 65_000)
    yield "tiff_entries_900", tiff([(40_000 + n, 3, 1, 1) for n in range(900)])
    page_bytes = 2 + 12 * 900 + 4
    pages = b"".join(
        ifd([(20_000 + 900 * page + n, 3, 1, 1) for n in range(900)], TIFF_TAIL + page_bytes * page)
        for page in range(1, 27)
    )
    yield "tiff_pages_of_900", tiff([], pages + ifd([]), following=TIFF_TAIL)
    yield "tiff_entries_4000", tiff([(40_000 + n, 3, 1, 1) for n in range(4_000)])
    yield "tiff_ycc_reference", tiff([(532, 5, 100_000, TIFF_TAIL + 12)], bytes(800_000))
