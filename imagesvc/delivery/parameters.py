"""The parameters of delivery URLs in the OpenAPI document, with descriptions from their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imagesvc.http.calls import Header
from imagesvc.http.operations import Parameter
from imagesvc.imaging.transforms.keys import KEYS, Key, ValueKind

EXAMPLES: Mapping[str, Any] = {
    "w": 400,
    "h": 300,
    "fit": "cover",
    "gravity": "smart",
    "crop": "0.25,0,0.5,1",
    "bg": "ffffff",
    "wm": "logo",
    "format": "webp",
}
PATTERNS: Mapping[str, str] = {
    "crop": r"^[0-9]+(\.[0-9]+)?(,[0-9]+(\.[0-9]+)?){3}$",
    "bg": "^([0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$",
    "wm": "^[a-z0-9][a-z0-9_-]{0,63}(:[0-9a-f]{16})?$",
}
FOCAL_POINT = r"^fp:(0|1|0?\.[0-9]{1,6}),(0|1|0?\.[0-9]{1,6})$"


def _schema(key: Key) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    if key.minimum is not None and key.maximum is not None:
        kind = "integer" if key.kind is ValueKind.WHOLE else "number"
        numbers = {"type": kind, "minimum": key.minimum, "maximum": key.maximum}
    words: dict[str, Any] = {"type": "string", "enum": list(key.choices)} if key.choices else {}
    if key.kind is ValueKind.POINT:
        return {"anyOf": [words, {"type": "string", "pattern": FOCAL_POINT}]}
    if numbers and words:
        return {"anyOf": [numbers, words]}
    return numbers or words or {"type": "string", "pattern": PATTERNS[key.name]}


def _parameter(key: Key) -> Parameter:
    return Parameter(
        key.name,
        f"{key.meaning[0].upper()}{key.meaning[1:]}: {key.allowed}.",
        _schema(key),
        example=EXAMPLES.get(key.name),
    )


TRANSFORM = tuple(_parameter(key) for key in KEYS.values())
PRESET = Parameter(
    "preset",
    "The name of a preset; other parameters override its values.",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
    example="preview",
)
SIGMA = replace(_parameter(KEYS["blur"]), name="sigma", description="An alias of blur.")
_TEXT = {"type": "string"}
_SWITCH = {"type": "string", "enum": ["0", "1"]}
ABOUT_ANSWER = (
    Parameter("download", "1 makes browsers save the picture instead of showing it.", _SWITCH),
    Parameter("debug", "1 shows the plan, if the settings allow it.", _SWITCH),
    Parameter("sig", "The signature of a signed URL; `imagesvc sign` makes them.", _TEXT),
    Parameter("kid", "The id of the key of the signature.", _TEXT),
    Parameter(
        "exp",
        "The expiry of a signed URL, in seconds since 1970.",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999_999},
    ),
)
HEADERS = (
    Header("If-None-Match", "The ETag of a stored response; 304 if it still matches.", str),
    Header("Range", "A range such as `bytes=0-1023` (RFC 9110).", str),
)
