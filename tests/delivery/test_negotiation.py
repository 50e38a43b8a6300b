"""Format negotiation for `format=auto`."""

from __future__ import annotations

import pytest

from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.model.formats import Format, Size
from imagesvc.model.ids import Digest
from imagesvc.model.images import Original

PREFERRED = (Format.AVIF, Format.WEBP)
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def original(kind: Format = Format.JPEG, *, frames: int = 1, alpha: bool = False) -> Original:
    return Original(Digest("0" * 64), kind, 4000, 3000, frames, alpha, 0)


def chosen(accept: str | None, of: Original | None = None, size: Size | None = None) -> Format:
    return negotiate(
        Accepted.of(accept),
        of or original(),
        size or Size(400, 300),
        preferred=PREFERRED,
        max_avif_pixels=1_000_000,
    )


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (CHROME, Format.AVIF),
        ("image/webp,*/*", Format.WEBP),
        ("image/png,image/*;q=0.8,*/*;q=0.5", Format.JPEG),
        ("*/*", Format.JPEG),
        ("image/*", Format.JPEG),
        (None, Format.JPEG),
        ("", Format.JPEG),
        ("image/avif;q=0.4,image/webp;q=0.9", Format.WEBP),
        ("image/avif;q=0,image/webp;q=0,*/*", Format.JPEG),
        ("image/webp;q=0.5,image/jpeg", Format.JPEG),
        ("image/webp;q=0.5,*/*;q=0.1", Format.WEBP),
        ("IMAGE/WEBP", Format.WEBP),
        ("image/webp ; q = 0.7 , image/avif;level=1;q=0.8", Format.AVIF),
        ("image/webp;q=nonsense", Format.WEBP),
        (",,;;image/,/webp,", Format.JPEG),
    ],
)
def test_the_heaviest_named_format_wins_and_a_wildcard_names_none(
    accept: str | None, expected: Format
) -> None:
    """The `*/*` of curl must not give AVIF, and q-values have precedence over our preference."""
    assert chosen(accept) is expected


def test_avif_is_sent_up_to_its_pixel_budget_only() -> None:
    """Encoding AVIF takes seconds for large pictures, so those get the next preferred format."""
    assert chosen(CHROME, size=Size(1000, 1000)) is Format.AVIF
    assert chosen(CHROME, size=Size(1000, 1001)) is Format.WEBP


def test_an_animation_is_sent_in_an_animated_format() -> None:
    """A still frame is not what the requester of an animation wants."""
    moving = original(Format.GIF, frames=12)

    assert chosen(CHROME, moving) is Format.WEBP
    assert chosen("*/*", moving) is Format.GIF


@pytest.mark.parametrize(
    ("kind", "alpha", "expected"),
    [
        (Format.TIFF, False, Format.JPEG),
        (Format.TIFF, True, Format.PNG),
        (Format.WEBP, True, Format.PNG),
        (Format.AVIF, False, Format.JPEG),
        (Format.PNG, False, Format.PNG),
    ],
)
def test_requests_without_accept_get_a_universal_format(
    kind: Format, *, alpha: bool, expected: Format
) -> None:
    """The fallback keeps transparency."""
    assert chosen("*/*", original(kind, alpha=alpha)) is expected
