"""Pictures so large that no connection buffers several: a download of them can be paused."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from random import Random

import httpx2
from PIL import Image

from tests.imaging.places import SIGNS, exif

SIDE = 1700


@functools.cache
def _noise() -> Image.Image:
    return Image.frombytes("RGB", (SIDE, SIDE), Random(1).randbytes(3 * SIDE * SIDE))


def large(number: int, *, is_located: bool = False) -> bytes:
    """A JPEG of several megabytes, another one for each number."""
    picture = _noise().copy()
    picture.paste((number, 0, 0), (0, 0, 16, 16))
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=98, exif=exif() if is_located else b"")
    return body.getvalue()


def interrupted(client: httpx2.Client, path: str, change: Callable[[], object]) -> dict[str, bytes]:
    """The files of a ZIP file, during whose download something has changed."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_bytes()
        content = next(pieces)
        change()
        content += b"".join(pieces)
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    return {info.filename: found.read(info) for info in found.infolist()}


def is_located(content: bytes) -> bool:
    """Whether such a picture has its location; `traces` would search all of its noise."""
    return any(sign in content for sign in SIGNS)
