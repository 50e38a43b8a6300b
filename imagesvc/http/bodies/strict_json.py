"""Checks of JSON that the parser of the models does not make (RFC 7493, I-JSON).

The parser uses the last of two equal names and accepts NaN; the database refuses NUL in text.
"""

from __future__ import annotations

import json
from typing import NoReturn

from imagesvc.errors import InvalidRequest

MAX_DEPTH = 32


def check_json(body: bytes) -> None:
    """Check that all parsers read a body as the same JSON.

    Raises:
        InvalidRequest: it is not JSON in UTF-8, names a member twice, nests deeper than
        `MAX_DEPTH`, has NaN or Infinity, or has NUL or half a surrogate pair in a string.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise _fault("must be in UTF-8") from error
    except RecursionError as error:
        raise _fault(f"may be nested {MAX_DEPTH} deep") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _fault(f"must be valid JSON; the error is at {place}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _fault("has a number of too many digits") from error
    _check_texts(value, ())


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _value in pairs:
            if name in seen:
                raise _fault("is given twice", name)
            seen.add(name)
    return members


def _no_constant(name: str) -> NoReturn:
    raise _fault(f"may not have the number {name}")


def _check_texts(value: object, place: tuple[str | int, ...]) -> None:
    if len(place) == MAX_DEPTH:
        raise _fault(f"may be nested {MAX_DEPTH} deep")
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_texts(item, (*place, number))
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name, place)
            _check_texts(item, (*place, name))


def _check_text(text: str, place: tuple[str | int, ...]) -> None:
    if "\x00" in text:
        raise _fault("must not contain NUL characters", _loc(place))
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _fault("must not contain half of a surrogate pair", _loc(place))


def _loc(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place)).lstrip(".")


def _fault(msg: str, loc: str = "") -> InvalidRequest:
    shown = ascii(loc[:80])[1:-1] or "body"
    return InvalidRequest(f"{shown} {msg}.", ((shown, msg),))
