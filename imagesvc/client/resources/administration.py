"""The service as a whole, for administrators."""

from __future__ import annotations

from collections.abc import Sequence

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..methods import method
from ..models import Settings
from ..parameters import Id
from ..statistics import PurgeResults, Statistics
from .bulk import ids_of


class Administration:
    """The methods of administrators."""

    @method
    def settings(self) -> Flow[Settings]:
        """The settings in force, secrets masked, and where each comes from."""
        return answered(Call("GET", f"{API}/settings", model(Settings)))

    @method
    def statistics(self) -> Flow[Statistics]:
        """What the service stores, by status, owner and format, and the purges of the CDN."""
        return answered(Call("GET", f"{API}/statistics", model(Statistics)))

    @method
    def purge_many_variants(
        self,
        image_ids: Sequence[Id] | None = None,
        *,
        tag: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
    ) -> Flow[PurgeResults]:
        """Remove stored variants of up to 1,000 images, here and in the CDN.

        Args:
            image_ids: the images; or else `tag` or `q`.
            tag: all images with this tag.
            q: all images that a search finds; without text, all.
            cursor: the `next_cursor` of the last result, to continue with more images.
        """
        asked = {"ids": ids_of(image_ids), "tag": tag, "q": q, "cursor": cursor}
        body = {name: value for name, value in asked.items() if value is not None}
        path = f"{API}/variants/actions/purge"
        return answered(Call("POST", path, model(PurgeResults), json=body))
