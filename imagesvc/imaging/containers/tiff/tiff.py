"""TIFF and BigTIFF: directories and the data of the first one (TIFF 6.0, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.colour_spaces import INK_SECONDS
from imagesvc.imaging.containers.exif_block import read_tags
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.containers.tiff.ifd import (
    NAME,
    Entry,
    Layout,
    layout_of,
    read_directory,
    whole_numbers,
)
from imagesvc.imaging.containers.tiff.kinds import CMYK, UNSIGNED, Decoder, Kind, decoder
from imagesvc.imaging.limits import Limits

MAX_PIECES = 1_000_000
"""Strips or tiles of a page."""
MAX_SAMPLES = 1000
"""Values of a tag that has one for each sample."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES = 256, 257, 258, 259, 262, 277
PLANAR, PREDICTOR = 284, 317
STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT = 273, 279, 322, 323
TILE_OFFSETS, TILE_BYTES = 324, 325
COLOUR_MAP, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 320, 338, 339, 347
_PIECES = frozenset({STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES})
_NEEDED = _PIECES | {
    WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, PREDICTOR, TILE_WIDTH,
    TILE_HEIGHT, SAMPLE_FORMAT,
}  # fmt: skip
_DECODED_WITH = frozenset({COLOUR_MAP, EXTRA_SAMPLES, JPEG_TABLES})
_PILLOW_BITS = 64
"""Pillow's picture and the copy for libvips."""
_PILLOW_SECONDS = 0.03e-6
"""A pixel, in addition to libvips' cost; LZMA and L*a*b* take longest."""
_SEPARATE = 2

Directory = Mapping[int, tuple[int, ...]]


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check the first page and count the others.

    Raises:
        CorruptImage: a directory, strip or tile lies outside the file, or directories loop.
        ImageTooLarge: too many pages or entries, or entries that share the same bytes.
    """
    layout, at = layout_of(data)
    entries, at = _page(data, layout, at, budget)
    first = _needed(data, layout, entries)
    pages, visited = 1, set()
    while at:
        if at in visited:
            raise malformed(NAME, "its pages loop")
        visited.add(at)
        pages += 1
        check_count("frames", pages, limits.max_frames)
        _, at = _page(data, layout, at, budget)
    width, height = _one(first, WIDTH), _one(first, HEIGHT)
    if not width or not height:
        raise malformed(NAME, f"its size is {width} x {height}")
    _check_pieces(first, len(data))
    kind = _kind(first)
    bits = max(8, kind.bits) * max(3, kind.samples)
    seconds = (kind.photometric == CMYK) * INK_SECONDS * width * height / 1e6
    tags = read_tags(data)
    found = Found(width, height, pages, held_bits=bits, extra_seconds=seconds, tags=tags)
    if decoder(kind) is Decoder.VIPS:
        return found
    return replace(
        found,
        held_bits=bits + _PILLOW_BITS,
        extra_bytes=len(data),
        extra_seconds=seconds + _PILLOW_SECONDS * width * height,
    )


def decoder_of(data: Data) -> Decoder:
    """Who decodes a file that `walk` took.

    Raises:
        CorruptImage, ImageTooLarge, UnsupportedMediaType: it was not.
    """
    layout, at = layout_of(data)
    entries, _ = read_directory(data, layout, at, Budget(len(data)))
    return decoder(_kind(_needed(data, layout, [it for it in entries if it.tag not in _PIECES])))


def _page(data: Data, layout: Layout, at: int, budget: Budget) -> tuple[Sequence[Entry], int]:
    """A directory; the values that a picture needs are inside the file, and decoders skip others.

    All existing values are read, used or not.
    """
    entries, following = read_directory(data, layout, at, budget)
    for entry in entries:
        if entry.at + entry.bytes <= len(data):
            budget.read(entry.bytes)
        elif entry.tag in _NEEDED | _DECODED_WITH:
            raise truncated(NAME, f"{entry.number:,} values of tag {entry.tag} are cut off")
    return entries, following


def _needed(data: Data, layout: Layout, entries: Sequence[Entry]) -> Directory:
    """The values that are used; of a repeated tag the last."""
    found = {entry.tag: entry for entry in entries if entry.tag in _NEEDED}
    for tag, entry in found.items():
        most = MAX_PIECES if tag in _PIECES else MAX_SAMPLES
        check_count("strips or tiles" if tag in _PIECES else "samples", entry.number, most)
    return {tag: whole_numbers(data, layout, entry) for tag, entry in found.items()}


def _kind(first: Directory) -> Kind:
    """How the first page is coded.

    Raises:
        CorruptImage: its samples differ from each other, or it does not say what they mean.
    """
    bits, forms = set(first.get(BITS, (1,))), set(first.get(SAMPLE_FORMAT, (UNSIGNED,)))
    if len(bits) != 1 or len(forms) != 1:
        raise malformed(NAME, "its samples differ in size or form")
    if PHOTOMETRIC not in first:
        raise malformed(NAME, "it has no photometric interpretation")
    return Kind(
        compression=_one(first, COMPRESSION, 1),
        photometric=_one(first, PHOTOMETRIC),
        bits=bits.pop(),
        form=forms.pop(),
        samples=_one(first, SAMPLES, 1),
        is_planar=_one(first, PLANAR, 1) == _SEPARATE,
        is_tiled=_is_tiled(first),
        predictor=_one(first, PREDICTOR, 1),
    )


def _check_pieces(first: Directory, file_bytes: int) -> None:
    """Strips and tiles lie in the file, and there are enough of them."""
    is_tiled = _is_tiled(first)
    offsets = first.get(TILE_OFFSETS if is_tiled else STRIP_OFFSETS, ())
    sizes = first.get(TILE_BYTES if is_tiled else STRIP_BYTES, ())
    if is_tiled and not (_one(first, TILE_WIDTH) and _one(first, TILE_HEIGHT)):
        raise malformed(NAME, "its tiles have no size")
    if not offsets or len(offsets) != len(sizes):
        raise malformed(NAME, f"{len(offsets):,} offsets go with {len(sizes):,} sizes")
    for offset, size in zip(offsets, sizes, strict=True):
        if offset + size > file_bytes:
            raise truncated(NAME, f"{size:,} bytes at {offset:,} are cut off")


def _is_tiled(first: Directory) -> bool:
    return TILE_OFFSETS in first or TILE_WIDTH in first


def _one(directory: Directory, tag: int, default: int = 0) -> int:
    values = directory.get(tag)
    return values[0] if values else default
