"""JSON sidecars of Google Takeout: their names, which are cut, and what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from imagesvc.library.importing.facts import (
    Facts,
    UnreadableSidecar,
    description_of,
    place_of,
    tags_from,
    time_of,
    title_of,
)

SUFFIX = ".json"
MAX_JSON_BYTES = 1 << 20
"""A sidecar has about 1 kB; the objects of a larger one could take 30 times its bytes."""
SUPPLEMENT = ".supplemental-metadata"
CUT = 46
"""Characters of a sidecar's name before its suffix."""
CUT_OF_FILES = 47
"""Characters of a file's name before its suffix."""
EDITED = (
    "-edited", "-effects", "-bearbeitet", "-bewerkt", "-editado", "-modificato", "-modifié",
    "-edytowane", "-編集済み",
)  # fmt: skip
"""What is appended to the name of an edited copy, which shares the sidecar of its original."""

_SECONDS = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"\(\d{1,6}\)$", re.ASCII)


def sidecar_names(name: str) -> Iterator[str]:
    """The names that the sidecar of a file may have, the most likely first.

    `IMG.jpg` has `IMG.jpg.supplemental-metadata.json`, with at most `CUT` characters before
    `.json`; older archives have `IMG.jpg.json`. The number of `IMG(1).jpg` comes last in the name
    of its sidecar.
    """
    path = PurePath(name)
    for base, number in _bases(path.stem, path.suffix):
        whole = f"{base}{SUPPLEMENT}"
        yield f"{whole[:CUT]}{number}{SUFFIX}"
        yield f"{whole[: CUT - len(number)]}{number}{SUFFIX}"
        yield f"{base[:CUT]}{number}{SUFFIX}"


def _bases(stem: str, suffix: str) -> Iterator[tuple[str, str]]:
    found = _NUMBER.search(stem)
    number = found[0] if found else ""
    plain = stem.removesuffix(number) if number else stem
    if number:
        yield f"{plain}{suffix}", number
    yield f"{stem}{suffix}", ""
    for ending in EDITED:
        if plain.endswith(ending):
            yield f"{plain.removesuffix(ending)}{suffix}", number


def facts_of_takeout(data: bytes) -> Facts | None:
    """What a sidecar says of its file; None for another JSON file, such as that of an album.

    Times are in the time zone of this machine: Takeout has them in UTC only.

    Raises:
        UnreadableSidecar: it is not JSON, or too large.
    """
    if len(data) > MAX_JSON_BYTES:
        raise UnreadableSidecar(f"it is larger than {MAX_JSON_BYTES:,} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableSidecar("it is not valid JSON") from error
    if not isinstance(found, dict) or not found.keys() & {"photoTakenTime", "geoData", "people"}:
        return None
    people = found.get("people")
    names = [_member(person, "name") for person in people] if isinstance(people, list) else []
    return Facts(
        description=description_of(found.get("description")),
        tags=tags_from(names),
        taken_at=_time(_member(found.get("photoTakenTime"), "timestamp")),
        place=_place(found.get("geoData")) or _place(found.get("geoDataExif")),
        filename=title_of(found.get("title")),
    )


def shortened(title: str) -> str:
    """The name that the file of a title has in an archive."""
    path = PurePath(title.replace("/", "_"))
    return f"{path.stem[:CUT_OF_FILES]}{path.suffix}"


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _place(value: Any) -> dict[str, float]:
    return place_of(*(_member(value, name) for name in ("latitude", "longitude", "altitude")))


def _time(seconds: Any) -> str | None:
    if isinstance(seconds, bool) or not _SECONDS.fullmatch(str(seconds)[:20]):
        return None
    return time_of(seconds)
