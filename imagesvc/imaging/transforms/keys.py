"""The transform keys: one row each, with its reader and the words that document it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from imagesvc.imaging.transforms.values import COMPASS, read_bg, read_crop, read_gravity
from imagesvc.model.formats import Format

MAX_SIDE = 8192
MAX_BYTES = 1_000_000_000
FITS = ("inside", "cover", "fill", "pad")
GRAVITIES = (*COMPASS, "smart", "entropy")
AUTO, MAX = "auto", "max"
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

_WATERMARK = r"[a-z0-9][a-z0-9_-]{0,63}(:[0-9a-f]{16})?"
"""With the fingerprint that an effective transform has, so that its text can be read again."""


class ValueKind(StrEnum):
    """The kind of the values of a key, from which documents and forms are made."""

    WHOLE = "whole"
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"
    POINT = "point"
    REGION = "region"
    COLOUR = "colour"
    WATERMARK = "watermark"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the grammar; its name is the field of `Transform` that it sets."""

    name: str
    kind: ValueKind
    meaning: str
    allowed: str
    """The valid values, as a phrase that follows "must be"."""
    parse: Callable[[str], object | None]
    """The value that a text means; None when it means none."""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    """The valid words; all of them, or those in addition to what `allowed` describes."""

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
        if not re.fullmatch("[0-9]{1,10}", text):
            return None
        value = int(text)
        return value if low <= value <= high else None

    allowed = f"a whole number{unit} from {low} to {high}"
    return Key(name, ValueKind.WHOLE, meaning, allowed, parse, minimum=low, maximum=high)


def _number(name: str, meaning: str, low: float, high: float) -> Key:
    def parse(text: str) -> float | None:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,20})?", text):
            return None
        value = float(text)
        return round(value, 2) if low <= value <= high else None

    allowed = f"a number from {low:g} to {high:g}, rounded to 2 decimals"
    return Key(name, ValueKind.NUMBER, meaning, allowed, parse, minimum=low, maximum=high)


def _choice(
    name: str, meaning: str, values: Mapping[str, object], kind: ValueKind = ValueKind.CHOICE
) -> Key:
    choices = tuple(values)
    return Key(name, kind, meaning, f"one of {', '.join(choices)}", values.get, choices=choices)


def _switch(name: str, meaning: str) -> Key:
    return _choice(name, meaning, {"1": True, "0": False}, ValueKind.SWITCH)


def _radius() -> Key:
    pixels = _whole("radius", "rounded corners, in pixels of the variant", 0, MAX_SIDE)
    return Key(
        pixels.name,
        pixels.kind,
        pixels.meaning,
        f"{pixels.allowed}, or max for half of the shorter side",
        lambda text: MAX if text == MAX else pixels.parse(text),
        minimum=0,
        maximum=MAX_SIDE,
        choices=(MAX,),
    )


def _name(text: str) -> str | None:
    return text if re.fullmatch(_WATERMARK, text) else None


_ROWS = (
    _whole("w", "width of the target box; alone it keeps the ratio", 1, MAX_SIDE, " of pixels"),
    _whole("h", "height of the target box; alone it keeps the ratio", 1, MAX_SIDE, " of pixels"),
    _number("dpr", f"multiplies the box, up to {MAX_SIDE} pixels a side", 0.1, 5),
    _choice("fit", "how the picture meets the box", dict(zip(FITS, FITS, strict=True))),
    Key(
        "gravity",
        ValueKind.POINT,
        "what cover keeps, and where pad puts the picture",
        f"one of {', '.join(GRAVITIES)}, or fp:X,Y with fractions of the sides from 0 to 1",
        read_gravity,
        choices=GRAVITIES,
    ),
    _switch("enlarge", "allow upscaling"),
    Key(
        "crop",
        ValueKind.REGION,
        "the region to keep, of the picture as shown; cut first",
        "left, top, width and height: four whole numbers of pixels such as 10,20,300,200, or "
        "fractions of the sides, none above 1 and one with a decimal point, such as 0.25,0,0.5,1",
        read_crop,
    ),
    _whole("trim", "cut borders that differ from the top left pixel by at most this", 1, 255),
    _number("rotate", "degrees clockwise, after EXIF orientation", 0, 360),
    _choice("flip", "mirror left to right (h), top to bottom (v) or both, after rotate", FLIPS),
    _number("brightness", "factor; 0 is black, 1 as it is", 0, 3),
    _number("contrast", "factor around middle gray; 0 is gray, 1 as it is", 0, 3),
    _number("saturation", "factor; 0 is without colour, 1 as it is", 0, 3),
    _switch("gray", "shades of gray"),
    _number("blur", "sigma of a Gaussian blur", 0.3, 250),
    _number("sharpen", "sigma of an unsharp mask", 0.3, 10),
    Key(
        "bg",
        ValueKind.COLOUR,
        "colour under transparency, in the corners of rotate and the margins of pad",
        "RRGGBB or RRGGBBAA in hexadecimal digits",
        read_bg,
    ),
    _radius(),
    Key(
        "wm",
        ValueKind.WATERMARK,
        "watermark to put on top",
        "the name of a watermark in the settings",
        _name,
    ),
    _whole("frame", "one frame of an animation, the first is 0", 0, 999_999),
    _choice("format", "format of the variant", {AUTO: AUTO, **OUTPUT_FORMATS}),
    _whole("q", "quality of jpeg, webp and avif", 1, 100),
    _switch("lossless", "webp and avif that keep every pixel"),
    _whole("max_bytes", "the best quality, up to q, that fits; jpeg, webp, avif", 1, MAX_BYTES),
    _switch("exact", "render from the original, never from a reduced copy"),
)

KEYS: Mapping[str, Key] = {row.name: row for row in _ROWS}
"""Every key except `preset`, which represents other keys."""
