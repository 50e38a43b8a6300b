"""The ICC profile of a JPEG 2000 file (ITU-T T.800, I.5.3.3), which Pillow does not read."""

from __future__ import annotations

from imagesvc.errors import Rejected
from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import MAX_INFLATED_BYTES, Budget
from imagesvc.imaging.containers.found import Data

_NAME = "JPEG 2000"
_WITH_PROFILE = frozenset({2, 3})
"""Methods that contain a profile: of a matrix, or any (T.801, M.11.7.3)."""
_HEAD_BYTES = 3
"""Method, precedence and approximation."""


def profile(data: Data) -> bytes | None:
    """The profile of the first `colr` box; the others are ignored."""
    try:
        return _profile(data, Budget(len(data)))
    except Rejected:
        return None


def _profile(data: Data, budget: Budget) -> bytes | None:
    for kind, start, end in boxes(_NAME, data, 0, len(data), budget):
        if kind == b"jp2c":
            return None
        if kind == b"jp2h":
            for inner, at, to in boxes(_NAME, data, start, end, budget):
                if inner == b"colr" and to > at:
                    size = to - at - _HEAD_BYTES
                    is_profile = data[at] in _WITH_PROFILE and 0 < size <= MAX_INFLATED_BYTES
                    return data[at + _HEAD_BYTES : to] if is_profile else None
    return None
