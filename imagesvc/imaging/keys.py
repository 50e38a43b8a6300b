"""The transform keys: one row each, with its reader and the words that document it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imagesvc.model import Format

MAX_SIDE = 8192
MIN_SIGMA, MAX_SIGMA = 0.3, 250.0
SIGMA_DECIMALS = 2
FITS = ("inside", "cover", "fill", "pad")
GRAVITIES = (
    "center",
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
)
OUTPUT_FORMATS = {
    "jpeg": Format.JPEG,
    "jpg": Format.JPEG,
    "png": Format.PNG,
    "webp": Format.WEBP,
    "avif": Format.AVIF,
    "gif": Format.GIF,
}
FLIPS = {"h": "h", "v": "v", "hv": "hv", "vh": "hv"}
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the grammar; its name is the field of `Transform` that it sets."""

    name: str
    meaning: str
    allowed: str
    """What a value may be, as a phrase that follows "must be"."""
    parse: Callable[[str], object | None]
    """The value that a text means; None when it means none."""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> object:
        """The value of `text`.

        Raises:
            ValueError: it has none; the message says what is allowed.
        """
        value = self.parse(text)
        if value is None:
            raise ValueError(f"must be {self.allowed}, not {shown(text)}")
        return value


def shown(text: str, *, quoted: bool = True) -> str:
    """Hostile text as one short printable ASCII word of an error message."""
    cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
    return ascii(cut) if quoted else ascii(cut)[1:-1]


def _whole(name: str, meaning: str, low: int, high: int, unit: str = "") -> Key:
    def parse(text: str) -> int | None:
        # [0-9] and not \d: int() would take the digits of every script.
        if not re.fullmatch("[0-9]{1,6}", text):
            return None
        value = int(text)
        return value if low <= value <= high else None

    allowed = f"a whole number{unit} from {low} to {high}"
    return Key(name, meaning, allowed, parse, minimum=low, maximum=high)


def _number(name: str, meaning: str, low: float, high: float, decimals: int) -> Key:
    def parse(text: str) -> float | None:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,20})?", text):
            return None
        value = float(text)
        return round(value, decimals) if low <= value <= high else None

    allowed = f"a number from {low:g} to {high:g}, rounded to {decimals} decimals"
    return Key(name, meaning, allowed, parse, minimum=low, maximum=high)


def _choice(name: str, meaning: str, values: Mapping[str, object]) -> Key:
    choices = tuple(values)
    return Key(name, meaning, f"one of {', '.join(choices)}", values.get, choices=choices)


_ROWS = (
    _whole("w", "width of the target box; alone it keeps the ratio", 1, MAX_SIDE, " of pixels"),
    _whole("h", "height of the target box; alone it keeps the ratio", 1, MAX_SIDE, " of pixels"),
    _choice("fit", "how the picture meets the box", dict(zip(FITS, FITS, strict=True))),
    _choice(
        "gravity",
        "what cover keeps, and where pad puts the picture",
        dict(zip(GRAVITIES, GRAVITIES, strict=True)),
    ),
    _choice("enlarge", "allow upscaling", {"1": True, "0": False}),
    _choice(
        "rotate",
        "degrees clockwise, after EXIF orientation",
        {"0": 0, "90": 90, "180": 180, "270": 270},
    ),
    _choice("flip", "mirror left to right (h), top to bottom (v) or both, after rotate", FLIPS),
    _number("blur", "sigma of a Gaussian blur", MIN_SIGMA, MAX_SIGMA, SIGMA_DECIMALS),
    _choice("gray", "shades of gray", {"1": True, "0": False}),
    _choice("format", "format of the variant", OUTPUT_FORMATS),
    _whole("q", "quality of jpeg, webp and avif", 1, 100),
)

KEYS: Mapping[str, Key] = {row.name: row for row in _ROWS}
"""Every key but `preset`, which stands for other keys."""
