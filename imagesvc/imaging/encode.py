"""From pixels to the bytes of a file, without any metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imagesvc.errors import ImageTooLarge
from imagesvc.imaging.vips import Picture
from imagesvc.model import Format, Transform

MAX_SIDES = {
    Format.JPEG: 65_500,
    Format.WEBP: 16_383,
    Format.AVIF: 16_384,
    Format.GIF: 65_535,
    Format.PNG: 1_000_000,
}
"""The longest side that each encoder writes, in pixels."""

WEBP_EFFORT = 4
AVIF_EFFORT = 1
"""libvips maps effort to the speed of libaom as `9 - effort`."""
PNG_COMPRESSION = 6
GIF_EFFORT = 3
"""A fifth of the time of libvips' 7, for 3 % more bytes (20 frames of a photograph)."""
_STRIPPED = {"keep": "none"}


def check_sides(kind: Format, width: int, height: int) -> None:
    """Refuse a variant that its format cannot hold.

    Raises:
        ImageTooLarge: a side exceeds what the encoder writes.
    """
    longest = MAX_SIDES[kind]
    if max(width, height) > longest:
        raise ImageTooLarge(
            f"The variant would be {width} x {height} pixels; "
            f"{kind} holds at most {longest:,} a side."
        )


def encode(picture: Picture, transform: Transform) -> bytes:
    """Write the picture in the format and quality of an effective transform.

    The same pixels give the same bytes on every run.

    Raises:
        pyvips.Error: decoding failed, which is found out only now, or encoding did.
    """
    if transform.format is None:
        raise ValueError("an effective transform has a format")
    data: bytes = _ENCODERS[transform.format](picture, transform.q)
    return data


def _jpeg(picture: Picture, q: int | None) -> Any:
    return picture.jpegsave_buffer(Q=q, **_STRIPPED)


def _png(picture: Picture, _q: int | None) -> Any:
    return picture.pngsave_buffer(compression=PNG_COMPRESSION, **_STRIPPED)


def _webp(picture: Picture, q: int | None) -> Any:
    return picture.webpsave_buffer(Q=q, effort=WEBP_EFFORT, **_STRIPPED)


def _avif(picture: Picture, q: int | None) -> Any:
    return picture.heifsave_buffer(
        Q=q, compression="av1", effort=AVIF_EFFORT, bitdepth=8, **_STRIPPED
    )


def _gif(picture: Picture, _q: int | None) -> Any:
    return picture.gifsave_buffer(effort=GIF_EFFORT, **_STRIPPED)


_ENCODERS: dict[Format, Callable[[Picture, int | None], Any]] = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.GIF: _gif,
}
