"""Which variants of a job are made together in one call of a worker; pure.

A call that takes too long or ends its worker loses what it has made. So quick variants share a
call, and one that takes long has a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from imagesvc.imaging.cost import decoder_cost, render_cost
from imagesvc.model import Original, Transform

SHARED_SECONDS = 1.0
"""Variants share a call while they are predicted to take no longer together."""

T = TypeVar("T")


def batches(items: Iterable[T], seconds: Callable[[T], float]) -> list[list[T]]:
    """Items in groups, the quickest first; each that takes long is alone.

    Args:
        items: what to make.
        seconds: what an item is predicted to take.
    """
    found: list[list[T]] = []
    total = 0.0
    for item in sorted(items, key=seconds):
        total += seconds(item)
        if not found or total > SHARED_SECONDS:
            found.append([])
            total = seconds(item)
        found[-1].append(item)
    return found


def seconds_after_decoding(transform: Transform, original: Original) -> float:
    """What a variant adds to a call that decodes the original for all of its variants."""
    cost = render_cost(transform, original)
    is_shared = original.frames == 1 and not transform.trim
    return cost.seconds - (decoder_cost(original, transform).seconds if is_shared else 0.0)
