"""Images: reading, listing, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ..calls import API, Call, edit, model, nothing, versioned
from ..flows import Flow, answered
from ..methods import listing, method
from ..models import CountedImagePage, DeleteEntry, DeleteResults, Emptied, Image, Page
from ..parameters import Changes, Id
from .bulk import ids_of


class Images:
    """The methods of images."""

    @method
    def image(self, image_id: Id) -> Flow[Image]:
        """One image."""
        return answered(Call("GET", f"{API}/images/{image_id}", versioned(Image)))

    @listing
    def images(self, /, q: str | None = None, **query: Any) -> Call[Page[Image]]:
        """Every image that a search finds, or all; pages are requested when needed."""
        return Call("GET", f"{API}/images", model(Page[Image]), query={"q": q, **query})

    @method
    def image_page(
        self,
        /,
        q: str | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        total: bool = False,
        **query: Any,
    ) -> Flow[CountedImagePage]:
        """One page of the images that a search finds, or of all.

        Args:
            q: the search.
            limit: the maximum number of images.
            cursor: the `next_cursor` of the previous page.
            total: whether to count the list.
            query: filters and order, such as `collection`, `visibility`, `sort`, `trash`.
        """
        asked = {"q": q, "limit": limit, "cursor": cursor, "total": total or None, **query}
        return answered(Call("GET", f"{API}/images", model(CountedImagePage), query=asked))

    @method
    def update_image(
        self, image_id: Id, *, if_match: str | None = None, **changes: Unpack[Changes]
    ) -> Flow[Image]:
        """Change title, description, tags, visibility and other editable fields.

        Args:
            image_id: the image.
            if_match: its known `etag`; PreconditionFailed if it has changed since.
            changes: the changed fields.
        """
        return answered(edit(f"{API}/images/{image_id}", Image, changes, if_match))

    @method
    def delete_image(self, image_id: Id) -> Flow[None]:
        """Delete an image with all its variants and jobs."""
        return answered(Call("DELETE", f"{API}/images/{image_id}", nothing))

    @method
    def delete_images(self, image_ids: Sequence[Id]) -> Flow[list[DeleteEntry]]:
        """Delete up to 100 images independently: an entry for each, in order."""
        call = _action("delete", image_ids, is_repeatable=False)
        return (yield from answered(call)).data

    @method
    def trash_images(
        self,
        image_ids: Sequence[Id] | None = None,
        *,
        q: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # the name in the API
    ) -> Flow[list[DeleteEntry]]:
        """Put images into the trash: an entry for each.

        Args:
            image_ids: up to 1,000 images; or else `q`.
            q: a search in the own images, of any number.
            filter: with `q`: `collection`, `owner`, `visibility`, `favourite`.
        """
        asked = {"ids": ids_of(image_ids), "q": q, "filter": filter}
        body = {name: value for name, value in asked.items() if value is not None}
        call = Call("POST", f"{API}/images/actions/trash", model(DeleteResults), json=body)
        return (yield from answered(call)).data

    @method
    def restore_images(self, image_ids: Sequence[Id]) -> Flow[list[DeleteEntry]]:
        """Restore up to 1,000 images from the trash: an entry for each, in order."""
        return (yield from answered(_action("restore", image_ids))).data

    @method
    def empty_trash(self) -> Flow[int]:
        """Delete one's images in the trash for good; the number of them."""
        call = Call("POST", f"{API}/trash/actions/empty", model(Emptied))
        return (yield from answered(call)).deleted


def _action(
    name: str, image_ids: Sequence[Id], *, is_repeatable: bool = True
) -> Call[DeleteResults]:
    body = {"ids": [str(image_id) for image_id in image_ids]}
    path = f"{API}/images/actions/{name}"
    return Call("POST", path, model(DeleteResults), json=body, is_repeatable=is_repeatable)
