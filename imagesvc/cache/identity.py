"""Which variant a transform of an image is: its key, and how it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imagesvc.imaging.messages import Rendered
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.geometry import Plan
from imagesvc.imaging.transforms.transform import canonical, variant_key
from imagesvc.imaging.variant_plan import VariantPlan, plan_variant
from imagesvc.model.formats import Format
from imagesvc.model.ids import BlobName, ImageId, VariantKey
from imagesvc.model.images import Original, Variant
from imagesvc.model.transforms import Transform, Watermark


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """A variant of an image: its key, its plan, and the blob that it is made from."""

    image_id: ImageId
    key: VariantKey
    text: str
    """The concrete transform, as `canonical` writes it."""
    plan: VariantPlan
    source: BlobName

    def made(self, rendered: Rendered, now: datetime) -> Variant:
        """The row of this variant once a worker has made it."""
        return Variant(
            key=self.key,
            image_id=self.image_id,
            transform=self.text,
            format=rendered.format,
            width=rendered.width,
            height=rendered.height,
            bytes=rendered.bytes,
            crc32=rendered.crc32,
            created_at=now,
            last_used_at=now,
        )


@dataclass(frozen=True, slots=True)
class Identities:
    """Identifies variants; the settings of formats and watermarks are part of a key."""

    quality: Mapping[Format, int]
    watermarks: Mapping[str, Watermark]

    def identify(
        self,
        image_id: ImageId,
        original: Original,
        transform: Transform,
        geometry: Plan | None = None,
    ) -> VariantRequest:
        """The variant of a transform of an image, and how it is made.

        Images that share an original share no variants: cached variants of one would reveal it to
        the owner of the other. A variant from the mezzanine has a different key, since its bytes
        differ from those from the original: an ETag must identify one representation.

        Args:
            image_id: the image.
            original: its original.
            transform: as requested.
            geometry: of the variant, where that was planned already.

        Raises:
            InvalidTransform: this original has no such variant.
        """
        concrete = effective(transform, original, self.quality, self.watermarks)
        plan = plan_variant(concrete, original, geometry)
        text = canonical(concrete)
        content: str = variant_key(original.digest, text)
        source = original.name
        if plan.is_reduced and original.mezzanine is not None:
            content, source = f"{content} from mezzanine", original.mezzanine.name
        return VariantRequest(image_id, _key_of_image(image_id, content), text, plan, source)


def _key_of_image(image_id: ImageId, content: str) -> VariantKey:
    return VariantKey(hashlib.sha256(f"{image_id} {content}".encode()).hexdigest())
