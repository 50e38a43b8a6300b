"""The kept part of EXIF: some data of the camera and the shot, and separately the location.

EXIF is untrusted. Nothing here raises: values of a wrong type, invalid numbers and impossible
values are left out.

Source: CIPA DC-008 (Exif 3.0), tables 4 to 15.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_TEXT = 200
MAKE, MODEL = 0x010F, 0x0110
EXPOSURE_TIME, F_NUMBER, ISO, FOCAL_LENGTH, LENS = 0x829A, 0x829D, 0x8827, 0x920A, 0xA434
TAKEN_AT = ((0x9003, 0x9011), (0x9004, 0x9012))
"""Tags of a time and of its offset from UTC: the original time, or else the digitized one."""
LATITUDE, LONGITUDE, ALTITUDE_REF, ALTITUDE = (1, 2), (3, 4), 5, 6
CAMERA_TAGS = frozenset({MAKE, MODEL})
SHOT_TAGS = frozenset(
    {EXPOSURE_TIME, F_NUMBER, ISO, FOCAL_LENGTH, LENS, *(tag for pair in TAKEN_AT for tag in pair)}
)
PLACE_TAGS = frozenset({*LATITUDE, *LONGITUDE, ALTITUDE_REF, ALTITUDE})
"""The tags that are read of each directory."""
DEGREE_DECIMALS = 7
"""A centimetre."""

_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)
_SIXTIETHS = (1, 60, 3600)

Directory = Mapping[int, Any]
"""Values by tag: text, bytes, numbers, tuples of numbers."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The three directories of EXIF that matter, each empty where it is absent or damaged."""

    camera: Directory = field(default_factory=dict)
    shot: Directory = field(default_factory=dict)
    place: Directory = field(default_factory=dict)


def facts(tags: Tags) -> dict[str, Any]:
    """The camera and the shot.

    Returns:
        Those of `make`, `model`, `lens` (text), `exposure_time` (s), `f_number`, `iso`,
        `focal_length` (mm) and `taken_at` that are there and make sense. `taken_at` is local
        time in ISO 8601, with its offset from UTC where the camera wrote that.
    """
    shot = tags.shot
    found = {
        "make": _text(tags.camera.get(MAKE)),
        "model": _text(tags.camera.get(MODEL)),
        "lens": _text(shot.get(LENS)),
        "exposure_time": _number(shot.get(EXPOSURE_TIME), 1e-9, 1e6),
        "f_number": _number(shot.get(F_NUMBER), 0.1, 1e3),
        "iso": _number(shot.get(ISO), 1, 1e8),
        "focal_length": _number(shot.get(FOCAL_LENGTH), 0.1, 1e5),
        "taken_at": _first(_time(shot.get(at), shot.get(offset)) for at, offset in TAKEN_AT),
    }
    if found["iso"] is not None:
        found["iso"] = int(found["iso"])
    return {name: value for name, value in found.items() if value is not None}


def place(tags: Tags) -> dict[str, float]:
    """The location of the picture.

    Returns:
        `latitude` and `longitude` in degrees, north and east positive, and `altitude` in metres
        above the sea where it is known; nothing without both of the first two.
    """
    latitude = _degrees(tags.place, LATITUDE, "NS", 90)
    longitude = _degrees(tags.place, LONGITUDE, "EW", 180)
    if latitude is None or longitude is None:
        return {}
    found = {"latitude": latitude, "longitude": longitude}
    altitude = _number(tags.place.get(ALTITUDE), 0, 1e5)
    if altitude is not None:
        is_below = tags.place.get(ALTITUDE_REF) in (1, b"\1")
        found["altitude"] = -altitude if is_below else altitude
    return found


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    # Cut before the work: a text may be as long as the file.
    kept = "".join(filter(str.isprintable, value[: 2 * MAX_TEXT])).strip()
    return kept[:MAX_TEXT] or None


def _number(value: object, low: float, high: float) -> float | None:
    """A finite number within bounds; of several the first."""
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return round(number, 9) if low <= number <= high else None  # NaN is neither


def _time(value: object, offset: object) -> str | None:
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        # Naive on purpose: cameras write local time, mostly without an offset.
        local = datetime(*map(int, match.groups())).isoformat()  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    known = _OFFSET.match(offset) if isinstance(offset, str) else None
    return local + known[0] if known else local


def _first(times: Any) -> str | None:
    return next((time for time in times if time), None)


def _degrees(tags: Directory, pair: tuple[int, int], signs: str, most: int) -> float | None:
    """An angle of degrees, minutes and seconds, signed by its hemisphere."""
    hemisphere, parts = tags.get(pair[0]), tags.get(pair[1])
    if isinstance(hemisphere, bytes):
        hemisphere = hemisphere.decode("latin-1")
    if not isinstance(hemisphere, str) or not isinstance(parts, tuple):
        return None
    sign = hemisphere[:1].upper()
    if not sign or sign not in signs or not 1 <= len(parts) <= len(_SIXTIETHS):
        return None
    numbers = [
        _number(part, 0, most if unit == 1 else 60)
        for part, unit in zip(parts, _SIXTIETHS, strict=False)
    ]
    if None in numbers:
        return None
    angle = sum(number / unit for number, unit in zip(numbers, _SIXTIETHS, strict=False) if number)
    if angle > most:
        return None
    return round(-angle if sign == signs[1] else angle, DEGREE_DECIMALS)
