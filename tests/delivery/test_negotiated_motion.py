"""The format that `format=auto` sends for originals with several frames or pages."""

from __future__ import annotations

import pytest

from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.model.formats import Format
from tests.imaging.pictures import original


@pytest.mark.parametrize(
    ("kind", "field", "sent"),
    [
        (Format.PNG, "image/webp,*/*", Format.WEBP),
        (Format.PNG, "image/avif,*/*", Format.GIF),
        (Format.PNG, "*/*", Format.GIF),
        (Format.GIF, "*/*", Format.GIF),
        (Format.TIFF, "image/avif,*/*", Format.AVIF),
        (Format.TIFF, "*/*", Format.JPEG),
    ],
)
def test_an_animation_is_sent_as_an_animation(kind: Format, field: str, sent: Format) -> None:
    """An animation stays an animation; pages of a TIFF are not an animation."""
    chosen = negotiate(
        Accepted.of(field),
        original(kind, frames=3),
        None,
        preferred=(Format.AVIF, Format.WEBP),
        max_avif_pixels=1_000_000,
    )

    assert chosen is sent
