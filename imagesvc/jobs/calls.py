"""Which variants of a job are made together in one call of a worker; pure.

A call that takes too long or ends its worker loses what it has made. So quick variants share a
call, and one that takes long has a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagesvc.cache.identity import VariantRequest
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Original
from imagesvc.model.jobs import Priority
from imagesvc.model.transforms import Transform

SHARED_SECONDS = 1.0
"""Variants share a call while they are predicted to take no longer together."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MakeTask:
    """What a job's attempt asks for; `needs_analysis` when no job of the image has analysed it."""

    image_id: ImageId
    original: Original
    transforms: tuple[Transform, ...]
    priority: Priority
    needs_analysis: bool
    requester: str = ""
    """Whose job it is; requesters take turns."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a job has a worker do in one call."""

    items: list[VariantRequest]
    finds_analysis: bool = False

    def parts(self) -> list[Call]:
        """The same in calls of their own; none where it is one thing."""
        if self.finds_analysis + len(self.items) == 1:
            return []
        first = [Call([], finds_analysis=True)] if self.finds_analysis else []
        return first + [Call([item]) for item in self.items]


def planned_calls(task: MakeTask, missing: Sequence[VariantRequest]) -> list[Call]:
    """The calls that make what is missing of a job, and analyse the original first if need be."""
    if not task.needs_analysis:
        return [Call(group) for group in batches(missing, lambda item: item.plan.cost.seconds)]
    groups = batches(missing, _seconds_after_decoding)
    if not groups or _seconds_after_decoding(groups[0][0]) > SHARED_SECONDS:
        groups.insert(0, [])
    first, *later = groups
    return [Call(first, finds_analysis=True), *map(Call, later)]


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


def _seconds_after_decoding(item: VariantRequest) -> float:
    """What a variant adds to the call that analyses the original, and decodes it for all."""
    plan = item.plan
    if plan.is_reduced:
        return 0.0
    is_shared = plan.original.frames == 1 and not plan.transform.trim
    return plan.cost.seconds - (plan.decoding.seconds if is_shared else 0.0)
