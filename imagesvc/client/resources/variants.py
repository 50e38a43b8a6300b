"""Variants of images: making, listing and purging them, their bytes, and URLs that show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import httpx2

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..methods import method
from ..models import Job, Jobs, Page, Purged, SignedUrls, Variant
from ..parameters import Id, Operation, Transform


class Variants:
    """The methods of variants."""

    @method
    def process(
        self, image_ids: Sequence[Id], operations: Sequence[Operation] | None = None
    ) -> Flow[list[Job]]:
        """Make variants of images: a job for each.

        Args:
            image_ids: up to 100 images.
            operations: names of presets, or transforms; by default the eager presets.
        """
        body: dict[str, Any] = {"ids": [str(image_id) for image_id in image_ids]}
        if operations is not None:
            body["operations"] = list(operations)
        path = f"{API}/images/actions/process"
        call = Call("POST", path, model(Jobs), json=body, is_repeatable=False)
        return (yield from answered(call)).data

    @method
    def variants(self, image_id: Id) -> Flow[list[Variant]]:
        """The stored variants of an image."""
        call = Call("GET", f"{API}/images/{image_id}/variants", model(Page[Variant]))
        return (yield from answered(call)).data

    @method
    def purge_variants(self, image_id: Id) -> Flow[int]:
        """Remove the stored variants of an image, which are made again when requested."""
        call = Call("DELETE", f"{API}/images/{image_id}/variants", model(Purged))
        return (yield from answered(call)).deleted

    @method
    def fetch(self, image_id: Id, **transform: Unpack[Transform]) -> Flow[bytes]:
        """The bytes of the original, or of a variant: `fetch(id, w=400, format="webp")`."""
        return answered(Call("GET", f"/images/{image_id}", _content, query=transform))

    @method
    def sign_urls(
        self,
        image_id: Id,
        operations: Sequence[Operation] = ("original",),
        *,
        expires_in: int | None = None,
        download: bool = False,
    ) -> Flow[SignedUrls]:
        """URLs that show pictures of an own image without a credential, for `<img>`.

        Args:
            image_id: the image.
            operations: `original`, names of presets, or transforms.
            expires_in: seconds for which they are valid; by default the service decides.
            download: whether browsers save the pictures instead of showing them.
        """
        body: dict[str, Any] = {"operations": list(operations), "download": download}
        if expires_in is not None:
            body["expires_in"] = expires_in
        path = f"{API}/images/{image_id}/signed-urls"
        return answered(Call("POST", path, _signed_urls, json=body))


def _content(answer: httpx2.Response) -> bytes:
    return answer.content


def _signed_urls(answer: httpx2.Response) -> SignedUrls:
    given = SignedUrls.model_validate_json(answer.content)
    data = [one.model_copy(update={"url": str(answer.url.join(one.url))}) for one in given.data]
    return given.model_copy(update={"data": data})
