"""Limits on the work that the structure of one file may cause, for all formats.

A file of some kilobytes can describe millions of elements, or the same bytes thousands of times.
Each identification has one budget, shared by all code that reads the file's structure.
"""

from __future__ import annotations

import time

from imagesvc.errors import ImageTooLarge

MOST = {
    "blocks": 500_000,
    "sub-blocks": 2_000_000,
    "boxes": 20_000,
    "levels of boxes": 8,
    "chunks": 100_000,
    "directory entries": 25_000,
    "icons": 256,
    "items": 70_000,
    "parts of tiles": 200_000,
    "segments": 10_000,
    "units": 200_000,
}
"""Elements of a file, by their name in the plural, and how many of each are looked at."""

SPARE_BYTES = 1 << 20
PASSES = 2
"""Times that the bytes of a file may be read by all its elements; valid files need one."""

MAX_INFLATED_BYTES = 8 << 20
"""Inflated from all compressed elements together; colour profiles of printers have 3 MB."""

MAX_SECONDS = 5.0
"""Of processor time. All valid files of the corpus take less than a tenth of a second."""

_COUNTS_A_LOOK = 1024
"""Elements between two checks of the clock, a check of which takes as long as two elements."""


class Budget:
    """The remaining budget of one file."""

    def __init__(self, file_bytes: int, seconds: float = MAX_SECONDS) -> None:
        self._counts = dict.fromkeys(MOST, 0)
        self._bytes = PASSES * file_bytes + SPARE_BYTES
        self._inflated = MAX_INFLATED_BYTES
        self._seconds = seconds
        self._deadline = time.thread_time() + seconds
        self._counts_to_look = _COUNTS_A_LOOK

    @property
    def inflatable(self) -> int:
        """Bytes that may still be inflated."""
        return self._inflated

    def count(self, what: str, number: int = 1) -> None:
        """Count elements that are about to be looked at.

        Raises:
            ImageTooLarge: there are too many, or reading the structure takes too long.
        """
        self._counts[what] += number
        if self._counts[what] > MOST[what]:
            raise too_complex(f"more than {MOST[what]:,} {what}")
        self._counts_to_look -= number
        if self._counts_to_look < 0:
            self._counts_to_look = _COUNTS_A_LOOK
            self.check_time()

    def check_depth(self, what: str, depth: int) -> None:
        """Check how deeply elements lie in each other.

        Raises:
            ImageTooLarge: too deeply.
        """
        if depth > MOST[what]:
            raise too_complex(f"more than {MOST[what]:,} {what}")

    def read(self, size: int) -> None:
        """Count bytes that an element takes for its own.

        Raises:
            ImageTooLarge: all elements together read the file more often than a sound one needs.
        """
        self._bytes -= size
        if self._bytes < 0:
            raise too_complex("its parts share the same bytes")

    def inflate(self, size: int) -> None:
        """Count bytes that were inflated, with or without success."""
        self._inflated = max(0, self._inflated - size)

    def check_time(self) -> None:
        """Check the time spent.

        Raises:
            ImageTooLarge: it is too long.
        """
        if time.thread_time() > self._deadline:
            raise too_complex(f"reading it takes more than {self._seconds:g} seconds")


def too_complex(reason: str) -> ImageTooLarge:
    """The error for a file whose structure takes too much to read."""
    return ImageTooLarge(f"The file's structure is too complex: {reason}.")
