"""Header fields that may be on several lines, or contain a list with weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

FieldsByName = Mapping[bytes, bytes]
"""The fields of a request, by their names in lower case."""

_MEMBER = re.compile(r"\s*([\w!#$&^.+*-]+(?:/[\w!#$&^.+*-]+)?)\s*(?:;(.*))?", re.ASCII)
_WEIGHT = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.ASCII | re.IGNORECASE)
MAX_MEMBERS = 50
"""Members of a list that are read; the limit bounds the time for a request's fields."""


def fields_by_name(fields: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The values of all fields, the lines of one joined as by `joined_field`."""
    by_name = dict(fields)
    if len(by_name) == len(fields):
        return by_name
    by_name.clear()
    for name, value in fields:
        by_name[name] = b"%b, %b" % (by_name[name], value) if name in by_name else value
    return by_name


def joined_field(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The value of a field, or None: its lines joined by commas (RFC 9110, section 5.3).

    Two lines of a field that may appear only once give a malformed value, so that neither is
    trusted.
    """
    lines = [value for key, value in fields if key == name]
    return b", ".join(lines).decode("latin-1") if lines else None


def members_of(field: str, separator: str = ",") -> list[str]:
    """The first members of a list, without spaces around them."""
    return [member.strip() for member in field.split(separator, MAX_MEMBERS)[:MAX_MEMBERS]]


def weights_of(field: str) -> dict[str, float]:
    """The weights, 0 to 1, that a field such as Accept gives; malformed members are skipped."""
    weights: dict[str, float] = {}
    for member in members_of(field):
        match = _MEMBER.fullmatch(member)
        if match is not None:
            weights[match[1].lower()] = _weight(match[2])
    return weights


def accepts_gzip(field: str | None) -> bool:
    """Whether an Accept-Encoding accepts gzip."""
    weights = weights_of(field or "")
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weight(parameters: str | None) -> float:
    for parameter in members_of(parameters or "", ";"):
        match = _WEIGHT.fullmatch(parameter)
        if match is not None:
            return float(match[1])
    return 1.0
