"""Transforms and the watermarks that they name."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, ClassVar

from imagesvc.model.formats import Format


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture: in pixels, or in millionths of its sides."""

    x: int
    y: int
    w: int
    h: int
    is_fraction: bool = False

    MILLION: ClassVar[int] = 1_000_000

    def __str__(self) -> str:
        """The text in a transform: `10,20,300,200`, or with a decimal point `0.25,0,0.5,1`."""
        numbers = (self.x, self.y, self.w, self.h)
        if not self.is_fraction:
            return ",".join(map(str, numbers))
        return ",".join(f"{n / self.MILLION:.6f}".rstrip("0").rstrip(".") for n in numbers)


@dataclass(frozen=True, slots=True)
class Watermark:
    """The watermark of `wm`: an image or a text, and its position.

    It contains the bytes of its files, so that the drawn watermark always matches `fingerprint`.
    """

    image: bytes | None = None
    """A PNG, WebP, JPEG, AVIF or GIF file; None for a text."""
    text: str = ""
    font: bytes | None = None
    """A TrueType or OpenType file; None for the built-in font, which has Latin letters."""
    color: str = "ffffff"
    """The colour of a text: RRGGBB."""
    position: str = "southeast"
    """A gravity: center, north … northwest."""
    scale: float = 0.25
    """Width as a fraction of the variant's, above 0 up to 1; the ratio is kept."""
    opacity: float = 1.0
    """From 0 to 1, multiplied with the image's own transparency."""
    margin: int = 0
    """Pixels to the edges of the variant; between tiles when tiled."""
    tile: bool = False
    """Repeat it over the whole variant, from the top left corner."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with every change of the watermark."""
        return _fingerprint(self)


@lru_cache(maxsize=256)
def _fingerprint(watermark: Watermark) -> str:
    return hashlib.sha256(repr(astuple(watermark)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Transform:
    """A canonical set of operations; every field at its default is the identity.

    `imaging.transforms.transform` turns text into this and back. Two transforms that make the same
    bytes of every original are equal. The fields are the keys of the grammar, except `auto`: it is
    `format=auto`, which has no format until it is negotiated.
    """

    w: int | None = None
    h: int | None = None
    dpr: float = 1.0  # 1 once normal: the box is multiplied
    fit: str = "inside"
    gravity: str = "center"
    enlarge: bool = False
    crop: Region | None = None
    trim: int = 0
    rotate: float = 0.0
    flip: str = ""
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gray: bool = False
    blur: float = 0.0
    sharpen: float = 0.0
    bg: str = ""
    radius: int | str = 0  # "max": half of the shorter side
    wm: str = ""  # a name, once effective with the fingerprint: `logo:0123456789abcdef`
    frame: int | None = None
    format: Format | None = None
    auto: bool = False
    q: int | None = None
    lossless: bool = False
    max_bytes: int | None = None
    exact: bool = False

    def __reduce__(self) -> tuple[type[Transform], tuple[Any, ...]]:
        """The pickle of a request to a worker: that of dataclasses takes three times as long."""
        return Transform, _values_of(self)


_values_of = attrgetter(*(field.name for field in fields(Transform)))
