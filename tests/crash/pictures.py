"""Small pictures that differ by seed, and large ones that keep a worker busy."""

from __future__ import annotations

import io
import random

from PIL import Image


def jpeg(seed: int, width: int = 48, height: int = 32) -> bytes:
    """A JPEG of noise, different for each seed."""
    return _encoded(_noise(seed, width, height), "JPEG", quality=80)


def marked(picture: bytes, mark: int) -> bytes:
    """The same JPEG with a comment: other bytes, and thus another digest, at no cost."""
    comment = mark.to_bytes(16, "big")
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]


def png(seed: int, width: int = 48, height: int = 32) -> bytes:
    """A PNG of noise: it hardly compresses, so its size follows from its area."""
    return _encoded(_noise(seed, width, height), "PNG", compress_level=1)


def large(seed: int, width: int = 5000, height: int = 4000) -> bytes:
    """A JPEG of many pixels and few bytes."""
    return _encoded(_noise(seed, width // 100, height // 100).resize((width, height)), "JPEG")


def _noise(seed: int, width: int, height: int) -> Image.Image:
    return Image.frombytes(
        "RGB", (width, height), random.Random(seed).randbytes(width * height * 3)
    )


def _encoded(picture: Image.Image, name: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, name, **options)
    return out.getvalue()
