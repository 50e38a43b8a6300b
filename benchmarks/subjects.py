"""Kinds of variants, as URLs of imagesvc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.limits import Render
from benchmarks.variants import Variants

_FORMATS = {".jpg": "jpeg", ".webp": "webp", ".avif": "avif"}


@dataclass(frozen=True)
class Subject:
    """A kind of variant of one photo, and what it has to reach."""

    what: str
    photo: Path
    count: int
    """How many of them a round makes."""
    target: float
    variants: Variants
    """Shared by subjects for which another server has the same URLs."""
    is_exact: bool = False

    def path(self, image: str, render: Render) -> str:
        """The URL of a variant of an uploaded photo."""
        query = {
            "w": render.width,
            "q": render.quality,
            "format": format_of(render),
            "blur": f"{render.blur:g}" if render.blur else "",
            "exact": int(self.is_exact),
        }
        given = "&".join(f"{name}={value}" for name, value in query.items() if value)
        return f"/images/{image}?{given}"


def format_of(render: Render) -> str:
    """The format of a variant, as all these servers name it."""
    return _FORMATS[render.suffix]
