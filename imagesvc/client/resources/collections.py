"""Collections: reading, listing and editing them, and the images that are in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..calls import API, Call, edit, model, nothing, versioned
from ..flows import Flow, answered
from ..methods import listing, method
from ..models import Collection, Image, Page, Visibility
from ..parameters import Id


class Collections:
    """The methods of collections."""

    @method
    def collection(self, collection_id: Id) -> Flow[Collection]:
        """One collection."""
        return answered(Call("GET", f"{API}/collections/{collection_id}", versioned(Collection)))

    @listing
    def collections(self) -> Call[Page[Collection]]:
        """Every collection, the newest first."""
        return Call("GET", f"{API}/collections", model(Page[Collection]))

    @method
    def create_collection(
        self, title: str, *, description: str = "", visibility: Visibility | None = None
    ) -> Flow[Collection]:
        """Make a collection."""
        body = {"title": title, "description": description, "visibility": visibility}
        path = f"{API}/collections"
        return answered(Call("POST", path, versioned(Collection), json=body, is_repeatable=False))

    @method
    def update_collection(
        self, /, collection_id: Id, *, if_match: str | None = None, **changes: Any
    ) -> Flow[Collection]:
        """Change title, description, visibility or `cover_image_id`; see `update_image`."""
        return answered(edit(f"{API}/collections/{collection_id}", Collection, changes, if_match))

    @method
    def delete_collection(self, collection_id: Id) -> Flow[None]:
        """Delete an empty collection."""
        return answered(Call("DELETE", f"{API}/collections/{collection_id}", nothing))

    @listing
    def collection_images(self, collection_id: Id) -> Call[Page[Image]]:
        """Every image of a collection, the newest first."""
        return Call("GET", _members(collection_id), model(Page[Image]))

    @method
    def add_to_collection(
        self, collection_id: Id, image_ids: Sequence[Id], *, move: bool = False
    ) -> Flow[None]:
        """Add images to a collection, all or none; with `move`, they leave another collection."""
        return answered(_change("POST", collection_id, image_ids, {"move": True} if move else {}))

    @method
    def remove_from_collection(self, collection_id: Id, image_ids: Sequence[Id]) -> Flow[None]:
        """Remove images from a collection, all or none."""
        return answered(_change("DELETE", collection_id, image_ids, {}))


def _members(collection_id: Id) -> str:
    return f"{API}/collections/{collection_id}/relationships/images"


def _change(
    verb: str, collection_id: Id, image_ids: Sequence[Id], options: Mapping[str, Any]
) -> Call[None]:
    data = [{"type": "images", "id": str(image_id)} for image_id in image_ids]
    return Call(verb, _members(collection_id), nothing, json={"data": data, **options})
