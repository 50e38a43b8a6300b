"""Types of the parameters of the client's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict
from uuid import UUID

from .models import Visibility

Id = UUID | str
Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes of all."""


class Transform(TypedDict, total=False):
    """The transform parameters of a variant; `docs/transforms.md` shows each."""

    w: int
    h: int
    dpr: float
    fit: str
    gravity: str
    enlarge: int
    crop: str
    trim: int
    rotate: float
    flip: str
    brightness: float
    contrast: float
    saturation: float
    gray: int
    blur: float
    sharpen: float
    bg: str
    radius: int | str
    wm: str
    frame: int
    format: str
    q: int
    lossless: int
    max_bytes: int
    exact: int
    preset: str


Operation = str | Transform
"""A preset's name, a query string of transform parameters, or a transform."""


class Fields(TypedDict, total=False):
    """The metadata of an upload."""

    title: str
    description: str
    tags: str
    """Tags separated by commas."""
    collection_id: str
    visibility: Visibility
    share_location: Literal["true", "false"]
    """Whether other users get the original with the place where it was taken."""
    expires_at: str
    """The time from which the image does not exist any more, as in RFC 3339."""
    expires_in: int
    """The same in seconds from now; of a presigned URL: the seconds until it is refused."""
    taken_at: str
    """The local time of the photograph, such as `2026-05-02T07:31:12`, for a file without one."""
    latitude: float
    """Where it was taken, in degrees, for a file without a place; with `longitude`."""
    longitude: float
    altitude: float
    """Metres above the sea."""


class FieldsOfUrl(Fields, total=False):
    """The metadata of an upload by a presigned URL."""

    filename: str
    content_type: str
    """The type that the file must have."""
    max_bytes: int


class BulkChanges(TypedDict, total=False):
    """The changes of several images."""

    add_tags: list[str]
    remove_tags: list[str]
    visibility: Visibility
    is_favourite: bool
    awaits_review: Literal[False]
    """False accepts pictures of guests."""
    taken_at: str | None
    title: str | None
    description: str | None
    collection_id: str | None
    """The collection to put them into; None takes them out of their collection."""
    move: bool
    """With `collection_id`: also images that are in another collection, which leave it."""


class Changes(TypedDict, total=False):
    """The editable fields of an image."""

    title: str
    description: str
    tags: list[str]
    visibility: Visibility
    share_location: bool
    is_favourite: bool
    awaits_review: Literal[False]
    """False accepts pictures of guests."""
    taken_at: str | None
    """The local time of the photograph, such as `2026-05-02T07:31:12`; None for that of upload."""
    expires_at: str | None
    """The time from which it does not exist any more, as in RFC 3339; None: never."""
