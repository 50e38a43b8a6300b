"""AVIF sequences whose tables describe more data than there is."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.imaging.sequences import (
    COLOUR,
    box,
    changed,
    moving,
    parsed,
    without_still,
    written,
)

MANY = 2_000_000
MOST = 0xFFFFFFFF


def numbers(*values: int) -> bytes:
    """Numbers of 4 bytes, as in tables."""
    return struct.pack(f">{len(values)}I", *values)


def sequences() -> Iterator[tuple[str, bytes]]:
    """Each file with its false value."""
    with tempfile.TemporaryDirectory() as folder:
        sound = without_still(Path(moving(Path(folder) / "a.avif")).read_bytes())

    def with_table(kind: bytes, content: bytes) -> bytes:
        return changed(sound, (*COLOUR, kind), lambda _: content)

    rows = struct.pack(">II", 0, 1) * MANY
    yield "samples announced", with_table(b"stsz", numbers(0, 0, MOST))
    yield "samples of one size", with_table(b"stsz", numbers(0, 1, MOST))
    yield "samples of 4 GB", with_table(b"stsz", numbers(0, MOST, 4))
    yield "samples of nothing", with_table(b"stsz", numbers(0, 0, 4, 0, 0, 0, 0))
    yield "samples in a chunk", with_table(b"stsc", numbers(0, 1, 1, MOST, 1))
    yield "chunks of nothing", with_table(b"stsc", numbers(0, 1, 1, 0, 1))
    yield "no chunk is first", with_table(b"stsc", numbers(0, 2, 1, 4, 1, 1, 4, 1))
    yield "chunks outside", with_table(b"stco", numbers(0, 1, MOST))
    yield "chunks announced", with_table(b"stco", numbers(0, MOST, 9))
    yield "times of nothing", with_table(b"stts", numbers(0, MANY) + rows)
    yield "times announced", with_table(b"stts", numbers(0, MOST, 4, 1))
    many = with_table(b"stsz", numbers(0, 8, MANY))
    many = changed(many, (*COLOUR, b"stsc"), lambda _: numbers(0, 1, 1, 1, 1))
    yield (
        "the same bytes, two million times",
        changed(many, (*COLOUR, b"stco"), lambda _: numbers(0, MANY) + numbers(64) * MANY),
    )
    few = with_table(b"stsz", numbers(0, 1, 499))
    few = changed(few, (*COLOUR, b"stsc"), lambda _: numbers(0, 1, 1, 499, 1))
    yield "frames that are none", few
    yield (
        "no unit of time",
        changed(sound, (*COLOUR[:3], b"mdhd"), lambda old: old[:20] + bytes(4) + old[24:]),
    )
    yield (
        "65,535 x 65,535 pixels",
        changed(
            sound, (*COLOUR[:2], b"tkhd"), lambda old: old[:-8] + numbers(0xFFFF0000, 0xFFFF0000)
        ),
    )
    yield "no edit takes time", _with_edits(sound, numbers(0x01000001, 1, 0, 0, 0, 0, 0x10000))
    yield "edits announced", _with_edits(sound, numbers(0x01000001, MOST, 0, 1, 0, 0, 0x10000))
    yield "many tracks", _repeated(sound, 3000)
    yield "deep tracks", _nested(sound, 3000)


def _with_edits(sound: bytes, edits: bytes) -> bytes:
    return changed(sound, (*COLOUR[:2], b"edts", b"elst"), lambda _: edits)


def _repeated(sound: bytes, times: int) -> bytes:
    def many(movie: bytes) -> bytes:
        track = next(box(*it) for it in parsed(movie) if it[0] == b"trak")
        return movie + track * times

    return changed(sound, (b"moov",), many)


def _nested(sound: bytes, depth: int) -> bytes:
    def deep(_: bytes) -> bytes:
        content = b""
        for _level in range(depth):
            content = box(b"trak", content)
        return content

    return written(
        [(kind, deep(content) if kind == b"moov" else content) for kind, content in parsed(sound)]
    )
