"""Small copies of a picture, and the colours of them."""

from __future__ import annotations

from PIL import Image

HALF_OPAQUE = 128
OTHER_COLOUR = 48
"""Levels, summed over the bands, from which on two colours of a palette differ."""


def small(picture: Image.Image, side: int) -> Image.Image:
    """A picture in gray or RGB, with alpha or without, in RGBA and at most `side` a side.

    With alpha it must be as small as that already: boxes would mix in the colours of what is
    transparent.
    """
    return within(picture, side).convert("RGBA")


def within(picture: Image.Image, side: int) -> Image.Image:
    """The picture, scaled down so that no side is longer than `side`; both are at least 1."""
    scale = min(1.0, side / max(picture.size))
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def gray_square(picture: Image.Image, side: int) -> bytes:
    """The picture on white, stretched to a square of shades of gray."""
    white = Image.new("RGBA", picture.size, "white")
    gray = Image.alpha_composite(white, picture).convert("L")
    return gray.resize((side, side), Image.Resampling.BILINEAR).tobytes()


def palette(picture: Image.Image, count: int) -> tuple[str, ...]:
    """The main colours of the opaque part of a picture, the most frequent first.

    The means of the boxes of a median cut, without nearly equal ones: `#rrggbb` each, at most
    `count`. Refining them by k-means takes ten times as long and changes little.
    """
    data = picture.tobytes()
    if min(data[3::4]) < HALF_OPAQUE:
        starts = [at for at in range(0, len(data), 4) if data[at + 3] >= HALF_OPAQUE]
        data = b"".join(data[at : at + 4] for at in starts)
    if not data:
        return ()
    row = Image.frombytes("RGBA", (len(data) // 4, 1), data).convert("RGB")
    cut = row.quantize(2 * count, method=Image.Quantize.MEDIANCUT)
    boxes = cut.convert("RGB").getcolors(2 * count) or []
    found: list[tuple[int, ...]] = []
    for _, colour in sorted(boxes, key=lambda box: (-box[0], box[1])):
        if isinstance(colour, tuple) and all(_is_other(colour, it) for it in found):
            found.append(colour)
    return tuple(f"#{bytes(colour).hex()}" for colour in found[:count])


def _is_other(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return sum(abs(one - two) for one, two in zip(left, right, strict=True)) >= OTHER_COLOUR
