"""Whether an original has a variant at all, before anything is decoded; pure, for the server."""

from __future__ import annotations

from collections.abc import Mapping

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.geometry import plan
from imagesvc.imaging.transform import no_frame
from imagesvc.model import Original, Transform


def check_fits(transform: Transform, original: Original) -> None:
    """Check that a variant of an original can be laid out.

    Raises:
        InvalidTransform: it has no such frame, or nothing where `crop` is.
    """
    if transform.frame is not None and transform.frame >= original.frames:
        raise no_frame(transform.frame, original.frames)
    plan(transform, original.width, original.height)


def fitting(presets: Mapping[str, Transform], original: Original) -> dict[str, Transform]:
    """The presets that an original has variants of."""
    found = {}
    for name, transform in presets.items():
        try:
            check_fits(transform, original)
        except InvalidTransform:
            continue
        found[name] = transform
    return found
