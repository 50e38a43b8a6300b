"""JPEG 2000, AVIF and HEIC: boxes that are numerous, deep, or have counts of billions."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.attack.hostile.seeds import MIB, encoded


def box(kind: bytes, body: bytes = b"") -> bytes:
    """A box with its size."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def nested(kind: bytes, depth: int) -> bytes:
    """Boxes in boxes."""
    heads = (struct.pack(">I", 8 * level) + kind for level in range(depth, 0, -1))
    return b"".join(heads)


def jp2s() -> Iterator[tuple[str, bytes]]:
    """Invalid boxes and segments of a JPEG 2000 file."""
    whole = encoded("JPEG2000")
    at = whole.index(b"jp2h") - 4
    size = struct.unpack(">I", whole[at : at + 4])[0]
    before, inner, after = whole[:at], whole[at + 8 : at + size], whole[at + size :]
    yield "jp2_boxes_9k", before + box(b"free") * 9_000 + whole[at:]
    yield "jp2_boxes_2M", before + box(b"free") * 2_000_000 + whole[at:]
    yield "jp2_header_boxes_2M", before + box(b"jp2h", inner + box(b"free") * 2_000_000) + after
    yield "jp2_header_deep", before + box(b"jp2h", inner + nested(b"res ", 100_000)) + after
    yield "jp2_headers_9k", before + box(b"jp2h", inner) * 9_000 + after
    colours = struct.pack(">HB", 65_535, 3) + b"\x07" * 3 + bytes(3 * 65_535)
    yield "jp2_palette_64k", before + box(b"jp2h", inner + box(b"pclr", colours) * 50) + after
    yield "jp2_xml_20M", before + box(b"xml ", bytes(20 * MIB)) + whole[at:]
    yield (
        "jp2_icc_20M",
        (before + box(b"jp2h", inner + box(b"colr", b"\2\0\0" + bytes(20 * MIB))) + after),
    )
    yield "jp2_deep", before + nested(b"asoc", 100_000) + whole[at:]
    stream = whole.index(b"\xff\x4f\xff\x51")
    head = stream + 2 + 2 + struct.unpack(">H", whole[stream + 4 : stream + 6])[0]
    start, rest = whole[stream:head], whole[head:]
    yield "j2k_comments_2M", start + b"\xff\x64\0\2" * 2_000_000 + rest
    yield "j2k_unknown_2M", start + b"\xff\x30\0\2" * 2_000_000 + rest
    yield "j2k_unknown_9k", start + b"\xff\x30\0\2" * 9_000 + rest
    part = b"\xff\x90\0\x0a\0\0" + struct.pack(">IBB", 14, 0, 255) + b"\xff\x93"
    yield "j2k_parts_150k", start + rest[: rest.index(b"\xff\x90")] + part * 150_000 + rest


def heif_boxes(brand: str) -> tuple[bytes, bytes, bytes]:
    """A small AVIF or HEIC in three: what is before `meta`, its content, and what follows."""
    whole = encoded("AVIF" if brand == "avif" else "HEIF")
    at = whole.index(b"meta") - 4
    size = struct.unpack(">I", whole[at : at + 4])[0]
    return whole[:at], whole[at + 8 : at + size], whole[at + size :]


def _movies() -> Iterator[tuple[str, bytes]]:
    """Tables of an image sequence with counts of billions, or that are deep or numerous."""

    def track(*tables: bytes) -> bytes:
        media = box(b"minf", box(b"stbl", b"".join(tables)))
        handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        times = struct.pack(">6I", 0, 0, 0, 1000, 0xFFFFFFFF, 0)
        return box(b"trak", box(b"mdia", box(b"mdhd", times) + handler + media))

    most = struct.pack(">I", 0xFFFFFFFF)
    yield "sizes", track(box(b"stsz", bytes(8) + most))
    yield "one_size", track(box(b"stsz", bytes(4) + struct.pack(">I", 8) + most))
    yield "times", track(box(b"stts", bytes(4) + most + most * 2))
    yield "samples_a_time", track(box(b"stts", bytes(4) + struct.pack(">3I", 1, 0xFFFFFFFF, 1)))
    yield "chunks", track(box(b"stco", bytes(4) + most), box(b"stsc", bytes(4) + most))
    yield "tracks", track() * 1000
    yield "deep", nested(b"trak", 5_000)


def heifs(brand: str) -> Iterator[tuple[str, bytes]]:
    """Invalid boxes of an AVIF or HEIC file."""
    before, meta, after = heif_boxes(brand)

    def inserted(*boxes: bytes) -> bytes:
        return before + box(b"meta", meta + b"".join(boxes)) + after

    yield f"{brand}_iprp_deep", inserted(nested(b"iprp", 3_000))
    yield f"{brand}_ipco_deep", inserted(box(b"iprp", nested(b"ipco", 100_000)))
    yield f"{brand}_boxes_9k", inserted(box(b"free") * 9_000)
    yield f"{brand}_boxes_2M", inserted(box(b"free") * 2_000_000)
    yield f"{brand}_metas", before + box(b"meta", meta) * 5_000 + after
    yield f"{brand}_meta_deep", before + nested(b"meta", 20_000) + after
    ispe = box(b"ispe", struct.pack(">3I", 0, 40, 30))
    yield f"{brand}_ipco_5k", inserted(box(b"iprp", box(b"ipco", ispe * 5_000)))
    yield f"{brand}_ipco_1M", inserted(box(b"iprp", box(b"ipco", ispe * 1_000_000)))
    infe = box(b"infe", struct.pack(">IHH4sB", 2 << 24, 1, 0, b"av01", 0))
    yield (
        f"{brand}_infe_1M",
        inserted(box(b"iinf", struct.pack(">IH", 0, 65_535) + infe * 1_000_000)),
    )
    yield f"{brand}_infe_5k", inserted(box(b"iinf", struct.pack(">IH", 0, 5_000) + infe * 5_000))
    iloc = struct.pack(">IBBH", 0, 0x44, 0, 65_535) + bytes(8 * 65_535)
    yield f"{brand}_iloc_64k", inserted(box(b"iloc", iloc))
    extents = struct.pack(">HHH", 1, 0, 65_535) + struct.pack(">II", 8, 4_000_000) * 65_535
    yield (
        f"{brand}_iloc_extents",
        inserted(box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, 1) + extents)),
    )
    reference = box(b"dimg", struct.pack(">HH", 1, 60_000) + b"\0\1" * 60_000)
    yield f"{brand}_iref_60k", inserted(box(b"iref", bytes(4) + reference * 20))
    yield (
        f"{brand}_ipma_64k",
        inserted(
            box(b"iprp", box(b"ipma", struct.pack(">II", 0, 0xFFFFFFFF) + b"\0\1\xff" * 65_000))
        ),
    )
    sequence = b"avis" if brand == "avif" else b"msf1"
    for name, body in _movies():
        start = before[:8] + sequence + before[12:]
        yield f"{brand}_movie_{name}", start + box(b"meta", meta) + box(b"moov", body) + after
    yield f"{brand}_tail_boxes_9k", before + box(b"meta", meta) + box(b"free") * 9_000 + after


def avifs() -> Iterator[tuple[str, bytes]]:
    """Invalid AVIF files."""
    yield from heifs("avif")


def heics() -> Iterator[tuple[str, bytes]]:
    """Invalid HEIC files."""
    yield from heifs("heic")
