"""The steps that shape a picture, one function each; `develop.py` puts them in order.

A step takes one frame, height x width x bands, and returns another. Every step begins by
returning the frame untouched when the transform does not ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.colour.conversion import RGB, to_srgb
from imagesvc.imaging.transforms.geometry import QUARTER, Box, Plan
from imagesvc.imaging.transforms.keys import MAX
from imagesvc.imaging.transforms.normal import FROM_PIXELS
from imagesvc.imaging.transforms.values import rgba
from imagesvc.model.formats import Format, Size
from imagesvc.model.transforms import Transform, Watermark

WITHOUT_ALPHA = frozenset({Format.JPEG})
WHITE = 255
OPAQUE = 255
RIM = 2
"""Transparent pixels around a picture that is turned, for smooth edges."""

Colour = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Work:
    """The input of the steps: the transform, and its geometry."""

    transform: Transform
    plan: Plan
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    keeps_colours: bool = False
    """Whether the resize uses the nearest pixel, which makes no intermediate colours."""

    @property
    def background(self) -> Colour | None:
        """The colour under transparency; None where that stays."""
        wanted = self.transform
        if wanted.format not in WITHOUT_ALPHA:
            return rgba(wanted.bg) if wanted.bg else None
        red, green, blue, alpha = rgba(wanted.bg) if wanted.bg else (0, 0, 0, 0)
        red, green, blue = (
            (level * alpha + WHITE * (OPAQUE - alpha) + OPAQUE // 2) // OPAQUE
            for level in (red, green, blue)
        )
        return red, green, blue, OPAQUE


def looks_at_pixels(work: Work) -> bool:
    """Whether the kept part of a crop depends on the picture."""
    return work.plan.crop is not None and work.transform.gravity in FROM_PIXELS


def placed(frame: Picture, work: Work) -> Work:
    """The work with its crop where the most interesting part of a frame in memory is."""
    box = work.plan.crop
    if box is None:
        return work
    interest = {"smart": "attention", "entropy": "entropy"}[work.transform.gravity]
    found = to_srgb(frame).smartcrop(box.width, box.height, interesting=interest)
    crop = Box(-found.xoffset, -found.yoffset, box.width, box.height)
    return replace(work, plan=replace(work.plan, crop=crop))


def crop(frame: Picture, work: Work) -> Picture:
    """Keep the part of a picture scaled to cover its box that the gravity selects."""
    box = work.plan.crop
    if box is None:
        return frame
    return frame.crop(box.left, box.top, box.width, box.height)


def colour(frame: Picture, _work: Work) -> Picture:
    """Bring any colour space to sRGB or gray."""
    return to_srgb(frame)


def turn(frame: Picture, work: Work) -> Picture:
    """Rotate clockwise, then mirror."""
    rotate, flip = work.transform.rotate, work.transform.flip
    if rotate or flip == "v":
        frame = vips.held(frame)  # rows are needed in another order than the decoder's
    if rotate % QUARTER:
        frame = _turned(frame, rotate, work.plan.turned)
    elif rotate:
        frame = frame.rot(f"d{rotate:.0f}")
    if flip:
        frame = frame.flip("horizontal" if flip == "h" else "vertical")
    return frame


def flatten(frame: Picture, work: Work) -> Picture:
    """Put transparency on the background, where there is one."""
    return frame if work.background is None else on_background(frame, work.background)


def round_corners(frame: Picture, work: Work) -> Picture:
    """Make the area outside rounded corners transparent, or else the background."""
    radius = work.transform.radius
    if not radius:
        return frame
    half = min(frame.width, frame.height) / 2
    mask = rounded_mask(frame.width, frame.height, half if radius == MAX else min(half, radius))
    if frame.hasalpha():
        last = frame.bands - 1
        mask = (frame.extract_band(last) * mask / OPAQUE).rint().cast("uchar")
        frame = frame.extract_band(0, n=last)
    kind = frame.interpretation
    frame = frame.bandjoin(mask).copy(interpretation=kind)
    if work.transform.format in WITHOUT_ALPHA:
        return flatten(frame, work)
    return frame


def rounded_mask(width: int, height: int, radius: float) -> Picture:
    """How much of each pixel a rectangle with rounded corners covers, 0 to 255.

    A pixel at distance d of a corner's centre is covered by radius - d + 0.5, from 0 to 1.
    """
    side = math.ceil(radius)
    at = vips.coordinates(side, side) + (0.5 - radius)
    corner = ((radius + 0.5 - _length(at)) * OPAQUE).rint().cast("uchar").copy_memory()
    mask = (vips.coordinates(width, height).extract_band(0) * 0 + OPAQUE).cast("uchar")
    mask = mask.copy(interpretation="b-w")
    flipped = corner.flip("horizontal")
    mask = mask.insert(corner, 0, 0).insert(flipped, width - side, 0)
    mask = mask.insert(corner.flip("vertical"), 0, height - side)
    return mask.insert(flipped.flip("vertical"), width - side, height - side)


def pad(frame: Picture, work: Work) -> Picture:
    """Put the picture on the canvas of its box, which is the background or transparent."""
    box = work.plan.pad
    if box is None:
        return frame
    background = work.background
    canvas: list[int] | None = None
    if background is not None:
        frame = on_background(frame, background)
        canvas = _levels(background, frame.bands)
    else:
        frame = frame if frame.hasalpha() else frame.addalpha()
    size = (box.left, box.top, box.width, box.height)
    return frame.embed(*size, extend="background", background=canvas or [0] * frame.bands)


def on_background(frame: Picture, background: Colour) -> Picture:
    """The frame on a colour: in as many bands as that takes, without alpha on opaque ones."""
    is_opaque = background[3] == OPAQUE
    if frame.bands < RGB and len(set(background[:RGB])) > 1:
        frame = frame.colourspace("srgb")
    if not frame.hasalpha():
        return frame if is_opaque else frame.addalpha()
    colours = frame.bands - 1
    if is_opaque:
        return frame.flatten(background=_levels(background, colours))
    kind = frame.interpretation
    under = frame.new_from_image(_levels(background, frame.bands)).copy(interpretation=kind)
    return under.composite2(frame, "over").rint().cast("uchar").copy(interpretation=kind)


def _levels(background: Colour, bands: int) -> list[int]:
    """A colour in as many bands as a picture has: gray or RGB, with alpha or without."""
    levels = list(background[:RGB] if bands >= RGB else background[:1])
    return levels if len(levels) == bands else [*levels, background[3]]


def _turned(frame: Picture, degrees: float, size: Size) -> Picture:
    """Turn clockwise around the middle; the new corners are transparent."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    kind = frame.interpretation
    frame = frame if frame.hasalpha() else frame.addalpha()
    width, height = frame.width + 2 * RIM, frame.height + 2 * RIM
    frame = frame.embed(RIM, RIM, width, height, extend="background", background=[0] * frame.bands)
    across, down = (width - 1) / 2, (height - 1) / 2
    turned = frame.premultiply().affine(
        [cos, -sin, sin, cos],
        interpolate=vips.bicubic(),
        oarea=[0, 0, size.width, size.height],
        odx=(size.width - 1) / 2 - (cos * across - sin * down),
        ody=(size.height - 1) / 2 - (sin * across + cos * down),
        extend="background",
        background=[0] * frame.bands,
        premultiplied=True,
    )
    return turned.unpremultiply().rint().cast("uchar").copy(interpretation=kind)


def _length(vectors: Picture) -> Picture:
    """The lengths of vectors of two bands."""
    squares = vectors * vectors
    return (squares.extract_band(0) + squares.extract_band(1)) ** 0.5
