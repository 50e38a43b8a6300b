"""GIF frames: the compressed pixels end with the last sub-block.

A frame without its last bytes must be too short. Pillow reads no further than to the last pixel.
"""

from __future__ import annotations

import io

from PIL import Image

from imagesvc.imaging.location.unclear import UnclearError

ENDING = 5
"""Bytes after the last pixel at most: codes to clear the table and to end, 12 bits each, and the
rest of the last byte."""


def check(descriptor: bytes, blocks: bytes) -> None:
    """Check a frame.

    Args:
        descriptor: of the image, 10 bytes.
        blocks: the size of its codes, and its sub-blocks with the empty one.

    Raises:
        UnclearError: it is damaged, or there are bytes behind its pixels.
    """
    packed = _joined(blocks)
    if not _is_whole(descriptor, blocks[:1], packed):
        raise UnclearError("the pixels of a frame are damaged")
    if len(packed) > ENDING and _is_whole(descriptor, blocks[:1], packed[:-ENDING]):
        raise UnclearError("there are bytes behind the pixels of a frame")


def _is_whole(descriptor: bytes, codes: bytes, packed: bytes) -> bool:
    """Whether a file of only this frame, without colours, can be decoded."""
    size, flags = descriptor[5:9], descriptor[9] & 0x40
    head = b"GIF89a" + size + b"\x80\0\0" + bytes(6)
    frame = b"," + bytes(4) + size + bytes((flags,)) + codes + _split(packed) + b"\0;"
    try:
        with Image.open(io.BytesIO(head + frame), formats=("GIF",)) as picture:
            picture.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # whatever Pillow raises for a damaged file
        return False
    return True


def _joined(blocks: bytes) -> bytes:
    parts, at = [], 1
    while size := blocks[at]:
        parts.append(blocks[at + 1 : at + 1 + size])
        at += 1 + size
    return b"".join(parts)


def _split(packed: bytes) -> bytes:
    parts = (packed[at : at + 255] for at in range(0, len(packed), 255))
    return b"".join(bytes((len(part),)) + part for part in parts)
