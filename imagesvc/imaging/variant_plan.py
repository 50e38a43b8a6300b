"""How one variant of an original is made, planned once: transform, source, geometry and cost."""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.cost import Cost
from imagesvc.imaging.decoding_cost import decoder_cost, mezzanine_decoder
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.mezzanine import serves
from imagesvc.imaging.render_cost import frames_of, render_cost
from imagesvc.imaging.transforms.fitting import check_size
from imagesvc.imaging.transforms.geometry import Plan, plan
from imagesvc.model.formats import Size
from imagesvc.model.images import Original
from imagesvc.model.transforms import Transform


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """One variant of an original, planned; the server passes it on instead of planning again."""

    transform: Transform
    """An effective one, its format concrete."""
    original: Original
    geometry: Plan | None
    """None if `crop` is outside the picture, so that the variant cannot be made."""
    is_reduced: bool
    """Whether it is made from the mezzanine, instead of the original."""
    decoding: Cost
    """The part of `cost` for decoding its source."""
    cost: Cost
    """The predicted cost."""

    def check(self, limits: Limits) -> None:
        """Refuse immediately what a worker would refuse by its size.

        With `trim` it is checked as if no border were cut.

        Raises:
            InvalidTransform: there is nothing where `crop` is.
            ImageTooLarge: it is too large, or takes too much memory.
        """
        original = self.original
        # Planning again raises the error about `crop`.
        geometry = self.geometry or plan(self.transform, original.width, original.height)
        shown = Size(original.width, original.height)
        check_size(
            self.transform,
            geometry,
            shown,
            frames_of(self.transform, original),
            limits,
            read=geometry.output if self.is_reduced else shown,
        )


def plan_variant(
    transform: Transform, original: Original, geometry: Plan | None = None
) -> VariantPlan:
    """Plan how a variant of an original is made.

    Args:
        transform: an effective one, its format concrete.
        original: as probed, with the mezzanine that it has, or that is about to be made.
        geometry: of the variant, where that was planned already; the format has no part in it.
    """
    if geometry is None:
        geometry = _geometry(transform, original)
    mezzanine = original.mezzanine
    is_reduced = (
        mezzanine is not None
        and geometry is not None
        and serves(Size(mezzanine.width, mezzanine.height), transform, original, geometry)
    )
    if mezzanine is not None and is_reduced:
        decoding = mezzanine_decoder(mezzanine)
    else:
        decoding = decoder_cost(original, transform)
    return VariantPlan(
        transform=transform,
        original=original,
        geometry=geometry,
        is_reduced=is_reduced,
        decoding=decoding,
        cost=render_cost(transform, original, geometry, decoding),
    )


def _geometry(transform: Transform, original: Original) -> Plan | None:
    try:
        return plan(transform, original.width, original.height)
    except InvalidTransform:
        return None
