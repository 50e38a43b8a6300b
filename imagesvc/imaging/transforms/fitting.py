"""Whether a variant can be made of an original, before decoding; for the server."""

from __future__ import annotations

from collections.abc import Mapping

from imagesvc.errors import ImageTooLarge, InvalidTransform
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.render_cost import working_bytes
from imagesvc.imaging.transforms.effective import no_frame
from imagesvc.imaging.transforms.geometry import Plan, plan
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Original
from imagesvc.model.transforms import Transform

MAX_SIDES = {
    Format.JPEG: 65_500,
    Format.WEBP: 16_383,
    Format.AVIF: 16_384,
    Format.GIF: 65_535,
    Format.PNG: 1_000_000,
}
"""The longest side that each encoder writes, in pixels."""


def check_fits(transform: Transform, original: Original) -> Plan:
    """The plan of a variant of an original, if there can be one.

    Raises:
        InvalidTransform: it has no such frame, or nothing where `crop` is.
    """
    if transform.frame is not None and transform.frame >= original.frames:
        raise no_frame(transform.frame, original.frames)
    return plan(transform, original.width, original.height)


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


def check_size(
    transform: Transform, laid: Plan, shown: Size, frames: int, limits: Limits, *, read: Size
) -> None:
    """Refuse a variant that is too large, or takes too much on the way.

    Args:
        transform: an effective one, its format concrete.
        laid: its plan.
        shown: the size of a frame of what is read, as shown.
        frames: how many the variant has.
        limits: what it may take.
        read: the size of a frame as decoded.

    Raises:
        ImageTooLarge: pixels, memory or the sides that the format can hold.
    """
    for size in (read, laid.scaled, laid.turned, laid.output):
        pixels = size.width * size.height
        if pixels > limits.max_pixels or pixels * frames > limits.max_all_pixels:
            raise ImageTooLarge(
                f"Making this variant takes {size.width} x {size.height} pixels in "
                f"{frames} frames; the limit is {limits.max_pixels:,} a frame and "
                f"{limits.max_all_pixels:,} together."
            )
    needed = working_bytes(transform, laid, shown, frames)
    if needed > limits.max_decode_bytes:
        raise ImageTooLarge(
            f"Making this variant takes about {needed:,} bytes of memory; "
            f"the limit is {limits.max_decode_bytes:,}."
        )
    _check_sides(transform.format, laid.output)


def _check_sides(kind: Format | None, output: Size) -> None:
    longest = MAX_SIDES[kind or Format.PNG]
    if max(output.width, output.height) > longest:
        raise ImageTooLarge(
            f"The variant would be {output.width} x {output.height} pixels; "
            f"{kind} holds at most {longest:,} a side."
        )
