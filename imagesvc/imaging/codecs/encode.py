"""From pixels to the bytes of a file, without any metadata."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PIL import Image

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.motion import Motion, motion
from imagesvc.imaging.codecs.pillow_encoders import (
    WEBP_EFFORT,
    encode_jpeg,
    encode_moving_webp,
    encode_webp,
)
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.gif import encode as gif
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform

AVIF_EFFORT = 1
"""libvips maps effort to the speed of libaom as `9 - effort`."""
PNG_COMPRESSION = 6
PIXELS_PER_MM = 72 / 25.4
GIF_EFFORT = 3
"""A fifth of the time of libvips' 7, for 3 % more bytes."""
MAX_ATTEMPTS = 7
CLOSE = 0.95
_STRIPPED = {"keep": "none"}
QUICK: Mapping[Format, Callable[[Image.Image, int], bytes]] = {
    Format.JPEG: encode_jpeg,
    Format.WEBP: encode_webp,
}
"""Formats that Pillow writes faster than libvips, of pixels that are all in memory."""


def encode(picture: Picture, transform: Transform) -> bytes:
    """Write the picture in the format and quality of an effective transform.

    The same pixels give the same bytes on every run.

    Raises:
        pyvips.Error: decoding failed, which is found out only now, or encoding did.
    """
    kind = transform.format
    if kind is None:
        raise ValueError("an effective transform has a format")
    if kind is Format.GIF and motion(picture).frames > 1:
        return gif.encode(picture)
    if transform.lossless:
        return bytes(_LOSSLESS[kind](picture))
    if transform.max_bytes is None or transform.q is None:
        return bytes(_ENCODERS[kind](picture, transform.q))
    held = picture.copy_memory()
    return fitted(lambda q: bytes(_ENCODERS[kind](held, q)), transform.q, transform.max_bytes)


def encode_image(image: Image.Image, transform: Transform) -> bytes:
    """Write a picture of Pillow in one of the formats of `QUICK`; the same bytes as `encode`.

    Args:
        image: in gray or RGB.
        transform: effective, and not lossless.
    """
    kind, best = transform.format, transform.q
    if kind is None or best is None:
        raise ValueError("an effective transform has a format, and those of QUICK a quality")
    attempt = partial(QUICK[kind], image)
    return (
        attempt(best) if transform.max_bytes is None else fitted(attempt, best, transform.max_bytes)
    )


def encode_frames(images: Sequence[Image.Image], moves: Motion, transform: Transform) -> bytes:
    """Write several pictures of Pillow as a lossy WebP.

    Args:
        images: of equal size, in gray or RGB, with alpha or without.
        moves: their motion.
        transform: effective.
    """
    best = transform.q
    if best is None:
        raise ValueError("an effective transform to lossy WebP has a quality")
    attempt = partial(encode_moving_webp, images, moves.delays, moves.plays)
    return (
        attempt(best) if transform.max_bytes is None else fitted(attempt, best, transform.max_bytes)
    )


def fitted(attempt: Callable[[int], bytes], best: int, max_bytes: int) -> bytes:
    """Encode in the best quality that fits.

    The size at the limit is estimated from the sizes around it, as if their logarithms lay on a
    line; after two estimates that miss on one side the middle is used. There are at most
    `MAX_ATTEMPTS` attempts, fewer once a file fills `CLOSE` of the limit.

    Args:
        attempt: encodes in a quality from 1 to 100.
        best: the quality to start from, and never to exceed.
        max_bytes: the bound.

    Returns:
        What fits in the highest quality tried; when nothing does, not even quality 1, the
        smallest.
    """
    data = attempt(best)
    if len(data) <= max_bytes or best == 1:
        return data
    fits: bytes | None = None
    low, low_bytes, high, high_bytes = 0, 0, best, len(data)
    runs = 0
    for left in reversed(range(MAX_ATTEMPTS - 1)):
        q = _between(low, low_bytes, high, high_bytes, max_bytes)
        if abs(runs) > 1:  # guesses creep along one side, as at a jump in size
            q = (low + high + 1) // 2
        if fits is None and left == 0:
            q = 1
        data = attempt(q)
        if len(data) <= max_bytes:
            fits, low, low_bytes, runs = data, q, len(data), max(0, runs) + 1
        else:
            high, high_bytes, runs = q, len(data), min(0, runs) - 1
        if high - low <= 1 or (fits is not None and low_bytes >= CLOSE * max_bytes):
            break
    return fits if fits is not None else data


def _between(low: int, low_bytes: int, high: int, high_bytes: int, max_bytes: int) -> int:
    """The quality to try next, inside of the bracket."""
    if not low:
        guess = low + (high - low) * max_bytes / high_bytes
    else:
        span = math.log(high_bytes / low_bytes)
        guess = low + (high - low) * math.log(max_bytes / low_bytes) / span if span > 0 else 0
    return max(low + 1, min(high - 1, int(guess)))


def jpeg(picture: Picture, q: int | None) -> bytes:
    """Write a baseline JPEG; from quality 90 on with chroma in full resolution."""
    if q is None or picture.bands not in {vips.GRAY, vips.RGB} or not _is_small_still(picture):
        return bytes(picture.jpegsave_buffer(Q=q, **_STRIPPED))
    return encode_jpeg(vips.to_image(picture), q)


def _is_small_still(picture: Picture) -> bool:
    """Whether a picture is for Pillow's encoders; libvips streams others."""
    is_small = picture.width * picture.height <= vips.MAX_HELD_PIXELS
    return is_small and motion(picture).frames == 1


def _png(picture: Picture, _q: int | None) -> Any:
    # A PNG always has a resolution; that of the original would be metadata.
    picture = picture.copy(xres=PIXELS_PER_MM, yres=PIXELS_PER_MM)
    return picture.pngsave_buffer(compression=PNG_COMPRESSION, **_STRIPPED)


def _webp(picture: Picture, q: int | None) -> Any:
    if q is not None and _is_small_still(picture):
        return encode_webp(vips.to_image(picture), q)
    return picture.webpsave_buffer(Q=q, effort=WEBP_EFFORT, **_STRIPPED)


def _webp_lossless(picture: Picture) -> Any:
    return picture.webpsave_buffer(lossless=True, exact=True, effort=WEBP_EFFORT, **_STRIPPED)


def _avif(picture: Picture, q: int | None) -> Any:
    return picture.heifsave_buffer(
        Q=q, compression="av1", effort=AVIF_EFFORT, bitdepth=8, **_STRIPPED
    )


def _avif_lossless(picture: Picture) -> Any:
    return picture.heifsave_buffer(
        lossless=True, compression="av1", effort=AVIF_EFFORT, bitdepth=8, **_STRIPPED
    )


def _gif(picture: Picture, _q: int | None) -> Any:
    # A still picture with more colours: only dithering keeps its smooth surfaces.
    return picture.gifsave_buffer(effort=GIF_EFFORT, **_STRIPPED)


_LOSSLESS: dict[Format, Callable[[Picture], Any]] = {
    Format.WEBP: _webp_lossless,
    Format.AVIF: _avif_lossless,
}
_ENCODERS: dict[Format, Callable[[Picture, int | None], Any]] = {
    Format.JPEG: jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.GIF: _gif,
}
