"""Ids in URLs."""

from __future__ import annotations

import re
from uuid import UUID

from starlette.requests import Request

from imagesvc.errors import NotFound
from imagesvc.model import ImageId

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def uuid_of(text: str) -> UUID:
    """The id that a URL names; one spelling each, so that each thing has one URL.

    Raises:
        NotFound: no id looks like this.
    """
    if _UUID.fullmatch(text) is None:
        raise NotFound("There is nothing with this id.")
    return UUID(text)


def image_id_of(request: Request) -> ImageId:
    """The image that the path names."""
    return ImageId(uuid_of(request.path_params["image_id"]))
