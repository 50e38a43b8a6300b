"""The images that a path or a body names, if the requester may see or change them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from imagesvc.auth.permissions import check_may_change, check_may_see, may_see
from imagesvc.auth.principals import Principal
from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.http.calls import Context
from imagesvc.model.ids import CollectionId, ImageId, parse_id
from imagesvc.model.images import Image
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore


async def visible_image(images: ImageStore, context: Context) -> Image:
    """The image that the path names.

    Raises:
        NotFound: it does not exist for this requester.
    """
    image = await images.get(ImageId(context.id("image_id")))
    check_may_see(context.requester, image)
    return image


async def changeable_image(images: ImageStore, context: Context) -> Image:
    """The image that the path names, which the requester may change.

    Raises:
        NotFound: it does not exist for this requester.
        Forbidden: it belongs to someone else.
    """
    image = await images.get(ImageId(context.id("image_id")))
    check_may_change(context.requester, image)
    return image


async def named_images(
    images: ImageStore, names: Mapping[str, str], requester: Principal
) -> list[Image]:
    """The images that `names` names, by where each name stands in the body, in order.

    Raises:
        NotFound: naming the places of those that are not there for this requester.
    """
    ids = {place: image_id for place, name in names.items() if (image_id := _id(name)) is not None}
    found = await images.several(list(ids.values()))
    visible = {
        place: found[i] for place, i in ids.items() if i in found and may_see(requester, found[i])
    }
    missing = tuple((place, "names no image") for place in names if place not in visible)
    if missing:
        raise NotFound(NO_SUCH_ID, missing)
    return [visible[place] for place in names]


def check_not_in_trash(names: Iterable[str], images: Sequence[Image]) -> None:
    """Refuse changes of images in the trash.

    Args:
        names: where each image stands in the body.
        images: the images, in the same order.

    Raises:
        Conflict: naming the places of those in the trash.
    """
    trashed = tuple(
        (place, "is in the trash")
        for place, image in zip(names, images, strict=True)
        if image.is_trashed
    )
    if trashed:
        raise Conflict("Images in the trash must be restored first.", trashed)


async def may_filter_by(
    collections: CollectionStore, collection_id: CollectionId | None, requester: Principal
) -> bool:
    """Whether the requester may list the images of this collection; None means no filter."""
    if collection_id is None or requester.is_admin:
        return True
    with contextlib.suppress(NotFound):
        check_may_see(requester, await collections.get(collection_id))
        return True
    return False


def _id(name: str) -> ImageId | None:
    try:
        return ImageId(parse_id(name))
    except NotFound:
        return None
