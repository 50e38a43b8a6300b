"""Links for people without an account."""

from __future__ import annotations

from typing import Any

from ..calls import API, Call, model, nothing
from ..flows import Flow, answered
from ..links import Share, UploadLink
from ..methods import listing, method
from ..models import Page
from ..parameters import Id


class Sharing:
    """The methods of links."""

    @listing
    def shares(self) -> Call[Page[Share]]:
        """Every share of the user, the newest first; for admins, all."""
        return Call("GET", f"{API}/shares", model(Page[Share]))

    @method
    def share(self, share_id: Id) -> Flow[Share]:
        """One share."""
        return answered(Call("GET", f"{API}/shares/{share_id}", model(Share)))

    @method
    def create_share(
        self,
        /,
        *,
        image_id: Id | None = None,
        collection_id: Id | None = None,
        q: str | None = None,
        **terms: Any,
    ) -> Flow[Share]:
        """Share one image, a collection, or a search; the result has the URL, once.

        Terms are `title`, `password`, `expires_at` (text in RFC 3339), `max_views`,
        `allow_download` and `show_metadata`.
        """
        named = {"image_id": image_id, "collection_id": collection_id}
        target = {name: str(value) for name, value in named.items() if value is not None}
        body = {**target, **({} if q is None else {"q": q}), **terms}
        path = f"{API}/shares"
        return answered(Call("POST", path, model(Share), json=body, is_repeatable=False))

    @method
    def update_share(self, /, share_id: Id, **changes: Any) -> Flow[Share]:
        """Change the terms of a share; see `create_share`. None removes one."""
        return answered(Call("PATCH", f"{API}/shares/{share_id}", model(Share), json=changes))

    @method
    def delete_share(self, share_id: Id) -> Flow[None]:
        """Withdraw a share: its URLs answer 404 from now on."""
        return answered(Call("DELETE", f"{API}/shares/{share_id}", nothing))

    @listing
    def upload_links(self) -> Call[Page[UploadLink]]:
        """Every link for uploads of the user, the newest first; for admins, all."""
        return Call("GET", f"{API}/upload-links", model(Page[UploadLink]))

    @method
    def create_upload_link(self, /, collection_id: Id, **terms: Any) -> Flow[UploadLink]:
        """Make a link with which guests upload into a collection; the result has the URL, once.

        Terms are `title`, `expires_at` (text in RFC 3339), `max_files` and `max_bytes`.
        """
        body = {"collection_id": str(collection_id), **terms}
        path = f"{API}/upload-links"
        return answered(Call("POST", path, model(UploadLink), json=body, is_repeatable=False))

    @method
    def update_upload_link(self, /, link_id: Id, **changes: Any) -> Flow[UploadLink]:
        """Change the terms of a link for uploads; see `create_upload_link`."""
        path = f"{API}/upload-links/{link_id}"
        return answered(Call("PATCH", path, model(UploadLink), json=changes))

    @method
    def delete_upload_link(self, link_id: Id) -> Flow[None]:
        """Withdraw a link for uploads; the images stay."""
        return answered(Call("DELETE", f"{API}/upload-links/{link_id}", nothing))
