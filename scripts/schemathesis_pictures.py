"""Real pictures for schemathesis, which would else send random bytes as uploads."""

from __future__ import annotations

import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image

from imagesvc.model import Format


def _picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64 + seed, 48), (seed, 90, 160)).save(out, "PNG")
    return out.getvalue()


PICTURES = st.integers(0, 60).map(_picture)

schemathesis.openapi.format("binary", PICTURES)
schemathesis.openapi.media_type("application/octet-stream", PICTURES)
schemathesis.openapi.media_type("image/*", PICTURES)
for format_ in Format:
    schemathesis.openapi.media_type(format_.media_type, PICTURES)
