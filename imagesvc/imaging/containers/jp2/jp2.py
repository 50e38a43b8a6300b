"""JPEG 2000: boxes of JP2 (ITU-T T.800, annex I) and the code stream (annex A)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.containers.jp2.stream import NAME, check_parts
from imagesvc.imaging.limits import Limits

SOC, SIZ = 0xFF4F, 0xFF51
MAX_TILES = 65_535
MAX_DEPTH = 16
MAX_SUBSAMPLING = 4
_HELD_BITS = 40
"""Of each sample: OpenJPEG keeps planes of 32 bits, and its tables."""
TILE_BYTES, TILE_BAND_BYTES = 8_500, 1_200
"""OpenJPEG keeps the parameters of every tile, and those of each component in it: 62,500 tiles
of 4 x 4 pixels hold 722 MB in RGB and 593 MB in gray."""
TILE_SECONDS = 20e-6
_PICTURE_BITS = 64
"""Pillow's picture and the copy for libvips."""


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check the code stream's header, and that its tiles are complete.

    Raises:
        CorruptImage: the file is cut off, or its header is invalid.
        ImageTooLarge: too many pixels, tiles or parts of tiles.
    """
    at, shown = 0, None
    if big(data, 0, 2) != SOC:
        at, shown = _code_stream(data, budget)
    found, at, tiles, bands = _header(data, at, limits)
    if shown is not None and shown[:2] != (found.width, found.height):
        raise malformed(NAME, f"it claims {shown[0]} x {shown[1]} and is another size")
    if shown is not None and shown[2] != bands:
        raise malformed(NAME, f"it claims {shown[2]} components and has {bands}")
    check_parts(data, at, tiles, budget)
    return found


def _code_stream(data: Data, budget: Budget) -> tuple[int, tuple[int, int, int]]:
    """Where the code stream of a JP2 file starts; size and components in its `ihdr` box."""
    shown = None
    for number, (kind, start, end) in enumerate(boxes(NAME, data, 0, len(data), budget)):
        if number == 1 and kind != b"ftyp":
            raise malformed(NAME, "its second box is not ftyp")
        if kind == b"jp2h":
            if data[start + 4 : start + 8] != b"ihdr" or end - start < 22:
                raise malformed(NAME, "its header box does not start with ihdr")
            shown = big(data, start + 12, 4), big(data, start + 8, 4), big(data, start + 16, 2)
            for _ in boxes(NAME, data, start, end, budget):
                pass  # decoders go through them, too
        elif kind == b"jp2c":
            if shown is None:
                raise malformed(NAME, "it has no header box")
            return start, shown
    raise truncated(NAME, "there is no code stream")


def _header(data: Data, at: int, limits: Limits) -> tuple[Found, int, int, int]:
    """Read SIZ, always the first segment (A.5.1).

    Returns:
        The shape, where the next segment starts, and the numbers of tiles and components.
    """
    head = data[at : at + 42]
    if len(head) < 42:
        raise truncated(NAME, "the header is cut off")
    soc, siz, length, _, *areas, bands = struct.unpack(">4H8IH", head)
    if (soc, siz) != (SOC, SIZ):
        raise malformed(NAME, "its code stream does not start with SIZ")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = areas
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        raise malformed(NAME, f"its size is {width} x {height}")
    check_count("pixels", width * height, limits.max_pixels)
    if not 1 <= bands <= 4 or length != 38 + 3 * bands:
        raise malformed(NAME, f"it has {bands} components")
    if not tile_width or not tile_height or tile_left > left or tile_top > top:
        raise malformed(NAME, "its tiles are invalid")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    check_count("tiles", tiles, MAX_TILES)
    components = data[at + 42 : at + 42 + 3 * bands]
    if len(components) < 3 * bands:
        raise truncated(NAME, "the header is cut off")
    for depth, across, down in struct.iter_unpack("3B", components):
        if (depth & 0x7F) + 1 > MAX_DEPTH:
            raise malformed(NAME, f"{(depth & 0x7F) + 1} bits a sample are not supported")
        if not 1 <= across <= MAX_SUBSAMPLING or not 1 <= down <= MAX_SUBSAMPLING:
            raise malformed(NAME, f"a component is subsampled {across} x {down} times")
    held = _HELD_BITS * bands + _PICTURE_BITS
    found = Found(
        width,
        height,
        held_bits=held,
        extra_bytes=tiles * (TILE_BYTES + bands * TILE_BAND_BYTES),
        extra_seconds=tiles * TILE_SECONDS,
    )
    return found, at + 42 + 3 * bands, tiles, bands
