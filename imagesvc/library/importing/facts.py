"""What is known of a file beside its content, bounded as uploads are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard

from imagesvc.library.tags import MAX_TAGS

MAX_TITLE_BYTES, MAX_DESCRIPTION_BYTES, MAX_TAGS_BYTES = 1_000, 20_000, 5_000
MAX_TAG = 64
MAX_NUMBER = 1e9
NANOSECONDS = 1e9
"""A second, for `time_of`."""


class UnreadableSidecar(ValueError):
    """A sidecar whose content cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The metadata of one file; what is empty is not known."""

    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    taken_at: str | None = None
    """Local time in ISO 8601, without an offset."""
    place: Mapping[str, float] = field(default_factory=dict)
    """Latitude and longitude in degrees, and perhaps the altitude in metres."""
    filename: str = ""
    """The name before it was shortened."""

    def completed(self, other: Facts) -> Facts:
        """These facts, with those of another source where these have none."""
        return Facts(
            title=self.title or other.title,
            description=self.description or other.description,
            tags=tuple(dict.fromkeys((*self.tags, *other.tags))),
            taken_at=self.taken_at or other.taken_at,
            place=self.place or other.place,
            filename=self.filename or other.filename,
        )


def title_of(text: object) -> str:
    """A title as an upload may have it."""
    return _cut(text, MAX_TITLE_BYTES)


def description_of(text: object) -> str:
    """A description as an upload may have it."""
    return _cut(text, MAX_DESCRIPTION_BYTES)


def tags_from(texts: Iterable[object]) -> tuple[str, ...]:
    """Tags as an upload may have them; commas separate tags, so that none can be in one."""
    found: dict[str, None] = {}
    left = MAX_TAGS_BYTES
    for text in texts:
        tag = _cut(text, 4 * MAX_TAG).replace(",", " ")[:MAX_TAG].strip()
        if not tag or tag in found:
            continue
        left -= len(tag.encode()) + 1
        if left < 0 or len(found) == MAX_TAGS:
            break
        found[tag] = None
    return tuple(found)


def place_of(latitude: object, longitude: object, altitude: object = None) -> dict[str, float]:
    """A place, if the numbers are one; 0, 0 is what programs write for an unknown one."""
    numbers = [value for value in (latitude, longitude) if _is_number(value)]
    if len(numbers) < 2 or not any(numbers):  # noqa: PLR2004  # both
        return {}
    north, east = numbers
    if not (abs(north) <= 90 and abs(east) <= 180):  # noqa: PLR2004  # degrees
        return {}
    found = {"latitude": round(north, 7), "longitude": round(east, 7)}
    if _is_number(altitude) and altitude and -20_000 <= altitude <= 100_000:  # noqa: PLR2004
        found["altitude"] = round(altitude, 3)
    return found


def local_time(instant: datetime) -> str:
    """A time as uploads have it, without its offset."""
    return instant.replace(tzinfo=None, microsecond=0).isoformat()


def time_of(number: int | str, per_second: float = 1) -> str | None:
    """The local time of so many units since 1970; None for one that no date can have."""
    try:
        return local_time(datetime.fromtimestamp(int(number) / per_second).astimezone())
    except (ValueError, OverflowError, OSError):
        return None


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < MAX_NUMBER  # NaN is not


def _cut(text: object, most: int) -> str:
    """Text without NUL characters and lone surrogates, cut to a number of bytes in UTF-8."""
    if not isinstance(text, str):
        return ""
    data = text[:most].replace("\x00", "").encode("utf-8", "ignore")[:most]
    return data.decode("utf-8", "ignore").strip()
