"""Small valid files of each format, from which hostile ones are made."""

from __future__ import annotations

import io

from tests.imaging.pictures import gradient

MIB = 1 << 20


def encoded(kind: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    """A small valid picture in a format of Pillow."""
    file = io.BytesIO()
    gradient(*size).save(file, kind, **options)
    return file.getvalue()
