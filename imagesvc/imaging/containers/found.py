"""The results of walking through the structure of a file, and the errors of walkers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from mmap import mmap

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.analysis.exif import Tags

Data = mmap | bytes
"""A file's bytes: slices copy, `find` and single bytes do not."""


@dataclass(frozen=True, slots=True)
class Found:
    """The shape that a file's own structure claims.

    `held_bits` for each pixel of the canvas stay in memory while the file is decoded; 0 for files
    that decode row by row, where `row_bits` for each pixel of some rows do. `extra_bytes` and
    `extra_seconds` come from what is neither pixels nor length: tiles, scans.
    """

    width: int
    height: int
    frames: int = 1
    held_bits: float = 0.0
    row_bits: float = 32.0
    file_bytes: int = 0
    extra_bytes: int = 0
    extra_seconds: float = 0.0
    tags: Tags = field(default_factory=Tags)
    """Of EXIF."""


def truncated(kind: str, missing: str) -> CorruptImage:
    """The error for a file that ends too early."""
    return CorruptImage(f"The {kind} file is truncated: {missing}.")


def malformed(kind: str, fault: str) -> CorruptImage:
    """The error for a file that breaks the rules of its format."""
    return CorruptImage(f"The {kind} file is malformed: {fault}.")


def check_count(what: str, count: int, limit: int) -> None:
    """Refuse a file that has too many of something.

    Raises:
        ImageTooLarge: `count` exceeds `limit`.
    """
    if count > limit:
        raise ImageTooLarge(f"The image has {count:,} {what}; the limit is {limit:,}.")


def patched(data: Data, changes: Iterable[tuple[int, bytes]]) -> bytes:
    """A copy of a file with other bytes at some places, which are given in order."""
    view, pieces, at = memoryview(data), [], 0
    for start, piece in changes:
        pieces += [view[at:start], memoryview(piece)]
        at = start + len(piece)
    return b"".join((*pieces, view[at:]))


def big(data: Data, at: int, size: int) -> int:
    """The big-endian number of `size` bytes at `at`; the caller has checked the bounds."""
    return int.from_bytes(data[at : at + size], "big")


def little(data: Data, at: int, size: int) -> int:
    """The little-endian number of `size` bytes at `at`; the caller has checked the bounds."""
    return int.from_bytes(data[at : at + size], "little")
