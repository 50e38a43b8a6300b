"""The predicted cost of work, memory and processor time; pure, for the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from imagesvc.errors import TooCostly
from imagesvc.model.images import Original

FIXED_BYTES = 32 << 20
"""The memory of a rendering besides its pixels: tables, buffers, the output."""
PROBE_BYTES = 16 << 20
"""The memory of identification: a header and its metadata."""

COPIES_HELD = 4
COPY_SECONDS = 0.002
"""A megabyte of a file that is copied without its location; 0.6 ms were measured."""
PROOF_DECODES = 3
"""Decodes that prove where the pixels of a file end, at most, for animations and pictures."""
COEFFICIENT_BYTES = 8
"""A pixel of a JPEG whose scans are all read before the first row."""

MEGA = 1_000_000
REFUSAL_FACTOR = 2
"""Work is refused when it is predicted to take so many times its limit; flat pictures take less."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The predicted cost of work: bytes of memory, seconds of processor time."""

    memory: int
    seconds: float


def together(costs: Iterable[Cost]) -> Cost:
    """The cost of several pieces of work that are done one after the other."""
    listed = list(costs)
    return Cost(
        max((cost.memory for cost in listed), default=0), sum(cost.seconds for cost in listed)
    )


PROBE_COST = Cost(PROBE_BYTES, 0.05)
"""Of identifying a file; how much it may read is bounded for each format."""


def copy_cost(original: Original, file_bytes: int) -> Cost:
    """Of a copy of a file without its location: decodes, pieces, the copy, and the answer."""
    pixels = max(original.decode_bytes, COEFFICIENT_BYTES * original.width * original.height)
    return Cost(
        FIXED_BYTES + COPIES_HELD * file_bytes + pixels,
        COPY_SECONDS * file_bytes / MEGA + PROOF_DECODES * (original.decode_seconds or 0.0),
    )


def check_seconds(cost: Cost, limit: float, what: str = "Making this variant") -> None:
    """Refuse work that would be stopped at its time limit, even if it is half of the prediction.

    Args:
        cost: as predicted.
        limit: the time limit, in seconds.
        what: the subject of the sentence that says so.

    Raises:
        TooCostly: it is predicted to take longer.
    """
    if cost.seconds > REFUSAL_FACTOR * limit:
        raise TooCostly(
            f"{what} would take about {cost.seconds:.0f} s of processor time; the limit is "
            f"{limit:g} s. Fewer pixels or frames, less blur or another format take less."
        )
