"""Many images at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..grids import CheckEntry, CheckResults, UpdateResults
from ..methods import method
from ..parameters import BulkChanges, Id

ACTIONS = f"{API}/images/actions"


class Bulk:
    """The methods of many images."""

    @method
    def update_images(
        self,
        image_ids: Sequence[Id] | None = None,
        *,
        q: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # the name in the API
        **changes: Unpack[BulkChanges],
    ) -> Flow[UpdateResults]:
        """Change many images in the same way.

        Args:
            image_ids: up to 1,000 images; or else `q`.
            q: a search in the own images, of any number.
            filter: with `q`: `collection`, `owner`, `visibility`, `favourite`.
            changes: the changes, such as `add_tags`.
        """
        asked = {"ids": ids_of(image_ids), "q": q, "filter": filter}
        body = {name: value for name, value in asked.items() if value is not None} | changes
        return answered(Call("POST", f"{ACTIONS}/update", model(UpdateResults), json=body))

    @method
    def check_images(self, digests: Sequence[str]) -> Flow[list[CheckEntry]]:
        """Which files the requester has uploaded already, by the SHA-256 of up to 1,000."""
        body = {"sha256": list(digests)}
        call = Call("POST", f"{ACTIONS}/check", model(CheckResults), json=body)
        return (yield from answered(call)).data


def ids_of(image_ids: Sequence[Id] | None) -> list[str] | None:
    """Ids as JSON has them."""
    return None if image_ids is None else [str(image_id) for image_id in image_ids]
