"""The predicted cost of decoding an original."""

from __future__ import annotations

from imagesvc.imaging.cost import MEGA, Cost
from imagesvc.imaging.transforms.effective import ANIMATED
from imagesvc.model.formats import Format
from imagesvc.model.images import Mezzanine, Original
from imagesvc.model.transforms import Transform

FRAME_BYTES = 16
"""A pixel of the one frame that is decoded of an animation."""
_FRAME_BY_FRAME = frozenset({Format.PNG, Format.AVIF})
"""Formats whose decoder takes for all frames as much memory as for one."""
COPIED_BYTES = 4
"""A pixel of a picture that is copied to memory, to be read in another order."""
BASE_BYTES = 24 << 20
"""The memory of any decode besides the picture: buffers, tables, output."""
DECODER_SECONDS = {
    Format.JPEG: 0.006,
    Format.PNG: 0.018,
    Format.WEBP: 0.025,
    Format.AVIF: 0.035,
    Format.GIF: 0.014,
    Format.TIFF: 0.015,
    Format.HEIC: 0.035,
    Format.BMP: 0.005,
    Format.JP2: 0.050,
    Format.ICO: 0.018,
}
"""A megapixel of each frame, in addition to the cost of its bytes."""
BYTE_SECONDS = {
    Format.JPEG: 0.015,
    Format.AVIF: 0.070,
    Format.HEIC: 0.070,
    Format.JP2: 0.150,
}
"""A megabyte of the file; the decoders of the other formats take the same time for any."""
UNKNOWN_FACTOR = 4
"""Originals from before the time was predicted may have many scans, tiles or bytes."""


def decode_seconds(kind: Format, pixels: int, file_bytes: int, extra: float = 0.0) -> float:
    """The processor time of decoding a file whole.

    Args:
        kind: its format.
        pixels: of all frames.
        file_bytes: its size.
        extra: seconds beside those, as `Found.extra_seconds`.
    """
    of_bytes = BYTE_SECONDS.get(kind, 0.0) * file_bytes
    return (DECODER_SECONDS[kind] * pixels + of_bytes) / MEGA + extra


def decoder_cost(original: Original, transform: Transform) -> Cost:
    """The part of `render_cost` that is decoding the original, as far as a variant needs it."""
    seconds, memory = original.decode_seconds, original.decode_bytes
    if seconds is None:
        pixels = original.width * original.height * original.frames
        seconds = UNKNOWN_FACTOR * decode_seconds(original.format, pixels, 0)
    if transform.format not in ANIMATED or transform.frame is not None:
        seconds *= (1 + (transform.frame or 0)) / original.frames
        if original.frames > 1 and original.format not in _FRAME_BY_FRAME:
            one = BASE_BYTES + FRAME_BYTES * original.width * original.height
            memory = min(memory, one)
    return Cost(memory, seconds * (1 + bool(transform.trim)))


def mezzanine_decoder(mezzanine: Mezzanine) -> Cost:
    """The part of `render_cost` that is decoding the mezzanine."""
    pixels = mezzanine.width * mezzanine.height
    seconds = decode_seconds(mezzanine.format, pixels, pixels)
    return Cost(BASE_BYTES + 2 * COPIED_BYTES * pixels, seconds)
