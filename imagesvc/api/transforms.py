"""Operations in JSON: a preset's name, a query string, or an object of transform keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import WithJsonSchema

from imagesvc.errors import ImageTooLarge, InvalidTransform
from imagesvc.imaging.transforms.transform import PRESET, parse, parse_text
from imagesvc.jobs.requests import NamedTransform
from imagesvc.model.transforms import Transform

T = TypeVar("T")


_TRANSFORM = {
    "title": "TransformRequest",
    "description": "Transform parameters, as in a URL.",
    "type": "object",
    "properties": {
        "preset": {
            "type": "string",
            "description": "A preset; other keys override its parameters.",
        },
    },
    "additionalProperties": True,
    "examples": [{"w": 400, "format": "webp"}, {"preset": "thumbnail"}],
}
"""It has a name and a field, since generators of clients fail with unions of anonymous objects."""

OperationIn = Annotated[
    Any,
    WithJsonSchema(
        {
            "description": "A preset's name, transform parameters as a query string, or an object.",
            "oneOf": [
                {"type": "string", "examples": ["thumbnail", "w=400&format=webp"]},
                _TRANSFORM,
            ],
        }
    ),
]


def read_operations(
    given: Sequence[object], presets: Mapping[str, Transform]
) -> list[NamedTransform]:
    """The transforms of operations.

    Raises:
        InvalidTransform: names each invalid operation by its position, with the reason.
    """
    return for_each_operation(given, lambda operation: read_operation(operation, presets))


def for_each_operation(operations: Sequence[T], work: Callable[[T], Any]) -> list[Any]:
    """The results of `work` for each operation.

    Raises:
        InvalidTransform: names the refused operations by position and key.
        ImageTooLarge: the first one, with its position.
    """
    done: list[Any] = []
    faults: list[tuple[str, str]] = []
    for position, operation in enumerate(operations):
        place = f"operations.{position}"
        try:
            done.append(work(operation))
        except ImageTooLarge as error:
            raise ImageTooLarge(error.detail, ((place, error.detail),)) from error
        except InvalidTransform as error:
            for key, message in error.fields:
                faults.append((place if key == "transform" else f"{place}.{key}", message))
    if faults:
        detail = "; ".join(f"{place} {message}" for place, message in faults[:3])
        raise InvalidTransform(f"{detail}.", tuple(faults))
    return done


def read_operation(operation: object, presets: Mapping[str, Transform]) -> NamedTransform:
    """The transform of one operation, with a name if it is an unchanged preset.

    Raises:
        InvalidTransform: the operation is invalid.
    """
    if isinstance(operation, str) and "=" in operation:
        return None, parse_text(operation, presets)
    pairs = _pairs(operation)
    name = pairs[0][1] if [key for key, _value in pairs] == [PRESET] else None
    return name, parse(pairs, presets)


def _pairs(operation: object) -> list[tuple[str, str]]:
    if isinstance(operation, str) and operation:
        return [(PRESET, operation)]
    if isinstance(operation, dict) and operation:
        return [(key, _text(key, value)) for key, value in operation.items()]
    raise _invalid("transform", "must be a preset's name, a query string, or an object of keys")


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    raise _invalid(ascii(key[:40])[1:-1], "must be a string, a number, true or false")


def _invalid(key: str, message: str) -> InvalidTransform:
    return InvalidTransform(f"{key} {message}.", ((key, message),))
