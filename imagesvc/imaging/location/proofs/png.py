"""PNG: streams of pixels end with their last row, and chunks have the length of their content.

Source: W3C PNG, third edition, sections 7 to 11.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import zlib
from collections.abc import Iterable

from imagesvc.imaging.containers.found import big
from imagesvc.imaging.location.unclear import UnclearError

Pass = tuple[int, int, int, int]
PIECE_BYTES = 1 << 20
MAX_PROFILE_BYTES = 16 << 20

_LENGTHS = {
    b"IHDR": 13, b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"pHYs": 9, b"tIME": 7, b"acTL": 8,
    b"fcTL": 26, b"cICP": 4, b"mDCV": 24, b"cLLI": 8,
}  # fmt: skip
_MOST = {b"PLTE": 768, b"sBIT": 4, b"bKGD": 6, b"hIST": 512}
_TRANSPARENT = {0: 2, 2: 6, 3: 256}
"""Bytes of tRNS at most, by the type of colour."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Of each pass: the first column and row, and the steps to the next ones."""


class Stream:
    """A zlib stream that must have a number of bytes, at most or exactly, and nothing behind it."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._inflate = zlib.decompressobj()

    def feed(self, data: bytes) -> None:
        """Take the next part of the stream.

        Raises:
            UnclearError: it is damaged, has more than its bytes, or something is behind it.
        """
        try:
            while data or not self._inflate.eof:
                made = self._inflate.decompress(data, PIECE_BYTES)
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
                self._left -= len(made)
                if self._left < 0 or (self._inflate.eof and data):
                    raise UnclearError("there are bytes behind the pixels")
                if not made and not data:
                    break
        except zlib.error as error:
            raise UnclearError("the pixels are damaged") from error

    def close(self, *, is_full: bool = True) -> None:
        """Check that the stream has ended, with all its bytes."""
        if not self._inflate.eof or (is_full and self._left):
            raise UnclearError("there are too few pixels")


class Proof:
    """Takes all chunks of a picture that are kept, in order."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._header = b""
        self._still: Stream | None = None
        self._moving: Stream | None = None
        self._control: bytes | None = None
        """The control chunk of the next frame."""

    def take(self, kind: bytes, content: bytes) -> None:
        """Check one chunk.

        Raises:
            UnclearError: it has more than the picture needs, or is repeated.
        """
        if kind == b"IDAT":
            self._still, self._control = self._still or self._stream(self._header[:8]), None
            self._still.feed(content)
        elif kind == b"fdAT":
            if self._moving is None:
                control, self._control = self._control or b"", None
                self._moving = self._stream(control[4:12])
            self._moving.feed(content[4:])
        else:
            self._check(kind, content)

    def close(self) -> None:
        """Check that the pixels are complete."""
        if self._still is None:
            raise UnclearError("there are no pixels")
        self._still.close()
        if self._moving is not None:
            self._moving.close()

    def _check(self, kind: bytes, content: bytes) -> None:
        most = _MOST.get(kind, _LENGTHS.get(kind, len(content)))
        if kind == b"tRNS":
            most = _TRANSPARENT.get(self._header[9], 0) if self._header else 0
        if len(content) > most or len(content) < _LENGTHS.get(kind, 0):
            raise UnclearError("a chunk has another length than its content")
        if kind == b"fcTL":
            if self._moving is not None:
                self._moving.close()
            self._moving, self._control = None, content
        elif kind != b"sPLT" and kind in self._seen:
            raise UnclearError("a chunk is there twice")
        elif kind == b"IHDR":
            self._header = content
        elif kind == b"iCCP":
            _check_profile(content)
        self._seen.add(kind)

    def _stream(self, size: bytes) -> Stream:
        if len(size) < 8 or not self._header:
            raise UnclearError("pixels have no size")
        bits = self._header[8] * _SAMPLES.get(self._header[9], 0)
        passes = _ADAM7 if self._header[12] else ((0, 0, 1, 1),)
        return Stream(_row_bytes(big(size, 0, 4), big(size, 4, 4), bits, passes))


def _row_bytes(width: int, height: int, bits: int, passes: Iterable[Pass]) -> int:
    """Bytes of all rows, each after the number of its filter."""
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _check_profile(content: bytes) -> None:
    _name, _zero, packed = content.partition(b"\0")
    stream = Stream(MAX_PROFILE_BYTES)
    stream.feed(packed[1:])
    stream.close(is_full=False)
