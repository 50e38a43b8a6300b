"""Settings with units: durations, sizes and areas, as they are read and written."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, Field
from pydantic.fields import FieldInfo

from imagesvc.settings.sources import SettingsError
from imagesvc.syntax.units import (
    read_pixels,
    read_seconds,
    written_bytes,
    written_pixels,
    written_seconds,
)

Seconds = Annotated[float, BeforeValidator(read_seconds), Field(gt=0)]
SecondsOrZero = Annotated[float, BeforeValidator(read_seconds), Field(ge=0)]
Pixels = Annotated[int, BeforeValidator(read_pixels), Field(gt=0)]


DAY = 86_400
LONGEST_SECONDS = 36_500 * DAY
"""Of an option: a date that is so far from now is one still."""


def option_seconds(option: str, text: str) -> float:
    """The seconds of a duration such as `30s` or `1h`, given with an option of a command.

    Raises:
        SettingsError: it is not a duration; the text names the option.
    """
    try:
        value = float(str(read_seconds(text)))
    except ValueError as error:
        raise SettingsError(f"{option} {text}: {error}.") from error
    if value > LONGEST_SECONDS:
        raise SettingsError(f"{option} {text}: is longer than {LONGEST_SECONDS // DAY:,} days.")
    return value


def written(field: FieldInfo, value: Any) -> Any:
    """The value of a field in the units of settings."""
    readers = {getattr(item, "func", None) for item in field.metadata}
    if value is None:
        return None
    if field.annotation in {ByteSize, ByteSize | None}:
        return written_bytes(value)
    if read_pixels in readers:
        return written_pixels(value)
    return written_seconds(value) if read_seconds in readers else value
