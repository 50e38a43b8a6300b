"""The transform that is applied to an original: format, quality and frame concrete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.keys import shown
from imagesvc.imaging.transforms.normal import WITHOUT_QUALITY, normal
from imagesvc.model.formats import Format
from imagesvc.model.images import Original
from imagesvc.model.transforms import Transform, Watermark

SHOWN_BY_BROWSERS = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF})
ANIMATED = frozenset({Format.WEBP, Format.GIF})
"""Formats that variants are written moving in."""
MOVING = ANIMATED | {Format.PNG, Format.AVIF}
"""Formats that originals are read moving from."""


def with_format(transform: Transform, chosen: Format) -> Transform:
    """The transform with `format=auto` resolved to the format that was negotiated."""
    return normal(replace(transform, format=chosen, auto=False))


def effective(
    transform: Transform,
    original: Original,
    quality: Mapping[Format, int],
    watermarks: Mapping[str, Watermark] | None = None,
) -> Transform:
    """The transform with its format, and the quality of lossy ones, made concrete.

    Without a format it is the original's own where browsers show that, otherwise PNG for pictures
    with alpha and JPEG for the others; the same holds for `auto` where no format is negotiated.
    An animation in a format that is not written animated (PNG, AVIF) becomes WebP.
    The name of a watermark gets its fingerprint.

    Raises:
        InvalidTransform: the original has no such frame, or the settings no such watermark.
    """
    chosen = transform.format
    if chosen is None:
        chosen = original.format
        if chosen not in SHOWN_BY_BROWSERS:
            chosen = Format.PNG if original.has_alpha else Format.JPEG
        elif moves(original) and chosen not in ANIMATED and transform.frame is None:
            chosen = Format.WEBP
    frame = transform.frame
    if frame is not None and frame >= original.frames:
        raise no_frame(frame, original.frames)
    return normal(
        replace(
            transform,
            format=chosen,
            auto=False,
            q=None if chosen in WITHOUT_QUALITY else transform.q or quality[chosen],
            frame=frame if original.frames > 1 else None,
            wm=_with_fingerprint(transform.wm, watermarks or {}),
        )
    )


def moves(original: Original) -> bool:
    """Whether an original is an animation; pages of a TIFF are none."""
    return original.frames > 1 and original.format in MOVING


def no_frame(frame: int, frames: int) -> InvalidTransform:
    """The error of a frame beyond the last."""
    message = f"must be a whole number from 0 to {frames - 1}, the last frame of this image"
    return InvalidTransform(f"frame {message}, not {frame}.", fields=(("frame", message),))


def _with_fingerprint(wm: str, watermarks: Mapping[str, Watermark]) -> str:
    name = wm.partition(":")[0]
    if not name:
        return ""
    found = watermarks.get(name)
    if found is None:
        known = ", ".join(sorted(watermarks)[:20]) or "none here"
        message = f"must be the name of a watermark ({known}), not {shown(name)}"
        raise InvalidTransform(f"wm {message}.", fields=(("wm", message),))
    return f"{name}:{found.fingerprint}"
