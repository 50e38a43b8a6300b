"""WebP pictures: the coded pixels and transparency end where their chunks and partitions do.

Each part without its last bytes must be too short for libwebp, which reads as much as it needs.

Source: RFC 9649; RFC 6386, sections 7 (the decoder of bits), 9 and 19.2 (the frame header).
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image

from imagesvc.imaging.containers.found import little
from imagesvc.imaging.location.unclear import UnclearError

ENDING = 8
"""Bytes that encoders write after those that a decoder needs, at most; six were seen."""
HAS_ALPHA = 0x10

Chunk = tuple[bytes, bytes]


def check(chunks: Iterable[Chunk]) -> None:
    """Check the picture among the chunks of a still file or a frame, after its transparency.

    Raises:
        UnclearError: there are bytes behind pixels or transparency, they are damaged, or there is
            another picture.
    """
    coded = [chunk for chunk in chunks if chunk[0] in {b"ALPH", b"VP8 ", b"VP8L"}]
    alpha = coded.pop(0)[1] if coded and coded[0][0] == b"ALPH" else b""
    if len(coded) > 1 or (alpha and not coded):
        raise UnclearError("there is more than one picture")
    for kind, content in coded:
        _check_picture(kind, content, alpha)


def _check_picture(kind: bytes, content: bytes, alpha: bytes) -> None:
    if kind == b"VP8L" and alpha:
        raise UnclearError("a lossless picture has its transparency twice")
    if not _is_whole(kind, content, alpha):
        raise UnclearError("the pixels are damaged")
    shorter = [(content[:-ENDING], alpha)]
    if len(alpha) > ENDING:
        shorter.append((content, alpha[:-ENDING]))
    if kind == b"VP8 ":
        if _partitions(content) > 1:
            raise UnclearError("there may be bytes behind each of several partitions")
        shorter.append((_with_shorter_header(content), alpha))
    if any(_is_whole(kind, *parts) for parts in shorter):
        raise UnclearError("there are bytes behind the pixels")


def _is_whole(kind: bytes, content: bytes, alpha: bytes) -> bool:
    """Whether a file of only this picture can be decoded."""
    body = b"WEBP"
    if alpha:
        size = (little(content, at, 2) & 0x3FFF for at in (6, 8))
        canvas = b"".join(max(side - 1, 0).to_bytes(3, "little") for side in size)
        body += _chunk(b"VP8X", bytes((HAS_ALPHA, 0, 0, 0)) + canvas) + _chunk(b"ALPH", alpha)
    body += _chunk(kind, content)
    file = io.BytesIO(b"RIFF" + len(body).to_bytes(4, "little") + body)
    try:
        with Image.open(file, formats=("WEBP",)) as picture:
            picture.load()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # whatever Pillow raises for a damaged file
        return False
    return True


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) & 1)


def _with_shorter_header(content: bytes) -> bytes:
    """A lossy picture whose first partition, with the modes of all blocks, lacks its last bytes."""
    tag = little(content, 0, 3)
    length = tag >> 5
    kept = max(length - ENDING, 0)
    start = (tag & 31 | kept << 5).to_bytes(3, "little") + content[3:10]
    return start + content[10 : 10 + kept] + content[10 + length :]


def _partitions(content: bytes) -> int:
    """The number of partitions that the header of a lossy picture names."""
    bits = _Bits(content[10:])
    bits.skip(2)
    if bits.number(1):  # segments
        has_map, has_data = bits.number(1), bits.number(1)
        if has_data:
            bits.skip(1)
            bits.skip_optional([8] * 4 + [7] * 4)
        if has_map:
            bits.skip_optional([8] * 3)
    bits.skip(10)
    if bits.number(1) and bits.number(1):  # changes of the loop filter
        bits.skip_optional([7] * 8)
    return 1 << bits.number(2)


class _Bits:
    """Decodes bits that are as likely 0 as 1."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at, self._value, self._range, self._shifted = 2, int.from_bytes(data[:2]), 255, 0

    def number(self, bits: int) -> int:
        """A number of so many bits."""
        found = 0
        for _ in range(bits):
            found = found << 1 | self._bit()
        return found

    def skip(self, bits: int) -> None:
        """Pass over so many bits."""
        self.number(bits)

    def skip_optional(self, sizes: Iterable[int]) -> None:
        """Pass over numbers, each after a bit that says whether it is there."""
        for size in sizes:
            if self._bit():
                self.skip(size)

    def _bit(self) -> int:
        split = 1 + (self._range - 1 >> 1)
        is_set = self._value >= split << 8
        self._value -= split << 8 if is_set else 0
        self._range = self._range - split if is_set else split
        while self._range < 128:
            self._value, self._range = self._value << 1, self._range << 1
            self._shifted += 1
            if self._shifted == 8:
                following = self._data[self._at] if self._at < len(self._data) else 0
                self._value, self._at, self._shifted = self._value | following, self._at + 1, 0
        return int(is_set)
