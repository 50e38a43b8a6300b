"""Transforms: presets, watermarks, qualities and automatic formats."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from imagesvc.settings.images.watermarks import WatermarkSettings
from imagesvc.settings.quantities import Pixels

DEFAULT_PRESETS = {
    "thumbnail": "w=256&h=256",
    "preview": "w=720",
    "blurred": "blur=10",
    "grid": "h=480&format=webp",
    "viewer": "w=2048&h=2048",
}
Quality = Annotated[int, Field(ge=1, le=100)]


class TransformSettings(BaseModel):
    """Names in transforms, and defaults of transforms."""

    presets: dict[str, str] = Field(
        default=DEFAULT_PRESETS,
        description="Named transforms, added to the default ones; false removes one of these.",
    )
    eager_presets: tuple[str, ...] = Field(
        ("thumbnail", "preview"),
        validate_default=True,
        description="Presets made by the job of each upload.",
    )
    watermarks: dict[str, WatermarkSettings] = Field(
        default={}, description="Named watermarks: image or text, position, scale, opacity, tile."
    )
    quality_jpeg: Quality = Field(80, description="JPEG quality when q is not given.")
    quality_webp: Quality = Field(79, description="WebP quality when q is not given.")
    quality_avif: Quality = Field(60, description="AVIF quality when q is not given.")
    auto_formats: tuple[Literal["avif", "webp", "jpeg", "png", "gif"], ...] = Field(
        ("avif", "webp"), description="Formats that format=auto prefers, the best first."
    )
    avif_max_pixels: Pixels = Field(
        2_000_000, description="Pixels up to which format=auto sends AVIF, which encodes slowly."
    )

    @field_validator("presets", mode="before")
    @classmethod
    def _add_defaults(cls, given: object) -> object:
        """The default presets and those of the setting; `false` marks a removed one.

        `Settings._decoded` has run then: validators of this kind run from the last to the first.
        """
        if not isinstance(given, dict):
            return given
        presets = {**DEFAULT_PRESETS, **given}
        return {name: text for name, text in presets.items() if text is not False}

    @field_validator("presets")
    @classmethod
    def _named(cls, presets: dict[str, str]) -> dict[str, str]:
        for name in presets:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
                raise ValueError(f"{name!r} is not a valid name: a-z, 0-9, - and _, at most 64")
        return presets

    @field_validator("eager_presets")
    @classmethod
    def _among_the_presets(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        missing = [name for name in names if name not in info.data.get("presets", names)]
        if missing:
            raise ValueError(f"there is no preset {', '.join(missing)}; name existing presets")
        return names
