"""Identification: the header of an uploaded file, checked against the limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagesvc.errors import CorruptImage, ImageTooLarge, UnsupportedMediaType
from imagesvc.imaging.analysis import exif
from imagesvc.imaging.codecs import avif, pillow, vips, vips_source
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import has_profile
from imagesvc.imaging.containers.found import Data, Found
from imagesvc.imaging.containers.walkers import inspect
from imagesvc.imaging.cost import MEGA
from imagesvc.imaging.decoding_cost import BASE_BYTES, decode_seconds
from imagesvc.imaging.gif.coverage import has_gaps
from imagesvc.imaging.limits import Limits
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Probe

STREAMED_ROWS = 600
"""Rows that a streaming decode keeps for the steps after it."""

PROFILE_SECONDS = 0.03
"""A megapixel of 16 bits a sample through a profile; 25 ms were measured, 40 ms with alpha."""


def probe(data: Data, limits: Limits) -> Probe:
    """Identify a file and check it, without decoding a pixel.

    Raises:
        EmptyFile: it has no bytes.
        UnsupportedMediaType: it is not an image of an accepted format.
        CorruptImage: it is truncated or malformed.
        ImageTooLarge: its pixels, frames, scans or predicted memory exceed the limits.
    """
    kind, found = inspect(data, limits)
    _check_pixels(found.width, found.height, found.frames, limits)
    shape = _shape(data, kind, found)
    found = replace(found, frames=shape.frames)
    width, height = shape.shown.width, shape.shown.height
    if not width or not height:
        raise CorruptImage(f"The size of the image is {width} x {height}.")
    _check_pixels(width, height, found.frames, limits)
    predicted = decode_bytes(found, shape.stored)
    if predicted > limits.max_decode_bytes:
        raise ImageTooLarge(
            f"Decoding the image takes about {predicted:,} bytes of memory; "
            f"the limit is {limits.max_decode_bytes:,}."
        )
    facts = exif.facts(found.tags)
    if shape.orientation != 1:
        facts["orientation"] = shape.orientation
    return Probe(
        format=kind,
        width=width,
        height=height,
        frames=found.frames,
        has_alpha=shape.has_alpha,
        decode_bytes=predicted,
        decode_seconds=_seconds(kind, found, shape),
        exif=facts,
        gps=exif.place(found.tags),
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """The size in the file and as shown, from the library that will decode the pixels."""

    stored: Size
    shown: Size
    orientation: int
    has_alpha: bool
    frames: int
    is_deep: bool = False
    """Whether samples of 16 bits have a profile: all of them go through it, and are scaled then."""


def _shape(data: Data, kind: Format, found: Found) -> _Shape:
    frames = found.frames
    moves = avif.moves(data, kind)
    if moves or pillow.decodes(data, kind):
        header = avif.read_header(data) if moves else pillow.read_header(data, kind)
        size = Size(header.width, header.height)
        return _Shape(size, size, 1, header.has_alpha, frames)
    if kind is Format.AVIF:
        frames = 1
    source = _header(data, kind, is_sequence=frames < found.frames)
    has_alpha = bool(source.picture.hasalpha())
    is_deep = source.picture.format == "ushort" and has_profile(source.picture)
    if kind is Format.GIF:
        has_alpha = has_alpha or has_gaps(data, source.stored)
    return _Shape(source.stored, source.shown, source.orientation, has_alpha, frames, is_deep)


def _header(data: Data, kind: Format, *, is_sequence: bool) -> Source:
    try:
        with vips.translated():
            return vips_source.open_source(data, kind)
    except CorruptImage as error:
        if is_sequence:
            raise UnsupportedMediaType(
                "The frames of this AVIF sequence are not supported, and it has no still picture."
            ) from error
        raise


def decode_bytes(found: Found, stored: Size) -> int:
    """The memory that a worker is predicted to hold while it decodes a file at full size.

    What is decoded row by row holds some hundred rows: baseline JPEG, PNG without interlacing.
    Progressive JPEG holds its coefficients, 2 bytes a sample, however much is shrunk on load. The
    rest holds the picture, animated WebP all its frames. The file is mapped, and
    becomes resident as it is read.

    Measured as growth of the peak resident size, 15.9 MP to a JPEG 4000 px wide, predicted in
    parentheses: baseline 28 MB (35), the same in CMYK 39 MB (38), progressive 4:2:0 75 MB (82),
    4:4:4 123 MB (130), PNG 11 MB (35), WebP 77 MB lossy and 103 MB lossless (162), AVIF 256 MB
    (305), GIF 90 MB (226), TIFF 51 MB (82); 20 frames of 2.2 MP in WebP 230 MB (300). Of 12.2 MP:
    HEIC 69 MB, in 10 bits 93 MB and in 4:4:4 113 MB (194), JPEG 2000 225 MB (292), BMP 96 MB (117).
    """
    held = stored.width * stored.height * found.held_bits / 8
    streamed = stored.width * min(stored.height, STREAMED_ROWS) * found.row_bits / 8
    return BASE_BYTES + int(held + streamed) + found.extra_bytes + found.file_bytes


def _seconds(kind: Format, found: Found, shape: _Shape) -> float:
    """The processor time that decoding all frames of a file is predicted to take."""
    pixels = found.width * found.height * found.frames
    extra = found.extra_seconds + shape.is_deep * PROFILE_SECONDS * pixels / MEGA
    return decode_seconds(kind, pixels, found.file_bytes, extra)


def _check_pixels(width: int, height: int, frames: int, limits: Limits) -> None:
    pixels = width * height
    if pixels > limits.max_pixels:
        raise ImageTooLarge(
            f"The image has {pixels:,} pixels ({width:,} x {height:,}); "
            f"the limit is {limits.max_pixels:,}."
        )
    if frames > limits.max_frames:
        raise ImageTooLarge(f"The image has {frames:,} frames; the limit is {limits.max_frames:,}.")
    if pixels * frames > limits.max_all_pixels:
        raise ImageTooLarge(
            f"The image has {pixels * frames:,} pixels in its {frames:,} frames; "
            f"the limit is {limits.max_all_pixels:,}."
        )
