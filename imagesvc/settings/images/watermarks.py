"""Named watermarks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class WatermarkSettings(BaseModel):
    """A watermark: an image file or a text, and its position."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Path | None = None
    text: str = Field("", max_length=500)
    font: Path | None = None
    color: str = Field("ffffff", pattern="^[0-9a-fA-F]{6}$")
    position: Literal[
        "center", "north", "northeast", "east", "southeast", "south", "southwest", "west",
        "northwest",
    ] = "southeast"  # fmt: skip
    scale: float = Field(0.25, gt=0, le=1)
    opacity: float = Field(1.0, ge=0, le=1)
    margin: int = Field(0, ge=0, le=8192)
    tile: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> WatermarkSettings:
        if (self.image is None) == (not self.text):
            raise ValueError("a watermark has either an image or a text")
        return self
