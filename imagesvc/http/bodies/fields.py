"""The metadata fields of an upload and their limits, in JSON and as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from imagesvc.http.models import WHOLE, TextNumbers
from imagesvc.http.requests import Id, Instant, faults_of, invalid
from imagesvc.library.accept import UploadFields
from imagesvc.library.tags import MAX_TAGS
from imagesvc.model.ids import CollectionId, UserId, utc_now
from imagesvc.model.images import Visibility

MAX_FIELD_BYTES = {"title": 1_000, "description": 20_000, "tags": 5_000}
DEFAULT_FIELD_BYTES = 100
MAX_TAG = 64
MAX_LIFETIME = 100 * 365 * 86_400
"""Seconds."""


def max_bytes(name: str) -> int:
    """Bytes that a field may have in UTF-8."""
    return MAX_FIELD_BYTES.get(name, DEFAULT_FIELD_BYTES)


def check_text(name: str, text: str) -> None:
    """Check the text of a field.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the field's name.
    """
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    if len(text.encode()) > max_bytes(name):
        raise ValueError(f"may have {max_bytes(name):,} bytes")


def check_tags(tags: Sequence[str]) -> None:
    """Check tags, each without spaces around it.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the field's name.
    """
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in tags):
        raise ValueError(f"may be {MAX_TAGS} tags of {MAX_TAG} characters each")


def _checked(name: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        check_text(name, text)
        return text

    return check


def _checked_tags(tags: list[str]) -> list[str]:
    check_text("tags", ",".join(tags))
    check_tags(tags)
    return tags


def _split(text: object) -> object:
    if not isinstance(text, str):
        return text
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _local_time(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is not None:
        raise ValueError("must be a local time without an offset, such as 2026-05-02T07:31:12")
    return instant.isoformat()


_LOCAL_TIME = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$",
    "examples": ["2026-05-02T07:31:12"],
}
TakenAt = Annotated[str, AfterValidator(_local_time), WithJsonSchema(_LOCAL_TIME)]
Title = Annotated[str, AfterValidator(_checked("title"))]
Description = Annotated[str, AfterValidator(_checked("description"))]
Tags = Annotated[list[Annotated[str, AfterValidator(str.strip)]], AfterValidator(_checked_tags)]
TextOfTags = Annotated[
    list[str],
    BeforeValidator(_split),
    AfterValidator(_checked_tags),
    WithJsonSchema({"type": "string"}),
]


Lifetime = Annotated[int, Field(ge=1, le=MAX_LIFETIME), WHOLE]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Altitude = Annotated[float, Field(ge=-20_000, le=100_000, allow_inf_nan=False)]


class ImageFields(TextNumbers):
    """The metadata of an upload in JSON."""

    title: Title = ""
    description: Description = ""
    tags: Tags = Field([])
    collection_id: Id | None = None
    visibility: Visibility | None = None
    share_location: bool = False
    """Whether other users get the original with the place where it was taken."""
    expires_at: Instant | None = None
    """The time from which the image does not exist any more; never when absent."""
    expires_in: Lifetime | None = None
    """The same in seconds from now."""
    taken_at: TakenAt | None = None
    """The local time of the photograph, for a file that does not contain it."""
    latitude: Latitude | None = None
    """Where it was taken, in degrees, for a file that does not contain it; with `longitude`."""
    longitude: Longitude | None = None
    altitude: Altitude | None = None
    """Metres above the sea."""

    def upload_fields(self, default: Visibility, owner_id: UserId | None) -> UploadFields:
        """The fields of an upload by this owner; `default` is the visibility if none is given.

        Raises:
            InvalidRequest: the expiry is given twice.
        """
        expires_at = self.expires_at
        if self.expires_in is not None:
            if expires_at is not None:
                raise invalid("expires_in", "must not be given with expires_at")
            expires_at = utc_now() + timedelta(seconds=self.expires_in)
        return UploadFields(
            title=self.title,
            description=self.description,
            tags=tuple(self.tags),
            visibility=self.visibility or default,
            share_location=self.share_location,
            collection_id=None if self.collection_id is None else CollectionId(self.collection_id),
            expires_at=expires_at,
            owner_id=owner_id,
            taken_at=self.taken_at,
            place=self._place(),
        )

    @model_validator(mode="after")
    def _has_whole_place(self) -> Self:
        place = self._place()
        if place and not place.keys() >= {"latitude", "longitude"}:
            raise ValueError("must have both latitude and longitude, or no place")
        return self

    def _place(self) -> dict[str, float]:
        names = ("latitude", "longitude", "altitude")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class TextFields(ImageFields):
    """The same fields as text, in queries and in the parts of forms."""

    LISTS: ClassVar[frozenset[str]] = frozenset({"tags"})

    tags: TextOfTags = Field(default_factory=list)
    """With commas between, or several times."""

    @field_validator("share_location", mode="before")
    @classmethod
    def _read_switch(cls, text: object) -> object:
        if isinstance(text, str) and text not in {"true", "false"}:
            raise ValueError("must be true or false")
        return text

    def with_parts(self, parts: Mapping[str, str]) -> Self:
        """These fields with those of a form's parts; empty parts are ignored.

        Tags of both are used.

        Raises:
            InvalidRequest: names every invalid part.
        """
        given = {name: text for name, text in parts.items() if text}
        if "tags" in given:
            given["tags"] = ",".join([*self.tags, given["tags"]])
        try:
            read = TextFields.model_validate(given)
        except ValidationError as error:
            raise faults_of(error) from error
        return self.model_copy(update={name: getattr(read, name) for name in given})


FIELD_NAMES = frozenset(ImageFields.model_fields)
