"""AVIF and HEIC: boxes of an ISO base media file (ISO/IEC 14496-12, 23008-12)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imagesvc.errors import CorruptImage, UnsupportedMediaType
from imagesvc.imaging.analysis.exif import Tags
from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import read_tags
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.containers.heif.av1 import check_sizes
from imagesvc.imaging.containers.heif.items import EXIF, NEEDED, exif_block, metadata
from imagesvc.imaging.containers.heif.pictures import check_pictures
from imagesvc.imaging.containers.heif.sequence import Sequence, sequence
from imagesvc.imaging.limits import Limits

_AVIF_BITS = 136
"""Planes of the decoder, at up to 16 bits a sample, and the interleaved picture."""
_MOVING_BYTES = 20
"""The same for a frame of a sequence: four copies, and one while it is turned."""
_PLANES = 10
"""Frames that the decoder keeps, since others depend on them."""
_COPIES = 2
"""Of the file, for libavif."""
_ALPHA_SECONDS = 0.02
"""A megapixel of each frame."""
_TIME_SECONDS = 1e-9
"""libavif adds up the times of all frames up to each, run by run."""
_HEIC_BITS = 112
"""The same for libheif: planes, the interleaved picture, and one more while tiles are joined."""


def walk_avif(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check a sequence, or that all boxes of a still picture exist.

    The size of a picture is the largest that any item claims. A sequence whose tables are damaged
    is its still picture, if it has one.

    Raises:
        CorruptImage: a box or a frame reaches beyond the file, or none describes a picture.
        ImageTooLarge: an item claims too many pixels, or there are too many frames.
        UnsupportedMediaType: it is a layer that no decoder here gives.
    """
    moves, fault = None, None
    try:
        moves = sequence(data, budget)
    except CorruptImage as error:
        fault = error
    try:
        width, height, _ = _claims("AVIF", data, limits, budget)
        check_pictures("AVIF", data, budget)
        check_sizes(data, budget)
        found = Found(width, height, held_bits=_AVIF_BITS, tags=_tags("AVIF", data))
    except (CorruptImage, UnsupportedMediaType):
        if fault:
            raise fault from None
        if moves is None:
            raise
        found = Found(moves.width, moves.height)
    return found if moves is None else _moving(found, moves, limits, len(data))


def _moving(still: Found, moves: Sequence, limits: Limits, file_bytes: int) -> Found:
    """The cost of a sequence in addition to its still picture."""
    frames = len(moves.delays)
    check_count("frames", frames, limits.max_frames)
    check_count("pixels", moves.coded_pixels, limits.max_pixels)
    pixels = moves.width * moves.height
    larger = max(0, moves.coded_pixels - pixels)
    of_planes = _PLANES * moves.sample_bytes
    of_alpha = _ALPHA_SECONDS * pixels * frames * (moves.tracks - 1) / 1_000_000
    of_times = _TIME_SECONDS * frames**2 * moves.runs
    return replace(
        still,
        width=max(still.width, moves.width),
        height=max(still.height, moves.height),
        frames=frames,
        held_bits=8 * (_MOVING_BYTES + of_planes),
        extra_bytes=_COPIES * file_bytes + int(larger * of_planes),
        extra_seconds=of_alpha + of_times,
    )


def walk_heic(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check as for AVIF, and that there is a picture in HEVC, the one coding that is decoded.

    Raises:
        CorruptImage: as for AVIF, and where all pictures are in another coding.
        ImageTooLarge: an item claims too many pixels.
    """
    width, height, codings = _claims("HEIC", data, limits, budget)
    if b"hvc1" not in codings:
        raise malformed("HEIC", "it has no picture in HEVC")
    check_pictures("HEIC", data, budget)
    return Found(width, height, held_bits=_HEIC_BITS, tags=_tags("HEIC", data))


def _tags(name: str, data: Data) -> Tags:
    found = metadata(name, data, Budget(len(data)))
    blocks = (exif_block(data, item) for item in found if item.kind == EXIF)
    return read_tags(next(blocks, b""))


def _claims(name: str, data: Data, limits: Limits, budget: Budget) -> tuple[int, int, set[bytes]]:
    """The largest width and height in any `ispe` box, and the types of all items."""
    width = height = 0
    codings = set()
    seen = set()
    for kind, start, end in boxes(name, data, 0, len(data), budget, NEEDED):
        seen.add(kind)
        if kind == b"meta":
            for inner, at, inner_end in _leaves(name, data, start + 4, end, budget):
                if inner == b"ispe" and inner_end - at >= 12:
                    width = max(width, big(data, at + 4, 4))
                    height = max(height, big(data, at + 8, 4))
                elif inner == b"idat":
                    seen.add(inner)
                elif inner == b"infe" and inner_end - at >= 12:
                    # Version 3 has item ids of 4 bytes, not 2, before the type.
                    type_at = at + (10 if data[at] == 3 else 8)
                    codings.add(data[type_at : type_at + 4])
    if not width or not height:
        raise malformed(name, "it describes no picture")
    if not seen & {b"mdat", b"idat"}:
        raise truncated(name, "there is no data")
    check_count("pixels", width * height, limits.max_pixels)
    return width, height, codings


def _leaves(
    name: str, data: Data, at: int, end: int, budget: Budget, depth: int = 1
) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in a `meta` box that describe items, and those in the lists among them."""
    budget.check_depth("levels of boxes", depth)
    for kind, inner, inner_end in boxes(name, data, at, end, budget):
        if kind in {b"iprp", b"ipco"}:
            yield from _leaves(name, data, inner, inner_end, budget, depth + 1)
        elif kind == b"iinf" and inner_end > inner:
            first = inner + (6 if data[inner] == 0 else 8)
            yield from _leaves(name, data, first, inner_end, budget, depth + 1)
        else:
            yield kind, inner, inner_end
