"""Which variant a transform of an image is: its key, and the blob that it is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from imagesvc.imaging.cost import Cost
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.messages import Rendered
from imagesvc.imaging.mezzanine import serves
from imagesvc.imaging.render_cost import render_cost
from imagesvc.imaging.transforms.effective import effective
from imagesvc.imaging.transforms.fitting import check_can_be_made
from imagesvc.imaging.transforms.transform import canonical, variant_key
from imagesvc.model.formats import Format, Size
from imagesvc.model.ids import Digest, ImageId, VariantKey
from imagesvc.model.images import Original, Variant
from imagesvc.model.transforms import Transform, Watermark


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """A variant of an image: its key, the concrete transform, and the blob that it is made from."""

    image_id: ImageId
    key: VariantKey
    transform: Transform
    source: Digest

    def cost(self, original: Original) -> Cost:
        """What making it of its original is predicted to take."""
        return render_cost(self.transform, original, is_reduced=self._is_reduced(original))

    def check(self, original: Original, limits: Limits) -> None:
        """Refuse at once what a worker would refuse.

        Raises:
            InvalidTransform: there is nothing where `crop` is.
            ImageTooLarge: it is too large, or takes too much memory.
        """
        is_reduced = self._is_reduced(original)
        check_can_be_made(self.transform, original, limits, is_reduced=is_reduced)

    def _is_reduced(self, original: Original) -> bool:
        """Whether it is made from the mezzanine."""
        return self.source != original.digest

    def made(self, rendered: Rendered, now: datetime) -> Variant:
        """The row of this variant once a worker has made it."""
        return Variant(
            key=self.key,
            image_id=self.image_id,
            transform=canonical(self.transform),
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
    """Names variants; what the settings say of formats and watermarks is part of a key."""

    quality: Mapping[Format, int]
    watermarks: Mapping[str, Watermark]

    def identify(
        self, image_id: ImageId, original: Original, transform: Transform
    ) -> VariantRequest:
        """Which variant a transform of an image is.

        Images that share an original share no variants: what is cached of one would tell the
        owner of the other that it exists. One made from the mezzanine has a key of its own,
        since its bytes are not those that the original gives: an ETag must name one
        representation.

        Raises:
            InvalidTransform: this original has no such variant.
        """
        concrete = effective(transform, original, self.quality, self.watermarks)
        key = variant_key(original.digest, concrete)
        mezzanine = original.mezzanine
        if mezzanine is None or not serves(
            Size(mezzanine.width, mezzanine.height), concrete, original
        ):
            return VariantRequest(image_id, _key_of_image(image_id, key), concrete, original.digest)
        reduced = _key_of_image(image_id, f"{key} from mezzanine")
        return VariantRequest(image_id, reduced, concrete, mezzanine.digest)


def _key_of_image(image_id: ImageId, content: str) -> VariantKey:
    return VariantKey(hashlib.sha256(f"{image_id} {content}".encode()).hexdigest())
