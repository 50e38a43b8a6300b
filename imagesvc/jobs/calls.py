"""Which variants of a job are made together in one call of a worker; pure.

A call that takes too long or ends its worker loses what it has made. So quick variants share a
call, and one that takes long has a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagesvc.cache.identity import VariantRequest
from imagesvc.imaging.decoding_cost import decoder_cost
from imagesvc.imaging.mezzanine import planned_mezzanine, serves
from imagesvc.imaging.render_cost import render_cost
from imagesvc.model.formats import Size
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Original
from imagesvc.model.jobs import Priority
from imagesvc.model.transforms import Transform

SHARED_SECONDS = 1.0
"""Variants share a call while they are predicted to take no longer together."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MakeTask:
    """What a job's attempt asks for; `needs_facts` when no job of the image has made it."""

    image_id: ImageId
    original: Original
    transforms: tuple[Transform, ...]
    priority: Priority
    needs_facts: bool
    requester: str = ""
    """Whose job it is; requesters take turns."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a job has a worker do in one call."""

    items: list[VariantRequest]
    finds_facts: bool = False

    def parts(self) -> list[Call]:
        """The same in calls of their own; none where it is one thing."""
        if self.finds_facts + len(self.items) == 1:
            return []
        first = [Call([], finds_facts=True)] if self.finds_facts else []
        return first + [Call([item]) for item in self.items]


def planned_calls(task: MakeTask, missing: Sequence[VariantRequest]) -> list[Call]:
    """The calls that make what is missing of a job, and find its facts first if need be."""
    original = task.original
    if not task.needs_facts:
        groups = batches(missing, lambda item: item.cost(original).seconds)
        return [Call(group) for group in groups]
    served = set(served_by_mezzanine(original, missing))

    def seconds(item: VariantRequest) -> float:
        return 0.0 if item in served else _seconds_after_decoding(item.transform, original)

    groups = batches(missing, seconds)
    if not groups or seconds(groups[0][0]) > SHARED_SECONDS:
        groups.insert(0, [])
    first, *later = groups
    return [Call(first, finds_facts=True), *map(Call, later)]


def served_by_mezzanine(
    original: Original, items: Sequence[VariantRequest]
) -> list[VariantRequest]:
    """Those variants that the mezzanine serves which is to be made of an original."""
    planned = planned_mezzanine(original).mezzanine
    if planned is None:
        return []
    size = Size(planned.width, planned.height)
    return [item for item in items if serves(size, item.transform, original)]


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


def _seconds_after_decoding(transform: Transform, original: Original) -> float:
    """What a variant adds to a call that decodes the original for all of its variants."""
    cost = render_cost(transform, original)
    is_shared = original.frames == 1 and not transform.trim
    return cost.seconds - (decoder_cost(original, transform).seconds if is_shared else 0.0)
