"""The bounds that a header must keep before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

ALL_FRAMES_FACTOR = 4
"""All frames of an animation together may have this many times the pixels of one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of images; the numbers come from the settings of the same names.

    `max_pixels` limits one frame, `max_frames` their number, and `max_decode_bytes` the predicted
    memory of a worker that decodes the file.
    """

    max_pixels: int
    max_frames: int
    max_decode_bytes: int

    @property
    def max_all_pixels(self) -> int:
        """Pixels of all frames together."""
        return ALL_FRAMES_FACTOR * self.max_pixels
